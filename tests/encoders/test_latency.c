/* One spike a window whose tick is the value: ttfs, phase, grf_latency. Cases by hand, the peers'
 * definitions written another way, and what their decoders promise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/windows.h"

#include <math.h>

#define LINES  10000u
#define ROUNDS 100 /* of LINES: 10^6 samples */

static void random_row(struct test_random *r, float *values, double lo, double hi)
{
	for (uint32_t i = 0; i < LINES; i++)
		values[i] = (float)random_between(r, lo, hi);
}

/* The ticks of a few values, each a channel. */
static void expect_ticks(const char *text, uint32_t window, const float *values, uint32_t n,
	const uint32_t *expected, uint32_t lines)
{
	struct windows w = windows_of(text, n, window, false);
	uint32_t ticks[64];
	assert_int_equal(w.p->out_lines, lines);
	windows_ticks(&w, values, ticks);
	for (uint32_t i = 0; i < lines; i++) {
		if (ticks[i] != expected[i])
			fail_msg("%s: line %u fires at %d, not %d", text, i, (int)ticks[i],
				(int)expected[i]);
	}
	windows_close(&w);
}

#define NONE WINDOWS_NONE

static void test_ttfs_fires_where_hand_and_paper_say(void **unused)
{
	(void)unused;
	/* 4 (1 - x): 3.5 and 2.5 are ties and go to the even tick. */
	const float ties[] = {0, 0.125f, 0.375f, 0.5f, 0.875f, 1, 2, -3, INFINITY, -INFINITY, NAN};
	expect_ticks(
		"ttfs", 5, ties, 11, (const uint32_t[]){4, 4, 2, 2, 0, 0, 0, 4, 0, 4, NONE}, 11);
	/* With a floor the values below it are silent, itself is not. */
	const float low[] = {0.25f, 0.24f, 0, -1};
	expect_ticks("ttfs x_min=0.25", 5, low, 4, (const uint32_t[]){3, NONE, NONE, NONE}, 4);
	/* One e-fold a tick; exp(-10) is the last tick of all, what is below it never fires. */
	const float folds[] = {1, expf(-1), expf(-5), 4.54e-5f, 4.53e-5f, 0, 0.5f, 7, NAN};
	expect_ticks("ttfs curve=log", 11, folds, 9,
		(const uint32_t[]){0, 1, 5, 10, NONE, NONE, 1, 0, NONE}, 9);
	/* Three decades in four ticks. */
	const float decades[] = {1, 0.1f, 0.01f, 0.001f, 0.0009f};
	expect_ticks("ttfs curve=log x_min=0.001", 4, decades, 5,
		(const uint32_t[]){0, 1, 2, 3, NONE}, 5);
}

/* SpikingJelly's LatencyEncoder('linear'): float32, round half to even, the whole train at once. */
static void test_ttfs_is_spikingjellys_linear_latency(void **unused)
{
	(void)unused;
	static float values[LINES];
	static uint32_t ticks[LINES];
	struct test_random r = test_random(140);
	const uint32_t windows[] = {2, 5, 8, 50, 100, 257};
	for (size_t n = 0; n < sizeof(windows) / sizeof(*windows); n++) {
		struct windows w = windows_of("ttfs", LINES, windows[n], false);
		random_row(&r, values, 0, 1);
		for (uint32_t i = 0; i < LINES; i += 3) /* many exact ties */
			values[i] = (float)random_below(&r, 257) / 256;
		windows_ticks(&w, values, ticks);
		for (uint32_t i = 0; i < LINES; i++) {
			float exact = (float)((double)(windows[n] - 1) *
					      (double)(float)(1.0 - (double)values[i]));
			double below = floor((double)exact), over = (double)exact - below;
			double even = fmod(below, 2) == 0 ? below : below + 1;
			double tick = over > 0.5 ? below + 1 : over < 0.5 ? below : even;
			if (ticks[i] != (uint32_t)tick)
				fail_msg("T %u x %a: tick %u, not %g", windows[n],
					(double)values[i], ticks[i], tick);
		}
		windows_close(&w);
	}
}

/* In double, leaving out what is within float32's reach of a tie. */
static void test_ttfs_log_is_the_recommended_form(void **unused)
{
	(void)unused;
	static float values[LINES];
	static uint32_t ticks[LINES];
	struct test_random r = test_random(141);
	struct windows w = windows_of("ttfs curve=log x_min=0.002", LINES, 64, false);
	uint32_t ties = 0;
	for (int round = 0; round < 10; round++) {
		random_row(&r, values, -0.01, 1.01);
		windows_ticks(&w, values, ticks);
		for (uint32_t i = 0; i < LINES; i++) {
			double x = (double)values[i];
			double k = 63 * log(1 / x) / log(1 / 0.002);
			bool silent = x < (double)0.002f;
			if (!silent && fabs(k - floor(k) - 0.5) < 1e-4) {
				ties++;
				continue;
			}
			uint32_t expected = silent ? NONE : x >= 1 ? 0 : (uint32_t)(k + 0.5);
			if (ticks[i] != expected)
				fail_msg("x %a: tick %u, not %u", x, ticks[i], expected);
		}
	}
	assert_true(ties < 100);
	windows_close(&w);
}

