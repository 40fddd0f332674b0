/* LIF for AVX2: 64 lanes a word, eight at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

#include <float.h>
#include <immintrin.h>

#define LANES 8u

/* Constants of one rule, a lane each. */
struct rule {
	__m256 a, leak, threshold, reset;
};

static inline __m256 integrate(__m256 v, __m256 x, __m256 a, __m256 leak)
{
	__m256 pull = _mm256_add_ps(_mm256_sub_ps(leak, v), x);
	return _mm256_add_ps(v, _mm256_mul_ps(a, pull));
}

/* Any rule: the formula of lif_c.c as it stands. The next voltage, which may not be finite. */
static inline __m256 step(__m256 v, __m256 x, const struct rule *r, __m256 *fired)
{
	__m256 w = integrate(v, x, r->a, r->leak);
	*fired = _mm256_cmp_ps(w, r->threshold, _CMP_GT_OQ);
	__m256 z = _mm256_and_ps(*fired, _mm256_set1_ps(1.0f));
	return _mm256_sub_ps(w, _mm256_mul_ps(z, _mm256_sub_ps(w, r->reset)));
}

/* A reset voltage of 0, which most have: what fired becomes 0, all else stays as it is. */
static inline __m256 step_to_zero(__m256 v, __m256 x, const struct rule *r, __m256 *fired)
{
	__m256 w = integrate(v, x, r->a, r->leak);
	*fired = _mm256_cmp_ps(w, r->threshold, _CMP_GT_OQ);
	return _mm256_andnot_ps(*fired, w);
}

static inline __m256 is_finite(__m256 y)
{
	const __m256 sign = _mm256_set1_ps(-0.0f), most = _mm256_set1_ps(FLT_MAX);
	return _mm256_cmp_ps(_mm256_andnot_ps(sign, y), most, _CMP_LE_OQ);
}

static inline __m256 keep_finite(__m256 y, __m256 reset)
{
	return _mm256_blendv_ps(reset, y, is_finite(y));
}

typedef __m256 step_function(__m256 v, __m256 x, const struct rule *r, __m256 *fired);

/* A voltage that is not finite makes the sum so, too; that is rare, and put right behind. */
static inline uint64_t lif_word(
	const struct rule *r, float *v, const float *x, step_function *advance)
{
	uint64_t on = 0;
	__m256 sum = _mm256_setzero_ps();
#pragma GCC unroll 8
	for (unsigned i = 0; i < WORD_LINES; i += LANES) {
		__m256 fired;
		__m256 next = advance(_mm256_load_ps(v + i), _mm256_loadu_ps(x + i), r, &fired);
		sum = _mm256_add_ps(sum, next);
		_mm256_store_ps(v + i, next);
		on |= (uint64_t)(uint8_t)_mm256_movemask_ps(fired) << i;
	}
	if (__builtin_expect(_mm256_movemask_ps(is_finite(sum)) != 0xff, 0)) {
		for (unsigned i = 0; i < WORD_LINES; i += LANES)
			_mm256_store_ps(v + i, keep_finite(_mm256_load_ps(v + i), r->reset));
	}
	return on;
}

/* Lanes below n: all ones. */
static inline __m256i lanes_below(unsigned n)
{
	const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}

/* The last word: n < 64 lanes, in eights and then what is left. */
static inline uint64_t lif_rest(
	const struct rule *r, float *v, const float *x, unsigned n, step_function *advance)
{
	uint64_t on = 0;
	for (unsigned i = 0; i < n; i += LANES) {
		__m256i lanes = lanes_below(n - i);
		__m256 before = _mm256_load_ps(v + i), fired;
		__m256 next = advance(before, _mm256_maskload_ps(x + i, lanes), r, &fired);
		_mm256_store_ps(v + i, _mm256_blendv_ps(before, keep_finite(next, r->reset),
					       _mm256_castsi256_ps(lanes)));
		on |= (uint64_t)(uint8_t)_mm256_movemask_ps(fired) << i;
	}
	return on & bits_below(n);
}

static inline void lif_lines(const struct rule *r, float *v, const float *x, uint64_t *on,
	uint32_t count, step_function *advance)
{
	size_t full = count / WORD_LINES, rest = count % WORD_LINES;
	for (size_t i = 0; i < full; i++)
		on[i] = lif_word(r, v + i * WORD_LINES, x + i * WORD_LINES, advance);
	if (rest)
		on[full] = lif_rest(
			r, v + full * WORD_LINES, x + full * WORD_LINES, (unsigned)rest, advance);
}

void lif_avx2(const struct lif_rule *rule, float *v, const float *x, uint64_t *on, uint32_t count)
{
	const struct rule r = {
		.a = _mm256_set1_ps(rule->a),
		.leak = _mm256_set1_ps(rule->leak),
		.threshold = _mm256_set1_ps(rule->threshold),
		.reset = _mm256_set1_ps(rule->reset),
	};
	if (rule->reset == 0.0f)
		lif_lines(&r, v, x, on, count, step_to_zero);
	else
		lif_lines(&r, v, x, on, count, step);
}

void lif_each_avx2(
	const struct lif_rules *rules, float *v, const float *x, uint64_t *on, uint32_t count)
{
	for (size_t at = 0; at < count; at += WORD_LINES) {
		unsigned n = count - at < WORD_LINES ? (unsigned)(count - at) : WORD_LINES;
		uint64_t word = 0;
		for (unsigned i = 0; i < n; i += LANES) {
			const struct rule r = {
				.a = _mm256_load_ps(rules->a + at + i),
				.leak = _mm256_load_ps(rules->leak + at + i),
				.threshold = _mm256_load_ps(rules->threshold + at + i),
				.reset = _mm256_load_ps(rules->reset + at + i),
			};
			__m256i lanes = lanes_below(n - i);
			__m256 before = _mm256_load_ps(v + at + i), fired;
			__m256 next =
				step(before, _mm256_maskload_ps(x + at + i, lanes), &r, &fired);
			_mm256_store_ps(
				v + at + i, _mm256_blendv_ps(before, keep_finite(next, r.reset),
						    _mm256_castsi256_ps(lanes)));
			word |= (uint64_t)(uint8_t)_mm256_movemask_ps(fired) << i;
		}
		on[at / WORD_LINES] = word & bits_below(n);
	}
}
