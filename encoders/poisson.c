/* Poisson: each tick a line fires with a probability proportional to its value.
 *
 *   p = fl(fl(dt * f_max) * x);  s = u < p
 *
 * Norse's poisson_encode (f_max 100) and poisson_encode_step (f_max 1000). Values are meant to be
 * in [0, 1] but not clamped: p >= 1 fires at every tick, zero, negative values and NaN never do.
 * Where u comes from, and the other law of p, is told in bernoulli.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/bernoulli.h"

static void poisson_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	bernoulli_fire(st, state, in->values, tick, out->on);
}

static const struct encoder_alias poisson_aliases[] = {
	{.name = "PoissonEncoder", .defaults = {{"f_max", "100"}}},
	{.name = "PoissonEncoderStep", .defaults = {{"f_max", "1000"}}},
	{.name = "poisson_encode", .defaults = {{"f_max", "100"}}},
	{.name = "poisson_encode_step", .defaults = {{"f_max", "1000"}}},
	{0},
};

const struct encoder_class encoder_poisson = {
	.name = "poisson",
	.summary = "Fires at random with a rate proportional to the value, f_max at 1.",
	.source = "Norse poisson_encode",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.aliases = poisson_aliases,
	.params = bernoulli_params,
	.plan = bernoulli_plan,
	.prepare = bernoulli_prepare,
	.reset = bernoulli_reset,
	.run = poisson_run,
	.check = bernoulli_check,
	.decoder = &bernoulli_decoder,
};
