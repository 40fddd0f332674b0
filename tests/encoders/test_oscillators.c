/* resonate, asdm, pwm: against closed forms, and the stated bounds of their decoders.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/decoder.h"
#include "tests/encoders/train.h"

#include <complex.h>
#include <math.h>

#define CHANNELS 8u
#define TICKS    1500u

static float x[TICKS][CHANNELS];
static int8_t got[TICKS][CHANNELS];

/* z after each tick as the sum of all that came in, turned and damped by its age. */
static void check_resonate(const char *text, double period, double alpha, double theta)
{
	struct pipeline_site site = site_of(CHANNELS, 0);
	unsigned spikes = 0, ties = 0;
	print_message("%s\n", text);
	train_of(text, &site, x[0], TICKS, got[0]);
	static double complex kernel[TICKS];
	for (uint32_t k = 0; k < TICKS; k++)
		kernel[k] = pow(1 - alpha, k) * cexp(2 * M_PI * I * fmod(k, period) / period);
	for (uint32_t c = 0; c < CHANNELS; c++) {
		double before = 0, margin = 1e-4;
		for (uint32_t t = 0; t < TICKS; t++) {
			double complex z = 0;
			for (uint32_t j = 0; j <= t; j++)
				z += kernel[t - j] * (double)x[j][c];
			int expected = cimag(z) >= 0 && before < 0 && creal(z) >= theta;
			bool open = fabs(cimag(z)) < margin || fabs(before) < margin ||
				    fabs(creal(z) - theta) < margin;
			if (got[t][c] != expected && !open)
				fail_msg("tick %u channel %u: %d, z %g %+gi", t, c, got[t][c],
					creal(z), cimag(z));
			ties += open;
			spikes += expected != 0;
			before = cimag(z);
		}
	}
	print_message("  %u spikes, %u ties\n", spikes, ties);
	assert_true(spikes > 100);
	assert_true(ties < TICKS * CHANNELS / 20);
}

static void test_resonate_is_a_damped_oscillator(void **unused)
{
	(void)unused;
	struct test_random r = test_random(401);
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[t][c] = (float)(random_between(&r, -0.5, 0.5) +
					  sin(2 * M_PI * t / (3 + 4 * c)));
	}
	check_resonate("resonate", 20, 0.1, 1);
	check_resonate("resonate period=7.3 alpha=0.02 theta=0.5", 7.3, 0.02, 0.5);
	check_resonate("resonate f=40Hz alpha=0.3", 25, 0.3, 1);
	check_resonate("resonate f_lo=90Hz f_hi=90Hz alpha=0.05 theta=2", 1000 / 90.0, 0.05, 2);
}

static void test_resonate_by_hand(void **unused)
{
	(void)unused;
	/* A quarter turn a tick, half of it lost: 4, 2i, -1, -i/2, and 1/4 when Im z turns from -1/2
	 * to 0, where another 1 comes in. */
	const char *text = "resonate period=4 alpha=0.5 theta=0.25";
	const float impulses[] = {4, 0, 0, 0, 1, 0, 0, 0, 0};
	assert_train(text, impulses, 9, "....+....");
	assert_train("resonate period=4 alpha=0.5 theta=0.07", impulses, 9, "....+...+");
	assert_train("resonate period=4 alpha=0.5 theta=1.25", impulses, 9, "....+....");
	assert_train("resonate period=4 alpha=0.5 theta=1.26", impulses, 9, ".........");
	/* What is not finite is nothing; what is too much starts anew. */
	assert_train(text, (const float[]){4, NAN, INFINITY, -INFINITY, 1}, 5, "....+");
	assert_train("resonate period=1000 alpha=0.001",
		(const float[]){3e38f, 3e38f, 3e38f, 3e38f}, 4, "....");
}

