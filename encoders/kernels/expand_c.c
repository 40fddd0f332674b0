/* Bit planes to arrays in plain C.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

/* Eight lines to eight bytes of 0 or 1: each byte of the product keeps its own bit, the sum carries
 * it to the top. */
static inline uint64_t spread(uint64_t word, unsigned first)
{
	uint64_t bits = (word >> first & 0xff) * 0x0101010101010101u & 0x8040201008040201u;
	return (bits + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
}

/* 0 - 1 in each byte that is 1; no byte borrows from its neighbour. */
static inline uint64_t negate(uint64_t ones)
{
	return ones * 0xff;
}

void expand_i8_c(const uint64_t *on, const uint64_t *minus, int8_t *to, uint32_t count)
{
	uint32_t i = 0;
	for (; i + 8 <= count; i += 8) {
		uint64_t bytes = spread(on[i / WORD_LINES], i % WORD_LINES);
		if (minus)
			bytes |= negate(spread(minus[i / WORD_LINES], i % WORD_LINES));
		memcpy(to + i, &bytes, sizeof(bytes));
	}
	for (; i < count; i++) {
		to[i] = (int8_t)(on[i / WORD_LINES] >> i % WORD_LINES & 1);
		if (minus)
			to[i] = (int8_t)(to[i] -
					 (int)(minus[i / WORD_LINES] >> i % WORD_LINES & 1));
	}
}

static inline float bit(const uint64_t *plane, uint32_t i)
{
	return (float)(int)(plane[i / WORD_LINES] >> i % WORD_LINES & 1);
}

void expand_f32_c(const uint64_t *on, const uint64_t *minus, float *to, uint32_t count)
{
	if (minus) {
		for (uint32_t i = 0; i < count; i++)
			to[i] = bit(on, i) - bit(minus, i);
	} else {
		for (uint32_t i = 0; i < count; i++)
			to[i] = bit(on, i);
	}
}

void expand_valued_c(const uint64_t *on, const float *values, float *to, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		to[i] = on[i / WORD_LINES] >> i % WORD_LINES & 1 ? values[i] : 0.0f;
}
