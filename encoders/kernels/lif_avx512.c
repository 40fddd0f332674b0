/* LIF for AVX-512: 64 lanes a word, sixteen at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

#include <float.h>
#include <immintrin.h>
#include <math.h>

#define LANES 16u

/* Constants of one rule, a lane each. */
struct rule {
	__m512 a, leak, threshold, reset;
};

static inline __m512 integrate(__m512 v, __m512 x, __m512 a, __m512 leak)
{
	__m512 pull = _mm512_add_ps(_mm512_sub_ps(leak, v), x);
	return _mm512_add_ps(v, _mm512_mul_ps(a, pull));
}

/* Any rule: the formula of lif_c.c as it stands. The next voltage, which may not be finite. */
static inline __m512 step(__m512 v, __m512 x, const struct rule *r, __mmask16 *fired)
{
	__m512 w = integrate(v, x, r->a, r->leak);
	*fired = _mm512_cmp_ps_mask(w, r->threshold, _CMP_GT_OQ);
	__m512 z = _mm512_maskz_mov_ps(*fired, _mm512_set1_ps(1.0f));
	return _mm512_sub_ps(w, _mm512_mul_ps(z, _mm512_sub_ps(w, r->reset)));
}

static inline __mmask16 is_finite(__m512 y)
{
	return _mm512_cmp_ps_mask(_mm512_abs_ps(y), _mm512_set1_ps(FLT_MAX), _CMP_LE_OQ);
}

static inline __m512 keep_finite(__m512 y, __m512 reset)
{
	return _mm512_mask_mov_ps(reset, is_finite(y), y);
}

/* A reset voltage of 0, which most have: what fired or is not finite becomes 0, all else stays as it
 * is. The comparison holds for NaN too, which the table makes 0. */
static inline __m512 step_to_zero(__m512 v, __m512 x, const struct rule *r, __mmask16 *fired)
{
	/* A nibble a class of w, from 0: quiet NaN, signaling NaN, zero, one, -inf, +inf, negative,
	 * positive. 8 gives +0 and 0 keeps the first operand, which is w too. */
	const __m512i table = _mm512_set1_epi32(0x00880888);
	__m512 w = integrate(v, x, r->a, r->leak);
	__mmask16 stays = _mm512_cmp_ps_mask(w, r->threshold, _CMP_NGT_UQ);
	*fired = _knot_mask16(stays);
	return _mm512_maskz_fixupimm_ps(stays, w, w, table, 0);
}

typedef __m512 step_function(__m512 v, __m512 x, const struct rule *r, __mmask16 *fired);

/* The general step may leave a voltage that is not finite. It makes the sum so, too; that is rare,
 * and put right behind. */
static inline uint64_t lif_word(
	const struct rule *r, float *v, const float *x, step_function *advance)
{
	__mmask16 fired[4];
	__m512 next[4];
	for (unsigned i = 0; i < 4; i++) {
		next[i] = advance(_mm512_load_ps(v + i * LANES), _mm512_loadu_ps(x + i * LANES), r,
			&fired[i]);
		_mm512_store_ps(v + i * LANES, next[i]);
	}
	if (advance == step) {
		__m512 sum = _mm512_add_ps(
			_mm512_add_ps(next[0], next[1]), _mm512_add_ps(next[2], next[3]));
		if (__builtin_expect(is_finite(sum) != 0xffff, 0)) {
			for (unsigned i = 0; i < 4; i++)
				_mm512_store_ps(v + i * LANES, keep_finite(next[i], r->reset));
		}
	}
	return (uint64_t)_mm512_kunpackw(fired[1], fired[0]) |
	       (uint64_t)_mm512_kunpackw(fired[3], fired[2]) << 32;
}

/* The last word: n < 64 lanes. */
static inline uint64_t lif_rest(
	const struct rule *r, float *v, const float *x, unsigned n, step_function *advance)
{
	uint64_t here = bits_below(n), on = 0;
	for (unsigned i = 0; i < n; i += LANES) {
		__mmask16 lanes = (__mmask16)(here >> i), fired;
		__m512 before = _mm512_load_ps(v + i);
		__m512 next = advance(before, _mm512_maskz_loadu_ps(lanes, x + i), r, &fired);
		_mm512_mask_store_ps(v + i, lanes, keep_finite(next, r->reset));
		on |= (uint64_t)fired << i;
	}
	return on & here;
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

void lif_avx512(const struct lif_rule *rule, float *v, const float *x, uint64_t *on, uint32_t count)
{
	const struct rule r = {
		.a = _mm512_set1_ps(rule->a),
		.leak = _mm512_set1_ps(rule->leak),
		.threshold = _mm512_set1_ps(rule->threshold),
		.reset = _mm512_set1_ps(rule->reset),
	};
	if (rule->reset == 0.0f)
		lif_lines(&r, v, x, on, count, step_to_zero);
	else
		lif_lines(&r, v, x, on, count, step);
}

static inline struct rule rule_at(const struct lif_rules *rules, size_t at)
{
	return (struct rule){
		.a = _mm512_load_ps(rules->a + at),
		.leak = _mm512_load_ps(rules->leak + at),
		.threshold = _mm512_load_ps(rules->threshold + at),
		.reset = _mm512_load_ps(rules->reset + at),
	};
}

void lif_each_avx512(
	const struct lif_rules *rules, float *v, const float *x, uint64_t *on, uint32_t count)
{
	for (size_t at = 0; at < count; at += WORD_LINES) {
		unsigned n = count - at < WORD_LINES ? (unsigned)(count - at) : WORD_LINES;
		uint64_t here = bits_below(n), word = 0;
		for (unsigned i = 0; i < n; i += LANES) {
			struct rule r = rule_at(rules, at + i);
			__mmask16 lanes = (__mmask16)(here >> i), fired;
			__m512 before = _mm512_load_ps(v + at + i);
			__m512 next =
				step(before, _mm512_maskz_loadu_ps(lanes, x + at + i), &r, &fired);
			_mm512_mask_store_ps(v + at + i, lanes, keep_finite(next, r.reset));
			word |= (uint64_t)fired << i;
		}
		on[at / WORD_LINES] = word & here;
	}
}
