/* What the kernel tests share: every variant in turn, sizes, odd addresses and odd floats.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/test.h"

#include "encoders/kernels/kernels.h"

#include <math.h>

#define SMALL 301u  /* sizes below this one are tried most */
#define ROOM  8256u /* lines, a multiple of 64: a few runs are larger */

/* Calls `body` `rounds` times for each variant that works here, with the same random numbers. */
static inline void each_kernel(
	void (*body)(const struct kernels *, struct test_random *), int rounds, uint64_t seed)
{
	size_t n;
	const struct kernels *const *all = kernels_all(&n);
	for (size_t i = 0; i < n; i++) {
		struct test_random r = test_random(seed);
		if (all[i]->works && !all[i]->works()) {
			print_message("%s: not on this machine\n", all[i]->name);
			continue;
		}
		print_message("%s\n", all[i]->name);
		for (int round = 0; round < rounds; round++)
			body(all[i], &r);
	}
}

static inline uint32_t random_size(struct test_random *r)
{
	return random_below(r, random_below(r, 50) ? SMALL : ROOM + 1);
}

/* A number, a threshold's neighbour, or any bit pattern: NaN, infinite, denormal, huge. */
static inline float random_float(struct test_random *r)
{
	static const float special[] = {0.0f, -0.0f, 1.0f, -1.0f, NAN, INFINITY, -INFINITY, 1e-45f,
		-1e-45f, -1e-40f, 3.4028235e38f, -3.4028235e38f, 0.5f, 127.5f, 16777216.0f};
	switch (random_below(r, 6)) {
	case 0:
		return bits_float((uint32_t)random_bits(r));
	case 1:
		return special[random_below(r, sizeof(special) / sizeof(*special))];
	default:
		return (float)random_between(r, -2, 10);
	}
}

/* Exactly `size` bytes at an odd address of the heap, so that reading on is seen; free *block. */
static inline void *odd_bytes(struct test_random *r, size_t size, size_t grain, char **block)
{
	size_t shift = random_below(r, 64) * grain;
	*block = malloc(shift + size + 1);
	assert_non_null(*block);
	return *block + shift;
}

/* A row of any floats at an address that is a multiple of 4 and of no more. */
static inline float *odd_row(struct test_random *r, uint32_t count, char **block)
{
	float *x = odd_bytes(r, count * sizeof(float), sizeof(float), block);
	bool tame = random_below(r, 2);
	for (uint32_t i = 0; i < count; i++)
		x[i] = tame ? (float)random_between(r, -2, 10) : random_float(r);
	return x;
}

#define assert_same_bits(a, b) assert_int_equal(float_bits(a), float_bits(b))

static inline void assert_tail_is_clean(const uint64_t *plane, uint32_t count)
{
	if (count % 64)
		assert_int_equal(plane[count / 64] >> count % 64, 0);
}
