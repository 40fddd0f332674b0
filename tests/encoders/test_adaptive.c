/* tbr, moving_window, two_window, predictive, adaptive_if: trains written down by hand, and oracles
 * that take another way to the same definition: over the whole past, again at every tick.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/train.h"

#include <math.h>

#define CHANNELS 8u
#define TICKS    1200u

static float x[TICKS][CHANNELS];
static int8_t got[TICKS][CHANNELS];

/* Noise, a walk, a drifting sine, steps, a value that is held, bursts, noise on an offset, and
 * falling values. */
static void make_signals(struct test_random *r)
{
	float walk = 0, held = 0, fall = 0;
	for (uint32_t t = 0; t < TICKS; t++) {
		float noise = (float)random_between(r, -1, 1);
		walk += 0.1f * (float)random_between(r, -1, 1);
		held = random_below(r, 20) ? held : noise;
		fall -= (float)random_between(r, 0, 0.5);
		x[t][0] = noise;
		x[t][1] = walk;
		x[t][2] = sinf(0.05f * (float)t) + 0.002f * (float)t;
		x[t][3] = (float)(t / 100 % 3) + 0.01f * noise;
		x[t][4] = held;
		x[t][5] = t / 50 % 4 ? 0 : noise;
		x[t][6] = 50 + 0.2f * noise;
		x[t][7] = fall;
	}
}

struct count {
	unsigned spikes, ties;
};

/* s of d against theta, but nothing at what two ways of rounding may decide differently. */
static void compare(struct count *n, uint32_t t, uint32_t c, double d, double theta, double margin)
{
	if (fabs(fabs(d) - theta) <= margin) {
		n->ties++;
		return;
	}
	int expected = (d > theta) - (d < -theta);
	if (got[t][c] != expected)
		fail_msg("tick %u channel %u: %d instead of %d (d %.17g, theta %.17g)", t, c,
			got[t][c], expected, d, theta);
	n->spikes += expected != 0;
}

static void encode(const char *text)
{
	struct pipeline_site site = site_of(CHANNELS, 0);
	print_message("%s\n", text);
	train_of(text, &site, x[0], TICKS, got[0]);
}

static void assert_counted(const struct count *n, unsigned ties)
{
	print_message("  %u spikes, %u ties\n", n->spikes, n->ties);
	assert_true(n->spikes > 200 && n->spikes < TICKS * CHANNELS * 7 / 8);
	assert_true(n->ties <= ties);
}

/* Mean and variance of all differences up to t with their weights; `share` 0 = equal weights. */
static void weigh(uint32_t c, uint32_t t, double share, double *mean, double *variance)
{
	static double weight[TICKS];
	long double sum = 0, square = 0;
	double left = 1;
	for (uint32_t k = t; k >= 1; k--) {
		double w = 1.0 / k > share ? 1.0 / k : share;
		weight[k] = share > 0 ? left * w : 1.0 / t;
		left *= 1 - w;
		sum += weight[k] * ((long double)x[k][c] - x[k - 1][c]);
	}
	for (uint32_t k = 1; k <= t; k++) {
		long double off = (long double)x[k][c] - x[k - 1][c] - sum;
		square += weight[k] * off * off;
	}
	*mean = (double)sum;
	*variance = (double)square;
}

static void check_tbr(const char *text, double factor, double theta_min, double share)
{
	struct count n = {0};
	encode(text);
	for (uint32_t c = 0; c < CHANNELS; c++) {
		assert_int_equal(got[0][c], 0);
		for (uint32_t t = 1; t < TICKS; t++) {
			double mean, variance;
			weigh(c, t, share, &mean, &variance);
			double theta = mean + factor * sqrt(variance);
			compare(&n, t, c, (double)x[t][c] - x[t - 1][c],
				theta > theta_min ? theta : theta_min, 1e-10);
		}
	}
	/* A first d is its own mean, without a deviation; of two the larger is mean and deviation. */
	assert_counted(&n, 2 * CHANNELS);
}

static void test_tbr_has_the_moments_of_two_passes(void **unused)
{
	(void)unused;
	struct test_random r = test_random(201);
	make_signals(&r);
	check_tbr("tbr theta_min=0.001", 1, (double)0.001f, 0);
	check_tbr("tbr factor=0.5 theta_min=0.05", 0.5, (double)0.05f, 0);
	check_tbr("tbr factor=1.5 tau=50ms theta_min=0.01", 1.5, (double)0.01f,
		(double)(float)-expm1(-1.0 / 50));
}

