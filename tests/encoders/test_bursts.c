/* Several spikes a window: phase_bits and burst.
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

/* Whole trains as text, a character a tick. */
static void expect_trains(
	const char *text, const float *row, const char *const *expected, uint32_t n)
{
	uint32_t window = (uint32_t)strlen(expected[0]);
	struct windows w = windows_of(text, n, window, false);
	bool train[1024];
	windows_train(&w, row, train);
	for (uint32_t i = 0; i < n; i++) {
		char got[64] = "";
		for (uint32_t t = 0; t < window; t++)
			got[t] = train[t * n + i] ? '1' : '0';
		assert_string_equal(got, expected[i]);
	}
	windows_close(&w);
}

static void test_digits_are_those_of_the_value(void **unused)
{
	(void)unused;
	const float row[] = {0, 0.5f, 0.6875f, 0.3f, 0.9375f, 0.95f, 1, 9, -1, NAN, INFINITY};
	static const char *const trains[] = {"000000", "100000", "101100", "010000", "111100",
		"111100", "111100", "111100", "000000", "000000", "111100"};
	expect_trains("phase_bits bits=4", row, trains, 11);
}

/* SpikingJelly's WeightedPhaseEncoder: what is left is compared with each weight in turn. */
static void test_digits_are_spikingjellys_weighted_phase(void **unused)
{
	(void)unused;
	struct test_random r = test_random(150);
	static bool train[24 * LINES];
	for (uint32_t bits = 1; bits <= 24; bits++) {
		char text[64];
		snprintf(text, sizeof(text), "phase_bits bits=%u", bits);
		struct windows w = windows_of(text, LINES, bits, false);
		random_row(&r, 0, 1 - ldexp(1, -(int)bits));
		values[0] = (float)(1 - ldexp(1, -(int)bits));
		windows_train(&w, values, train);
		for (uint32_t i = 0; i < LINES; i++) {
			double left = (double)values[i];
			for (uint32_t k = 0; k < bits; k++) {
				double weight = pow(2, -(double)(k + 1));
				bool fires = left >= weight;
				left -= fires ? weight : 0;
				if (train[k * LINES + i] != fires)
					fail_msg("%u bits of %a: tick %u", bits, (double)values[i],
						k);
			}
		}
		windows_close(&w);
	}
}

/* Not even a rounding: the decoded value is the floor, as a float32. */
static void test_digits_decode_to_the_floor_exactly(void **unused)
{
	(void)unused;
	struct test_random r = test_random(151);
	static const char *const texts[] = {
		"phase_bits", "phase_bits bits=24", "phase_bits bits=5"};
	const int bits[] = {8, 24, 5};
	for (size_t n = 0; n < 3; n++) {
		struct windows w = windows_of(texts[n], LINES, 24, true);
		for (int round = 0; round < ROUNDS; round++) {
			random_row(&r, 0, 1);
			windows_restart(&w);
			for (uint32_t t = 0; t < 24; t++)
				windows_tick(&w, values);
			for (uint32_t i = 0; i < LINES; i++) {
				double x = (double)values[i] < 1 ? (double)values[i]
								 : 1 - ldexp(1, -bits[n]);
				double exact = ldexp(floor(ldexp(x, bits[n])), -bits[n]);
				assert_true((double)w.decoded[i] == exact);
			}
		}
		windows_close(&w);
	}
}

static void test_digits_are_known_at_tick_k_and_held_before(void **unused)
{
	(void)unused;
	struct windows w = windows_of("range lo=0 hi=8 | phase_bits bits=3", 1, 5, true);
	for (uint32_t t = 0; t < 10; t++) {
		if (t % 5 == 0)
			windows_restart(&w);
		/* The second row comes in mid-window and waits for the next one. */
		windows_tick(&w, &(float){t < 1 ? 5.5f : 3});
		float expected = t < 2 ? 0 : t < 7 ? 5 : 3;
		assert_true(w.decoded[0] == expected);
	}
	windows_close(&w);
}

static void test_bursts_are_where_hand_says(void **unused)
{
	(void)unused;
	const float row[] = {1, 0.5f, 0.3f, 0.1f, 0.75f, 0, -1, 3, NAN, INFINITY};
	static const char *const trains[] = {"11110000", "10010000", "10001000", "10000000",
		"10101000", "00000000", "00000000", "11110000", "00000000", "11110000"};
	expect_trains("burst", row, trains, 10);
	/* Three spikes four ticks apart whatever the value, but their number. */
	const float thirds[] = {1, 0.6f, 0.3f};
	static const char *const same[] = {"1000100010", "1000100000", "1000000000"};
	expect_trains("burst n_max=3 t_min=3 t_max=3", thirds, same, 3);
}

/* The window that is asked for is the longest burst of any value: found by trying values just above
 * each step of the count. */
