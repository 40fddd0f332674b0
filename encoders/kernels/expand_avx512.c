/* Bit planes to arrays for AVX-512, where a plane's word is a mask already.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

#include <immintrin.h>

/* The mask of the first `n` of 64 lanes, 0 < n. */
static inline uint64_t first_lanes(uint32_t n)
{
	return n < WORD_LINES ? ((uint64_t)1 << n) - 1 : UINT64_MAX;
}

void expand_i8_avx512(const uint64_t *on, const uint64_t *minus, int8_t *to, uint32_t count)
{
	const __m512i one = _mm512_set1_epi8(1), less = _mm512_set1_epi8(-1);
	for (uint32_t at = 0; at < count; at += WORD_LINES) {
		__m512i bytes = _mm512_maskz_mov_epi8(on[at / WORD_LINES], one);
		if (minus)
			bytes = _mm512_mask_mov_epi8(bytes, minus[at / WORD_LINES], less);
		_mm512_mask_storeu_epi8(to + at, first_lanes(count - at), bytes);
	}
}

/* The lines from `at` on, a multiple of 16. */
static inline __mmask16 lanes(const uint64_t *plane, uint32_t at)
{
	return (__mmask16)(plane[at / WORD_LINES] >> at % WORD_LINES);
}

void expand_f32_avx512(const uint64_t *on, const uint64_t *minus, float *to, uint32_t count)
{
	const __m512 one = _mm512_set1_ps(1.0f), less = _mm512_set1_ps(-1.0f);
	for (uint32_t at = 0; at < count; at += 16) {
		__m512 y = _mm512_maskz_mov_ps(lanes(on, at), one);
		if (minus)
			y = _mm512_mask_mov_ps(y, lanes(minus, at), less);
		_mm512_mask_storeu_ps(to + at, (__mmask16)first_lanes(count - at), y);
	}
}

void expand_valued_avx512(const uint64_t *on, const float *values, float *to, uint32_t count)
{
	for (uint32_t at = 0; at < count; at += 16) {
		__mmask16 there = (__mmask16)first_lanes(count - at);
		__m512 x = _mm512_maskz_loadu_ps((__mmask16)(lanes(on, at) & there), values + at);
		_mm512_mask_storeu_ps(to + at, there, x);
	}
}