static void test_tbr_by_hand(void **unused)
{
	(void)unused;
	/* d = 1, 1, 4: theta 1, 1, 2 + sqrt(2). */
	assert_train("tbr", (const float[]){0, 1, 2, 6}, 4, "...+");
	/* d = -1: theta is theta_min, -1 is below -0.5 and not below -1. */
	assert_train("tbr theta_min=0.5", (const float[]){0, -1}, 2, ".-");
	assert_train("tbr theta_min=1", (const float[]){0, -1}, 2, "..");
	/* A value that is not finite is no sample: the next difference is to the one before it. */
	assert_train(
		"tbr theta_min=0.5 factor=0", (const float[]){0, 0, NAN, INFINITY, 1}, 5, "....+");
	assert_train("tbr theta_min=0.5 factor=0", (const float[]){NAN, 7, 7, 8}, 4, "...+");
}

static void check_moving(const char *text, uint32_t w, double theta, uint32_t from)
{
	struct count n = {0};
	encode(text);
	for (uint32_t c = 0; c < CHANNELS; c++) {
		for (uint32_t t = from; t < TICKS; t++) {
			double sum = 0;
			uint32_t k = t < w ? t : w;
			for (uint32_t j = t - k; j < t; j++)
				sum += x[j][c];
			double base = t ? sum / k : x[t][c];
			int expected = (x[t][c] > base + theta) - (x[t][c] < base - theta);
			if (got[t][c] != expected)
				fail_msg("tick %u channel %u: %d instead of %d", t, c, got[t][c],
					expected);
			n.spikes += expected != 0;
		}
	}
	assert_counted(&n, 0);
}

/* Sums of these samples are exact in double, so that there are no differences, not even at ties. */
static void test_moving_window_is_the_mean_of_the_past(void **unused)
{
	(void)unused;
	struct test_random r = test_random(202);
	make_signals(&r);
	check_moving("moving_window w=1 theta=0.25", 1, 0.25, 0);
	check_moving("moving_window w=7 theta=0.25", 7, 0.25, 0);
	check_moving("moving_window w=200 theta=0.5", 200, 0.5, 0);
	/* Where a huge sample came and went, nothing is left of it after two windows. */
	for (uint32_t c = 0; c < CHANNELS; c++)
		x[100 + c][c] = c % 2 ? 3e38f : -1e30f;
	check_moving("moving_window w=50 theta=0.5", 50, 0.5, 100 + CHANNELS + 2 * 50);
}

static void test_moving_window_by_hand(void **unused)
{
	(void)unused;
	/* Exactly theta away is silent. The bases: -, 0, 0, 0.5, 1, 1. */
	assert_train(
		"moving_window w=2 theta=0.5", (const float[]){0, 0.5f, 0, 1, 1, 0}, 6, "...+.-");
	assert_train("moving_window w=2 theta=0.5", (const float[]){0, 0.5f, 0.125f, 1, 1, 0}, 6,
		"...+.-");
	assert_train("moving_window w=3 theta=1", (const float[]){NAN, 2, INFINITY, 4, NAN, 2}, 6,
		"...+..");
	assert_train("moving_window w=1 theta=0", (const float[]){1, 1, 2, 2, 1}, 5, "..+.-");
}

static void check_two(const char *text, uint32_t w, double theta)
{
	struct count n = {0};
	encode(text);
	for (uint32_t c = 0; c < CHANNELS; c++) {
		for (uint32_t t = 0; t < TICKS; t++) {
			double newer = 0, older = 0;
			if (t + 1 < 2 * w) {
				assert_int_equal(got[t][c], 0);
				continue;
			}
			for (uint32_t j = 0; j < w; j++) {
				newer += x[t - j][c];
				older += x[t - w - j][c];
			}
			/* One division on both sides: the sums are exact. */
			compare(&n, t, c, (newer - older) / w, theta, 0);
		}
	}
	assert_counted(&n, 60);
}

static void test_two_window_is_two_means(void **unused)
{
	(void)unused;
	struct test_random r = test_random(203);
	make_signals(&r);
	check_two("two_window", 3, (double)0.1f);
	check_two("two_window w=1 theta=0.25", 1, 0.25);
	check_two("two_window w=40 theta=0.1", 40, (double)0.1f);
	/* The means of 0 0 1 and 0 0 0, …; exactly theta is silent. */
	assert_train(
		"two_window theta=0.5 w=2", (const float[]){0, 0, 0, 1, 1, 1, 0, 0}, 8, "....+..-");
	assert_train("two_window theta=0.5 w=2", (const float[]){0, 0, 0, 1, 0.5f, 3}, 6, "....++");
}

