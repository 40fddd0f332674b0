/* The ways back from Norse's encoders: LIF intervals and latencies, populations, and what
 * first_spike leaves of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/windows.h"

#include <math.h>

#define LINES  10000u
#define ROUNDS 100 /* of LINES: 10^6 samples */

static float values[LINES];

static void random_row(struct test_random *r, double lo, double hi)
{
	for (uint32_t i = 0; i < LINES; i++)
		values[i] = (float)random_between(r, lo, hi);
}

/* The closed form for v_reset = v_leak = 0: tick floor(ln(1 - v_th/x) / ln(1 - a)). */
static void test_the_first_spike_is_where_the_closed_form_says(void **unused)
{
	(void)unused;
	enum { T = 200 };
	static uint32_t ticks[LINES];
	struct test_random r = test_random(170);
	struct windows w = windows_of("lif_latency", LINES, T, false);
	uint32_t at_an_edge = 0;
	for (int round = 0; round < 20; round++) {
		random_row(&r, 0.5, 12);
		windows_ticks(&w, values, ticks);
		for (uint32_t i = 0; i < LINES; i++) {
			double x = (double)values[i];
			double tick = x > 1 ? log(1 - 1 / x) / log(1 - (double)0.1f) : INFINITY;
			if (fabs(tick - nearbyint(tick)) < 1e-4) {
				at_an_edge++;
				continue;
			}
			uint32_t expected = tick < T ? (uint32_t)tick : WINDOWS_NONE;
			if (ticks[i] != expected)
				fail_msg("x %a: tick %d, not %g", x, (int)ticks[i], tick);
		}
	}
	assert_true(at_an_edge < 200);
	windows_close(&w);
}

struct neuron {
	const char *text;
	double a, leak, threshold, reset; /* as float32 holds them */
};

static const struct neuron neurons[] = {
	{"lif", (double)0.1f, 0, 1, 0},
	{"lif tau_mem=20ms v_th=0.25", (double)0.05f, 0, 0.25, 0},
	{"lif tau_mem_inv=400 v_leak=-0.5 v_th=2 v_reset=-1", (double)0.4f, -0.5, 2, -1},
	{"lif tau_mem_inv=250 v_th=0.5 v_reset=0.25", 0.25, 0, 0.5, 0.25},
};

/* encoders.md's bracket, grown to any v0 and v_leak, from powers and not from sums. */
static double edge(const struct neuron *n, double v0, uint32_t m)
{
	double q = pow(1 - n->a, m);
	return (n->threshold - v0 * q) / (1 - q) - n->leak;
}

/* The interval of m ticks that ends now bounds a steady x from both sides; the decoder's value is
 * the middle. */
static void check_line(
	const struct neuron *n, double x, double decoded, double v0, uint32_t m, double *worst)
{
	double lo = edge(n, v0, m), hi = m > 1 ? edge(n, v0, m - 1) : INFINITY;
	double slack = 1e-5 * fabs(lo) + 1e-6;
	assert_true(x > lo - slack && x <= hi + slack);
	if (m == 1) {
		assert_true(fabs(decoded - lo) <= slack);
		return;
	}
	double error = fabs(decoded - x), bound = (hi - lo) / 2;
	if (error > bound + slack)
		fail_msg("%s: x %a decoded as %a after %u ticks", n->text, x, decoded, m);
	*worst = worse(*worst, error / (bound + slack));
}

/* Each line's first interval, from 0, and its second, from the reset voltage. */
static void test_a_steady_value_comes_back_within_half_its_bracket(void **unused)
{
	(void)unused;
	enum { T = 40 };
	struct test_random r = test_random(171);
	uint64_t spikes = 0;
	for (size_t k = 0; k < sizeof(neurons) / sizeof(*neurons); k++) {
		const struct neuron *n = &neurons[k];
		double worst = 0, rest = n->threshold - n->leak;
		struct windows w = windows_of(n->text, LINES, 0, true);
		for (int round = 0; round < ROUNDS / 4; round++) {
			static uint32_t since[LINES];
			static uint8_t fired[LINES];
			memset(since, 0, sizeof(since));
			memset(fired, 0, sizeof(fired));
			random_row(&r, rest - 1, rest + 1.1 * (n->threshold / n->a));
			pipeline_reset(w.p, w.s, RESET_ALL);
			decoder_reset(w.d, RESET_ALL);
			for (uint32_t t = 0; t < T; t++) {
				const uint64_t *on = windows_tick(&w, values);
				for (uint32_t i = 0; i < LINES; i++) {
					since[i]++;
					if (!line_is_on(on, i) || fired[i] > 1)
						continue;
					check_line(n, (double)values[i], (double)w.decoded[i],
						fired[i] ? n->reset : 0, since[i], &worst);
					fired[i]++;
					since[i] = 0;
					spikes++;
				}
			}
			for (uint32_t i = 0; i < LINES; i++)
				assert_true(fired[i] || w.decoded[i] == 0);
		}
		print_message("%s: worst error %.4f of the bound\n", n->text, worst);
		assert_true(worst > 0.95);
		windows_close(&w);
	}
	print_message("%llu spikes\n", (unsigned long long)spikes);
	assert_true(spikes > 1000000);
}

