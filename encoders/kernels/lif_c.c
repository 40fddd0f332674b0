/* LIF in plain C, shaped so that a compiler vectorises it: 64 lanes at a time write their
 * comparison as bytes, which are then packed into one word.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

#include <float.h>
#include <math.h>

/* Norse's order, one rounding an operation. */
static inline float integrate(float v, float x, float a, float leak)
{
	float pull = (leak - v) + x;
	return v + a * pull;
}

/* The reset is the product 1*(w - reset) or 0*(w - reset) and not a choice: w - (w - reset) is the
 * reset voltage only within rounding, as it is in Norse. */
static inline float settle(float w, float threshold, float reset)
{
	float z = w > threshold ? 1.0f : 0.0f;
	float next = w - z * (w - reset);
	return fabsf(next) <= FLT_MAX ? next : reset;
}

/* The same for a reset voltage of 0, which most have: what fired or is not finite becomes 0, all else
 * stays as it is. */
static inline float settle_to_zero(float w, float threshold)
{
	float kept = w > threshold ? 0.0f : w;
	return kept >= -FLT_MAX ? kept : 0.0f; /* the comparison fails for NaN */
}

/* n is a constant 64 in all words but the last, where inlining makes a second copy. */
static inline uint64_t lif_word(const struct lif_rule *rule, float *restrict v,
	const float *restrict x, unsigned n, bool to_zero)
{
	const struct lif_rule r = *rule;
	uint8_t fired[WORD_LINES] = {0};
	for (unsigned i = 0; i < n; i++) {
		float w = integrate(v[i], x[i], r.a, r.leak);
		v[i] = to_zero ? settle_to_zero(w, r.threshold) : settle(w, r.threshold, r.reset);
		fired[i] = w > r.threshold;
	}
	return bits_from_bytes(fired);
}

static inline void lif_lines(const struct lif_rule *rule, float *v, const float *x, uint64_t *on,
	uint32_t count, bool to_zero)
{
	size_t full = count / WORD_LINES, rest = count % WORD_LINES;
	for (size_t i = 0; i < full; i++)
		on[i] = lif_word(rule, v + i * WORD_LINES, x + i * WORD_LINES, WORD_LINES, to_zero);
	if (rest)
		on[full] = lif_word(rule, v + full * WORD_LINES, x + full * WORD_LINES,
			(unsigned)rest, to_zero);
}

void lif_c(const struct lif_rule *rule, float *v, const float *x, uint64_t *on, uint32_t count)
{
	if (rule->reset == 0.0f)
		lif_lines(rule, v, x, on, count, true);
	else
		lif_lines(rule, v, x, on, count, false);
}

static inline uint64_t lif_each_word(const struct lif_rules *rules, size_t at, float *restrict v,
	const float *restrict x, unsigned n)
{
	const float *a = rules->a + at, *leak = rules->leak + at;
	const float *threshold = rules->threshold + at, *reset = rules->reset + at;
	uint8_t fired[WORD_LINES] = {0};
	for (unsigned i = 0; i < n; i++) {
		float w = integrate(v[i], x[i], a[i], leak[i]);
		v[i] = settle(w, threshold[i], reset[i]);
		fired[i] = w > threshold[i];
	}
	return bits_from_bytes(fired);
}

void lif_each_c(
	const struct lif_rules *rules, float *v, const float *x, uint64_t *on, uint32_t count)
{
	size_t full = count / WORD_LINES, rest = count % WORD_LINES;
	for (size_t i = 0; i < full; i++) {
		size_t at = i * WORD_LINES;
		on[i] = lif_each_word(rules, at, v + at, x + at, WORD_LINES);
	}
	if (rest) {
		size_t at = full * WORD_LINES;
		on[full] = lif_each_word(rules, at, v + at, x + at, (unsigned)rest);
	}
}
