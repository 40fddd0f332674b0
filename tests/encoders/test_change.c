/* Change detectors and cheap rate coders: cases worked out by hand, and the peers' definitions written
 * down anew, offline and in double, with no difference allowed. What their decoders promise is in
 * test_change_decoders.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/encoder.h"
#include "tests/encoders/build.h"

#include <math.h>

#define LONGEST 100000

/* What a line carries at a tick: its spikes, their number or their value. */
static float spike_of(const struct lines *l, uint32_t line)
{
	if (l->kind == KIND_SIGNED && line_is_on(l->minus, line))
		return -1;
	if (!line_is_on(l->on, line))
		return 0;
	return l->kind == KIND_GRADED || l->kind == KIND_COUNTS ? l->values[line] : 1;
}

/* Runs one channel's signal. */
static void encode(const char *text, uint32_t window, const float *x, size_t n, float *spikes)
{
	struct pipeline_site site = site_of(1, window);
	struct pipeline *p = must_build(text, &site);
	struct pipeline_state *s = pipeline_state_new(p);
	for (size_t t = 0; t < n; t++) {
		struct pipeline_out out;
		if (window && t % window == 0)
			pipeline_reset(p, s, RESET_WINDOW);
		pipeline_run(p, s, &x[t], true, &out);
		spikes[t] = spike_of(&out.last, 0);
	}
	pipeline_state_free(s);
	pipeline_free(p);
}

#define GOLDEN_MAX 16

/* One signal and what must come of it. */
struct golden {
	const char *text;
	size_t n;
	float x[GOLDEN_MAX], spikes[GOLDEN_MAX];
};

static void check_golden(const struct golden *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		float spikes[GOLDEN_MAX];
		encode(cases[i].text, 0, cases[i].x, cases[i].n, spikes);
		for (size_t t = 0; t < cases[i].n; t++) {
			if (spikes[t] != cases[i].spikes[t])
				fail_msg("%s: tick %zu gives %g, not %g", cases[i].text, t,
					(double)spikes[t], (double)cases[i].spikes[t]);
		}
	}
}

#define CHECK_GOLDEN(...)                                               \
	do {                                                            \
		const struct golden cases_[] = {__VA_ARGS__};           \
		check_golden(cases_, sizeof(cases_) / sizeof(*cases_)); \
	} while (0)

