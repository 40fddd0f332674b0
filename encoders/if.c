/* Integrate and fire: a deterministic rate, f_max at a value of theta. The number of spikes is never
 * a whole spike off what the values add up to.
 *
 *   v += g x  with g = f_max dt / theta  (rectify: g |x|)
 *   unipolar, rectify:  v >= 1 fires, v -= 1;  bipolar: also v <= -1, v += 1
 *   cap > 1: as many whole spikes at once as v holds, at most cap
 *
 * v is counted in spikes, and in two floats: what rounding takes from v stays in `rest`, so that
 * errors do not add up over days; g and g x are rounded to float32. Then 0 <= sum of g x - spikes < 1
 * (bipolar: |...| < 1), whatever the number of ticks, as long as |g x| <= cap. Below 0 it is by the
 * rounding of v at the newest spike, 6e-8 cap at most.
 *
 * What g x > cap leaves over is fired at later ticks, but |v| is never more than `carry` spikes: what
 * is beyond is lost. So is, in unipolar mode, what negative values take away beyond that.
 *
 * A NaN is no sample. An infinite value is a very large one: it fires cap spikes at its tick and
 * carry after it. A held value goes on at its rate.
 *
 * Peers: SpikingJelly's IFNode (theta 0.999), axon's rate encoder, Rockpool's IAFSpikeEncoder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/rate.h"

#include <errno.h>

enum { F_MAX, THETA, MODE, CAP, CARRY };
enum { MODE_UNIPOLAR, MODE_BIPOLAR, MODE_RECTIFY };

#define CAP_MOST   65535
#define CARRY_MOST 1024

static const char *const modes[] = {"unipolar", "bipolar", "rectify", NULL};

static const struct param if_params[] = {
	[F_MAX] =
		{
			.name = "f_max",
			.type = PARAM_NUMBER,
			.unit = UNIT_HERTZ,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "100",
			.min = 0,
			.max = FLT_MAX,
			.help = "Rate at a value of theta.",
		},
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "1",
			.min = 0,
			.max = FLT_MAX,
			.help = "Value that fires at f_max.",
		},
	[MODE] =
		{
			.name = "mode",
			.type = PARAM_CHOICE,
			.preset = "unipolar",
			.choices = modes,
			.help = "unipolar: positive spikes; bipolar: signed ones; rectify: of the "
				"value's size.",
		},
	[CAP] =
		{
			.name = "cap",
			.type = PARAM_COUNT,
			.preset = "1",
			.min = 1,
			.max = CAP_MOST,
			.help = "Spikes a tick at most: more than 1 gives counts.",
		},
	[CARRY] =
		{
			.name = "carry",
			.type = PARAM_COUNT,
			.flags = PARAM_LIVE,
			.preset = "1",
			.min = 1,
			.max = CARRY_MOST,
			.help = "Spikes that may be owed to later ticks when more are due than cap; "
				"what is beyond is lost.",
		},
	{0},
};

static bool is_each(const struct stage *st)
{
	return stage_listed(st, F_MAX) || stage_listed(st, THETA);
}

/* Products in double, one rounding. */
static float gain_of(const struct stage *st, uint32_t c)
{
	return (float)(param_number(&st->values[F_MAX], c) * st->dt /
		       param_number(&st->values[THETA], c));
}

static int if_plan(struct stage *st, struct fault *f)
{
	for (uint32_t c = 0; c < (is_each(st) ? st->channels : 1); c++) {
		if (!isnormal(gain_of(st, c)))
			return stage_fault(f, "f_max",
				"f_max * dt / theta is %g, which is no usable float32; give another "
				"f_max or theta",
				(double)gain_of(st, c));
	}
	if (st->values[CAP].integer > 1)
		st->out_kind = KIND_COUNTS;
	else if (st->values[MODE].integer == MODE_BIPOLAR)
		st->out_kind = KIND_SIGNED;
	st->const_size = stage_round(sizeof(struct meter)) +
			 (is_each(st) ? stage_float_bytes(st->in_lines) : 0);
	st->state_size = 2 * stage_float_bytes(st->in_lines);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void if_prepare(struct stage *st)
{
	struct meter *r = st->consts;
	float cap = (float)st->values[CAP].integer;
	*r = (struct meter){
		.gain = gain_of(st, 0),
		.flip = st->values[MODE].integer == MODE_RECTIFY ? -1.0f : 1.0f,
		.most = cap,
		.least = st->values[MODE].integer == MODE_BIPOLAR ? -cap : 0.0f,
		.carry = (float)st->values[CARRY].integer,
	};
	if (!is_each(st))
		return;
	float *gains = (float *)((char *)st->consts + stage_round(sizeof(*r)));
	for (uint32_t i = 0; i < st->in_lines; i++)
		gains[i] = gain_of(st, stage_channel(st, i));
	r->gains = gains;
}

/* State: v, then what rounding took from it. */
static float *rest_of(const struct stage *st, void *state)
{
	return (float *)((char *)state + stage_float_bytes(st->in_lines));
}

static void if_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void if_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	float *rest = rest_of(st, state);
	if (out->kind == KIND_COUNTS)
		kernels_get()->meter_counts(
			st->consts, state, rest, in->values, out->on, out->values, out->count);
	else
		kernels_get()->meter(st->consts, state, rest, in->values, out->on,
			out->kind == KIND_SIGNED ? out->minus : NULL, out->count);
}

static int if_check(const struct stage *st, const void *state)
{
	const float *v = state;
	const float *rest = (const float *)((const char *)state + stage_float_bytes(st->in_lines));
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (!(fabsf(v[i]) <= CARRY_MOST) || !(fabsf(rest[i]) <= 1))
			return -EINVAL;
	}
	return 0;
}

static void if_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	const struct meter *r = st->consts;
	float *x = out->values;
	rate_take(st, by, state, in, x);
	for (uint32_t i = 0; i < in->count; i++) {
		float gain = r->gains ? r->gains[i] : r->gain;
		x[i] = stage_clamp(x[i] / gain);
	}
}

static const struct encoder_decoder if_decoder = {
	.help = "x = theta n / (f_max dt) with n spikes a tick: with a window, on average over its "
		"ticks so far, t of them: off by less than theta / (f_max dt t) from their mean; else a "
		"first-order average, which lags by its time constant; rectify gives |x|.",
	.size = rate_size,
	.mends = rate_mends,
	.reset = rate_reset,
	.run = if_undo,
};

static const struct encoder_alias if_aliases[] = {
	{.name = "rate"},
	{.name = "integrate_and_fire"},
	{0},
};

const struct encoder_class encoder_if = {
	.name = "if",
	.summary =
		"Fires at a rate proportional to the value, without chance: the count is never a "
		"whole spike off; the best rate code for closed loops.",
	.source = "integrate-and-fire with subtraction: SpikingJelly IFNode, Rockpool "
		  "IAFSpikeEncoder",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.aliases = if_aliases,
	.params = if_params,
	.plan = if_plan,
	.prepare = if_prepare,
	.reset = if_reset,
	.run = if_run,
	.check = if_check,
	.decoder = &if_decoder,
};
