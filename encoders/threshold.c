/* Threshold: tells which lines are above a level, or when they cross it.
 *
 *   high' = high ? x > theta - hysteresis : x > theta
 *   edge level: s = high';  rise: high' and not high;  fall: high and not high';
 *   both: +1 at a rise, -1 at a fall
 *
 * with theta - hysteresis rounded to float32 once. A line begins low, so that rises and falls alone
 * tell where it is: one that begins above theta rises at its first tick. edge: level without
 * hysteresis is the half-wave code [max(x, 0) > theta] of theta >= 0.
 *
 * A NaN leaves a line as it is. A held value keeps its level and crosses once.
 *
 * Peers: spikify zero_cross_step_forward (edge level; it neither crosses nor steps).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

#include <errno.h>

enum { THETA, HYSTERESIS, EDGE };

/* In the order of enum edge. */
static const char *const edges[] = {"level", "rise", "fall", "both", NULL};

static const struct param threshold_params[] = {
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.5",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "A value above it is high.",
		},
	[HYSTERESIS] =
		{
			.name = "hysteresis",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0",
			.min = 0,
			.max = FLT_MAX,
			.help = "How far below theta a high value must come to be low again.",
		},
	[EDGE] =
		{
			.name = "edge",
			.type = PARAM_CHOICE,
			.preset = "level",
			.choices = edges,
			.help = "What fires: high values at every tick, those that become high, those "
				"that become low, or both, the latter as negative spikes.",
		},
	{0},
};

static bool is_each(const struct stage *st)
{
	return stage_listed(st, THETA) || stage_listed(st, HYSTERESIS);
}

/* The level at which a high value of channel c is low again. */
static float fall_of(const struct stage *st, uint32_t c)
{
	return (float)param_number(&st->values[THETA], c) -
	       (float)param_number(&st->values[HYSTERESIS], c);
}

static int threshold_plan(struct stage *st, struct fault *f)
{
	for (uint32_t c = 0; c < (is_each(st) ? st->channels : 1); c++) {
		if (!isfinite(fall_of(st, c)))
			return stage_fault(f, "hysteresis",
				"theta - hysteresis is beyond the largest float32; give a smaller "
				"hysteresis");
	}
	if (st->values[EDGE].integer == EDGE_BOTH)
		st->out_kind = KIND_SIGNED;
	st->const_size = stage_round(sizeof(struct crossing)) +
			 (is_each(st) ? 2 * stage_float_bytes(st->in_lines) : 0);
	st->state_size = stage_plane_bytes(st->in_lines);
	return 0;
}

static void threshold_prepare(struct stage *st)
{
	struct crossing *r = st->consts;
	*r = (struct crossing){
		.rise = (float)st->values[THETA].number,
		.fall = fall_of(st, 0),
		.edge = (enum edge)st->values[EDGE].integer,
	};
	if (!is_each(st))
		return;
	float *levels = (float *)((char *)st->consts + stage_round(sizeof(*r)));
	float *falls = levels + stage_stride(st->in_lines);
	for (uint32_t i = 0; i < st->in_lines; i++)
		falls[i] = fall_of(st, stage_channel(st, i));
	r->rises = stage_fill(st, THETA, levels);
	r->falls = falls;
}

static void threshold_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void threshold_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	kernels_get()->cross(st->consts, state, in->values, out->on,
		out->kind == KIND_SIGNED ? out->minus : NULL, out->count);
}

static int threshold_check(const struct stage *st, const void *state)
{
	return stage_plane_sane(state, st->in_lines) ? 0 : -EINVAL;
}

const struct encoder_class encoder_threshold = {
	.name = "threshold",
	.summary = "Fires above a level or when it is crossed, with hysteresis: switches, alarms, "
		   "touch.",
	.source = "level crossing; spikify zero_cross_step_forward",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = threshold_params,
	.plan = threshold_plan,
	.prepare = threshold_prepare,
	.reset = threshold_reset,
	.run = threshold_run,
	.check = threshold_check,
};
