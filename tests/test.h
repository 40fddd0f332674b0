/* What every test includes first: cmocka in the order that it wants, float comparison by bits, and
 * random numbers whose seed is printed and can be given again (SPIKED_TEST_SEED).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline uint32_t float_bits(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float bits_float(uint32_t bits)
{
	float value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Equal bit for bit, except that any NaN equals any other. */
static inline bool same_float(float a, float b)
{
	return float_bits(a) == float_bits(b) || (a != a && b != b);
}

/* Index of the first difference, or n. */
static inline size_t first_difference(const float *a, const float *b, size_t n)
{
	size_t i = 0;
	while (i < n && same_float(a[i], b[i]))
		i++;
	return i;
}

#define assert_same_floats(a, b, n)                                                     \
	do {                                                                            \
		size_t at_ = first_difference(a, b, n);                                 \
		if (at_ < (size_t)(n))                                                  \
			fail_msg("float %zu differs: %a and %a", at_, (double)(a)[at_], \
				(double)(b)[at_]);                                      \
	} while (0)

/* SplitMix64: a small generator that is none of those under test. */
struct test_random {
	uint64_t state;
};

/* Seeds from SPIKED_TEST_SEED, else from `fixed`, and prints which. */
static inline struct test_random test_random(uint64_t fixed)
{
	const char *given = getenv("SPIKED_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : fixed;
	printf("seed %llu (SPIKED_TEST_SEED)\n", (unsigned long long)seed);
	return (struct test_random){seed};
}

static inline uint64_t random_bits(struct test_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint32_t random_below(struct test_random *r, uint32_t n)
{
	return (uint32_t)((random_bits(r) >> 32) * n >> 32);
}

static inline double random_between(struct test_random *r, double lo, double hi)
{
	return lo + (double)(random_bits(r) >> 11) * 0x1p-53 * (hi - lo);
}
