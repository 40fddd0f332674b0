/* The generators against their authors' published numbers, and the draw against a comparison
 * written out in full.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/kernels/bits.h"
#include "encoders/kernels/kernels.h"
#include "encoders/rng.h"
#include "tests/encoders/build.h"

#include <math.h>

/* Known answers of philox4x32 with 10 rounds from Random123. */
static void test_philox_gives_the_published_numbers(void **unused)
{
	(void)unused;
	static const struct {
		uint32_t counter[4], key[2], out[4];
	} known[] = {
		{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
			{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
			{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint32_t out[4];
		philox4x32_10(known[i].counter, known[i].key, out);
		assert_memory_equal(out, known[i].out, sizeof(out));
	}
}

static void test_mt19937_gives_the_published_numbers(void **unused)
{
	(void)unused;
	static const uint32_t known[] = {3499211612u, 581869302u, 3890346734u, 3586334585u};
	struct mt19937 mt;
	mt19937_seed(&mt, 5489);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(mt19937_draw(&mt), known[i]);
	/* The C++ standard's check value: the 10000th number of a default mt19937. */
	for (int i = 4; i < 9999; i++)
		mt19937_draw(&mt);
	assert_int_equal(mt19937_draw(&mt), 4123659995u);
}

static void test_mt19937_tells_sane_state_from_bad(void **unused)
{
	(void)unused;
	struct mt19937 mt = {0};
	assert_false(mt19937_sane(&mt));
	mt19937_seed(&mt, 0);
	assert_true(mt19937_sane(&mt));
	mt.next = MT19937_WORDS + 1;
	assert_false(mt19937_sane(&mt));
}

/* The layout, written down a second time from the text in philox.h. */
static uint32_t plain_draw(uint64_t key, uint64_t tick, uint32_t line)
{
	uint32_t counter[4] = {(uint32_t)tick, (uint32_t)(tick >> 32), line / 8, 0};
	const uint32_t words[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
	uint32_t a[4], b[4];
	philox4x32_10(counter, words, a);
	counter[3] = 1;
	philox4x32_10(counter, words, b);
	unsigned half = line % 8, shift = half % 2 * 16;
	uint32_t high = a[half / 2] >> shift & 0xffff, low = b[half / 2] >> shift & 0xff;
	return high << 8 | low;
}

static void test_threshold_is_the_exact_ceiling(void **unused)
{
	(void)unused;
	struct test_random r = test_random(7);
	assert_int_equal(draw_threshold(0.0f), 0);
	assert_int_equal(draw_threshold(-1.0f), 0);
	assert_int_equal(draw_threshold(NAN), 0);
	assert_int_equal(draw_threshold(-INFINITY), 0);
	assert_int_equal(draw_threshold(1e-45f), 1);
	assert_int_equal(draw_threshold(0x1p-24f), 1);
	assert_int_equal(draw_threshold(0x1.000002p-24f), 2);
	assert_int_equal(draw_threshold(0x1.fffffep-1f), 0xffffff);
	assert_int_equal(draw_threshold(1.0f), 0x1000000);
	assert_int_equal(draw_threshold(INFINITY), 0x1000000);
	for (int i = 0; i < 2000000; i++) {
		float p = i % 2 ? bits_float((uint32_t)random_bits(&r))
				: (float)random_between(&r, 0, 1);
		double exact = p > 0 ? ceil((double)p * 0x1p24) : 0;
		uint32_t expected = exact < 0x1p24 ? (uint32_t)exact : 0x1000000;
		assert_int_equal(draw_threshold(p), expected);
	}
}

/* u24 < threshold, decided from 16 bits and the rare second block, equals the plain comparison:
 * on random thresholds, and on thresholds laid on and beside each line's own draw, where every
 * single one is a tie. */
static void test_draws_equal_the_plain_comparison_on_ties_too(void **unused)
{
	(void)unused;
	enum { LINES = 1000, WORDS = LINES / 64 + 1 };
	static float x[LINES];
	static _Alignas(64) uint64_t on[WORDS], always[WORDS];
	static _Alignas(64) uint16_t upper[64 * WORDS];
	static _Alignas(64) uint8_t lower[64 * WORDS];
	const struct odds odds = {upper, lower, always};
	struct test_random r = test_random(8);
	uint64_t ties = 0, fired = 0;
	for (int round = 0; round < 400; round++) {
		uint64_t key = random_bits(&r), tick = random_bits(&r);
		for (uint32_t i = 0; i < LINES; i++) {
			uint32_t u = plain_draw(key, tick, i);
			uint32_t t = u;
			if (round % 2)
				t = u + 3 - random_below(&r, 6);
			else if (random_below(&r, 2))
				t = random_below(&r, 0x1000000);
			x[i] = t > 0x1000000 ? 0 : (float)t * 0x1p-24f;
			ties += t >> 8 == u >> 8;
		}
		kernels_get()->odds(&(struct chance){.rate = 1}, x, &odds, NULL, LINES);
		kernels_get()->draw(key, tick, &odds, on, LINES);
		for (uint32_t i = 0; i < LINES; i++) {
			bool expected = (float)plain_draw(key, tick, i) * 0x1p-24f < x[i];
			assert_int_equal(expected, line_is_on(on, i));
			fired += expected;
		}
	}
	print_message(
		"%llu ties, %llu fired\n", (unsigned long long)ties, (unsigned long long)fired);
	assert_true(ties > 100000 && fired > 100000);
}

/* Keys are part of what recordings depend on: these never change. */
static void test_keys_stay_what_they_are_and_differ(void **unused)
{
	(void)unused;
	uint64_t keys[4] = {rng_key(1, "imu", 0), rng_key(2, "imu", 0), rng_key(1, "imv", 0),
		rng_key(1, "imu", 1)};
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < i; j++)
			assert_true(keys[i] != keys[j]);
	}
	assert_true(rng_key(1, "imu", 0) == 0x911696926657d1d5u);
	assert_true(rng_key(0, "", 0) == 0x7542156952f748b2u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_philox_gives_the_published_numbers),
		cmocka_unit_test(test_mt19937_gives_the_published_numbers),
		cmocka_unit_test(test_mt19937_tells_sane_state_from_bad),
		cmocka_unit_test(test_threshold_is_the_exact_ceiling),
		cmocka_unit_test(test_draws_equal_the_plain_comparison_on_ties_too),
		cmocka_unit_test(test_keys_stay_what_they_are_and_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
