/* rectify, diff and ewma: by hand, against definitions over the whole signal so far, and the way back
 * of diff.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/decoder.h"
#include "tests/encoders/build.h"

#include <float.h>
#include <math.h>

/* One channel; y has room for n x lines. */
static void run(const char *text, const float *x, size_t n, float *y)
{
	struct pipeline_site site = site_of(1, 0);
	struct pipeline *p = must_build(text, &site);
	struct pipeline_state *s = pipeline_state_new(p);
	for (size_t t = 0; t < n; t++) {
		struct pipeline_out out;
		if (t % 3 == 0)
			pipeline_reset(p, s, RESET_WINDOW); /* which they do not mind */
		pipeline_run(p, s, &x[t], true, &out);
		y[t] = out.last.values[0];
	}
	pipeline_state_free(s);
	pipeline_free(p);
}

static void assert_gives(const char *text, const float *x, const float *wanted, size_t n)
{
	float y[32];
	run(text, x, n, y);
	assert_same_floats(y, wanted, n);
}

static void test_rectify_by_hand(void **unused)
{
	(void)unused;
	static const float x[] = {1.5f, -2, 0, -0.25f, INFINITY, -INFINITY};
	static const float half[] = {1.5f, 0, 0, 0, INFINITY, 0};
	static const float full[] = {1.5f, 2, 0, 0.25f, INFINITY, INFINITY};
	assert_gives("rectify", x, half, 6);
	assert_gives("rectify mode=half", x, half, 6);
	assert_gives("rectify mode=full", x, full, 6);
	static const float nan = NAN, zero = 0;
	assert_gives("rectify", &nan, &zero, 1);
}

static void test_diff_by_hand(void **unused)
{
	(void)unused;
	/* NaN and infinity are no samples: the change goes on from 3. */
	static const float x[] = {2, 2.5f, 2.5f, 3, NAN, INFINITY, 5, FLT_MAX, -FLT_MAX};
	static const float tick[] = {0, 0.5f, 0, 0.5f, 0, 0, 2, FLT_MAX, -FLT_MAX};
	assert_gives("diff", x, tick, 9);
	static const float second[] = {0, 500, 0, 500, 0, 0, 2000};
	assert_gives("diff per=second", x, second, 7);
	/* The first sample is the first that is a number. */
	static const float late[] = {NAN, 7, 8}, change[] = {0, 0, 1};
	assert_gives("diff", late, change, 3);
}