static void test_step_forward_by_hand(void **unused)
{
	(void)unused;
	CHECK_GOLDEN(
		/* Base 0; 0.5 is not above 0 + 0.5; 0.75 is: base 0.5; then down past 0. */
		{"step_forward theta=0.5", 7, {0, 0.5f, 0.75f, 0.75f, 0, -0.5f, -0.5f},
			{0, 0, 1, 0, 0, -1, 0}},
		/* One step a tick: slew limit. */
		{"step_forward theta=1", 6, {0, 3.5f, 3.5f, 3.5f, 3.5f, 3.5f}, {0, 1, 1, 1, 0, 0}},
		/* ceil(3.5) - 1 = 3; at exactly 3 thetas 2 are enough; held back by max_steps. */
		{"step_forward theta=1 max_steps=10", 5, {0, 3.5f, 0, 20, 20}, {0, 3, -2, 10, 8}},
		/* The base waits two ticks after each spike. */
		{"step_forward theta=1 refractory=2", 8, {0, 9, 9, 9, 9, 9, 9, 9},
			{0, 1, 0, 0, 1, 0, 0, 1}},
		/* Falls in steps of 2: base 0 -> 1 -> 2, x = 0 is not below 2 - 2. */
		{"step_forward theta=1 theta_down=2", 6, {0, 2.5f, 2.5f, 0, -0.5f, -0.5f},
			{0, 1, 1, 0, -1, 0}},
		{"step_forward theta=1 start=zero max_steps=9", 2, {2.5f, 2.5f}, {2, 0}},
		{"delta_modulator theta=1 start=zero", 4, {2.5f, 2.5f, 2.5f, 2.5f}, {1, 1, 0, 0}},
		/* What is not finite is no sample: the base begins at 5 and stays there. */
		{"step_forward theta=1", 8, {NAN, INFINITY, 5, 5, NAN, INFINITY, -INFINITY, 6.5f},
			{0, 0, 0, 0, 0, 0, 0, 1}},
		/* A float's unit at 101325 is 1/128 and 2^-23 of it are 1.55 units, more than 0.003:
		 * steps that are rounded to 2 units, the last one not needed. */
		{"step_forward theta=0.003", 9,
			{101325, 101325.0625f, 101325.0625f, 101325.0625f, 101325.0625f, 101325,
				101325, 101325, 101325},
			{0, 1, 1, 1, 0, -1, -1, 0, 0}},
		{"step_forward theta=0.003", 9,
			{-101325, -101325.0625f, -101325.0625f, -101325.0625f, -101325.0625f,
				-101325, -101325, -101325, -101325},
			{0, -1, -1, -1, 0, 1, 1, 0, 0}},
		/* At 2^17 the unit grows from 1/128 to 1/64. */
		{"step_forward theta=0.003", 4,
			{131071.984375f, 131072.03125f, 131072.03125f, 131072.03125f},
			{0, 1, 1, 0}},
		/* 13 units are 8.4 of 1.55. */
		{"step_forward theta=0.001 max_steps=100", 4,
			{101325, 101325.1015625f, 101325.1015625f, 101325.1015625f}, {0, 8, 0, 0}},
		/* The base halves at each tick: 8 -> 4 + 1, 2.5 + 1, 1.75, 0.875 + 1. */
		{"step_forward theta=1 leak=1.442695041ms", 4, {8, 8, 2.5f, 2.5f}, {1, 1, 0, 1}}, );
}

static void test_send_on_delta_by_hand(void **unused)
{
	(void)unused;
	CHECK_GOLDEN({"send_on_delta theta=0.5", 6, {0.5f, 0.75f, 1.25f, 1.5f, 1.5f, -9},
			     {0, 1, 0, 1, 0, -1}},
		{"send_on_delta theta=0.5 first=silent", 4, {7, 7.5f, 7.75f, 7}, {0, 0, 1, -1}},
		{"send_on_delta theta=0.5 payload=graded", 6, {0.5f, 0.75f, 1.25f, 1.5f, 1.5f, -9},
			{0, 0.75f, 0, 0.75f, 0, -10.5f}},
		{"send_on_delta theta=0 payload=graded", 5, {0, 1, 1, 1.25f, NAN},
			{0, 1, 0, 0.25f, 0}},
		{"send_on_delta theta=0.5", 5, {1, INFINITY, NAN, -INFINITY, 1},
			{1, 0, 0, 0, 0}}, );
}

static void test_derivative_by_hand(void **unused)
{
	(void)unused;
	CHECK_GOLDEN({"derivative theta=0.5", 7, {9, 9.5f, 9.5f, 9, 8.75f, 8.5f, 0},
			     {0, 1, 0, -1, 0, 0, -1}},
		{"derivative theta=0.5 pad=zero", 3, {0.5f, 0.75f, 0}, {1, 0, -1}},
		{"derivative theta=0.5 off=false", 4, {0, 1, 0, 1}, {0, 1, 0, 1}},
		{"derivative theta=0.5", 6, {NAN, 1, NAN, INFINITY, 1.5f, 1},
			{0, 0, 0, 0, 1, -1}}, );
}

