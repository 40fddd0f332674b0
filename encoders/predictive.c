/* Predictive: fires when a sample is not what an exponentially weighted mean of those before it
 * foretells, so that only the new is told.
 *
 *   e = x - p;  s = sign(e) if |e| > theta;  p = p + share e,  share = 1 - e^(-dt/tau)
 *
 * in float32, one rounding an operation. The first `warmup` samples are silent and p becomes their
 * mean. Axon's PredictiveEncoder is of this kind, with the mean of the last five samples as the
 * goal of p. A p of float32 comes to within 2^-24 |p| / share of its goal, which is fine for tau up
 * to some 10^5 ticks. There is no decoder: s does not tell how large e is.
 *
 * A tick is a sample. NaN and infinities are none: no spike, and p stays. Where a difference of huge
 * samples overflows, p becomes the sample. At the first tick of a stream's window p goes on: it
 * describes the signal.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/linewise.h"

#include <errno.h>

enum { TAU, THETA, WARMUP };

static const struct param predictive_params[] = {
	[TAU] =
		{
			.name = "tau",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "0.1",
			.min = 0,
			.max = FLT_MAX,
			.help = "Time constant of the mean that foretells the next sample.",
		},
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.1",
			.min = 0,
			.max = FLT_MAX,
			.help = "How wrong the prediction must be to fire.",
		},
	[WARMUP] =
		{
			.name = "warmup",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.flags = PARAM_LIVE,
			.preset = "5",
			.min = 1,
			.max = 1 << 24,
			.help = "First samples, without spikes, whose mean is the first prediction.",
		},
	{0},
};

struct predictive {
	const float *share, *theta;
	uint32_t warmup;
	float *p;
	uint32_t *seen; /* samples, up to the longest warmup */
};

#define SEEN_MOST (1u << 24)

static struct predictive predictive_of(const struct stage *st, const void *state)
{
	size_t stride = stage_stride(st->in_lines);
	struct predictive v = {.share = st->consts, .p = (float *)state};
	v.theta = v.share + stride;
	v.warmup = (uint32_t)st->values[WARMUP].integer;
	v.seen = (uint32_t *)(v.p + stride);
	return v;
}

static int predictive_plan(struct stage *st, struct fault *f)
{
	(void)f;
	st->const_size = 2 * stage_float_bytes(st->in_lines);
	st->state_size = 2 * stage_float_bytes(st->in_lines);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void predictive_prepare(struct stage *st)
{
	line_constants(st, THETA, line_shares(st, TAU, st->consts));
}

static void predictive_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		memset(state, 0, st->state_size);
}

static inline int predictive_step(void *of, uint32_t i, float x)
{
	struct predictive *v = of;
	if (!isfinite(x))
		return 0;
	uint32_t seen = v->seen[i];
	bool warm = seen >= v->warmup;
	float e = x - v->p[i], p = v->p[i] + (warm ? v->share[i] * e : e / (float)(seen + 1));
	v->p[i] = isfinite(p) ? p : x;
	v->seen[i] = seen + (seen < SEEN_MOST);
	if (!warm)
		return 0;
	return (e > v->theta[i]) - (e < -v->theta[i]);
}

static void predictive_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	struct predictive v = predictive_of(st, state);
	line_by_line(in, out, predictive_step, &v);
}

static int predictive_check(const struct stage *st, const void *state)
{
	const struct predictive v = predictive_of(st, state);
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (v.seen[i] > SEEN_MOST)
			return -EINVAL;
	}
	return stage_floats_sane(v.p, st->in_lines) ? 0 : -EINVAL;
}

const struct encoder_class encoder_predictive = {
	.name = "predictive",
	.summary = "Fires when a sample differs from the running mean's prediction: novelty only.",
	.source = "axon-encoder PredictiveEncoder, with an exponentially weighted mean",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.params = predictive_params,
	.plan = predictive_plan,
	.prepare = predictive_prepare,
	.reset = predictive_reset,
	.run = predictive_run,
	.check = predictive_check,
};
