/* Bipolar LIF: a leaky sum that fires up and down.
 *
 *   w = fl(beta * v) + x;  s = +1 if w > theta, -1 if w < -theta;  v' = s ? 0 : w
 *
 * in float32, one rounding an operation; v starts at 0. The input is a step, not a current: it adds
 * in full at every tick, so that |x| / (1 - beta) <= theta never fires.
 *
 * A NaN is no sample: the tick leaves v alone. An infinite value fires and does no more harm. A held
 * value is added at every tick.
 *
 * Peers: Spike-Encoding LIFBasedEncoding, without its first step, in which the voltage and what it
 * is reset to are the same tensor.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

#include <errno.h>

enum { THETA, BETA };

static const struct param bipolar_params[] = {
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "0.5",
			.min = 0,
			.max = FLT_MAX,
			.help = "Threshold: a sum beyond it, or beyond its negative, fires.",
		},
	[BETA] =
		{
			.name = "beta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.9",
			.min = 0,
			.max = 1,
			.help = "Share of the sum that is left after a tick.",
		},
	{0},
};

static bool is_each(const struct stage *st)
{
	return stage_listed(st, THETA) || stage_listed(st, BETA);
}

static int bipolar_plan(struct stage *st, struct fault *f)
{
	(void)f;
	st->const_size = stage_round(sizeof(struct leaky)) +
			 (is_each(st) ? 2 * stage_float_bytes(st->in_lines) : 0);
	st->state_size = stage_float_bytes(st->in_lines);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void bipolar_prepare(struct stage *st)
{
	struct leaky *r = st->consts;
	*r = (struct leaky){
		.theta = (float)st->values[THETA].number,
		.beta = (float)st->values[BETA].number,
	};
	if (!is_each(st))
		return;
	float *at = (float *)((char *)st->consts + stage_round(sizeof(*r)));
	r->thetas = stage_fill(st, THETA, at);
	r->betas = stage_fill(st, BETA, at + stage_stride(st->in_lines));
}

static void bipolar_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void bipolar_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	kernels_get()->leak(st->consts, state, in->values, out->on, out->minus, out->count);
}

static int bipolar_check(const struct stage *st, const void *state)
{
	return stage_floats_sane(state, st->in_lines) ? 0 : -EINVAL;
}

static size_t undo_size(const struct stage *st)
{
	return stage_float_bytes(st->in_lines);
}

static void undo_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, undo_size(st));
}

static float share_of(const struct leaky *r, uint32_t i, const struct decoding *by)
{
	float beta = r->betas ? r->betas[i] : r->beta;
	return beta < 1 ? 1 - beta : by->share;
}

static struct mending undo_mends(const struct stage *st, const struct decoding *by)
{
	double slowest = 1;
	for (uint32_t i = 0; i < st->in_lines; i++)
		slowest = fmin(slowest, (double)share_of(st->consts, i, by));
	if (st->window > 0)
		return (struct mending){.how = MENDS_LATER};
	return (struct mending){
		.how = MENDS_AVERAGE, .ticks = stage_ticks(MENDED_AT / -log1p(-slowest))};
}

/* (1 - beta) times the peer's r' = beta r + theta s, whose sums are 1 / (1 - beta) too large. */
static void undo_run(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	const struct leaky *r = st->consts;
	float *x = state;
	for (uint32_t i = 0; i < in->count; i++) {
		float theta = r->thetas ? r->thetas[i] : r->theta;
		float share = share_of(r, i, by);
		x[i] = x[i] + share * (theta * stage_spike(in, i) - x[i]);
		out->values[i] = x[i];
	}
}

static const struct encoder_decoder bipolar_decoder = {
	.help = "x = (1 - beta) r with r = beta r + theta s (beta 1: an average over the decoder's "
		"time); it lags by the encoder's own leak and reads low by what leaked between two "
		"spikes and by what went over theta: less than one spike's share of the truth only "
		"while theta >> |x| and beta near 1.",
	.size = undo_size,
	.mends = undo_mends,
	.reset = undo_reset,
	.run = undo_run,
};

const struct encoder_class encoder_lif_bipolar = {
	.name = "lif_bipolar",
	.summary = "A leaky sum that fires up and down: signed values with a dead zone.",
	.source = "Spike-Encoding LIFBasedEncoding",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.params = bipolar_params,
	.plan = bipolar_plan,
	.prepare = bipolar_prepare,
	.reset = bipolar_reset,
	.run = bipolar_run,
	.check = bipolar_check,
	.decoder = &bipolar_decoder,
};
