/* The tests of hsa, mhsa and bsa on a word of lines as plain loops, of which a compiler makes good
 * vectors. A file that includes this compiles them for its instruction set. Sums run from tap 0 up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/bits.h"
#include "encoders/kernels/kernels.h"

#include <math.h>

/* Each test's sums over n rows of the ring that lie behind each other. From the oldest input to the
 * ring's end there are `until_wrap` of them, the others are at its beginning. */

static inline uint32_t until_wrap(const struct trace *t)
{
	return t->f - t->oldest;
}

static inline float *oldest_row(const struct trace *t)
{
	return t->ring + (size_t)t->oldest * WORD_LINES;
}

static inline void hsa_rows(
	const float *restrict r, const float *restrict taps, uint32_t n, uint32_t *restrict misses)
{
	for (uint32_t j = 0; j < n; j++, r += WORD_LINES) {
		for (unsigned i = 0; i < WORD_LINES; i++)
			misses[i] |= r[i] >= taps[j] ? 0u : 1u;
	}
}

static inline void mhsa_rows(
	const float *restrict r, const float *restrict taps, uint32_t n, float *restrict above)
{
	for (uint32_t j = 0; j < n; j++, r += WORD_LINES) {
		for (unsigned i = 0; i < WORD_LINES; i++) {
			float over = taps[j] - r[i];
			above[i] += over > 0.0f ? over : 0.0f;
		}
	}
}

/* The difference is summed, not the two sums apart: with many taps those are so much larger that
 * their rounding would decide. */
static inline void bsa_rows(
	const float *restrict r, const float *restrict taps, uint32_t n, float *restrict gain)
{
	for (uint32_t j = 0; j < n; j++, r += WORD_LINES) {
		for (unsigned i = 0; i < WORD_LINES; i++)
			gain[i] += fabsf(r[i]) - fabsf(r[i] - taps[j]);
	}
}

static inline void take_out_rows(
	float *restrict r, const float *restrict taps, uint32_t n, const float *restrict share)
{
	for (uint32_t j = 0; j < n; j++, r += WORD_LINES) {
		for (unsigned i = 0; i < WORD_LINES; i++)
			r[i] -= share[i] * taps[j];
	}
}

static inline uint64_t hsa_word(const struct trace *t)
{
	uint32_t misses[WORD_LINES] = {0}, late = until_wrap(t);
	uint8_t fits[WORD_LINES];
	hsa_rows(oldest_row(t), t->taps, late, misses);
	hsa_rows(t->ring, t->taps + late, t->oldest, misses);
	for (unsigned i = 0; i < WORD_LINES; i++)
		fits[i] = misses[i] == 0;
	return bits_from_bytes(fits);
}

static inline uint64_t mhsa_word(const struct trace *t)
{
	float above[WORD_LINES] = {0};
	uint8_t fits[WORD_LINES];
	uint32_t late = until_wrap(t);
	mhsa_rows(oldest_row(t), t->taps, late, above);
	mhsa_rows(t->ring, t->taps + late, t->oldest, above);
	for (unsigned i = 0; i < WORD_LINES; i++)
		fits[i] = above[i] <= t->theta[i];
	return bits_from_bytes(fits);
}

static inline uint64_t bsa_word(const struct trace *t)
{
	float gain[WORD_LINES] = {0};
	uint8_t fits[WORD_LINES];
	uint32_t late = until_wrap(t);
	bsa_rows(oldest_row(t), t->taps, late, gain);
	bsa_rows(t->ring, t->taps + late, t->oldest, gain);
	for (unsigned i = 0; i < WORD_LINES; i++)
		fits[i] = gain[i] >= t->theta[i];
	return bits_from_bytes(fits);
}

static inline void take_out_word(const struct trace *t, uint64_t fired)
{
	float share[WORD_LINES];
	uint32_t late = until_wrap(t);
	for (unsigned i = 0; i < WORD_LINES; i++)
		share[i] = (float)(fired >> i & 1);
	take_out_rows(oldest_row(t), t->taps, late, share);
	take_out_rows(t->ring, t->taps + late, t->oldest, share);
}