static void test_threshold_by_hand(void **unused)
{
	(void)unused;
	CHECK_GOLDEN({"threshold theta=1", 6, {1, 1.5f, NAN, 1, INFINITY, -INFINITY},
			     {0, 1, 1, 0, 1, 0}},
		{"threshold theta=1 hysteresis=0.5", 6, {2, 1, 0.75f, 0.5f, 0.75f, 1.25f},
			{1, 1, 1, 0, 0, 1}},
		{"threshold theta=1 edge=rise", 6, {2, 2, 0, 2, 2, 0}, {1, 0, 0, 1, 0, 0}},
		{"threshold theta=1 edge=fall", 6, {0, 2, 0, 0, 2, 1}, {0, 0, 1, 0, 0, 1}},
		{"threshold theta=1 edge=both", 6, {2, 2, 0, 0, 2, 1}, {1, 0, -1, 0, 1, -1}}, );
}

static void test_bipolar_lif_by_hand(void **unused)
{
	(void)unused;
	CHECK_GOLDEN(
		/* v = 0.5, 0.75, 0.875 (+), 0.5 … and exactly theta does not fire. */
		{"lif_bipolar theta=0.8 beta=0.5", 6, {0.5f, 0.5f, 0.5f, 0.5f, -2, -0.75f},
			{0, 0, 1, 0, -1, 0}},
		{"lif_bipolar theta=0.75 beta=1", 4, {0.5f, 0.25f, 0, 0.25f}, {0, 0, 0, 1}},
		{"lif_bipolar theta=0.75 beta=1", 5, {0.5f, NAN, 0.5f, INFINITY, -0.5f},
			{0, 0, 1, 1, 0}}, );
}

static void test_integrate_and_fire_by_hand(void **unused)
{
	(void)unused;
	/* dt is 1 ms: f_max 250 Hz makes a quarter of a spike a tick and unit. */
	CHECK_GOLDEN({"if f_max=250", 8, {1, 1, 1, 1, 1, 2, 1, 4}, {0, 0, 0, 1, 0, 0, 1, 1}},
		{"rate f_max=250 theta=2", 8, {2, 2, 2, 2, 4, 4, 4, 4}, {0, 0, 0, 1, 0, 1, 0, 1}},
		{"if f_max=250 mode=bipolar", 8, {-2, -2, 4, -4, 2, NAN, 2, 0},
			{0, -1, 1, -1, 0, 0, 1, 0}},
		{"if f_max=250 mode=rectify", 4, {-2, 2, -3, 1}, {0, 1, 0, 1}},
		/* Unipolar: what is taken away is owed, but no more than carry. */
		{"if f_max=250", 7, {-40, 4, 4, 4, 0, 0, 0}, {0, 0, 1, 1, 0, 0, 0}},
		/* 2.5 spikes due at once: one now, one carried, the half lost; carry 3 keeps them. */
		{"if f_max=250", 4, {10, 0, 0, 3}, {1, 1, 0, 0}},
		{"integrate_and_fire f_max=250 carry=3", 4, {10, 0, 2, 0}, {1, 1, 1, 0}},
		{"if f_max=250 cap=4", 5, {10, 2, 100, 0, 0}, {2, 1, 4, 1, 0}},
		{"if f_max=250 cap=4 mode=bipolar", 4, {-10, -2, 6, 2}, {-2, -1, 1, 1}},
		{"if f_max=250", 5, {INFINITY, 0, 0, 4, NAN}, {1, 1, 0, 1, 0}}, );
}

/* A random walk on multiples of 2^-10, on which neither float nor double ever rounds. */
static void walk(struct test_random *r, float *x, size_t n, double step)
{
	double at = 0;
	for (size_t t = 0; t < n; t++) {
		at += round(random_between(r, -step, step) * 1024) / 1024;
		at = at > 500 ? 500 : at < -500 ? -500 : at;
		x[t] = (float)at;
	}
}

/* spikify's and SpikeCoding's definition: one pass over the whole signal, base of the first sample. */
static void peer_step_forward(const float *signal, size_t n, double threshold, float *spikes)
{
	double base = signal[0];
	memset(spikes, 0, n * sizeof(*spikes));
	for (size_t t = 1; t < n; t++) {
		if (signal[t] > base + threshold) {
			spikes[t] = 1;
			base += threshold;
		} else if (signal[t] < base - threshold) {
			spikes[t] = -1;
			base -= threshold;
		}
	}
}

