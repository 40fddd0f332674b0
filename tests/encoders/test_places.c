/* Which line fires: place and rank_order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/windows.h"

#include <math.h>

#define LINES  10000u
#define ROUNDS 100 /* of LINES: 10^6 samples */

static int line_of(const uint64_t *on, uint32_t first, uint32_t m)
{
	int found = -1;
	for (uint32_t i = 0; i < m; i++) {
		if (!line_is_on(on, first + i))
			continue;
		assert_int_equal(found, -1);
		found = (int)i;
	}
	return found;
}

static void test_places_have_edges(void **unused)
{
	(void)unused;
	struct windows w = windows_of("place out_features=4 lo=-1 hi=3", 1, 0, false);
	const float values[] = {-1, -0.001f, 0, 0.999f, 1, 2.999f, 3, 99, -99, 3e38f, -3e38f,
		INFINITY, -INFINITY, NAN, nextafterf(-1, -2), nextafterf(3, 0)};
	const int lines[] = {0, 0, 1, 1, 2, 3, 3, 3, 0, 3, 0, 3, 0, -1, 0, 3};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		assert_int_equal(line_of(windows_tick(&w, &values[i]), 0, 4), lines[i]);
	windows_close(&w);
}

/* Each channel its own span, m lines a channel, found by walking along the parts. */
static void test_each_channel_has_its_lines(void **unused)
{
	(void)unused;
	struct test_random r = test_random(160);
	struct windows w =
		windows_of("place out_features=7 lo=[0,-5,100] hi=[1,5,128]", 3, 0, false);
	const double lo[] = {0, -5, 100}, hi[] = {1, 5, 128};
	for (int round = 0; round < 100000; round++) {
		float values[3];
		for (uint32_t c = 0; c < 3; c++)
			values[c] = (float)random_between(&r, lo[c], hi[c]);
		const uint64_t *on = windows_tick(&w, values);
		for (uint32_t c = 0; c < 3; c++) {
			double part = (hi[c] - lo[c]) / 7, end = lo[c] + part;
			int line = 0;
			for (; line < 6 && (double)values[c] >= end; line++)
				end += part;
			if (fabs((double)values[c] - end) < 1e-5 * fabs(hi[c]) ||
				fabs((double)values[c] - end + part) < 1e-5 * fabs(hi[c]))
				continue;
			assert_int_equal(line_of(on, c * 7, 7), line);
		}
	}
	windows_close(&w);
}

static void test_on_change_fires_at_the_first_tick_of_a_stay(void **unused)
{
	(void)unused;
	struct windows w = windows_of("place out_features=4 on_change=true", 1, 0, true);
	const float values[] = {0.3f, 0.3f, 0.26f, NAN, 0.4f, 0.6f, 9, 0.8f, 0.6f, 0.6f};
	const int lines[] = {1, -1, -1, -1, -1, 2, 3, -1, 2, -1};
	const float decoded[] = {
		0.375f, 0.375f, 0.375f, 0.375f, 0.375f, 0.625f, 0.875f, 0.875f, 0.625f, 0.625f};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		assert_int_equal(line_of(windows_tick(&w, &values[i]), 0, 4), lines[i]);
		assert_true(w.decoded[0] == decoded[i]);
	}
	windows_restart(&w); /* a new window says where it begins */
	assert_int_equal(line_of(windows_tick(&w, &values[9]), 0, 4), 2);
	windows_close(&w);
}

static void expect_bound(const char *text, uint32_t window)
{
	static float values[LINES];
	struct test_random r = test_random(161);
	struct windows w = windows_of(text, LINES, window, true);
	double worst = 0;
	for (int round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < LINES; i++)
			values[i] = (float)random_between(&r, -2, 6);
		if (window)
			windows_restart(&w);
		windows_tick(&w, values);
		for (uint32_t i = 0; i < LINES; i++)
			worst = worse(worst, fabs((double)(w.decoded[i] - values[i])));
	}
	print_message("%s: worst error %.4f of the bound\n", text, worst / (8.0 / 12 / 2));
	assert_true(worst <= 8.0 / 12 / 2 + 1e-6 && worst > 0.99 * 8.0 / 12 / 2);
	windows_close(&w);
}

static void test_places_decode_to_half_a_part(void **unused)
{
	(void)unused;
	expect_bound("place out_features=12 lo=-2 hi=6", 0);
	expect_bound("place out_features=12 lo=-2 hi=6 on_change=true", 0);
	expect_bound("range lo=-2 hi=6 | place out_features=12", 0);
	expect_bound("place out_features=12 lo=-2 hi=6 | first_spike", 4);
}