/* A sine of amplitude 1 at a bank of seven: spikes of each line over 1 s after 1 s. */
static void test_a_bank_finds_the_frequency(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(2, 0);
	struct pipeline *p =
		must_build("resonate lines=7 f_lo=10 f_hi=80 alpha=0.02 theta=20", &site);
	assert_int_equal(p->out_lines, 14);
	struct pipeline_state *s = pipeline_state_new(p);
	unsigned spikes[14] = {0};
	for (uint32_t t = 0; t < 2000; t++) {
		/* Lines are at 10, 14.1, 20, 28.3, 40, 56.6 and 80 Hz. */
		const float values[2] = {
			sinf(2 * (float)M_PI * 20 * (float)t / 1000),
			sinf(2 * (float)M_PI * 80 * (float)t / 1000),
		};
		struct pipeline_out out;
		pipeline_run(p, s, values, true, &out);
		assert_int_equal(out.state_lines, 14);
		for (uint32_t i = 0; t >= 1000 && i < 14; i++)
			spikes[i] += line_is_on(out.last.on, i);
	}
	for (uint32_t i = 0; i < 14; i++)
		assert_int_equal(spikes[i], i == 2 ? 20 : i == 13 ? 80 : 0);
	pipeline_state_free(s);
	pipeline_free(p);
}

static void assert_refused(const char *text, const char *key, int item)
{
	struct pipeline_site site = site_of(2, 0);
	struct fault f;
	struct pipeline *p = build(text, &site, &f);
	if (p)
		fail_msg("%s is accepted", text);
	if (strcmp(f.key, key) != 0 || f.item != item)
		fail_msg("%s: key %s item %d: %s", text, f.key, f.item, f.text);
}

static void test_what_cannot_work_is_refused(void **unused)
{
	(void)unused;
	assert_refused("resonate period=2", "period", -1);
	assert_refused("resonate f=500", "f", -1);
	assert_refused("resonate f=[499,501]", "f", 1);
	assert_refused("resonate f=10 period=100", "f", -1);
	assert_refused("resonate lines=4", "f_lo", -1);
	assert_refused("resonate lines=4 f_lo=10", "f_hi", -1);
	assert_refused("resonate f_lo=10 f_hi=500", "f_hi", -1);
	assert_refused("resonate f_lo=10 f_hi=9", "f_hi", -1);
	assert_refused("resonate f_lo=10 f_hi=20 f=3", "f", -1);
	assert_refused("resonate f_lo=10 f_hi=20 period=3", "period", -1);
	assert_refused("resonate alpha=1", "alpha", -1);
	assert_refused("asdm delta=0.0019", "delta", -1);
	assert_refused("asdm delta=1e39", "delta", -1);
	assert_refused("pwm f=501", "f", -1);
	assert_refused("pwm f=1e-30", "f", -1);
}

/* Each interval of a steady value is what the straight line from bound to bound takes. */
static void test_asdm_turns_when_the_line_is_crossed(void **unused)
{
	(void)unused;
	enum { N = 64, LONG = 20000 };
	struct test_random r = test_random(402);
	struct pipeline_site site = site_of(N, 0);
	struct pipeline *p = must_build("asdm b=1.5 delta=0.05 kappa=2", &site);
	struct pipeline_state *s = pipeline_state_new(p);
	float values[N];
	unsigned intervals = 0;
	struct {
		int sign;
		uint32_t since;
	} line[N];
	for (uint32_t c = 0; c < N; c++) {
		values[c] = (float)random_between(&r, -1.4, 1.4);
		line[c].sign = 1;
		line[c].since = 0;
	}
	for (uint32_t t = 1; t <= LONG; t++) {
		struct pipeline_out out;
		pipeline_run(p, s, values, true, &out);
		for (uint32_t c = 0; c < N; c++) {
			int spike = train_at(&out.last, c);
			if (!spike)
				continue;
			assert_int_equal(spike, line[c].sign);
			double way = line[c].since ? 0.1 : 0.05;
			double ticks = way * 2 / (0.001 * (1.5 + spike * (double)values[c]));
			double error = fabs(ceil(ticks) - (t - line[c].since));
			if (error > 0 && fabs(ticks - round(ticks)) > 1e-4 * ticks)
				fail_msg("line %u: %u ticks instead of %g", c, t - line[c].since,
					ticks);
			line[c].sign = -spike;
			line[c].since = t;
			intervals++;
		}
	}
	assert_true(intervals > N * 50);
	pipeline_state_free(s);
	pipeline_free(p);
}