static float signal[LONGEST], ours[LONGEST], theirs[LONGEST];

static size_t differences(size_t n)
{
	size_t count = 0;
	for (size_t t = 0; t < n; t++)
		count += ours[t] != theirs[t];
	return count;
}

static size_t spikes_in(const float *spikes, size_t n)
{
	size_t count = 0;
	for (size_t t = 0; t < n; t++)
		count += spikes[t] != 0;
	return count;
}

static void test_step_forward_equals_the_peers(void **unused)
{
	(void)unused;
	static const double thetas[] = {0.125, 0.5, 2};
	struct test_random r = test_random(1);
	for (unsigned i = 0; i < 3; i++) {
		char text[64];
		snprintf(text, sizeof(text), "step_forward theta=%g", thetas[i]);
		walk(&r, signal, LONGEST, 1);
		encode(text, 0, signal, LONGEST, ours);
		peer_step_forward(signal, LONGEST, thetas[i], theirs);
		assert_int_equal(differences(LONGEST), 0);
		assert_true(spikes_in(ours, LONGEST) > 100);
	}
}

/* With any number of steps: they are taken one after the other until x is within a step. */
static void test_many_steps_are_single_steps_at_once(void **unused)
{
	(void)unused;
	struct test_random r = test_random(2);
	walk(&r, signal, LONGEST, 20);
	encode("step_forward theta=0.25 theta_down=0.5 max_steps=50", 0, signal, LONGEST, ours);
	double base = signal[0];
	for (size_t t = 0; t < LONGEST; t++) {
		int n = 0;
		for (; n < 50 && signal[t] > base + 0.25; n++)
			base += 0.25;
		for (; n <= 0 && n > -50 && signal[t] < base - 0.5; n--)
			base -= 0.5;
		theirs[t] = (float)n;
	}
	assert_int_equal(differences(LONGEST), 0);
	assert_true(spikes_in(ours, LONGEST) > 1000);
}

/* snnTorch's spikegen.delta on a whole tensor: differences of the signal with a padding before it. */
static void peer_delta(
	const float *data, size_t n, float threshold, bool padding, bool off_spike, float *spikes)
{
	for (size_t t = n; t-- > 0;) {
		float offset = t > 0 ? data[t - 1] : padding ? data[0] : 0.0f;
		float d = data[t] - offset;
		spikes[t] = (d >= threshold ? 1.0f : 0.0f) -
			    (off_spike && d <= -threshold ? 1.0f : 0.0f);
	}
}

static void test_derivative_equals_snntorch_delta(void **unused)
{
	(void)unused;
	struct test_random r = test_random(3);
	for (unsigned i = 0; i < 8; i++) {
		bool padding = i & 1, off = i & 2, ties = i & 4;
		float threshold = ties ? 0.5f : 0.1f;
		char text[96];
		snprintf(text, sizeof(text), "derivative theta=%g pad=%s off=%s", (double)threshold,
			padding ? "first" : "zero", off ? "true" : "false");
		for (size_t t = 0; t < LONGEST; t++)
			signal[t] = ties ? (float)random_below(&r, 9) / 4
					 : (float)random_between(&r, -0.15, 0.15);
		encode(text, 0, signal, LONGEST, ours);
		peer_delta(signal, LONGEST, threshold, padding, off, theirs);
		assert_int_equal(differences(LONGEST), 0);
		assert_true(spikes_in(ours, LONGEST) > 1000);
	}
}

