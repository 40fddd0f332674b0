/* Bit planes for AVX2, with the bit instructions that came with it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/planes.h"
#include "encoders/kernels/variants.h"

#include <immintrin.h>

#define LANES  8u
#define SPARSE 12 /* spikes of a word up to which one at a time is faster */

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

uint64_t popcount_avx2(const uint64_t *plane, size_t words)
{
	uint64_t count = 0;
	for (size_t i = 0; i < words; i++)
		count += (uint64_t)__builtin_popcountll(plane[i]);
	return count;
}

/* The numbers of a byte's set bits, a byte each, lowest first. */
static inline uint64_t bit_numbers(uint8_t byte)
{
	uint64_t bytes = _pdep_u64(byte, 0x0101010101010101u) * 0xff;
	return _pext_u64(0x0706050403020100u, bytes);
}

/* All spikes of a word, a byte of it at a time. Eight indices are stored whatever their number;
 * the next ones overwrite those that are too many, and there is room for eight. */
static inline uint8_t *put_word(uint64_t any, uint64_t negative, uint32_t first, uint8_t *bytes)
{
	for (unsigned i = 0; i < WORD_LINES; i += LANES) {
		uint8_t here = (uint8_t)(any >> i);
		__m256i bit = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bit_numbers(here)));
		__m256i below = _mm256_set1_epi32((int)(negative >> i & 0xff));
		__m256i sign = _mm256_slli_epi32(_mm256_srlv_epi32(below, bit), 31);
		__m256i index = _mm256_add_epi32(bit, _mm256_set1_epi32((int)(first + i)));
		_mm256_storeu_si256((__m256i *)(void *)bytes, _mm256_or_si256(index, sign));
		bytes += (unsigned)__builtin_popcount(here) * sizeof(uint32_t);
	}
	return bytes;
}

void indices_avx2(const uint64_t *on, const uint64_t *minus, size_t words, uint8_t *bytes)
{
	uint64_t spikes = popcount_avx2(on, words) + (minus ? popcount_avx2(minus, words) : 0);
	const uint8_t *end = bytes + spikes * sizeof(uint32_t);
	for (size_t i = 0; i < words; i++) {
		uint64_t negative = minus ? minus[i] : 0, any = on[i] | negative;
		uint32_t first = (uint32_t)(i * WORD_LINES);
		size_t n = (size_t)__builtin_popcountll(any);
		if (n <= SPARSE || (size_t)(end - bytes) < (n + LANES) * sizeof(uint32_t))
			bytes = put_indices(any, negative, first, bytes);
		else
			bytes = put_word(any, negative, first, bytes);
	}
}