/* p before tick t as a weighted sum of all samples before it. */
static double predicted(uint32_t c, uint32_t t, uint32_t warmup, double share)
{
	double p = 0, left = 1, first = 0;
	for (uint32_t k = t; k-- > warmup;) {
		p += left * share * x[k][c];
		left *= 1 - share;
	}
	for (uint32_t k = 0; k < warmup; k++)
		first += x[k][c];
	return p + left * first / warmup;
}

static void check_predictive(const char *text, double theta, uint32_t warmup, double share)
{
	struct count n = {0};
	encode(text);
	for (uint32_t c = 0; c < CHANNELS; c++) {
		for (uint32_t t = 0; t < TICKS; t++) {
			if (t < warmup)
				assert_int_equal(got[t][c], 0);
			else
				/* float32 and its average: 2^-24 |p| / share */
				compare(&n, t, c, x[t][c] - predicted(c, t, warmup, share), theta,
					(1 + fabs((double)x[t][c])) * 0x1p-23 / share);
		}
	}
	assert_counted(&n, 60);
}

static void test_predictive_is_a_weighted_mean(void **unused)
{
	(void)unused;
	struct test_random r = test_random(204);
	make_signals(&r);
	check_predictive("predictive", 0.1, 5, -expm1(-0.01));
	check_predictive("predictive theta=0.4 warmup=1 tau=10ms", 0.4, 1, -expm1(-0.1));
	check_predictive("predictive theta=0.3 warmup=100 tau=20ms", 0.3, 100, -expm1(-0.05));
}

static void test_predictive_by_hand(void **unused)
{
	(void)unused;
	/* tau = dt / ln 2: half the way. p: 1 1 2 3.5 1.75; exactly theta is silent. */
	const char *half = "predictive warmup=1 theta=1 tau=0.00144269504088896";
	assert_train(half, (const float[]){1, 1, 3, 5, 0, 2.75f, 0}, 7, "..++-.-");
	assert_train(half, (const float[]){NAN, 1, INFINITY, 2, NAN, 3}, 6, ".....+");
	/* Samples whose difference overflows: p becomes the sample, the line lives on. */
	assert_train(half, (const float[]){-3e38f, 3e38f, 3e38f, 0, 0, 0}, 6, ".+.---");
}

/* Spikes of channel c over the last ticks. */
static unsigned spikes_since(uint32_t c, uint32_t from)
{
	unsigned n = 0;
	for (uint32_t t = from; t < TICKS; t++)
		n += got[t][c] != 0;
	return n;
}

static void assert_about(unsigned n, unsigned least, unsigned most)
{
	if (n < least || n > most)
		fail_msg("%u spikes, not %u to %u", n, least, most);
}

static void test_adaptive_if_keeps_its_rate_whatever_the_gain(void **unused)
{
	(void)unused;
	static const float gains[CHANNELS] = {0.002f, 0.01f, 0.1f, 1, -1, 30, -1e5f, 1e30f};
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[t][c] = gains[c];
	}
	/* 600 ticks past the start, which is twelve times tau: 60, 300 and 600 spikes. */
	encode("adaptive_if tau=50ms");
	for (uint32_t c = 0; c < CHANNELS; c++)
		assert_about(spikes_since(c, 600), 59, 61);
	encode("adaptive_if tau=50ms rate=500Hz");
	for (uint32_t c = 0; c < CHANNELS; c++)
		assert_about(spikes_since(c, 600), 299, 301);
	encode("adaptive_if tau=50ms rate=1kHz");
	for (uint32_t c = 0; c < CHANNELS; c++)
		assert_about(spikes_since(c, 600), 599, 600);
	/* Below eps the rate is in proportion. */
	encode("adaptive_if tau=50ms eps=0.02");
	assert_about(spikes_since(0, 600), 5, 7);
	assert_about(spikes_since(1, 600), 29, 31);
	/* The same noise at gains of powers of two: the same spikes. */
	struct test_random r = test_random(205);
	for (uint32_t t = 0; t < TICKS; t++) {
		float noise = (float)random_between(&r, -1, 1);
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[t][c] = ldexpf(noise, (int)c);
	}
	encode("adaptive_if tau=100ms rate=200Hz eps=1e-6");
	for (uint32_t t = 300; t < TICKS; t++) {
		for (uint32_t c = 1; c < CHANNELS; c++)
			assert_int_equal(got[t][c], got[t][0]);
	}
	assert_about(spikes_since(0, 600), 100, 140);
}

