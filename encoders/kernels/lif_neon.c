/* LIF for NEON: 64 lanes a word, sixteen at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits_neon.h"
#include "encoders/kernels/variants.h"

#include <float.h>
#include <math.h>

#define LANES 4u

/* Constants of one rule, a lane each. */
struct rule {
	float32x4_t a, leak, threshold, reset;
};

static inline float32x4_t integrate(float32x4_t v, float32x4_t x, float32x4_t a, float32x4_t leak)
{
	float32x4_t pull = vaddq_f32(vsubq_f32(leak, v), x);
	return vaddq_f32(v, vmulq_f32(a, pull));
}

/* The float where the mask is ones, +0 where it is not. */
static inline float32x4_t masked(float32x4_t y, uint32x4_t mask)
{
	return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(y), mask));
}

/* Any rule: the formula of lif_c.c as it stands. Returns the next voltage. */
static inline float32x4_t step(
	float32x4_t v, float32x4_t x, const struct rule *r, uint32x4_t *fired)
{
	float32x4_t w = integrate(v, x, r->a, r->leak);
	*fired = vcgtq_f32(w, r->threshold);
	float32x4_t z = masked(vdupq_n_f32(1.0f), *fired);
	float32x4_t next = vsubq_f32(w, vmulq_f32(z, vsubq_f32(w, r->reset)));
	uint32x4_t finite = vcleq_f32(vabsq_f32(next), vdupq_n_f32(FLT_MAX));
	return vbslq_f32(finite, next, r->reset);
}

/* A reset voltage of 0, which most have: what fired or is not finite becomes 0, all else stays as it
 * is. */
static inline float32x4_t step_to_zero(
	float32x4_t v, float32x4_t x, const struct rule *r, uint32x4_t *fired)
{
	float32x4_t w = integrate(v, x, r->a, r->leak);
	*fired = vcgtq_f32(w, r->threshold);
	/* Does not hold for NaN either, and +inf fires. */
	uint32x4_t above = vcgeq_f32(w, vdupq_n_f32(-FLT_MAX));
	return masked(w, vbicq_u32(above, *fired));
}

typedef float32x4_t step_function(
	float32x4_t v, float32x4_t x, const struct rule *r, uint32x4_t *fired);

static inline uint64_t lif_word(
	const struct rule *r, float *v, const float *x, step_function *advance)
{
	uint64_t on = 0;
	for (unsigned i = 0; i < WORD_LINES; i += BYTE_LANES) {
		uint32x4_t fired[4];
		for (unsigned k = 0; k < 4; k++) {
			unsigned at = i + k * LANES;
			float32x4_t next =
				advance(vld1q_f32(v + at), vld1q_f32(x + at), r, &fired[k]);
			vst1q_f32(v + at, next);
		}
		on |= (uint64_t)bits_of_words(fired) << i;
	}
	return on;
}

void lif_neon(const struct lif_rule *rule, float *v, const float *x, uint64_t *on, uint32_t count)
{
	const struct rule r = {
		.a = vdupq_n_f32(rule->a),
		.leak = vdupq_n_f32(rule->leak),
		.threshold = vdupq_n_f32(rule->threshold),
		.reset = vdupq_n_f32(rule->reset),
	};
	uint32_t full = count / WORD_LINES, done = full * WORD_LINES;
	bool to_zero = rule->reset == 0.0f;
	for (size_t i = 0; i < full; i++) {
		float *word_v = v + i * WORD_LINES;
		const float *word_x = x + i * WORD_LINES;
		on[i] = to_zero ? lif_word(&r, word_v, word_x, step_to_zero)
				: lif_word(&r, word_v, word_x, step);
	}
	lif_c(rule, v + done, x + done, on + full, count - done);
}

static inline uint64_t lif_each_word(
	const struct lif_rules *rules, size_t at, float *v, const float *x)
{
	uint64_t on = 0;
	for (unsigned i = 0; i < WORD_LINES; i += BYTE_LANES) {
		uint32x4_t fired[4];
		for (unsigned k = 0; k < 4; k++) {
			size_t here = at + i + k * LANES;
			const struct rule r = {
				.a = vld1q_f32(rules->a + here),
				.leak = vld1q_f32(rules->leak + here),
				.threshold = vld1q_f32(rules->threshold + here),
				.reset = vld1q_f32(rules->reset + here),
			};
			vst1q_f32(v + here,
				step(vld1q_f32(v + here), vld1q_f32(x + here), &r, &fired[k]));
		}
		on |= (uint64_t)bits_of_words(fired) << i;
	}
	return on;
}

void lif_each_neon(
	const struct lif_rules *rules, float *v, const float *x, uint64_t *on, uint32_t count)
{
	uint32_t full = count / WORD_LINES, done = full * WORD_LINES;
	for (size_t i = 0; i < full; i++)
		on[i] = lif_each_word(rules, i * WORD_LINES, v, x);
	const struct lif_rules rest = {
		rules->a + done, rules->leak + done, rules->threshold + done, rules->reset + done};
	lif_each_c(&rest, v + done, x + done, on + full, count - done);
}