/* From 5 to nothing: the estimate stands while the silence is no news, then falls along the least
 * value that would have fired by now, to the threshold. */
static void test_silence_lowers_an_estimate_as_far_as_it_can(void **unused)
{
	(void)unused;
	struct windows w = windows_of("lif", 1, 0, true);
	float before = 0;
	while (!windows_tick(&w, &(float){5})[0])
		assert_true(w.decoded[0] == 0);
	for (uint32_t t = 0; t < 30; t++)
		windows_tick(&w, &(float){5});
	while (!windows_tick(&w, &(float){5})[0])
		;
	before = w.decoded[0];
	for (uint32_t m = 1; m < 400; m++) {
		assert_int_equal(windows_tick(&w, &(float){0})[0], 0);
		double most = edge(&neurons[0], 0, m);
		double expected = fmin((double)before, most);
		assert_true(fabs((double)w.decoded[0] - expected) < 1e-5 * expected);
	}
	assert_true(before > 4 && fabsf(w.decoded[0] - 1) < 1e-5f);
	windows_close(&w);
}

/* lif, lif_latency and lif with first_spike decode alike, tick by tick. */
static void test_in_a_window_the_first_spike_says_it_all(void **unused)
{
	(void)unused;
	enum { T = 25 };
	struct test_random r = test_random(172);
	static const char *const texts[] = {"range lo=-8 hi=8 clamp=false | lif v_th=0.4",
		"range lo=-8 hi=8 clamp=false | lif_latency v_th=0.4",
		"range lo=-8 hi=8 clamp=false | lif v_th=0.4 | first_spike"};
	const struct neuron n = {"", (double)0.1f, 0, (double)0.4f, 0};
	struct windows w[3];
	uint64_t read = 0;
	static float before[LINES];
	for (size_t k = 0; k < 3; k++)
		w[k] = windows_of(texts[k], LINES, T, true);
	for (uint32_t i = 0; i < LINES; i++)
		before[i] = -8; /* nothing has fired: 0, in front of the range */
	for (int round = 0; round < 30; round++) {
		static uint32_t first[LINES];
		memset(first, 0, sizeof(first));
		if (round)
			memcpy(before, w[0].decoded, sizeof(before));
		random_row(&r, -8, 60);
		for (size_t k = 0; k < 3; k++)
			windows_restart(&w[k]);
		for (uint32_t t = 0; t < T; t++) {
			const uint64_t *on = windows_tick(&w[0], values);
			for (uint32_t i = 0; i < LINES; i++) {
				if (!first[i] && line_is_on(on, i))
					first[i] = t + 1;
			}
			for (size_t k = 1; k < 3; k++) {
				windows_tick(&w[k], values);
				assert_memory_equal(
					w[0].decoded, w[k].decoded, sizeof(float) * LINES);
			}
		}
		for (uint32_t i = 0; i < LINES; i++) {
			double decoded = (double)w[0].decoded[i], m = first[i] ? first[i] : T;
			double lo = edge(&n, 0, (uint32_t)m) * 16 - 8;
			double hi = m > 1 ? edge(&n, 0, (uint32_t)m - 1) * 16 - 8 : lo;
			if (!first[i]) /* it kept what it had, or as much of it as may be */
				assert_true(fabs(decoded - fmin((double)before[i], lo)) < 1e-3);
			else if (m > 1)
				assert_true(
					fabs(decoded - (double)values[i]) <= (hi - lo) / 2 + 1e-4);
			read += first[i] > 1;
		}
	}
	assert_true(read > 150000);
	for (size_t k = 0; k < 3; k++)
		windows_close(&w[k]);
}

