/* Bernoulli draws from Philox in plain C, 64 lanes at a time: thresholds, eight blocks side by
 * side, a comparison of the upper 16 bits, and the exact answer for the rare tie.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/philox.h"
#include "encoders/kernels/variants.h"

#include <math.h>

#define WORD_BLOCKS (WORD_LINES / PHILOX_LINES)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the halves of a block are read through memory and need a little-endian machine"
#endif

/* Block A of eight neighbouring blocks. half[i] is the upper 16 bits of line first * 8 + i. */
static void draw_halves(uint64_t key, uint64_t tick, uint32_t first, uint16_t half[WORD_LINES])
{
	uint32_t c0[WORD_BLOCKS], c1[WORD_BLOCKS], c2[WORD_BLOCKS], c3[WORD_BLOCKS];
	uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
	for (uint32_t b = 0; b < WORD_BLOCKS; b++) {
		c0[b] = (uint32_t)tick;
		c1[b] = (uint32_t)(tick >> 32);
		c2[b] = first + b;
		c3[b] = 0;
	}
	for (int round = 0; round < PHILOX_ROUNDS; round++) {
		for (uint32_t b = 0; b < WORD_BLOCKS; b++) {
			uint64_t p0 = (uint64_t)PHILOX_M0 * c0[b];
			uint64_t p1 = (uint64_t)PHILOX_M1 * c2[b];
			c0[b] = (uint32_t)(p1 >> 32) ^ c1[b] ^ k0;
			c1[b] = (uint32_t)p1;
			c2[b] = (uint32_t)(p0 >> 32) ^ c3[b] ^ k1;
			c3[b] = (uint32_t)p0;
		}
		k0 += PHILOX_W0;
		k1 += PHILOX_W1;
	}
	uint32_t words[4 * WORD_BLOCKS];
	for (uint32_t b = 0; b < WORD_BLOCKS; b++) {
		words[4 * b] = c0[b];
		words[4 * b + 1] = c1[b];
		words[4 * b + 2] = c2[b];
		words[4 * b + 3] = c3[b];
	}
	memcpy(half, words, sizeof words);
}

/* The lanes whose upper 16 bits equal the threshold's and whose lower 8 must be looked at. */
static uint64_t settle_ties(
	const struct draw *draw, uint32_t line, const uint32_t *threshold, const uint16_t *half)
{
	uint64_t fired = 0;
	for (uint32_t i = 0; i < WORD_LINES; i++) {
		uint32_t low = threshold[i] & 0xff;
		if (half[i] == threshold[i] >> 8 && low != 0)
			fired |= (uint64_t)(philox_low(draw->key, draw->tick, line + i) < low) << i;
	}
	return fired;
}

static uint64_t draw_word(const struct draw *draw, uint32_t line, const uint32_t *threshold)
{
	uint16_t half[WORD_LINES];
	uint8_t below[WORD_LINES];
	uint32_t ties = 0;
	draw_halves(draw->key, draw->tick, line / PHILOX_LINES, half);
	for (uint32_t i = 0; i < WORD_LINES; i++) {
		uint32_t upper = threshold[i] >> 8;
		below[i] = half[i] < upper;
		ties |= half[i] == upper;
	}
	uint64_t fired = bits_from_bytes(below);
	/* Also with a lower byte of 0 (silent lines and 0 drawn), where nothing is to settle. */
	return ties ? fired | settle_ties(draw, line, threshold, half) : fired;
}

/* n is a constant 64 in all words but the last; lanes from n on have threshold 0. */
static inline void thresholds(const struct draw *draw, size_t at, const float *x, unsigned n,
	uint32_t threshold[WORD_LINES])
{
	if (draw->rates) {
		const float *rates = draw->rates + at;
		for (unsigned i = 0; i < n; i++)
			threshold[i] = draw_threshold(rates[i] * x[at + i]);
	} else {
		const float rate = draw->rate;
		for (unsigned i = 0; i < n; i++)
			threshold[i] = draw_threshold(rate * x[at + i]);
	}
	for (unsigned i = n; i < WORD_LINES; i++)
		threshold[i] = 0;
}

void poisson_c(const struct draw *draw, const float *x, uint64_t *on, uint32_t count)
{
	uint32_t threshold[WORD_LINES];
	uint32_t full = count / WORD_LINES, rest = count % WORD_LINES;
	for (uint32_t i = 0; i < full; i++) {
		thresholds(draw, (size_t)i * WORD_LINES, x, WORD_LINES, threshold);
		on[i] = draw_word(draw, i * WORD_LINES, threshold);
	}
	if (rest) {
		thresholds(draw, (size_t)full * WORD_LINES, x, rest, threshold);
		on[full] = draw_word(draw, full * WORD_LINES, threshold);
	}
}

/* Bit i = x[i] is negative. */
static inline uint64_t negative_bits(const float *x, unsigned n)
{
	uint8_t negative[WORD_LINES] = {0};
	for (unsigned i = 0; i < n; i++)
		negative[i] = x[i] < 0.0f;
	return bits_from_bytes(negative);
}

/* |x| of one word into `size`, then as above: fl(c * |x|) is what Norse compares. */
static inline void signed_word(const struct draw *draw, uint32_t word, const float *x, unsigned n,
	uint64_t *on, uint64_t *minus)
{
	size_t at = (size_t)word * WORD_LINES;
	float size[WORD_LINES];
	uint32_t threshold[WORD_LINES];
	for (unsigned i = 0; i < n; i++)
		size[i] = fabsf(x[at + i]);
	struct draw here = *draw;
	if (here.rates)
		here.rates += at;
	thresholds(&here, 0, size, n, threshold);
	uint64_t fired = draw_word(draw, word * WORD_LINES, threshold);
	uint64_t negative = negative_bits(x + at, n);
	on[word] = fired & ~negative;
	minus[word] = fired & negative;
}

void signed_poisson_c(
	const struct draw *draw, const float *x, uint64_t *on, uint64_t *minus, uint32_t count)
{
	uint32_t full = count / WORD_LINES, rest = count % WORD_LINES;
	for (uint32_t i = 0; i < full; i++)
		signed_word(draw, i, x, WORD_LINES, on, minus);
	if (rest)
		signed_word(draw, full, x, rest, on, minus);
}