/* Runs rows through and compares what the decoder says at each window's end. */
static void expect_bound(const char *text, uint32_t window, double lo, double hi,
	double (*bound)(double x), uint64_t seed)
{
	static float values[LINES];
	struct test_random r = test_random(seed);
	struct windows w = windows_of(text, LINES, window, true);
	double worst = 0;
	for (int round = 0; round < ROUNDS; round++) {
		random_row(&r, values, lo, hi);
		windows_restart(&w);
		for (uint32_t t = 0; t < window; t++)
			windows_tick(&w, values);
		for (uint32_t i = 0; i < LINES; i++) {
			double x = (double)values[i], error = fabs((double)w.decoded[i] - x);
			if (!(error <= bound(x) * (1 + 1e-6) + 1e-6 * fabs(hi)))
				fail_msg("%s: %a decoded as %a", text, x, (double)w.decoded[i]);
			worst = worse(worst, error / bound(x));
		}
	}
	print_message("%s: worst error %.4f of the bound\n", text, worst);
	assert_true(worst > 0.8); /* else the bound says nothing */
	windows_close(&w);
}

static double half_a_tick(double x)
{
	(void)x;
	return 0.5 / 49;
}

static double half_a_tick_of_20(double x)
{
	(void)x;
	return 20 * 0.5 / 49;
}

static double half_a_tick_or_silent(double x)
{
	return x < 0.3 ? 0.15 : 0.5 / 31;
}

/* A factor either way, whose larger side is up. */
static double half_a_tick_of_the_log(double x)
{
	return x < 1e-3 ? 0.5e-3 : x * (pow(1e-3, -0.5 / 49) - 1);
}

static double half_a_place(double x)
{
	(void)x;
	return 0.5 / 37;
}

static void test_decoders_keep_their_bounds(void **unused)
{
	(void)unused;
	expect_bound("ttfs", 50, 0, 1, half_a_tick, 142);
	expect_bound("range lo=-10 hi=10 | ttfs", 50, -10, 10, half_a_tick_of_20, 143);
	expect_bound("ttfs x_min=0.3", 32, 0, 1, half_a_tick_or_silent, 144);
	expect_bound("ttfs curve=log x_min=1e-3", 50, 0, 1, half_a_tick_of_the_log, 145);
	expect_bound("phase", 37, 0, 1, half_a_place, 146);
}

/* The default beta; and fields so wide that several fire at one tick and tell less. */
static void test_grf_decoder_keeps_its_bound(void **unused)
{
	(void)unused;
	enum { CHANNELS = LINES / 10, T = 20 };
	static float values[CHANNELS];
	struct test_random r = test_random(147);
	static const struct {
		const char *text;
		double bound;
		int rounds;
	} cases[] = {
		{"grf_latency lo=-20 hi=40", 60.0 / 8 / T, 1000},
		{"grf_latency lo=-20 hi=40 out_features=6 beta=0.4", 2 * 60.0 / 4 / T, 100},
	};
	for (size_t k = 0; k < 2; k++) {
		struct windows w = windows_of(cases[k].text, CHANNELS, T, true);
		double worst = 0;
		for (int round = 0; round < cases[k].rounds; round++) {
			for (uint32_t i = 0; i < CHANNELS; i++)
				values[i] = (float)random_between(&r, -20, 40);
			windows_restart(&w);
			for (uint32_t t = 0; t < T; t++)
				windows_tick(&w, values);
			for (uint32_t i = 0; i < CHANNELS; i++)
				worst = worse(worst, fabs((double)(w.decoded[i] - values[i])));
		}
		print_message("%s: worst error %.4f of the bound\n", cases[k].text,
			worst / cases[k].bound);
		assert_true(worst <= cases[k].bound && worst > 0.5 * cases[k].bound);
		windows_close(&w);
	}
}

/* A value comes with its spike, the old one stands until then, the end of a silent window says that
 * there was none; a window that is cut short and rows in its midst change nothing. */
static void test_windows_begin_at_resets_and_nowhere_else(void **unused)
{
	(void)unused;
	struct windows w = windows_of("ttfs x_min=0.25", 2, 5, true);
	const float first[] = {1, 0.5f}, other[] = {0.25f, 0};
	windows_restart(&w);
	assert_int_equal(windows_tick(&w, first)[0], 1);
	assert_true(w.decoded[0] == 1 && w.decoded[1] == 0);
	assert_int_equal(windows_tick(&w, other)[0], 0); /* the row was taken at the first tick */
	assert_int_equal(windows_tick(&w, other)[0], 2);
	assert_true(w.decoded[0] == 1 && w.decoded[1] == 0.5f);
	windows_restart(&w);
	const uint64_t late[] = {0, 0, 0, 1, 0};
	for (uint32_t t = 0; t < 5; t++) {
		assert_int_equal(windows_tick(&w, other)[0], late[t]);
		assert_true(w.decoded[0] == (t < 3 ? 1 : 0.25f));
		assert_true(w.decoded[1] == (t < 4 ? 0.5f : 0.125f));
	}
	for (uint32_t t = 0; t < 12; t++) /* past the window's end, without a reset */
		assert_int_equal(windows_tick(&w, first)[0], 0);
	assert_true(w.decoded[0] == 0.25f && w.decoded[1] == 0.125f);
	windows_restart(&w);
	assert_int_equal(windows_tick(&w, first)[0], 1);
	windows_close(&w);
}