/* The decoder's estimate against the mean of what came in between the two spikes. */
static void check_asdm_decoder(const char *text, double b, float largest)
{
	enum { N = 64, LONG = 16000 };
	struct test_random r = test_random(403);
	struct pipeline_site site = site_of(N, 0);
	struct fault f;
	struct pipeline *p = must_build(text, &site);
	struct pipeline_state *s = pipeline_state_new(p);
	struct decoder *d = decoder_new(p, NULL, &f);
	struct {
		double sum, most;
		uint32_t ticks;
	} line[N] = {0};
	float values[N] = {0};
	unsigned checked = 0;
	double worst = 0;
	for (uint32_t t = 0; t < LONG; t++) {
		struct pipeline_out out;
		for (uint32_t c = 0; c < N; c++) {
			if (random_below(&r, 1 + c) == 0)
				values[c] = largest * (float)random_between(&r, -1, 1);
			line[c].sum += (double)values[c];
			line[c].most = fmax(line[c].most, fabs((double)values[c]));
			line[c].ticks++;
		}
		pipeline_run(p, s, values, true, &out);
		const float *decoded = decoder_run(d, &out.last);
		for (uint32_t c = 0; c < N; c++) {
			if (!train_at(&out.last, c))
				continue;
			double error = fabs((double)decoded[c] - line[c].sum / line[c].ticks);
			double bound = (b + line[c].most) / line[c].ticks;
			worst = fmax(worst, error / bound);
			if (error > bound + 1e-5 * b)
				fail_msg("line %u: %g beyond %g", c, error, bound);
			line[c].sum = line[c].most = 0;
			line[c].ticks = 0;
			checked++;
		}
	}
	print_message("  %s: %u intervals of %u samples, worst %.3f of the bound\n", text, checked,
		N * LONG, worst);
	assert_true(checked > 10000 && worst > 0.5);
	decoder_free(d);
	pipeline_state_free(s);
	pipeline_free(p);
}

static void test_asdm_comes_back_within_its_bound(void **unused)
{
	(void)unused;
	check_asdm_decoder("asdm", 2, 1);
	check_asdm_decoder("asdm b=1", 1, 0.95f);
	check_asdm_decoder("asdm b=10 delta=0.2 kappa=0.5", 10, 9);
}

static void test_asdm_saturates(void **unused)
{
	(void)unused;
	/* Beyond b as at b: two b a tick one way, and no way back. NaN is 0. */
	const char *text = "asdm b=1 kappa=0.001 delta=4";
	assert_train(text, (const float[]){1, 1, INFINITY, 7}, 4, ".+..");
	assert_train(text, (const float[]){-1, -INFINITY, -7, NAN, NAN, NAN, NAN}, 7, "......+");
	assert_train(text, (const float[]){0, 0, 0, 0, 1, -1, -1, -1, -1}, 9, "...+....-");
	assert_train("asdm b=1 kappa=0.001", (const float[]){1, 1, 1, 1, 1, -1, -1}, 7, "....+..");
}

struct ratio {
	uint32_t f, above, below; /* f dt = above / below */
};

