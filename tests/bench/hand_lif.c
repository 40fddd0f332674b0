/* LIF by hand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/hand.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

/* Two loads, a subtraction, a fused multiply and add, a comparison, a masked store of all lanes and
 * a bit a lane: nothing less gives the result. */
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,bmi2")
static void lif_avx512(float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	const __m512 share = _mm512_set1_ps(a), limit = _mm512_set1_ps(threshold);

	for (size_t i = 0; i < n; i += 64) {
		__mmask16 stays[4];

#pragma GCC unroll 4
		for (size_t k = 0; k < 4; k++) {
			__m512 before = _mm512_load_ps(v + i + 16 * k);
			__m512 pull = _mm512_sub_ps(_mm512_load_ps(x + i + 16 * k), before);
			__m512 w = _mm512_fmadd_ps(share, pull, before);

			stays[k] = _mm512_cmp_ps_mask(w, limit, _CMP_LE_OQ);
			_mm512_store_ps(v + i + 16 * k, _mm512_maskz_mov_ps(stays[k], w));
		}
		on[i / 64] = ~((uint64_t)_mm512_kunpackw(stays[1], stays[0]) |
			       (uint64_t)_mm512_kunpackw(stays[3], stays[2]) << 32);
	}
}
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi2")
static void lif_avx2(float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	const __m256 share = _mm256_set1_ps(a), limit = _mm256_set1_ps(threshold);

	for (size_t i = 0; i < n; i += 64) {
		uint64_t word = 0;

#pragma GCC unroll 8
		for (size_t k = 0; k < 8; k++) {
			__m256 before = _mm256_load_ps(v + i + 8 * k);
			__m256 pull = _mm256_sub_ps(_mm256_load_ps(x + i + 8 * k), before);
			__m256 w = _mm256_fmadd_ps(share, pull, before);
			__m256 fired = _mm256_cmp_ps(w, limit, _CMP_GT_OQ);

			_mm256_store_ps(v + i + 8 * k, _mm256_andnot_ps(fired, w));
			word |= (uint64_t)(uint8_t)_mm256_movemask_ps(fired) << (8 * k);
		}
		on[i / 64] = word;
	}
}
#pragma GCC pop_options
#endif

hand_lif *hand_lif_for(const char *set)
{
#if defined(__x86_64__)
	if (!strcmp(set, "avx512"))
		return lif_avx512;
	if (!strcmp(set, "avx2") && __builtin_cpu_supports("fma"))
		return lif_avx2;
#else
	(void)set;
#endif
	return NULL;
}

void hand_lif_obvious(float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	memset(on, 0, n / 8);
	for (size_t i = 0; i < n; i++) {
		float w = v[i] + a * ((0.0f - v[i]) + x[i]);

		if (w > threshold) {
			on[i / 64] |= UINT64_C(1) << i % 64;
			w = 0.0f;
		}
		v[i] = w;
	}
}
