/* Bernoulli draws from Philox in plain C, 64 lanes at a time: eight blocks of Philox, a comparison
 * of the upper 16 bits, and the exact answer for the rare tie.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/draw.h"
#include "encoders/kernels/variants.h"

#include <math.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the halves of a block are read through memory and need a little-endian machine"
#endif

/* n is a constant 64 in all words but the last; lanes from n on have odds of 0. */
static inline void odds_word(const float *p, const struct odds *odds, size_t word, unsigned n)
{
	uint16_t *upper = odds->upper + word * WORD_LINES;
	uint8_t *lower = odds->lower + word * WORD_LINES;
	uint32_t threshold[WORD_LINES];
	uint8_t always[WORD_LINES];
	for (unsigned i = 0; i < n; i++)
		threshold[i] = draw_threshold(p[i]);
	for (unsigned i = n; i < WORD_LINES; i++)
		threshold[i] = 0;
	for (unsigned i = 0; i < WORD_LINES; i++) {
		uint32_t above = threshold[i] >> 24; /* 1 for DRAW_ALWAYS */
		always[i] = (uint8_t)above;
		upper[i] = (uint16_t)((threshold[i] >> 8) - above);
		lower[i] = (uint8_t)threshold[i];
	}
	odds->always[word] = bits_from_bytes(always);
}

static inline uint64_t negative_bits(const float *x, unsigned n)
{
	uint8_t negative[WORD_LINES] = {0};
	for (unsigned i = 0; i < n; i++)
		negative[i] = x[i] < 0.0f;
	return bits_from_bytes(negative);
}

/* fl(c * |x|) is what Norse's signed form compares. */
static inline void odds_of(const struct chance *chance, const float *x, const struct odds *odds,
	uint64_t *minus, size_t word, unsigned n)
{
	float p[WORD_LINES];
	if (minus) {
		minus[word] = negative_bits(x, n);
		for (unsigned i = 0; i < n; i++)
			p[i] = fabsf(x[i]);
	} else {
		memcpy(p, x, n * sizeof(*p));
	}
	if (chance->rates) {
		const float *rates = chance->rates + word * WORD_LINES;
		for (unsigned i = 0; i < n; i++)
			p[i] = rates[i] * p[i];
	} else {
		const float rate = chance->rate;
		for (unsigned i = 0; i < n; i++)
			p[i] = rate * p[i];
	}
	odds_word(p, odds, word, n);
}

void odds_c(const struct chance *chance, const float *x, const struct odds *odds, uint64_t *minus,
	uint32_t count)
{
	size_t full = count / WORD_LINES, rest = count % WORD_LINES;
	for (size_t i = 0; i < full; i++)
		odds_of(chance, x + i * WORD_LINES, odds, minus, i, WORD_LINES);
	if (rest)
		odds_of(chance, x + full * WORD_LINES, odds, minus, full, (unsigned)rest);
}

/* Block A of eight neighbouring blocks. half[i] is the upper 16 bits of line first * 8 + i. */
static inline void draw_halves(
	const struct philox_keys *keys, uint64_t tick, uint32_t first, uint16_t half[WORD_LINES])
{
	uint32_t words[4 * WORD_BLOCKS];
	for (uint32_t b = 0; b < WORD_BLOCKS; b++) {
		uint64_t c0 = (uint32_t)tick, c1 = (uint32_t)(tick >> 32), c2 = first + b, c3 = 0;
		for (unsigned round = 0; round < PHILOX_ROUNDS; round++) {
			uint64_t p0 = PHILOX_M0 * (c0 & 0xffffffff),
				 p1 = PHILOX_M1 * (c2 & 0xffffffff);
			c0 = (p1 >> 32) ^ c1 ^ keys->first[round];
			c2 = (p0 >> 32) ^ c3 ^ keys->second[round];
			c1 = p1;
			c3 = p0;
		}
		words[4 * b] = (uint32_t)c0;
		words[4 * b + 1] = (uint32_t)c1;
		words[4 * b + 2] = (uint32_t)c2;
		words[4 * b + 3] = (uint32_t)c3;
	}
	memcpy(half, words, sizeof(words));
}

static uint64_t tie_bits(const uint16_t *half, const uint16_t *upper)
{
	uint8_t equal[WORD_LINES];
	for (uint32_t i = 0; i < WORD_LINES; i++)
		equal[i] = half[i] == upper[i];
	return bits_from_bytes(equal);
}

void draw_c(uint64_t key, uint64_t tick, const struct odds *odds, uint64_t *on, uint32_t count)
{
	const struct philox_keys keys = philox_schedule(key);
	for (uint32_t line = 0; line < count; line += WORD_LINES) {
		const uint16_t *upper = odds->upper + line;
		uint16_t half[WORD_LINES];
		uint8_t below[WORD_LINES];
		uint16_t tie = 0;
		draw_halves(&keys, tick, line / PHILOX_LINES, half);
		for (uint32_t i = 0; i < WORD_LINES; i++) {
			below[i] = half[i] < upper[i];
			tie |= half[i] == upper[i];
		}
		uint64_t fired = bits_from_bytes(below) | odds->always[line / WORD_LINES];
		if (tie)
			fired |= settle_ties(key, tick, odds, line, tie_bits(half, upper));
		on[line / WORD_LINES] = fired;
	}
}