/* The definition of Spike-Encoding's LIF, where its voltage and its base are not one tensor. */
static void test_bipolar_lif_equals_the_sum(void **unused)
{
	(void)unused;
	struct test_random r = test_random(4);
	for (size_t t = 0; t < LONGEST; t++)
		signal[t] = (float)(random_below(&r, 2049)) / 1024 - 1;
	encode("lif_bipolar theta=0.75 beta=0.5", 0, signal, LONGEST, ours);
	/* From the last spike on: the sum of x[k] / 2^(t - k), here without a recursion. */
	size_t since = 0;
	for (size_t t = 0; t < LONGEST; t++) {
		double v = 0;
		for (size_t k = t + 1; k-- > since && t - k < 60;)
			v += ldexp(signal[k], -(int)(t - k));
		theirs[t] = v > 0.75 ? 1.0f : v < -0.75 ? -1.0f : 0.0f;
		if (theirs[t] != 0)
			since = t + 1;
	}
	assert_int_equal(differences(LONGEST), 0);
	assert_true(spikes_in(ours, LONGEST) > 1000);
}

/* spikify's zero_cross_step_forward: [max(x, 0) > theta]. */
static void test_threshold_equals_the_half_wave_code(void **unused)
{
	(void)unused;
	struct test_random r = test_random(5);
	for (size_t t = 0; t < LONGEST; t++) {
		signal[t] = (float)random_between(&r, -1, 1);
		theirs[t] = fmaxf(signal[t], 0) > 0.25f;
	}
	encode("threshold theta=0.25", 0, signal, LONGEST, ours);
	assert_int_equal(differences(LONGEST), 0);
}

/* Rises and falls, added up from low, are the level. */
static void test_edges_tell_the_level(void **unused)
{
	(void)unused;
	struct test_random r = test_random(6);
	for (size_t t = 0; t < LONGEST; t++)
		signal[t] = (float)random_between(&r, -1, 1);
	encode("threshold theta=0.25 hysteresis=0.5", 0, signal, LONGEST, theirs);
	encode("threshold theta=0.25 hysteresis=0.5 edge=both", 0, signal, LONGEST, ours);
	for (size_t t = 1; t < LONGEST; t++)
		ours[t] += ours[t - 1];
	assert_int_equal(differences(LONGEST), 0);
	assert_true(spikes_in(ours, LONGEST) > 1000);
}

