/* Random rates: the hazard law of Poisson, renewal trains, and the decoders of both. As in
 * test_statistics.c every statistic is a standard normal z that must stay below 4.5; seeds are
 * fixed, so that it either always passes or never.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/decoder.h"
#include "encoders/kernels/philox.h"
#include "encoders/rng.h"
#include "tests/encoders/train.h"

#include <math.h>

#define Z_MOST   4.5
#define CHANNELS 256u
#define TICKS    4000u

static float x[TICKS][CHANNELS];
static int8_t got[TICKS][CHANNELS], other[TICKS][CHANNELS];

static void check_z(const char *what, double z)
{
	print_message("  %-52s z = %6.2f\n", what, z);
	if (!(fabs(z) < Z_MOST))
		fail_msg("%s: z = %g is beyond %g", what, z, Z_MOST);
}

static void fill(float value)
{
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[t][c] = value;
	}
}

static void encode(const char *text, uint64_t seed)
{
	struct pipeline_site site = site_of(CHANNELS, 0);
	site.seed = seed;
	print_message("%s seed %llu\n", text, (unsigned long long)seed);
	train_of(text, &site, x[0], TICKS, got[0]);
}

static double total(int sign)
{
	double n = 0;
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			n += got[t][c] == sign;
	}
	return n;
}

/* Each spike, from the draw that philox.h promises and the law in long double. */
static void check_hazard(const char *text, bool is_signed)
{
	struct test_random r = test_random(301);
	static const float odd[] = {0, -0.0f, -1, NAN, INFINITY, -INFINITY, 3e38f, 1e-42f};
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[t][c] = random_below(&r, 50)
					  ? (float)exp(random_between(&r, -12, 3)) *
						    (random_below(&r, 2) ? 1.0f : -1.0f)
					  : odd[random_below(&r, 8)];
	}
	encode(text, 7);
	const uint64_t key = rng_key(7, "test", 0);
	const float c_rate = (float)(0.001 * 400);
	unsigned spikes = 0;
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++) {
			float q = c_rate * (is_signed ? fabsf(x[t][c]) : x[t][c]);
			float p = (float)(1 - expl(-(long double)q));
			uint32_t u = philox_half(key, t, c, 0) << 8 | philox_low(key, t, c);
			int fires = u * 0x1p-24 < (double)p;
			int expected = is_signed && x[t][c] < 0 ? -fires : fires;
			if (got[t][c] != expected)
				fail_msg("tick %u channel %u x %a: %d instead of %d", t, c,
					(double)x[t][c], got[t][c], expected);
			spikes += fires != 0;
		}
	}
	assert_true(spikes > TICKS * CHANNELS / 20);
}

static void test_hazard_fires_with_one_minus_exp(void **unused)
{
	(void)unused;
	check_hazard("poisson f_max=400 law=hazard", false);
	check_hazard("signed_poisson f_max=400 law=hazard", true);
}

static void test_hazard_rates(void **unused)
{
	(void)unused;
	static const float values[] = {0.01f, 0.5f, 1, 3};
	const double n = (double)TICKS * CHANNELS;
	for (size_t i = 0; i < 4; i++) {
		fill(values[i]);
		double p = -expm1(-0.3 * (double)values[i]);
		encode("poisson f_max=300 law=hazard", 11 + i);
		check_z("rate", (total(1) - n * p) / sqrt(n * p * (1 - p)));
		fill(-values[i]);
		encode("signed_poisson f_max=300 law=hazard", 21 + i);
		check_z("signed rate", (total(-1) - n * p) / sqrt(n * p * (1 - p)));
	}
}

struct moments {
	double n, mean, square;
};

/* Of the intervals that begin early enough to be seen whole. */
static struct moments intervals(uint32_t longest)
{
	struct moments m = {0};
	double sum = 0, squares = 0;
	for (uint32_t c = 0; c < CHANNELS; c++) {
		uint32_t last = UINT32_MAX;
		for (uint32_t t = 0; t < TICKS; t++) {
			if (!got[t][c])
				continue;
			if (last != UINT32_MAX && last < TICKS - longest) {
				double length = t - last;
				sum += length;
				squares += length * length;
				m.n++;
			}
			last = t;
		}
	}
	m.mean = sum / m.n;
	m.square = squares / m.n - m.mean * m.mean;
	return m;
}

/* Intervals of 20 ticks on average; in ticks their variance grows by 1/6, since both ends are
 * rounded up. The rate's spread is that of a renewal process, and its mean less half a spike of
 * 1 - 1/kappa, since every line begins with an interval. */
