/* Bit planes to arrays for AVX2: each lane picks its bit out of a copy of all of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

#include <immintrin.h>

/* Bytes of -1 where a line of `bits` is on. */
static inline __m256i spread_bytes(uint32_t bits)
{
	const __m256i byte_of_lane = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1,
		1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
	const __m256i bit_of_lane = _mm256_set1_epi64x((long long)0x8040201008040201u);
	__m256i all = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), byte_of_lane);
	return _mm256_cmpeq_epi8(_mm256_and_si256(all, bit_of_lane), bit_of_lane);
}

void expand_i8_avx2(const uint64_t *on, const uint64_t *minus, int8_t *to, uint32_t count)
{
	uint32_t words = count / WORD_LINES;
	for (uint32_t w = 0; w < words; w++) {
		for (unsigned half = 0; half < 2; half++) {
			__m256i bytes =
				_mm256_abs_epi8(spread_bytes((uint32_t)(on[w] >> 32 * half)));
			if (minus)
				bytes = _mm256_or_si256(
					bytes, spread_bytes((uint32_t)(minus[w] >> 32 * half)));
			_mm256_storeu_si256(
				(__m256i *)(void *)(to + w * WORD_LINES + 32 * half), bytes);
		}
	}
	expand_i8_c(on + words, minus ? minus + words : NULL, to + words * WORD_LINES,
		count - words * WORD_LINES);
}

/* Lanes of all ones where a line of the lowest 8 bits is on. */
static inline __m256 spread_floats(uint64_t bits)
{
	const __m256i bit_of_lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
	__m256i all = _mm256_and_si256(_mm256_set1_epi32((int)bits), bit_of_lane);
	return _mm256_castsi256_ps(_mm256_cmpeq_epi32(all, bit_of_lane));
}

void expand_f32_avx2(const uint64_t *on, const uint64_t *minus, float *to, uint32_t count)
{
	const __m256 one = _mm256_set1_ps(1.0f), less = _mm256_set1_ps(-1.0f);
	uint32_t words = count / WORD_LINES;
	for (uint32_t w = 0; w < words; w++) {
		for (unsigned i = 0; i < WORD_LINES; i += 8) {
			__m256 y = _mm256_and_ps(spread_floats(on[w] >> i), one);
			if (minus)
				y = _mm256_or_ps(
					y, _mm256_and_ps(spread_floats(minus[w] >> i), less));
			_mm256_storeu_ps(to + w * WORD_LINES + i, y);
		}
	}
	expand_f32_c(on + words, minus ? minus + words : NULL, to + words * WORD_LINES,
		count - words * WORD_LINES);
}

void expand_valued_avx2(const uint64_t *on, const float *values, float *to, uint32_t count)
{
	uint32_t words = count / WORD_LINES;
	for (uint32_t w = 0; w < words; w++) {
		for (unsigned i = 0; i < WORD_LINES; i += 8) {
			__m256 x = _mm256_loadu_ps(values + w * WORD_LINES + i);
			_mm256_storeu_ps(to + w * WORD_LINES + i,
				_mm256_and_ps(x, spread_floats(on[w] >> i)));
		}
	}
	expand_valued_c(on + words, values + words * WORD_LINES, to + words * WORD_LINES,
		count - words * WORD_LINES);
}
