/* What every kernel needs of words of 64 lines, the exact threshold of a draw, a stair that moves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#define WORD_LINES 64u

/* 64 bytes of 0 or 1 -> bit i = byte i. The product moves the lowest bit of byte i to bit 56 + i;
 * no two of its terms meet. */
static inline uint64_t bits_from_bytes(const uint8_t *bytes)
{
	uint64_t word = 0;
	for (unsigned i = 0; i < 8; i++) {
		uint64_t eight;
		memcpy(&eight, bytes + 8 * i, 8);
		word |= (eight * 0x0102040810204080u >> 56) << (8 * i);
	}
	return word;
}

/* The lowest n <= 64 bits. */
static inline uint64_t bits_below(unsigned n)
{
	return n < WORD_LINES ? ((uint64_t)1 << n) - 1 : UINT64_MAX;
}

#define DRAW_ALWAYS 0x1000000u /* the threshold of p >= 1 */

/* ceil(p * 2^24) for 0 < p < 1; 0 below (and for NaN), 2^24 from 1 on. Exact: the product only
 * moves p's exponent. A 24-bit number is below it if and only if number * 2^-24 < p. */
static inline uint32_t draw_threshold(float p)
{
	float scaled = p * 16777216.0f;
	scaled = scaled > 0.0f ? scaled : 0.0f;
	scaled = scaled < 16777216.0f ? scaled : 16777216.0f;
	int32_t whole = (int32_t)scaled;
	whole += (float)whole < scaled;
	return (uint32_t)whole;
}

/* A step of theta from b, or one that rounding does not lose: a unit of b's last place or two. */
static inline float stairs_step(float b, float theta)
{
	float least = fabsf(b) * 0x1p-23f;
	return theta > least ? theta : least;
}