/* A list of the same parameter gives what the one parameter gives, and each line has its own. */
static void test_a_list_has_one_parameter_a_channel(void **unused)
{
	(void)unused;
	static const char *const lists[] = {"step_forward theta=[0.1,0.4] theta_down=[0.2,0.3]",
		"step_forward theta=[0.1,0.4] max_steps=7", "send_on_delta theta=[0.1,0.4]",
		"send_on_delta theta=[0.1,0.4] payload=graded", "derivative theta=[0.1,0.4]",
		"threshold theta=[0.1,0.4] edge=both", "threshold theta=0.1 hysteresis=[0,0.3]",
		"lif_bipolar theta=0.4 beta=[0.5,0.8]",
		"if f_max=100 theta=[0.1,0.4] mode=bipolar"};
	static const char *const ones[][2] = {
		{"step_forward theta=0.1 theta_down=0.2", "step_forward theta=0.4 theta_down=0.3"},
		{"step_forward theta=0.1 max_steps=7", "step_forward theta=0.4 max_steps=7"},
		{"send_on_delta theta=0.1", "send_on_delta theta=0.4"},
		{"send_on_delta theta=0.1 payload=graded",
			"send_on_delta theta=0.4 payload=graded"},
		{"derivative theta=0.1", "derivative theta=0.4"},
		{"threshold theta=0.1 edge=both", "threshold theta=0.4 edge=both"},
		{"threshold theta=0.1 hysteresis=0", "threshold theta=0.1 hysteresis=0.3"},
		{"lif_bipolar theta=0.4 beta=0.5", "lif_bipolar theta=0.4 beta=0.8"},
		{"if f_max=100 theta=0.1 mode=bipolar", "if f_max=100 theta=0.4 mode=bipolar"}};
	enum { TICKS = 1000 };
	struct test_random r = test_random(7);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct pipeline_site site = site_of(2, 0);
		struct pipeline *p = must_build(lists[i], &site);
		struct pipeline_state *s = pipeline_state_new(p);
		static float spikes[2][TICKS], x[TICKS];
		for (size_t t = 0; t < TICKS; t++) {
			struct pipeline_out out;
			x[t] = (float)random_between(&r, -1, 1);
			pipeline_run(p, s, (const float[]){x[t], x[t]}, true, &out);
			for (uint32_t c = 0; c < 2; c++)
				spikes[c][t] = spike_of(&out.last, c);
		}
		for (uint32_t c = 0; c < 2; c++) {
			encode(ones[i][c], 0, x, TICKS, ours);
			assert_same_floats(ours, spikes[c], (size_t)TICKS);
		}
		assert_memory_not_equal(spikes[0], spikes[1], sizeof(spikes[0]));
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

static void assert_refused(const char *text, uint32_t window, const char *key)
{
	struct pipeline_site site = site_of(1, window);
	struct fault f = {0};
	struct pipeline *p = build(text, &site, &f);
	assert_null(p);
	assert_string_equal(f.key, key);
	assert_true(f.text[0] != '\0');
}

static void test_what_cannot_be_is_refused(void **unused)
{
	(void)unused;
	assert_refused("step_forward theta=0", 0, "theta");
	assert_refused("step_forward max_steps=70000", 0, "max_steps");
	assert_refused("step_forward max_steps=0", 0, "max_steps");
	assert_refused("send_on_delta theta=-1", 0, "theta");
	assert_refused("derivative theta=0", 0, "theta");
	assert_refused("threshold theta=-3e38 hysteresis=3e38", 0, "hysteresis");
	assert_refused("lif_bipolar beta=1.1", 0, "beta");
	assert_refused("if f_max=1e-30 theta=1e30", 0, "f_max");
	assert_refused("if f_max=1e30 theta=1e-30", 0, "f_max");
}

/* A state that no run can leave is refused, whichever line it is in. */
static void test_impossible_states_are_refused(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"step_forward", "step_forward max_steps=5",
		"send_on_delta", "derivative", "lif_bipolar", "if"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct pipeline_site site = site_of(3, 0);
		struct pipeline *p = must_build(texts[i], &site);
		struct pipeline_state *s = pipeline_state_new(p);
		size_t size = pipeline_saved_size(p), block = size - p->stages[0].state_size;
		uint8_t *bytes = malloc(size);
		struct fault f;
		pipeline_save(p, s, bytes);
		assert_int_equal(pipeline_load(p, s, bytes, size, &f), 0);
		memcpy(bytes + block + 2 * sizeof(float), &(float){NAN}, sizeof(float));
		assert_true(pipeline_load(p, s, bytes, size, &f) < 0);
		free(bytes);
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_step_forward_by_hand),
		cmocka_unit_test(test_send_on_delta_by_hand),
		cmocka_unit_test(test_derivative_by_hand),
		cmocka_unit_test(test_threshold_by_hand),
		cmocka_unit_test(test_bipolar_lif_by_hand),
		cmocka_unit_test(test_integrate_and_fire_by_hand),
		cmocka_unit_test(test_step_forward_equals_the_peers),
		cmocka_unit_test(test_many_steps_are_single_steps_at_once),
		cmocka_unit_test(test_derivative_equals_snntorch_delta),
		cmocka_unit_test(test_bipolar_lif_equals_the_sum),
		cmocka_unit_test(test_threshold_equals_the_half_wave_code),
		cmocka_unit_test(test_edges_tell_the_level),
		cmocka_unit_test(test_a_list_has_one_parameter_a_channel),
		cmocka_unit_test(test_what_cannot_be_is_refused),
		cmocka_unit_test(test_impossible_states_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