/* Ticks of the lines by counting, for each, how many come before it. */
static void expect_ranks(const float *x, uint32_t n, uint32_t stride, float floor, uint32_t window,
	const uint32_t *ticks)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t rank = 0;
		for (uint32_t j = 0; j < n; j++)
			rank += x[j] > x[i] || (x[j] == x[i] && j < i);
		bool fires = x[i] > floor && rank * stride < window;
		if (ticks[i] != (fires ? rank * stride : WINDOWS_NONE))
			fail_msg("line %u of %u, %a: rank %u, stride %u, tick %d", i, n,
				(double)x[i], (unsigned)rank, stride, (int)ticks[i]);
	}
}

static void test_ranks_are_in_order(void **unused)
{
	(void)unused;
	const float values[] = {0.5f, 3, 0, 3, -1, INFINITY, 1e-42f, -0.0f, NAN};
	const uint32_t ticks[] = {
		6, 2, WINDOWS_NONE, 4, WINDOWS_NONE, 0, 8, WINDOWS_NONE, WINDOWS_NONE};
	uint32_t got[9];
	struct windows w = windows_of("rank_order stride=2", 9, 20, false);
	windows_ticks(&w, values, got);
	assert_memory_equal(got, ticks, sizeof(got));
	windows_close(&w);
	/* Zeros of both signs are equal; negative values have ranks too. */
	const float low[] = {-0.0f, 0, -2, -1, 0};
	const uint32_t low_ticks[] = {0, 1, WINDOWS_NONE, 3, 2};
	w = windows_of("rank_order floor=-1.5", 5, 20, false);
	windows_ticks(&w, low, got);
	assert_memory_equal(got, low_ticks, sizeof(low_ticks));
	windows_close(&w);
}

static void test_ranks_are_those_of_a_count(void **unused)
{
	(void)unused;
	enum { MOST = 300 };
	struct test_random r = test_random(162);
	float values[MOST];
	uint32_t ticks[MOST];
	for (int round = 0; round < 400; round++) {
		uint32_t n = 1 + random_below(&r, MOST), window = 2 + random_below(&r, 400);
		uint32_t stride = 1 + random_below(&r, 3), few = random_below(&r, 4);
		float floor = (float)random_between(&r, -2, 0.5);
		char text[96];
		snprintf(text, sizeof(text), "rank_order stride=%u floor=%.9g", stride,
			(double)floor);
		struct windows w = windows_of(text, n, window, false);
		for (uint32_t i = 0; i < n; i++) {
			values[i] = (float)random_between(&r, -1, 1);
			if (few) /* many that are equal */
				values[i] = nearbyintf(values[i] * 4) / 4;
			else if (random_below(&r, 20) == 0)
				values[i] = bits_float((uint32_t)random_bits(&r));
		}
		windows_ticks(&w, values, ticks);
		expect_ranks(values, n, stride, floor, window, ticks);
		windows_close(&w);
	}
}

/* A live change of the stride in mid-window neither repeats a rank nor leaves one out. */
static void test_a_changed_stride_goes_on_where_it_was(void **unused)
{
	(void)unused;
	struct windows w = windows_of("rank_order stride=3", 4, 20, false);
	struct pipeline_site site = site_of(4, 20);
	struct pipeline *faster = must_build("rank_order stride=1", &site), *slower = w.p;
	const float values[] = {1, 2, 3, 4};
	const uint64_t expected[] = {8, 0, 0, 4, 0, 0, 2, 1, 0, 0};
	assert_true(pipeline_same_layout(faster, slower));
	for (uint32_t t = 0; t < 10; t++) {
		w.p = t < 5 ? slower : faster;
		assert_int_equal(windows_tick(&w, values)[0], expected[t]);
	}
	w.p = slower;
	windows_close(&w);
	pipeline_free(faster);
}

static void test_ranks_cannot_be_decoded_nor_go_without_a_window(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(4, 20);
	struct pipeline *p = must_build("rank_order", &site);
	struct fault f = {0};
	assert_null(decoder_new(p, NULL, &f));
	assert_non_null(strstr(f.text, "cannot be decoded"));
	pipeline_free(p);
	site.window = 0;
	assert_null(build("rank_order", &site, &f));
	assert_non_null(strstr(f.text, "window"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_have_edges),
		cmocka_unit_test(test_each_channel_has_its_lines),
		cmocka_unit_test(test_on_change_fires_at_the_first_tick_of_a_stay),
		cmocka_unit_test(test_places_decode_to_half_a_part),
		cmocka_unit_test(test_ranks_are_in_order),
		cmocka_unit_test(test_ranks_are_those_of_a_count),
		cmocka_unit_test(test_a_changed_stride_goes_on_where_it_was),
		cmocka_unit_test(test_ranks_cannot_be_decoded_nor_go_without_a_window),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
