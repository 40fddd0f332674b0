/* Two windows: compares the mean of the last w samples with that of the w before them, so that a
 * change is seen and the noise of a single sample is not.
 *
 *   d = (x[k] + … + x[k-w+1]) / w - (x[k-w] + … + x[k-2w+1]) / w
 *   s = +1 if d > theta, -1 if d < -theta; silent before 2 w samples have come
 *
 * Axon's TemporalEncoder (w = 3) tells only that |d| > theta; here the spike has its sign. Means
 * are in double and their sums never drift (moving_sum.h); the older mean is the newer one of w
 * samples ago. There is no decoder: s does not tell how large d is.
 *
 * A tick is a sample, so a change between two held rows fires for up to 2 w - 1 ticks. NaN and
 * infinities are no samples: no spike, and both windows keep what they have. At the first tick of a
 * stream's window the samples stay: they describe the signal.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/moving_sum.h"

#include <errno.h>

enum { W, THETA };

static const struct param two_params[] = {
	[W] =
		{
			.name = "w",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.preset = "3",
			.min = 1,
			.max = 1 << 20,
			.help = "Samples in each of the two windows.",
		},
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.1",
			.min = 0,
			.max = FLT_MAX,
			.help = "How far apart the two means must be to fire.",
		},
	{0},
};

/* State: the newer window, the sums of it at each of the last w samples, how many samples have
 * come (up to 2 w). */
struct two {
	struct moving_sum newer;
	double *sums;
	uint32_t *seen;
	const float *theta;
};

static uint32_t width_of(const struct stage *st)
{
	return (uint32_t)st->values[W].integer;
}

static struct two two_of(const struct stage *st, const void *state)
{
	struct two t = {.newer = moving_sum_of(state, width_of(st), st->in_lines)};
	const char *behind = (const char *)state + moving_sum_bytes(t.newer.w, st->in_lines);
	t.seen = (uint32_t *)behind;
	t.sums = (double *)(behind + stage_float_bytes(st->in_lines));
	t.theta = st->consts;
	return t;
}

static int two_plan(struct stage *st, struct fault *f)
{
	(void)f;
	size_t w = width_of(st);
	st->const_size = stage_float_bytes(st->in_lines);
	st->state_size = moving_sum_bytes(width_of(st), st->in_lines) +
			 (1 + 2 * w) * stage_float_bytes(st->in_lines);
	return 0;
}

static void two_prepare(struct stage *st)
{
	line_constants(st, THETA, st->consts);
}

static void two_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope != RESET_ALL)
		return;
	moving_sum_clear(state, st->in_lines);
	memset(two_of(st, state).seen, 0, stage_float_bytes(st->in_lines));
}

static inline int two_step(void *of, uint32_t i, float x)
{
	struct two *t = of;
	if (!isfinite(x))
		return 0;
	double *sum = &t->sums[t->newer.next[i] * t->newer.stride + i];
	double older = *sum;
	moving_sum_push(&t->newer, i, x);
	*sum = t->newer.sum[i];
	if (t->seen[i] < 2 * t->newer.w && ++t->seen[i] < 2 * t->newer.w)
		return 0;
	double d = (*sum - older) / t->newer.w, theta = t->theta[i];
	return (d > theta) - (d < -theta);
}

static void two_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	struct two t = two_of(st, state);
	line_by_line(in, out, two_step, &t);
}

static int two_check(const struct stage *st, const void *state)
{
	const struct two t = two_of(st, state);
	if (!moving_sum_sane(&t.newer, st->in_lines))
		return -EINVAL;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		uint32_t seen = t.seen[i], filled = t.newer.filled[i];
		if (seen > 2 * t.newer.w || filled != (seen < t.newer.w ? seen : t.newer.w))
			return -EINVAL;
		for (uint32_t k = 0; k < filled; k++) {
			if (!isfinite(t.sums[k * t.newer.stride + i]))
				return -EINVAL;
		}
	}
	return 0;
}

const struct encoder_class encoder_two_window = {
	.name = "two_window",
	.summary =
		"Fires when the mean of the last w samples leaves that of the w before: a change "
		"in noise.",
	.source = "axon-encoder TemporalEncoder, with a sign",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.params = two_params,
	.plan = two_plan,
	.prepare = two_prepare,
	.reset = two_reset,
	.run = two_run,
	.check = two_check,
};
