/* LIF: a constant current per row drives a leaky integrate-and-fire neuron a line.
 *
 * Norse's constant_current_lif_encode; the formula and what becomes of NaN and infinities are in
 * membrane.c. With window 0 the voltages persist from row to row; with a window of T ticks it is
 * Norse's seq_length T. A line whose v_leak + x stays at or below v_th never fires; the rate
 * saturates at one spike a tick.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/membrane.h"

#include <errno.h>

static int lif_plan(struct stage *st, struct fault *f)
{
	int err = membrane_plan(st, f);
	if (err)
		return err;
	st->state_size = stage_float_bytes(st->in_lines);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void lif_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void lif_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	membrane_step(st, state, in->values, out->on);
}

static int lif_check(const struct stage *st, const void *state)
{
	return membrane_sane(st, state) ? 0 : -EINVAL;
}

static const struct encoder_alias lif_aliases[] = {
	{.name = "ConstantCurrentLIFEncoder"},
	{.name = "constant_current_lif_encode"},
	{0},
};

const struct encoder_class encoder_lif = {
	.name = "lif",
	.summary = "Integrates the value as a current and fires above a threshold: a smooth rate "
		   "code with a dead zone.",
	.source = "Norse constant_current_lif_encode",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.aliases = lif_aliases,
	.params = membrane_params,
	.plan = lif_plan,
	.prepare = membrane_prepare,
	.reset = lif_reset,
	.run = lif_run,
	.check = lif_check,
	.decoder = &membrane_decoder,
};