static void test_adaptive_if_by_hand(void **unused)
{
	(void)unused;
	/* Half the way a tick, g = 2, eps = 1/4.
	 * x      1     1     1     0     0     0     0
	 * theta  0.5   1     1.5   1.75  0.875 0.5   0.5
	 * y      1     1.5   1.5   0     0 …
	 * after  0.5   0.5   0 */
	const char *text = "adaptive_if rate=500 eps=0.25 tau=0.00144269504088896";
	assert_train(text, (const float[]){1, 1, 1, 0, 0, 0, 0}, 7, "+++....");
	/* Exactly theta fires; half of it does so at the second tick, of a theta still at eps. */
	assert_train(text, (const float[]){0.5f, 0, 0, 0}, 4, "+...");
	assert_train(text, (const float[]){0.25f, 0.25f, 0, 0}, 4, ".+..");
	/* 8: theta 0.5, of the 7.5 left one more theta waits, and theta grows to 8. NaN: nothing
	 * moves. Then y 0.5: below 8, 4, 2, 1, at 0.5. */
	assert_train(text, (const float[]){8, NAN, INFINITY, 0, 0, 0, 0, 0, 0}, 9, "+......+.");
}

/* Rockpool's integers: what is right by `shift` is divided by 2^shift. */
static void test_adaptive_if_is_rockpools_in_float(void **unused)
{
	(void)unused;
	enum { B = 6, K1 = 4, K2 = 0 };
	struct test_random r = test_random(206);
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[t][c] = (float)((int)random_below(&r, 1u << 20) - (1 << 19));
	}
	char text[128];
	snprintf(text, sizeof(text), "adaptive_if tau=%.17g rate=%.17g eps=1",
		-0.001 / log1p(-1.0 / (1 << B)), 1000.0 / ((1 << K1) - (1 << K2)));
	encode(text);
	for (uint32_t c = 0; c < CHANNELS; c++) {
		int64_t mean = 0, y = 0;
		int spikes = 0, ours = 0;
		for (uint32_t t = 0; t < TICKS; t++) {
			int64_t size = llabs((long long)x[t][c]), level = mean > 1 ? mean : 1;
			int64_t theta = (level << K1) - (level << K2);
			y += size;
			spikes += y >= theta;
			y -= y >= theta ? theta : 0;
			mean += (size - mean) >> B;
			/* Until the mean is there Rockpool saves up what is above theta. */
			if (t < 6 * (1 << B)) {
				y = y < theta ? y : theta;
				spikes = 0;
				continue;
			}
			ours += got[t][c] != 0;
			/* Rockpool's average rounds down at every sample. */
			assert_true(abs(ours - spikes) <= 2);
		}
		assert_true(spikes > 40);
	}
}

static void test_adaptive_if_refuses_more_than_a_spike_a_tick(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(2, 0);
	struct fault f;
	assert_null(build("adaptive_if rate=[10,1001]", &site, &f));
	assert_string_equal(f.key, "rate");
	assert_int_equal(f.item, 1);
	assert_non_null(strstr(f.text, "a rate of 1001 Hz is one spike in 0.99900"));
}

/* A stream's window clears charges; what is known of the signal stays. */
static void test_a_window_keeps_what_describes_the_signal(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"tbr theta_min=0.5", "moving_window theta=0.5",
		"two_window w=1 theta=0.5", "predictive warmup=1 theta=0.5"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct pipeline_site site = site_of(1, 2);
		struct pipeline *p = must_build(texts[i], &site);
		struct pipeline_state *s = pipeline_state_new(p);
		struct pipeline_out out;
		static const float values[] = {1, 1, 0, 0};
		for (unsigned t = 0; t < 4; t++) {
			if (t % 2 == 0)
				pipeline_reset(p, s, RESET_WINDOW);
			pipeline_run(p, s, &values[t], true, &out);
			if (t == 2)
				assert_int_equal(train_at(&out.last, 0), -1);
		}
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tbr_has_the_moments_of_two_passes),
		cmocka_unit_test(test_tbr_by_hand),
		cmocka_unit_test(test_moving_window_is_the_mean_of_the_past),
		cmocka_unit_test(test_moving_window_by_hand),
		cmocka_unit_test(test_two_window_is_two_means),
		cmocka_unit_test(test_predictive_is_a_weighted_mean),
		cmocka_unit_test(test_predictive_by_hand),
		cmocka_unit_test(test_adaptive_if_keeps_its_rate_whatever_the_gain),
		cmocka_unit_test(test_adaptive_if_by_hand),
		cmocka_unit_test(test_adaptive_if_is_rockpools_in_float),
		cmocka_unit_test(test_adaptive_if_refuses_more_than_a_spike_a_tick),
		cmocka_unit_test(test_a_window_keeps_what_describes_the_signal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
