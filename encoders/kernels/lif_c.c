/* LIF in plain C, shaped so that a compiler vectorises it: 64 lanes at a time write their
 * comparison as bytes, which are then packed into one word.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

#include <float.h>
#include <math.h>

/* Norse's order, one rounding an operation. The reset is the product 1*(w - reset) or 0*(w - reset)
 * and not a choice, so that the sign of a zero comes out as Norse's. */
static inline float step(
	float v, float x, float a, float leak, float threshold, float reset, float *fired)
{
	float pull = (leak - v) + x;
	float w = v + a * pull;
	float z = w > threshold ? 1.0f : 0.0f;
	float next = w - z * (w - reset);
	*fired = z;
	return fabsf(next) <= FLT_MAX ? next : reset;
}

/* n is a constant 64 in all words but the last, where inlining makes a second copy. */
static inline uint64_t lif_word(
	const struct lif_rule *rule, float *restrict v, const float *restrict x, unsigned n)
{
	const struct lif_rule r = *rule;
	uint8_t fired[WORD_LINES] = {0};
	for (unsigned i = 0; i < n; i++) {
		float z;
		v[i] = step(v[i], x[i], r.a, r.leak, r.threshold, r.reset, &z);
		fired[i] = z > 0.0f;
	}
	return bits_from_bytes(fired);
}

static inline uint64_t lif_each_word(const struct lif_rules *rules, size_t at, float *restrict v,
	const float *restrict x, unsigned n)
{
	const float *a = rules->a + at, *leak = rules->leak + at;
	const float *threshold = rules->threshold + at, *reset = rules->reset + at;
	uint8_t fired[WORD_LINES] = {0};
	for (unsigned i = 0; i < n; i++) {
		float z;
		v[i] = step(v[i], x[i], a[i], leak[i], threshold[i], reset[i], &z);
		fired[i] = z > 0.0f;
	}
	return bits_from_bytes(fired);
}

void lif_c(const struct lif_rule *rule, float *v, const float *x, uint64_t *on, uint32_t count)
{
	size_t full = count / WORD_LINES, rest = count % WORD_LINES;
	for (size_t i = 0; i < full; i++)
		on[i] = lif_word(rule, v + i * WORD_LINES, x + i * WORD_LINES, WORD_LINES);
	if (rest)
		on[full] = lif_word(
			rule, v + full * WORD_LINES, x + full * WORD_LINES, (unsigned)rest);
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
