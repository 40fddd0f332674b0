/* Bernoulli draws from Philox in plain C, 64 lanes at a time: thresholds, eight blocks of
 * Philox, a comparison of the upper 16 bits, and the exact answer for the rare tie.
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
	const uint32_t key_words[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
	uint32_t words[4 * WORD_BLOCKS];
	for (uint32_t b = 0; b < WORD_BLOCKS; b++) {
		const uint32_t counter[4] = {(uint32_t)tick, (uint32_t)(tick >> 32), first + b, 0};
		philox4x32_10(counter, key_words, words + 4 * b);
	}
	memcpy(half, words, sizeof(words));
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