/* A spike too many, from a bad line, does not move a value that has come. */
static void test_only_the_first_spike_of_a_window_is_read(void **unused)
{
	(void)unused;
	struct windows w = windows_of("phase", 1, 4, true);
	uint64_t on[1] = {1};
	const struct lines spikes = {.kind = KIND_SPIKES, .count = 1, .on = on};
	windows_restart(&w);
	for (uint32_t t = 0; t < 4; t++)
		assert_true(decoder_run(w.d, &spikes)[0] == 0.125f);
	windows_close(&w);
}

static void test_phase_fires_later_for_more(void **unused)
{
	(void)unused;
	const float values[] = {0, 0.124f, 0.125f, 0.5f, 0.99f, 1, 2, -1, NAN, INFINITY, -INFINITY};
	expect_ticks(
		"phase", 8, values, 11, (const uint32_t[]){0, 0, 1, 4, 7, 7, 7, 0, NONE, 7, 0}, 11);
}

/* exp(-1.125 d^2) for spacing 1: d = 0.5 gives 0.7548, 1 gives 0.3247, 1.5 0.0796, 2.5 0.0009. */
static void test_grf_fires_where_hand_says(void **unused)
{
	(void)unused;
	const float values[] = {0.5f, 0, -1, NAN, INFINITY, 1e30f};
	const uint32_t expected[] = {
		7, 0, 7, 2, 2, 9, 2, 9, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE};
	expect_ticks("grf_latency out_features=3", 10, values, 6, expected, 18);
}

/* Bohte's formula as it is printed, counted from 1, in double. */
static void test_grf_is_bohtes(void **unused)
{
	(void)unused;
	enum { CHANNELS = 1000, M = 7, T = 50 };
	static float values[CHANNELS];
	static uint32_t ticks[CHANNELS * M];
	struct test_random r = test_random(148);
	struct windows w = windows_of("grf_latency out_features=7 lo=-2 hi=6", CHANNELS, T, false);
	for (int round = 0; round < 10; round++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			values[c] = (float)random_between(&r, -4, 8);
		windows_ticks(&w, values, ticks);
		for (uint32_t k = 0; k < CHANNELS * M; k++) {
			uint32_t i = k % M + 1;
			double mu = -2 + (2.0 * i - 3) / 2 * (6 - -2) / (M - 2);
			double sigma = (6 - -2) / (1.5 * (M - 2));
			double d = (double)values[k / M] - mu;
			double t = T * (1 - exp(-d * d / (2 * sigma * sigma)));
			if (fabs(t - floor(t) - 0.5) < 1e-4)
				continue;
			uint32_t tick = (uint32_t)(t + 0.5);
			assert_int_equal(ticks[k], tick < T ? tick : NONE);
		}
	}
	windows_close(&w);
}

static void expect_refusal(const char *text, uint32_t window, const char *part)
{
	struct pipeline_site site = site_of(2, window);
	struct fault f = {0};
	struct pipeline *p = build(text, &site, &f);
	assert_null(p);
	if (!strstr(f.text, part))
		fail_msg("%s: '%s' does not say '%s'", text, f.text, part);
}

static void test_what_cannot_work_is_refused(void **unused)
{
	(void)unused;
	expect_refusal("ttfs", 0, "window");
	expect_refusal("ttfs", 1, "at least 2 ticks and the stream's has 1");
	expect_refusal("ttfs curve=log x_min=0", 5, "x_min above 0");
	expect_refusal("ttfs x_min=0.99999999999", 5, "less than 1");
	expect_refusal("phase", 0, "window");
	expect_refusal("grf_latency", 0, "window");
	expect_refusal("grf_latency out_features=2", 9, "out_features");
	expect_refusal("grf_latency lo=1 hi=1", 9, "greater than lo");
	expect_refusal("grf_latency lo=[0,0] hi=[1,1e-40]", 9, "float32 width");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ttfs_fires_where_hand_and_paper_say),
		cmocka_unit_test(test_ttfs_is_spikingjellys_linear_latency),
		cmocka_unit_test(test_ttfs_log_is_the_recommended_form),
		cmocka_unit_test(test_windows_begin_at_resets_and_nowhere_else),
		cmocka_unit_test(test_only_the_first_spike_of_a_window_is_read),
		cmocka_unit_test(test_phase_fires_later_for_more),
		cmocka_unit_test(test_grf_fires_where_hand_says),
		cmocka_unit_test(test_grf_is_bohtes),
		cmocka_unit_test(test_decoders_keep_their_bounds),
		cmocka_unit_test(test_grf_decoder_keeps_its_bound),
		cmocka_unit_test(test_what_cannot_work_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