static void check_renewal(uint32_t kappa, float value, double silence, uint64_t seed)
{
	char text[96], what[64];
	const double mean = 20, spread = mean / sqrt(kappa), k = kappa;
	snprintf(text, sizeof(text), "renewal f_max=%.9g kappa=%u t_ref=%gms", 50 / (double)value,
		kappa, silence);
	fill(value);
	encode(text, seed);
	struct moments m = intervals(600);
	snprintf(what, sizeof(what), "mean of %.0f intervals: %.3f", m.n, m.mean);
	check_z(what, (m.mean - mean - silence) / (spread / sqrt(m.n)));
	double variance = spread * spread + 1.0 / 6;
	snprintf(what, sizeof(what), "coefficient of variation %.4f, 1/sqrt(kappa) %.4f",
		sqrt(m.square) / (m.mean - silence), 1 / sqrt(k));
	check_z(what, (m.square - variance) / (variance * sqrt((2 + 6 / k) / m.n)));
	if (silence > 0)
		return;
	double lines = CHANNELS, n = lines * (TICKS / mean + (1 / k - 1) / 2);
	check_z("spikes", (total(1) - n) / sqrt(lines * TICKS / mean / k));
}

static void test_renewal_has_its_mean_and_variation(void **unused)
{
	(void)unused;
	static const uint32_t kappas[] = {1, 2, 4, 5, 16, 17, 50, 256};
	for (size_t i = 0; i < sizeof(kappas) / sizeof(kappas[0]); i++)
		check_renewal(kappas[i], 1, 0, 31 + i);
	check_renewal(4, 0.25f, 0, 41);
	check_renewal(1, 1, 10, 42);
	check_renewal(4, 2, 7, 43);
}

/* Lines and intervals are independent: correlations of neighbours in both directions. */
static void test_renewal_is_independent(void **unused)
{
	(void)unused;
	fill(1);
	encode("renewal f_max=50 kappa=4", 51);
	static double length[CHANNELS][TICKS / 4];
	static unsigned count[CHANNELS];
	memset(count, 0, sizeof(count));
	for (uint32_t c = 0; c < CHANNELS; c++) {
		for (uint32_t t = 0, last = 0; t < TICKS; t++) {
			if (!got[t][c])
				continue;
			length[c][count[c]++] = t - last - 20.0;
			last = t;
		}
	}
	const double variance = 20.0 * 20 / 4 + 1.0 / 6;
	double along = 0, aside = 0, n = 0;
	for (uint32_t c = 0; c + 1 < CHANNELS; c++) {
		for (uint32_t k = 1; k < 100; k++, n++) {
			along += length[c][k] * length[c][k + 1];
			aside += length[c][k] * length[c + 1][k];
		}
	}
	check_z("interval and the next", along / (variance * sqrt(n)));
	check_z("interval and that of the next line", aside / (variance * sqrt(n)));
}

/* The spikes of a channel depend on seed, stream and its own values alone. */
static void test_renewal_does_not_depend_on_the_rest(void **unused)
{
	(void)unused;
	struct test_random r = test_random(302);
	static float few[TICKS][37];
	static int8_t train[TICKS][37];
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[t][c] = (float)random_between(&r, -0.5, 2);
		memcpy(few[t], x[t], sizeof(few[t]));
	}
	const char *text = "renewal f_max=100 kappa=3 t_ref=2ms";
	struct pipeline_site site = site_of(37, 0);
	site.seed = 61;
	train_of(text, &site, few[0], TICKS, train[0]);
	encode(text, 61);
	for (uint32_t t = 0; t < TICKS; t++)
		assert_memory_equal(train[t], got[t], 37);

	/* Other seeds, streams and places give others. */
	memcpy(other, got, sizeof(other));
	encode(text, 62);
	assert_true(memcmp(other, got, sizeof(got)) != 0);
	encode("range clamp=false | renewal f_max=100 kappa=3 t_ref=2ms", 61);
	assert_true(memcmp(other, got, sizeof(got)) != 0);
	site = site_of(CHANNELS, 0);
	site.seed = 61;
	site.stream = "test2";
	train_of(text, &site, x[0], TICKS, got[0]);
	assert_true(memcmp(other, got, sizeof(got)) != 0);

	/* Resumed from a snapshot, whatever the tick's number has become. */
	site.stream = "test";
	struct pipeline *p = must_build(text, &site);
	struct pipeline_state *a = pipeline_state_new(p), *b = pipeline_state_new(p);
	struct pipeline_out out;
	size_t size = pipeline_saved_size(p);
	uint8_t *bytes = malloc(size);
	for (uint32_t t = 0; t < 1000; t++)
		pipeline_run(p, a, x[t], true, &out);
	pipeline_save(p, a, bytes);
	assert_int_equal(pipeline_load(p, b, bytes, size, NULL), 0);
	pipeline_skip(b, 123);
	for (uint32_t t = 1000; t < TICKS; t++) {
		pipeline_run(p, b, x[t], true, &out);
		for (uint32_t c = 0; c < CHANNELS; c++)
			assert_int_equal(train_at(&out.last, c), other[t][c]);
	}
	free(bytes);
	pipeline_state_free(a);
	pipeline_state_free(b);
	pipeline_free(p);
}

