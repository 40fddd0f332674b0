/* Signed Poisson: the value's size sets the rate, its sign that of the spikes.
 *
 *   p = fl(fl(dt * f_max) * |x|);  s = sign(x) * [u < p]
 *
 * Norse's signed_poisson_encode (f_max 100) and signed_poisson_encode_step (f_max 1000). Values are
 * meant to be in [-1, 1] but not clamped: p >= 1 fires at every tick, zero and NaN never do. Where
 * u comes from, and the other law of p, is told in bernoulli.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/bernoulli.h"

static void signed_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	bernoulli_fire(st, state, in->values, tick, out->on);
	const uint64_t *negative = bernoulli_negative(st, state);
	for (size_t i = 0; i < lines_words(out->count); i++) {
		uint64_t fired = out->on[i];
		out->on[i] = fired & ~negative[i];
		out->minus[i] = fired & negative[i];
	}
}

static const struct encoder_alias signed_aliases[] = {
	{.name = "SignedPoissonEncoder", .defaults = {{"f_max", "100"}}},
	{.name = "SignedPoissonEncoderStep", .defaults = {{"f_max", "1000"}}},
	{.name = "signed_poisson_encode", .defaults = {{"f_max", "100"}}},
	{.name = "signed_poisson_encode_step", .defaults = {{"f_max", "1000"}}},
	{0},
};

const struct encoder_class encoder_signed_poisson = {
	.name = "signed_poisson",
	.summary =
		"Fires at random with a rate proportional to the value's size and with its sign.",
	.source = "Norse signed_poisson_encode",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.aliases = signed_aliases,
	.params = bernoulli_params,
	.plan = bernoulli_plan,
	.prepare = bernoulli_prepare,
	.reset = bernoulli_reset,
	.run = signed_run,
	.check = bernoulli_check,
	.decoder = &bernoulli_decoder,
};
