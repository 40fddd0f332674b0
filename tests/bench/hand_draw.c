/* Poisson by hand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/hand.h"

#include "encoders/kernels/philox.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,bmi2")

/* High and low words of 16 products of 32 bits. */
static inline void multiply(__m512i x, __m512i m, __m512i *high, __m512i *low)
{
	__m512i even = _mm512_mul_epu32(x, m);
	__m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), m);

	*high = _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 32), 0xaaaa, odd);
	*low = _mm512_mask_mov_epi32(even, 0xaaaa, _mm512_slli_epi64(odd, 32));
}

static inline __mmask16 fires(__m512i word, __m512 rate, const float *x)
{
	__m512 u = _mm512_mul_ps(
		_mm512_cvtepi32_ps(_mm512_srli_epi32(word, 8)), _mm512_set1_ps(1.0f / 16777216.0f));

	return _mm512_cmp_ps_mask(u, _mm512_mul_ps(rate, _mm512_load_ps(x)), _CMP_LT_OQ);
}

/* Sixteen blocks at a time, a word of each in one vector: word k of block b is line 16k + b. */
static void draw_avx512(
	uint64_t key, uint64_t tick, float rate, const float *x, uint64_t *on, size_t n)
{
	const __m512i m0 = _mm512_set1_epi32((int)PHILOX_M0),
		      m1 = _mm512_set1_epi32((int)PHILOX_M1);
	const __m512 rates = _mm512_set1_ps(rate);
	__m512i number = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	for (size_t i = 0; i < n; i += 64) {
		__m512i c0 = _mm512_set1_epi32((int)tick), c2 = number;
		__m512i c1 = _mm512_set1_epi32((int)(tick >> 32)), c3 = _mm512_setzero_si512();
		uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);

#pragma GCC unroll 10
		for (int round = 0; round < PHILOX_ROUNDS; round++) {
			__m512i h0, l0, h1, l1;

			multiply(c0, m0, &h0, &l0);
			multiply(c2, m1, &h1, &l1);
			c0 = _mm512_ternarylogic_epi32(h1, c1, _mm512_set1_epi32((int)k0), 0x96);
			c2 = _mm512_ternarylogic_epi32(h0, c3, _mm512_set1_epi32((int)k1), 0x96);
			c1 = l1;
			c3 = l0;
			k0 += PHILOX_W0;
			k1 += PHILOX_W1;
		}
		on[i / 64] = (uint64_t)fires(c0, rates, x + i) |
			     (uint64_t)fires(c1, rates, x + i + 16) << 16 |
			     (uint64_t)fires(c2, rates, x + i + 32) << 32 |
			     (uint64_t)fires(c3, rates, x + i + 48) << 48;
		number = _mm512_add_epi32(number, _mm512_set1_epi32(16));
	}
}
#pragma GCC pop_options
#endif

static void draw_plain(
	uint64_t key, uint64_t tick, float rate, const float *x, uint64_t *on, size_t n)
{
	const uint32_t words[2] = {(uint32_t)key, (uint32_t)(key >> 32)};

	memset(on, 0, n / 8);
	for (size_t i = 0; i < n; i += 4) {
		const uint32_t counter[4] = {
			(uint32_t)tick, (uint32_t)(tick >> 32), (uint32_t)(i / 4), 0};
		uint32_t block[4];

		philox4x32_10(counter, words, block);
		for (size_t k = 0; k < 4; k++) {
			float u = (float)(block[k] >> 8) * (1.0f / 16777216.0f);

			on[i / 64] |= (uint64_t)(u < rate * x[i + k]) << (i + k) % 64;
		}
	}
}

hand_draw *hand_draw_for(const char *set)
{
#if defined(__x86_64__)
	if (!strcmp(set, "avx512"))
		return draw_avx512;
#else
	(void)set;
#endif
	return draw_plain;
}