static void expect_no_decoder(const char *text, uint32_t window, int stage, const char *part)
{
	struct pipeline_site site = site_of(3, window);
	struct pipeline *p = must_build(text, &site);
	struct fault f = {0};
	assert_null(decoder_new(p, NULL, &f));
	if (!strstr(f.text, part))
		fail_msg("%s: '%s' does not say '%s'", text, f.text, part);
	assert_int_equal(f.stage, stage);
	pipeline_free(p);
}

static void test_what_cannot_be_decoded_is_refused(void **unused)
{
	(void)unused;
	expect_no_decoder("lif tau_mem=0.5ms", 0, 0, "rings");
	expect_no_decoder("lif tau_mem=[5ms,5ms,0.9ms]", 0, 0, "rings");
	expect_no_decoder("lif v_th=0", 0, 0, "v_th");
	expect_no_decoder("lif v_th=0.5 v_reset=0.5", 0, 0, "v_th");
	expect_no_decoder("lif_latency v_th=-55 v_leak=-70 v_reset=-70", 9, 0, "v_th");
	expect_no_decoder("population out_features=4", 0, 0, "scale");
	expect_no_decoder("population out_features=1 lo=0 hi=1", 0, 0, "one line");
	expect_no_decoder("lif v_th=0 | first_spike", 9, 0, "v_th");
	expect_no_decoder("phase_bits | first_spike", 9, 1, "first");
	expect_no_decoder("burst | first_spike", 9, 1, "first");
	expect_no_decoder("rank_order | first_spike", 9, 0, "cannot be decoded");
}

struct crowd {
	const char *text;
	double lo, hi, spacing, period; /* period 0 = a line */
	double inner, ends; /* bounds in spacings, from the fourth centre on and outside of it */
};

static const struct crowd crowds[] = {
	{"population out_features=12 lo=-3 hi=8", -3, 8, 1, 0, 0.01, 0.53},
	{"population out_features=12 lo=-3 hi=8 kernel=triangle", -3, 8, 1, 0, 0.01, 0.34},
	{"population out_features=12 lo=-3 hi=8 kernel=cosine", -3, 8, 1, 0, 0.03, 0.34},
	{"population out_features=12 lo=-3 hi=9 distance=circular", -3, 9, 1, 12, 0.01, 0.01},
	{"population out_features=4 lo=0 hi=8 distance=circular", 0, 8, 2, 8, 0.02, 0.02},
	{"population out_features=3 lo=0 hi=6 distance=circular", 0, 6, 2, 6, 0.05, 0.05},
	/* Narrow ones tell the nearest centre; wide ones draw the mean to the middle. */
	{"population out_features=8 scale=7", 0, 7, 1, 0, 0.12, 0.12},
	{"population out_features=8 lo=0 hi=7 sigma=0.3", 0, 7, 1, 0, 0.5, 0.5},
	{"population out_features=12 scale=1", 0, 1, 1.0 / 11, 0, 2.5, 5},
};

static void test_populations_come_back(void **unused)
{
	(void)unused;
	struct test_random r = test_random(173);
	for (size_t k = 0; k < sizeof(crowds) / sizeof(*crowds); k++) {
		const struct crowd *c = &crowds[k];
		struct windows w = windows_of(c->text, LINES, 0, true);
		double inner = 0, ends = 0;
		for (int round = 0; round < ROUNDS / 8; round++) {
			random_row(&r, c->lo, c->hi);
			windows_tick(&w, values);
			for (uint32_t i = 0; i < LINES; i++) {
				double x = (double)values[i];
				double error = (double)w.decoded[i] - x;
				assert_true((double)w.decoded[i] >= c->lo &&
					    (double)w.decoded[i] <= c->hi);
				if (c->period > 0)
					error = remainder(error, c->period);
				error = fabs(error) / c->spacing;
				if (x < c->lo + 3 * c->spacing || x > c->hi - 3 * c->spacing)
					ends = worse(ends, error);
				else
					inner = worse(inner, error);
			}
		}
		print_message(
			"%s: off by %.4f of a spacing, near the ends %.4f\n", c->text, inner, ends);
		assert_true(inner <= c->inner && ends <= c->ends);
		assert_true(ends > 0.1 * c->ends || c->period > 0);
		windows_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_spike_is_where_the_closed_form_says),
		cmocka_unit_test(test_a_steady_value_comes_back_within_half_its_bracket),
		cmocka_unit_test(test_silence_lowers_an_estimate_as_far_as_it_can),
		cmocka_unit_test(test_in_a_window_the_first_spike_says_it_all),
		cmocka_unit_test(test_populations_come_back),
		cmocka_unit_test(test_what_cannot_be_decoded_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
