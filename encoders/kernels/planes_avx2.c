/* Bit planes for AVX2, with the bit instructions that came with it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/planes.h"
#include "encoders/kernels/variants.h"

#include <immintrin.h>

void first_avx2(uint64_t *seen, const uint64_t *in, uint64_t *out, size_t words)
{
	size_t full = words / 4 * 4;
	for (size_t i = 0; i < full; i += 4) {
		__m256i now = _mm256_loadu_si256((const __m256i *)(const void *)(in + i));
		__m256i before = _mm256_loadu_si256((const __m256i *)(const void *)(seen + i));
		_mm256_storeu_si256((__m256i *)(void *)(out + i), _mm256_andnot_si256(before, now));
		_mm256_storeu_si256((__m256i *)(void *)(seen + i), _mm256_or_si256(before, now));
	}
	first_c(seen + full, in + full, out + full, words - full);
}

void due_avx2(const uint32_t *due, uint32_t tick, uint64_t *on, uint32_t count)
{
	const __m256i now = _mm256_set1_epi32((int)tick);
	for (size_t at = 0; at < count; at += WORD_LINES) {
		uint64_t word = 0;
#pragma GCC unroll 8
		for (unsigned i = 0; i < WORD_LINES; i += 8) {
			const void *from = due + at + i;
			__m256i hit = _mm256_cmpeq_epi32(_mm256_load_si256(from), now);
			int bits = _mm256_movemask_ps(_mm256_castsi256_ps(hit));
			word |= (uint64_t)(uint8_t)bits << i;
		}
		on[at / WORD_LINES] = word;
	}
	mask_last(on, count);
}

uint64_t popcount_avx2(const uint64_t *plane, size_t words)
{
	uint64_t count = 0;
	for (size_t i = 0; i < words; i++)
		count += (uint64_t)__builtin_popcountll(plane[i]);
	return count;
}

/* One at a time: moving lanes together by tables or pext gains little here and loses much on the
 * first Zens. */
void indices_avx2(const uint64_t *on, const uint64_t *minus, size_t words, uint8_t *bytes)
{
	for (size_t i = 0; i < words; i++) {
		uint64_t negative = minus ? minus[i] : 0;
		bytes = put_indices(on[i] | negative, negative, (uint32_t)(i * WORD_LINES), bytes);
	}
}
