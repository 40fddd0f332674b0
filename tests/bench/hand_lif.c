/* LIF by hand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/hand.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

/* Two loads, the arithmetic, a comparison, a store of what is kept and a bit a lane: nothing less gives
 * the result. `fused` takes the multiply and the last addition in one and leaves out the leak of 0. */
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,bmi2")
static inline void lif_avx512(
	float a, float threshold, float *v, const float *x, uint64_t *on, size_t n, bool fused)
{
	const __m512 share = _mm512_set1_ps(a), limit = _mm512_set1_ps(threshold);
	const __m512 leak = _mm512_setzero_ps();

	for (size_t i = 0; i < n; i += 64) {
		__mmask16 stays[4];

#pragma GCC unroll 4
		for (size_t k = 0; k < 4; k++) {
			__m512 before = _mm512_load_ps(v + i + 16 * k);
			__m512 in = _mm512_load_ps(x + i + 16 * k), w;

			if (fused)
				w = _mm512_fmadd_ps(share, _mm512_sub_ps(in, before), before);
			else
				w = _mm512_add_ps(before,
					_mm512_mul_ps(share,
						_mm512_add_ps(_mm512_sub_ps(leak, before), in)));
			stays[k] = _mm512_cmp_ps_mask(w, limit, _CMP_LE_OQ);
			_mm512_store_ps(v + i + 16 * k, _mm512_maskz_mov_ps(stays[k], w));
		}
		on[i / 64] = ~((uint64_t)_mm512_kunpackw(stays[1], stays[0]) |
			       (uint64_t)_mm512_kunpackw(stays[3], stays[2]) << 32);
	}
}

static void lif_exact_avx512(
	float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	lif_avx512(a, threshold, v, x, on, n, false);
}

static void lif_fused_avx512(
	float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	lif_avx512(a, threshold, v, x, on, n, true);
}
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi2")
static inline void lif_avx2(
	float a, float threshold, float *v, const float *x, uint64_t *on, size_t n, bool fused)
{
	const __m256 share = _mm256_set1_ps(a), limit = _mm256_set1_ps(threshold);
	const __m256 leak = _mm256_setzero_ps();

	for (size_t i = 0; i < n; i += 64) {
		uint64_t word = 0;

#pragma GCC unroll 8
		for (size_t k = 0; k < 8; k++) {
			__m256 before = _mm256_load_ps(v + i + 8 * k);
			__m256 in = _mm256_load_ps(x + i + 8 * k), w;

			if (fused)
				w = _mm256_fmadd_ps(share, _mm256_sub_ps(in, before), before);
			else
				w = _mm256_add_ps(before,
					_mm256_mul_ps(share,
						_mm256_add_ps(_mm256_sub_ps(leak, before), in)));
			__m256 fired = _mm256_cmp_ps(w, limit, _CMP_GT_OQ);
			_mm256_store_ps(v + i + 8 * k, _mm256_andnot_ps(fired, w));
			word |= (uint64_t)(uint8_t)_mm256_movemask_ps(fired) << (8 * k);
		}
		on[i / 64] = word;
	}
}

static void lif_exact_avx2(
	float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	lif_avx2(a, threshold, v, x, on, n, false);
}

static void lif_fused_avx2(
	float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	lif_avx2(a, threshold, v, x, on, n, true);
}
#pragma GCC pop_options
#endif

struct hand_lifs hand_lifs_for(const char *set)
{
#if defined(__x86_64__)
	if (!strcmp(set, "avx512"))
		return (struct hand_lifs){lif_exact_avx512, lif_fused_avx512};
	if (!strcmp(set, "avx2") && __builtin_cpu_supports("fma"))
		return (struct hand_lifs){lif_exact_avx2, lif_fused_avx2};
#else
	(void)set;
#endif
	return (struct hand_lifs){0};
}

/* Norse's formula, then spiked's rule for what is not finite, then the bit. */
void hand_lif_obvious(float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	memset(on, 0, n / 8);
	for (size_t i = 0; i < n; i++) {
		float w = v[i] + a * ((0.0f - v[i]) + x[i]);
		float fired = w - threshold > 0.0f ? 1.0f : 0.0f;
		float next = w - fired * (w - 0.0f);

		v[i] = isfinite(next) ? next : 0.0f;
		on[i / 64] |= (uint64_t)(fired != 0.0f) << i % 64;
	}
}

void hand_lif_unchecked(float a, float threshold, float *v, const float *x, uint64_t *on, size_t n)
{
	memset(on, 0, n / 8);
	for (size_t i = 0; i < n; i++) {
		float w = v[i] + a * ((0.0f - v[i]) + x[i]);
		float fired = w - threshold > 0.0f ? 1.0f : 0.0f;

		v[i] = w - fired * (w - 0.0f);
		on[i / 64] |= (uint64_t)(fired != 0.0f) << i % 64;
	}
}