/* Phases in whole numbers: the saw of exactly f, for an hour of ticks. */
static void check_pwm(struct ratio q)
{
	enum { N = 24, LONG = 1000000 };
	struct test_random r = test_random(404);
	struct pipeline_site site = site_of(N, 0);
	struct fault f;
	char text[32];
	snprintf(text, sizeof(text), "pwm f=%u", q.f);
	struct pipeline *p = must_build(text, &site);
	struct pipeline_state *s = pipeline_state_new(p);
	struct decoder *d = decoder_new(p, NULL, &f);
	static const float special[] = {0, 0.5f, 0.25f, 0.75f, -1, 1, NAN, INFINITY};
	float values[N], worst = 0;
	for (uint32_t c = 0; c < N; c++)
		values[c] = c < 8 ? special[c] : (float)random_between(&r, 0, 1);
	uint32_t fired = 0, at = 0, spikes = 0;
	for (uint32_t t = 0; t < LONG; t++) {
		struct pipeline_out out;
		uint32_t expected = 0;
		if (at < q.above)
			fired = 0;
		for (uint32_t c = 0; c < N; c++)
			expected |= (uint32_t)(at >= (double)values[c] * q.below) << c;
		expected &= ~fired;
		fired |= expected;
		at = (at + q.above) % q.below;
		pipeline_run(p, s, values, t == 0, &out);
		if (out.last.on[0] != expected)
			fail_msg("%s tick %u: %llx instead of %x", text, t,
				(unsigned long long)out.last.on[0], expected);
		spikes += (uint32_t)__builtin_popcount(expected);
		const float *decoded = decoder_run(d, &out.last);
		for (uint32_t c = 8; t * q.above >= q.below && t < 5000 && c < N; c++) {
			if (values[c] <= 1 - (float)q.above / (float)q.below)
				worst = fmaxf(worst, fabsf(decoded[c] - values[c]));
		}
		/* Now and then other values, between two periods. */
		if (at < q.above && random_below(&r, 50) == 0 && t > 5000)
			values[8 + random_below(&r, N - 8)] = (float)random_between(&r, 0, 1);
	}
	print_message("  %s: %u spikes, decoded within %.4f, step %.4f\n", text, spikes,
		(double)worst, (double)q.above / q.below);
	assert_true(worst <= 0.5f * (float)q.above / (float)q.below + 1e-6f);
	assert_true(worst > 0.2f * (float)q.above / (float)q.below);
	assert_true(spikes > LONG / q.below * q.above * 10);
	decoder_free(d);
	pipeline_state_free(s);
	pipeline_free(p);
}

static void test_pwm_keeps_the_phase(void **unused)
{
	(void)unused;
	check_pwm((struct ratio){10, 1, 100});
	check_pwm((struct ratio){300, 3, 10});
	check_pwm((struct ratio){70, 7, 100});
	check_pwm((struct ratio){7, 7, 1000});
}

static void test_pwm_by_hand(void **unused)
{
	(void)unused;
	/* Phases 0, 1/4, 1/2, 3/4; a value that sinks below the phase fires, once a period. */
	assert_train("pwm f=250", (const float[]){0.5f, 0.5f, 0.5f, 0.5f, 0.6f, 0.2f, 0.6f, 0}, 8,
		"..+..+..");
	assert_train("pwm f=250", (const float[]){0.8f, 0.8f, 0.8f, 0.8f, 0, NAN, NAN, 0}, 8,
		"....+...");
	assert_train("pwm f=500", (const float[]){0, 0, 0.1f, 0.1f, 0.6f, 0.6f}, 6, "+..+..");
}

/* Another f from one tick to the next: the saw goes on from where it is. */
static void test_pwm_changes_live(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(1, 0);
	struct pipeline *slow = must_build("pwm f=62.5", &site);
	struct pipeline *fast = must_build("pwm f=250", &site);
	assert_true(pipeline_same_layout(slow, fast));
	struct pipeline_state *s = pipeline_state_new(slow);
	char got_text[13] = "";
	/* Phases 0 1/16 2/16 | 3/16 7/16 11/16 15/16, 3/16 …; the value 0 fires at each begin. */
	for (unsigned t = 0; t < 12; t++) {
		struct pipeline_out out;
		pipeline_run(t < 3 ? slow : fast, s, &(float){0}, true, &out);
		got_text[t] = line_is_on(out.last.on, 0) ? '+' : '.';
	}
	assert_string_equal(got_text, "+......+...+");
	pipeline_state_free(s);
	pipeline_free(slow);
	pipeline_free(fast);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resonate_is_a_damped_oscillator),
		cmocka_unit_test(test_resonate_by_hand),
		cmocka_unit_test(test_a_bank_finds_the_frequency),
		cmocka_unit_test(test_what_cannot_work_is_refused),
		cmocka_unit_test(test_asdm_turns_when_the_line_is_crossed),
		cmocka_unit_test(test_asdm_comes_back_within_its_bound),
		cmocka_unit_test(test_asdm_saturates),
		cmocka_unit_test(test_pwm_keeps_the_phase),
		cmocka_unit_test(test_pwm_by_hand),
		cmocka_unit_test(test_pwm_changes_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
