/* Moving window: compares each sample with the mean of those before it, so that slow drift is not
 * seen.
 *
 *   base = mean of the last w samples before this one (of all before it, while they are fewer)
 *   s = +1 if x > base + theta, -1 if x < base - theta
 *
 * The first sample has no base and is silent. Spikify's moving_window, for k >= w the same; for the
 * first w samples that uses their own mean, which lies in the future. The base is in double, its
 * sum never drifts (moving_sum.h). There is no decoder: s does not tell how far x is from its base.
 *
 * A tick is a sample, so a held value becomes its own base. NaN and infinities are no samples: no
 * spike, and the window keeps what it has. At the first tick of a stream's window the samples stay:
 * they describe the signal.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/moving_sum.h"

#include <errno.h>

enum { W, THETA };

static const struct param moving_params[] = {
	[W] =
		{
			.name = "w",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.preset = "16",
			.min = 1,
			.max = 1 << 20,
			.help = "Samples that the mean is of.",
		},
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.1",
			.min = 0,
			.max = FLT_MAX,
			.help = "How far from the mean a sample must be to fire.",
		},
	{0},
};

struct moving {
	struct moving_sum past;
	const float *theta;
};

static uint32_t width_of(const struct stage *st)
{
	return (uint32_t)st->values[W].integer;
}

static int moving_plan(struct stage *st, struct fault *f)
{
	(void)f;
	st->const_size = stage_float_bytes(st->in_lines);
	st->state_size = moving_sum_bytes(width_of(st), st->in_lines);
	return 0;
}

static void moving_prepare(struct stage *st)
{
	line_constants(st, THETA, st->consts);
}

static void moving_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		moving_sum_clear(state, st->in_lines);
}

static inline int moving_step(void *of, uint32_t i, float x)
{
	struct moving *m = of;
	int spike = 0;
	if (!isfinite(x))
		return 0;
	if (m->past.filled[i] > 0) {
		double base = m->past.sum[i] / m->past.filled[i], theta = m->theta[i];
		spike = (x > base + theta) - (x < base - theta);
	}
	moving_sum_push(&m->past, i, x);
	return spike;
}

static void moving_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	struct moving m = {moving_sum_of(state, width_of(st), st->in_lines), st->consts};
	line_by_line(in, out, moving_step, &m);
}

static int moving_check(const struct stage *st, const void *state)
{
	struct moving_sum past = moving_sum_of(state, width_of(st), st->in_lines);
	return moving_sum_sane(&past, st->in_lines) ? 0 : -EINVAL;
}

const struct encoder_class encoder_moving_window = {
	.name = "moving_window",
	.summary =
		"Fires when a sample is away from the mean of the last w: changes without drift.",
	.source = "spikify moving_window",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.params = moving_params,
	.plan = moving_plan,
	.prepare = moving_prepare,
	.reset = moving_reset,
	.run = moving_run,
	.check = moving_check,
};