/* The intervals that a new state has drawn, from the blocks that renewal.c promises and libm's
 * logarithm: equal bit for bit. They follow the counts in the stage's block. */
static void test_renewal_draws_what_it_says(void **unused)
{
	(void)unused;
	static const uint32_t kappas[] = {1, 3, 4, 16, 17, 64, 255, 256};
	const size_t block = 32 + 56;
	struct pipeline_site site = site_of(CHANNELS, 0);
	for (size_t i = 0; i < sizeof(kappas) / sizeof(kappas[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "renewal kappa=%u", kappas[i]);
		struct pipeline *p = must_build(text, &site);
		struct pipeline_state *s = pipeline_state_new(p);
		uint8_t *bytes = malloc(pipeline_saved_size(p));
		float left[CHANNELS];
		pipeline_save(p, s, bytes);
		memcpy(left, bytes + block + CHANNELS * sizeof(uint64_t), sizeof(left));
		uint64_t key = rng_key(1, "test", 0);
		const uint32_t keys[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
		for (uint32_t c = 0; c < CHANNELS; c++) {
			uint32_t words[4];
			long double sum = 0;
			for (uint32_t k = 0; k < kappas[i]; k++) {
				philox4x32_10((const uint32_t[]){0, 0, c, k / 4}, keys, words);
				sum -= logl((words[k % 4] + 0.5L) * 0x1p-32L);
			}
			float expected = (float)(sum / kappas[i]);
			if (left[c] != expected)
				fail_msg("kappa %u line %u: %a instead of %a", kappas[i], c,
					(double)left[c], (double)expected);
		}
		free(bytes);
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

static void test_renewal_saturates_and_forgets(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(3, 0);
	struct pipeline *p = must_build("renewal f_max=100 kappa=256", &site);
	struct pipeline_state *s = pipeline_state_new(p);
	struct pipeline_out out;
	static const float loud[] = {INFINITY, 3e38f, 1000}, silent[] = {NAN, -INFINITY, -1e30f};
	for (unsigned t = 0; t < 1000; t++)
		pipeline_run(p, s, loud, true, &out);
	assert_int_equal(out.last.on[0], 7);
	unsigned after = 0;
	for (unsigned t = 0; t < 1000; t++) {
		pipeline_run(p, s, silent, true, &out);
		after += (unsigned)__builtin_popcountll(out.last.on[0]);
	}
	assert_true(after >= 3 * 14 && after <= 3 * 18); /* 16 intervals were to be made up for */
	pipeline_state_free(s);
	pipeline_free(p);
}

/* Decodes a pipeline of one value a channel; the estimates after `ticks` ticks. */
static const float *decode(
	struct pipeline *p, struct decoder *d, const float *values, uint32_t ticks, float *counts)
{
	struct pipeline_state *s = pipeline_state_new(p);
	const float *decoded = NULL;
	pipeline_reset(p, s, RESET_WINDOW);
	decoder_reset(d, RESET_ALL);
	decoder_reset(d, RESET_WINDOW);
	for (uint32_t t = 0; t < ticks; t++) {
		struct pipeline_out out;
		pipeline_run(p, s, values, true, &out);
		for (uint32_t c = 0; counts && c < p->site.channels; c++)
			counts[c] += (float)train_at(&out.last, c);
		decoded = decoder_run(d, &out.last);
	}
	pipeline_state_free(s);
	return decoded;
}

static const char *const coders[] = {"poisson f_max=200", "signed_poisson f_max=200",
	"poisson f_max=200 law=hazard", "signed_poisson f_max=200 law=hazard",
	"renewal f_max=200 kappa=4", "renewal f_max=200 kappa=4 t_ref=3ms"};

/* Mean of many channels' estimates against the value, and their spread against the stated one. */
static void check_decoder(const char *text, uint32_t window, double smooth, float value)
{
	struct pipeline_site site = site_of(CHANNELS, window);
	struct fault f;
	struct pipeline *p = must_build(text, &site);
	struct decoder *d = decoder_new(p, &(struct decoder_options){smooth}, &f);
	bool is_signed = p->out_kind == KIND_SIGNED;
	float values[CHANNELS];
	for (uint32_t c = 0; c < CHANNELS; c++)
		values[c] = is_signed && c % 2 ? -value : value;
	const float *decoded = decode(p, d, values, 5000, NULL);
	double sum = 0, squares = 0;
	for (uint32_t c = 0; c < CHANNELS; c++) {
		double off = (double)decoded[c] / (double)values[c] - 1;
		sum += off;
		squares += off * off;
	}
	/* Smoothing over tau is worth 2 tau of counting. */
	double spikes = 0.2 * (double)value * (window ? 5000 : 2000 * smooth);
	double mean = sum / CHANNELS, spread = sqrt(squares / CHANNELS);
	print_message("  %s window %u x %g: mean error %.4f, spread %.4f, 1/sqrt(m) %.4f\n", text,
		window, (double)value, mean, spread, 1 / sqrt(spikes));
	assert_true(fabs(mean) < 4.5 / sqrt(spikes * CHANNELS) + 1 / spikes);
	assert_true(spread < 1.3 / sqrt(spikes) && spread > 0.3 / sqrt(spikes));
	decoder_free(d);
	pipeline_free(p);
}

static void test_decoders_find_the_value(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(coders) / sizeof(coders[0]); i++) {
		check_decoder(coders[i], 5000, 0, 0.5f);
		check_decoder(coders[i], 0, 0.5, 0.5f);
		check_decoder(coders[i], 5000, 0, 0.9f);
	}
}

/* In a window the estimate is the count's, digit for digit, from its first tick on. */
static void test_windows_decode_by_their_count(void **unused)
{
	(void)unused;
	const float rate = (float)(0.001 * 200), values[] = {0, 0.5f, 2, 9};
	for (size_t i = 0; i < 4; i++) {
		struct pipeline_site site = site_of(4, 50);
		struct fault f;
		struct pipeline *p = must_build(coders[i], &site);
		struct decoder *d = decoder_new(p, NULL, &f);
		for (uint32_t ticks = 1; ticks <= 50; ticks += 7) {
			float counts[4] = {0};
			const float *decoded = decode(p, d, values, ticks, counts);
			for (uint32_t c = 0; c < 4; c++) {
				double share = (double)counts[c] / ticks, most = 1 - 0.5 / ticks;
				double x_hat =
					i < 2 ? share : -log1p(-(share < most ? share : most));
				assert_true(fabs((double)decoded[c] - x_hat / (double)rate) <
					    1e-6 * (1 + x_hat / (double)rate));
			}
		}
		decoder_free(d);
		pipeline_free(p);
	}
}

static void test_decoders_of_nothing_are_finite(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"poisson f_max=0", "poisson f_max=0 law=hazard",
		"renewal f_max=0", "poisson f_max=1e9 law=hazard", "renewal f_max=1e9 t_ref=5ms"};
	for (size_t i = 0; i < 5; i++) {
		for (uint32_t window = 0; window <= 20; window += 20) {
			struct pipeline_site site = site_of(1, window);
			struct fault f;
			struct pipeline *p = must_build(texts[i], &site);
			struct decoder *d = decoder_new(p, NULL, &f);
			for (uint32_t ticks = 1; ticks <= 20; ticks++)
				assert_true(isfinite(*decode(p, d, &(float){1}, ticks, NULL)));
			decoder_free(d);
			pipeline_free(p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hazard_fires_with_one_minus_exp),
		cmocka_unit_test(test_hazard_rates),
		cmocka_unit_test(test_renewal_has_its_mean_and_variation),
		cmocka_unit_test(test_renewal_is_independent),
		cmocka_unit_test(test_renewal_does_not_depend_on_the_rest),
		cmocka_unit_test(test_renewal_draws_what_it_says),
		cmocka_unit_test(test_renewal_saturates_and_forgets),
		cmocka_unit_test(test_decoders_find_the_value),
		cmocka_unit_test(test_windows_decode_by_their_count),
		cmocka_unit_test(test_decoders_of_nothing_are_finite),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
