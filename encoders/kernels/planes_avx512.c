/* Bit planes for AVX-512.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/planes.h"
#include "encoders/kernels/variants.h"

#include <immintrin.h>

#define LANES  16u
#define SPARSE 6 /* spikes of a word up to which one at a time is faster */

void first_avx512(uint64_t *seen, const uint64_t *in, uint64_t *out, size_t words)
{
	for (size_t i = 0; i < words; i += 8) {
		__mmask8 here = words - i < 8 ? (__mmask8)bits_below((unsigned)(words - i)) : 0xff;
		__m512i now = _mm512_maskz_loadu_epi64(here, in + i);
		__m512i before = _mm512_maskz_loadu_epi64(here, seen + i);
		_mm512_mask_storeu_epi64(out + i, here, _mm512_andnot_si512(before, now));
		_mm512_mask_storeu_epi64(seen + i, here, _mm512_or_si512(before, now));
	}
}

void due_avx512(const uint32_t *due, uint32_t tick, uint64_t *on, uint32_t count)
{
	const __m512i now = _mm512_set1_epi32((int)tick);
	for (size_t at = 0; at < count; at += WORD_LINES) {
		uint64_t word = 0;
#pragma GCC unroll 4
		for (unsigned i = 0; i < WORD_LINES; i += LANES) {
			__m512i when = _mm512_load_si512(due + at + i);
			word |= (uint64_t)_mm512_cmpeq_epi32_mask(when, now) << i;
		}
		on[at / WORD_LINES] = word;
	}
	mask_last(on, count);
}

uint64_t popcount_avx512(const uint64_t *plane, size_t words)
{
	uint64_t count = 0;
	for (size_t i = 0; i < words; i++)
		count += (uint64_t)__builtin_popcountll(plane[i]);
	return count;
}

/* All spikes of a word: the lanes that have one are moved together and stored, no byte more. */
static inline uint8_t *put_word(uint64_t any, uint64_t negative, uint32_t first, uint8_t *bytes)
{
	const __m512i lane =
		_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const __m512i sign = _mm512_set1_epi32((int)NEGATIVE_BIT);
	for (unsigned i = 0; i < WORD_LINES; i += LANES) {
		__mmask16 here = (__mmask16)(any >> i), below = (__mmask16)(negative >> i);
		unsigned n = (unsigned)__builtin_popcount(here);
		__m512i index = _mm512_add_epi32(lane, _mm512_set1_epi32((int)(first + i)));
		index = _mm512_mask_or_epi32(index, below, index, sign);
		index = _mm512_maskz_compress_epi32(here, index);
		_mm512_mask_storeu_epi32(bytes, (__mmask16)((1u << n) - 1), index);
		bytes += n * sizeof(uint32_t);
	}
	return bytes;
}

void indices_avx512(const uint64_t *on, const uint64_t *minus, size_t words, uint8_t *bytes)
{
	for (size_t i = 0; i < words; i++) {
		uint64_t negative = minus ? minus[i] : 0, any = on[i] | negative;
		uint32_t first = (uint32_t)(i * WORD_LINES);
		if (__builtin_popcountll(any) <= SPARSE)
			bytes = put_indices(any, negative, first, bytes);
		else
			bytes = put_word(any, negative, first, bytes);
	}
}
