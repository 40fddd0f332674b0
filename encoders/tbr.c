/* Threshold-based representation: fires on changes that are large for this signal, with a threshold
 * that it learns.
 *
 *   d = x - x of the tick before
 *   M, V = mean and variance of all d so far, this one included:
 *     w = max(1/n, share);  e = d - M;  M = M + w e;  V = (1 - w) (V + w e^2)
 *   theta = max(theta_min, M + factor sqrt(V))
 *   s = +1 if d > theta, -1 if d < -theta
 *
 * n counts the differences. With tau 0 the share is 0 and M, V are the population's mean and
 * variance (SpiCoder's recurrence of TBR, the temporal contrast of Petro, Kasabov and Kiss, 2020);
 * with tau > 0 the share is 1 - e^(-dt/tau) and they become exponentially weighted ones, unbiased
 * from the first difference on. In double: a mean of weeks is past float32. Its peers take M and V
 * of the whole signal, which a stream cannot know. Without theta_min a signal that falls on average
 * would have a negative threshold. There is no decoder: theta moves, so s does not tell d.
 *
 * A tick is a sample: while a row is held d is 0, which M and V count. The first sample is silent.
 * NaN and infinities are no samples. After 2^32 - 1 samples w stays. What a huge sample does to V
 * takes as long to go as the weights say, with tau 0 for ever: put a range first, or set tau. At the
 * first tick of a stream's window everything goes on: it describes the signal.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/linewise.h"

#include <errno.h>

enum { FACTOR, THETA_MIN, TAU };

static const struct param tbr_params[] = {
	[FACTOR] =
		{
			.name = "factor",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "1",
			.min = 0,
			.max = FLT_MAX,
			.help = "Standard deviations above the mean change that a change must have.",
		},
	[THETA_MIN] =
		{
			.name = "theta_min",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "0.001",
			.min = 0,
			.max = FLT_MAX,
			.help = "The threshold's lower end, about the sensor's noise.",
		},
	[TAU] =
		{
			.name = "tau",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0",
			.min = 0,
			.max = FLT_MAX,
			.help = "Time over which mean and deviation forget, 0 = never.",
		},
	{0},
};

struct tbr {
	const float *factor, *theta_min, *share;
	double *mean, *variance;
	float *last;
	uint32_t *seen; /* samples, up to 2^32 - 1 */
};

static struct tbr tbr_of(const struct stage *st, const void *state)
{
	size_t stride = stage_stride(st->in_lines);
	struct tbr t = {.factor = st->consts, .mean = (double *)state};
	t.theta_min = t.factor + stride;
	t.share = t.theta_min + stride;
	t.variance = t.mean + stride;
	t.last = (float *)(t.variance + stride);
	t.seen = (uint32_t *)(t.last + stride);
	return t;
}

static int tbr_plan(struct stage *st, struct fault *f)
{
	(void)f;
	st->const_size = 3 * stage_float_bytes(st->in_lines);
	st->state_size = 6 * stage_float_bytes(st->in_lines);
	return 0;
}

static void tbr_prepare(struct stage *st)
{
	float *next = line_constants(st, FACTOR, st->consts);
	next = line_constants(st, THETA_MIN, next);
	line_shares(st, TAU, next);
}

static void tbr_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		memset(state, 0, st->state_size);
}

static inline int tbr_step(void *of, uint32_t i, float x)
{
	struct tbr *t = of;
	if (!isfinite(x))
		return 0;
	double d = (double)x - t->last[i];
	uint32_t n = t->seen[i];
	t->last[i] = x;
	t->seen[i] = n + (n < UINT32_MAX);
	if (n == 0)
		return 0;
	double w = 1.0 / n;
	w = w > t->share[i] ? w : t->share[i];
	double e = d - t->mean[i];
	t->mean[i] += w * e;
	t->variance[i] = (1 - w) * (t->variance[i] + w * (e * e));
	double theta = t->mean[i] + t->factor[i] * sqrt(t->variance[i]);
	theta = theta > t->theta_min[i] ? theta : t->theta_min[i];
	return (d > theta) - (d < -theta);
}

static void tbr_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	struct tbr t = tbr_of(st, state);
	line_by_line(in, out, tbr_step, &t);
}

#define FLOAT_MOST ((double)FLT_MAX)

/* Changes are up to twice FLT_MAX, as is their mean but for its rounding; they differ by twice that.
 * What is beyond never came from rows, and could run into infinity, where it would stay. */
static int tbr_check(const struct stage *st, const void *state)
{
	const struct tbr t = tbr_of(st, state);
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (!(fabs(t.mean[i]) <= 2.001 * FLOAT_MOST) || !(t.variance[i] >= 0) ||
			!(t.variance[i] <= 32 * FLOAT_MOST * FLOAT_MOST))
			return -EINVAL;
	}
	return stage_floats_sane(t.last, st->in_lines) ? 0 : -EINVAL;
}

static const struct encoder_alias tbr_aliases[] = {
	{.name = "threshold_based_representation"},
	{.name = "temporal_contrast"},
	{0},
};

const struct encoder_class encoder_tbr = {
	.name = "tbr",
	.summary =
		"Fires on changes above the signal's own mean change plus deviations: no threshold "
		"to pick.",
	.source = "SpiCoder's sequential TBR",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.aliases = tbr_aliases,
	.params = tbr_params,
	.plan = tbr_plan,
	.prepare = tbr_prepare,
	.reset = tbr_reset,
	.run = tbr_run,
	.check = tbr_check,
};