/* The bound: each change is off by at most 2^-23 of its size, and the result by its last rounding. */
static void test_diff_comes_back_within_its_bound(void **unused)
{
	(void)unused;
	enum { LINES = 100, TICKS = 10000 };
	struct test_random r = test_random(61);
	static const char *const texts[] = {"diff", "diff per=second"};
	for (int k = 0; k < 2; k++) {
		struct pipeline_site site = site_of(LINES, 0);
		struct pipeline *p = must_build(texts[k], &site);
		struct pipeline_state *s = pipeline_state_new(p);
		struct fault f;
		struct decoder *d = decoder_new(p, NULL, &f);
		float x[LINES], last[LINES];
		double way[LINES] = {0}, worst = 0;
		for (int t = 0; t < TICKS; t++) {
			struct pipeline_out out;
			for (int i = 0; i < LINES; i++) {
				last[i] = t ? x[i] : 0;
				x[i] = (float)random_between(&r, -10, 10);
				way[i] += t ? fabs((double)x[i] - (double)last[i]) : 0;
			}
			if (t == 0)
				assert_int_equal(decoder_start(d, x), 0);
			pipeline_run(p, s, x, true, &out);
			const float *back = decoder_run(d, &out.last);
			for (int i = 0; i < LINES; i++) {
				double error = fabs((double)back[i] - (double)x[i]);
				double bound = 0x1p-23 * way[i] + 0x1p-23 * fabs((double)x[i]);
				worst = fmax(worst, error);
				assert_true(error <= bound + 1e-12);
			}
		}
		print_message("%s: worst error %.3g\n", texts[k], worst);
		decoder_free(d);
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

/* Before tau is reached: the plain mean and population deviation of everything so far. */
static void test_ewma_begins_as_plain_mean_and_deviation(void **unused)
{
	(void)unused;
	enum { N = 400 };
	struct test_random r = test_random(62);
	static float x[N], mean[N], centred[N], score[N];
	for (int t = 0; t < N; t++)
		x[t] = (float)random_between(&r, 90, 110);
	run("ewma tau=1 mode=mean", x, N, mean);
	run("ewma tau=1 mode=center", x, N, centred);
	run("ewma tau=1", x, N, score);
	for (int t = 0; t < N; t++) {
		double m = 0, v = 0;
		for (int k = 0; k <= t; k++)
			m += (double)x[k] / (t + 1);
		for (int k = 0; k <= t; k++)
			v += ((double)x[k] - m) * ((double)x[k] - m) / (t + 1);
		assert_true(fabs((double)mean[t] - m) < 1e-5);
		assert_true(fabs((double)centred[t] - ((double)x[t] - m)) < 1e-5);
		double z = v > 0 ? ((double)x[t] - m) / sqrt(v) : 0;
		assert_true(fabs((double)score[t] - z) < 1e-5);
	}
}

/* Later: sums over the whole past with weights e^(-age/tau), which the start enters as it entered
 * the plain mean. */
static void test_ewma_goes_on_with_exponential_weights(void **unused)
{
	(void)unused;
	enum { N = 600 };
	struct test_random r = test_random(63);
	static float x[N], mean[N], score[N];
	static double weight[N];
	const double share = 1 - exp(-1 / 20.0); /* tau 20 ms, dt 1 ms */
	for (int t = 0; t < N; t++)
		x[t] = (float)(random_between(&r, -1, 1) + (t > 300 ? 5 : 0));
	run("ewma tau=20ms mode=mean", x, N, mean);
	run("ewma tau=20ms mode=zscore floor=0.5", x, N, score);
	for (int t = 0; t < N; t++) {
		double a = fmax(share, 1.0 / (t + 1)), m = 0, v = 0;
		for (int k = 0; k < t; k++)
			weight[k] *= 1 - a;
		weight[t] = a;
		for (int k = 0; k <= t; k++)
			m += weight[k] * (double)x[k];
		for (int k = 0; k <= t; k++)
			v += weight[k] * ((double)x[k] - m) * ((double)x[k] - m);
		assert_true(fabs((double)mean[t] - m) < 1e-6);
		double z = ((double)x[t] - m) / fmax(sqrt(v), 0.5);
		assert_true(fabs((double)score[t] - z) < 1e-5);
	}
}

static void test_ewma_s_score_is_bounded_and_0_at_rest(void **unused)
{
	(void)unused;
	enum { N = 5000 };
	static float x[N], y[N];
	const double share = 1 - exp(-0.1);
	for (int t = 0; t < N; t++)
		x[t] = t == 4000 ? 1e30f : 3;
	run("ewma tau=10ms", x, N, y);
	for (int t = 0; t < 4000; t++)
		assert_true(y[t] == 0);
	assert_true(fabs((double)y[4000] - sqrt((1 - share) / share)) < 1e-3);
	assert_true(fabsf(y[N - 1]) < 1e-3f);
}

static void test_ewma_s_slow_mean_does_not_stall(void **unused)
{
	(void)unused;
	enum { N = 200000 };
	float *x = malloc(N * sizeof(float)), *y = malloc(N * sizeof(float));
	for (int t = 0; t < N; t++)
		x[t] = t < 100 ? 1000 : 1000.01f; /* a share of 1e-5 moves by less than float32 */
	run("ewma tau=1 mode=mean", x, N, y);
	assert_true(fabsf(y[N - 1] - 1000.01f) < 1e-4f);
	free(x);
	free(y);
}

static void test_ewma_passes_over_what_is_no_number(void **unused)
{
	(void)unused;
	static const float x[] = {NAN, 4, 6, INFINITY, 6};
	float y[5];
	run("ewma tau=1 mode=mean", x, 5, y);
	/* Shares by the tick's number: at the third 1/3, at the fifth 1/5. */
	assert_true(y[0] == 0 && y[1] == 4 && fabsf(y[2] - 14 / 3.0f) < 1e-6f && y[3] == y[2]);
	assert_true(fabsf(y[4] - (y[2] + (6 - y[2]) / 5)) < 1e-6f);
	run("ewma tau=1", x, 5, y);
	assert_true(y[0] == 0 && y[3] == 0);
}

static void test_ewma_fades_without_denormal_numbers(void **unused)
{
	(void)unused;
	enum { N = 20000 };
	static float x[N], y[N];
	x[0] = 1;
	static const char *const texts[] = {"ewma tau=10ms mode=mean", "ewma tau=10ms"};
	for (int k = 0; k < 2; k++) {
		run(texts[k], x, N, y);
		for (int t = 0; t < N; t++)
			assert_true(y[t] == 0 || fabsf(y[t]) >= FLT_MIN);
		assert_true(y[N - 1] == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rectify_by_hand),
		cmocka_unit_test(test_diff_by_hand),
		cmocka_unit_test(test_diff_comes_back_within_its_bound),
		cmocka_unit_test(test_ewma_begins_as_plain_mean_and_deviation),
		cmocka_unit_test(test_ewma_goes_on_with_exponential_weights),
		cmocka_unit_test(test_ewma_s_score_is_bounded_and_0_at_rest),
		cmocka_unit_test(test_ewma_s_slow_mean_does_not_stall),
		cmocka_unit_test(test_ewma_passes_over_what_is_no_number),
		cmocka_unit_test(test_ewma_fades_without_denormal_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