static void test_the_window_asked_for_is_the_longest_burst(void **unused)
{
	(void)unused;
	struct test_random r = test_random(152);
	for (int round = 0; round < 2000; round++) {
		uint32_t n_max = 1 + random_below(&r, 9), t_max = random_below(&r, 12);
		uint32_t t_min = random_below(&r, t_max + 1), longest = 1;
		for (uint32_t k = 0; k < n_max * 64; k++) {
			double x = (k + 1e-3) / (n_max * 64);
			double n = ceil(n_max * x), gap = ceil(t_max - x * (t_max - t_min));
			uint32_t ticks = (uint32_t)((n - 1) * (gap + 1) + 1);
			longest = ticks > longest ? ticks : longest;
		}
		char text[96], sentence[64];
		struct fault f = {0};
		snprintf(text, sizeof(text), "burst n_max=%u t_min=%u t_max=%u", n_max, t_min,
			t_max);
		struct pipeline_site site = site_of(1, longest);
		struct pipeline *p = build(text, &site, &f);
		if (!p)
			fail_msg("%s, window %u: %s", text, longest, f.text);
		pipeline_free(p);
		if (longest == 1)
			continue;
		site.window--;
		assert_null(build(text, &site, &f));
		snprintf(sentence, sizeof(sentence), "need a window of %u ticks", longest);
		assert_non_null(strstr(f.text, sentence));
	}
}

/* spikify's formula as it is written, in double; what is within float32's reach of a step is left
 * out. No spike of a burst is lost at the window's end. */
static void test_bursts_are_spikifys(void **unused)
{
	(void)unused;
	enum { T = 40 };
	struct test_random r = test_random(153);
	struct windows w = windows_of("burst n_max=7 t_min=2 t_max=9", LINES, T, false);
	static bool train[T * LINES];
	for (int round = 0; round < 10; round++) {
		random_row(&r, 0, 1);
		values[0] = (float)(round % 2);
		windows_train(&w, values, train);
		for (uint32_t i = 0; i < LINES; i++) {
			bool expected[T] = {0};
			double n = 7 * (double)values[i], gap = 9 - (double)values[i] * 7;
			if (fabs(n - nearbyint(n)) < 1e-5 && n > 0 && n < 7)
				continue;
			for (uint32_t j = 0; j < (uint32_t)ceil(n); j++)
				expected[j * ((uint32_t)ceil(gap) + 1)] = true;
			for (uint32_t t = 0; t < T; t++)
				assert_int_equal(train[t * LINES + i], expected[t]);
		}
	}
	windows_close(&w);
}

static void expect_bound(const char *text, double bound, uint64_t seed)
{
	enum { T = 60 };
	struct test_random r = test_random(seed);
	struct windows w = windows_of(text, LINES, T, true);
	double worst = 0;
	for (int round = 0; round < ROUNDS; round++) {
		random_row(&r, 0, 1);
		windows_restart(&w);
		for (uint32_t t = 0; t < T; t++)
			windows_tick(&w, values);
		for (uint32_t i = 0; i < LINES; i++)
			worst = worse(worst, fabs((double)(w.decoded[i] - values[i])));
	}
	print_message("%s: worst error %.4f of the bound\n", text, worst / bound);
	assert_true(worst <= bound * (1 + 1e-5) && worst > 0.9 * bound);
	windows_close(&w);
}

static void test_bursts_decode_within_their_bound(void **unused)
{
	(void)unused;
	expect_bound("burst", 0.5 / 4, 154);
	expect_bound("burst n_max=5 t_min=7 t_max=7", 0.5 / 5, 155); /* the count alone */
	expect_bound("burst n_max=8 t_min=1 t_max=9", 0.5 / 8, 156);
}

/* Of two spikes or more the interval says more than the count, where it is the finer one. */
static void test_the_narrower_bracket_decides(void **unused)
{
	(void)unused;
	struct windows w = windows_of("burst n_max=2 t_min=0 t_max=20", 1, 30, true);
	for (float x = 0.501f; x < 1; x += 0.013f) {
		windows_restart(&w);
		for (uint32_t t = 0; t < 30; t++)
			windows_tick(&w, &x);
		assert_true(fabsf(w.decoded[0] - x) <= 0.5f / 20 + 1e-6f);
	}
	windows_close(&w);
}

static void test_what_cannot_work_is_refused(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"phase_bits", "phase_bits bits=25", "phase_bits bits=0",
		"burst", "burst n_max=0", "burst t_min=5"};
	static const char *const parts[] = {"at least 8 ticks and the stream's has 6", "bits",
		"bits", "need a window of 7 ticks and the stream's has 6", "n_max",
		"at least t_min"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct pipeline_site site = site_of(2, 6);
		struct fault f = {0};
		assert_null(build(texts[i], &site, &f));
		if (!strstr(f.text, parts[i]) && strcmp(f.key, parts[i]) != 0)
			fail_msg("%s: %s", texts[i], f.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits_are_those_of_the_value),
		cmocka_unit_test(test_digits_are_spikingjellys_weighted_phase),
		cmocka_unit_test(test_digits_decode_to_the_floor_exactly),
		cmocka_unit_test(test_digits_are_known_at_tick_k_and_held_before),
		cmocka_unit_test(test_bursts_are_where_hand_says),
		cmocka_unit_test(test_the_window_asked_for_is_the_longest_burst),
		cmocka_unit_test(test_bursts_are_spikifys),
		cmocka_unit_test(test_bursts_decode_within_their_bound),
		cmocka_unit_test(test_the_narrower_bracket_decides),
		cmocka_unit_test(test_what_cannot_work_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
