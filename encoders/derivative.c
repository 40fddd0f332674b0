/* Derivative: fires when the value has changed by theta or more since the last tick.
 *
 *   d = x - before;  s = +1 if d >= theta, -1 if d <= -theta and `off`;  before' = x
 *
 * in float32. Before the first sample, `before` is that sample (pad: first), or 0 (pad: zero, which
 * is snnTorch's default). The difference is one of ticks: a row that is held changes at its first
 * tick and never after, and a ramp that rises less than theta a tick is not seen; step_forward and
 * send_on_delta see it.
 *
 * What is not finite is no sample: it fires nothing and `before` stays.
 *
 * Peers: snnTorch spikegen.delta, axon DerivativeEncoder (> instead of >=).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/level.h"

#include <errno.h>

enum { THETA, OFF, PAD };
enum { PAD_ZERO, PAD_FIRST };

static const char *const pads[] = {"zero", "first", NULL};

static const struct param derivative_params[] = {
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "0.1",
			.min = 0,
			.max = FLT_MAX,
			.help = "The least change in a tick that fires.",
		},
	[OFF] =
		{
			.name = "off",
			.type = PARAM_BOOL,
			.preset = "true",
			.help = "Falling values give negative spikes; without it none.",
		},
	[PAD] =
		{
			.name = "pad",
			.type = PARAM_CHOICE,
			.preset = "first",
			.choices = pads,
			.help = "What came before the first sample: zero, or that sample, so that it "
				"does not fire.",
		},
	{0},
};

static int derivative_plan(struct stage *st, struct fault *f)
{
	(void)f;
	if (!st->values[OFF].integer)
		st->out_kind = KIND_SPIKES;
	st->const_size = stage_round(sizeof(struct change)) +
			 (stage_listed(st, THETA) ? stage_float_bytes(st->in_lines) : 0);
	st->state_size = level_bytes(st);
	return 0;
}

static void derivative_prepare(struct stage *st)
{
	struct change *r = st->consts;
	*r = (struct change){.theta = (float)st->values[THETA].number};
	if (stage_listed(st, THETA))
		r->thetas = stage_fill(
			st, THETA, (float *)((char *)st->consts + stage_round(sizeof(*r))));
}

static void derivative_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void derivative_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	if (st->values[PAD].integer == PAD_FIRST)
		level_begin(st, state, in->values);
	kernels_get()->derive(st->consts, state, in->values, out->on,
		out->kind == KIND_SIGNED ? out->minus : NULL, out->count);
}

static int derivative_check(const struct stage *st, const void *state)
{
	return level_sane(st, state) ? 0 : -EINVAL;
}

static int undo_plan(const struct stage *st, struct fault *f)
{
	if (!st->values[OFF].integer)
		return stage_fault(f, "off",
			"%s without falling values cannot be decoded: set off: true", st->asked);
	if (st->values[PAD].integer == PAD_FIRST && st->window > 0)
		return stage_fault(f, "pad",
			"%s begins each window at a sample that no spike tells: to decode it, set pad: "
			"zero, or no `window`",
			st->asked);
	return 0;
}

static bool undo_needs_start(const struct stage *st)
{
	return st->values[PAD].integer == PAD_FIRST;
}

static void undo_start(const struct stage *st, void *state, const float *values)
{
	if (undo_needs_start(st))
		level_start(st, state, values);
}

static void undo_run(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const struct change *r = st->consts;
	float *sum = state;
	for (uint32_t i = 0; i < in->count; i++) {
		float theta = r->thetas ? r->thetas[i] : r->theta;
		sum[i] = stage_clamp(sum[i] + theta * stage_spike(in, i));
		out->values[i] = sum[i];
	}
}

static const struct encoder_decoder derivative_decoder = {
	.help = "x = first sample (pad: zero: 0) + theta for each spike; no delay. Lossy and without a "
		"bound: a change counts as theta however large, a slow one not at all, and errors add "
		"up.",
	.plan = undo_plan,
	.size = level_undo_size,
	.reset = level_undo_reset,
	.start = undo_start,
	.needs_start = undo_needs_start,
	.mends = level_mends,
	.resume = level_resume,
	.run = undo_run,
};

const struct encoder_class encoder_derivative = {
	.name = "derivative",
	.summary = "Fires on a change of theta or more within a tick: contacts and impacts.",
	.source = "snnTorch spikegen.delta",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.params = derivative_params,
	.plan = derivative_plan,
	.prepare = derivative_prepare,
	.reset = derivative_reset,
	.run = derivative_run,
	.check = derivative_check,
	.decoder = &derivative_decoder,
};
