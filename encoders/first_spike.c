/* First spike: lets the first spike of each line in a window through and blocks the rest.
 *
 *   out = seen ? 0 : in;  seen |= in != 0
 *
 * Norse's spike_latency_encode for the spikes 0 and 1. On signed spikes a negative one blocks like
 * a positive one (Norse's byte mask lets some later ones through); a graded spike or a count passes
 * with what it carries. No values come in, so there is neither NaN nor saturation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

#include <errno.h>

static const struct param first_params[] = {{0}};

static int first_plan(struct stage *st, struct fault *f)
{
	if (st->window == 0)
		return fault_set(f, -EINVAL,
			"%s keeps the first spike of a window and the stream has none: set `window` to "
			"the number of ticks that a row is held",
			st->asked);
	st->state_size = stage_plane_bytes(st->in_lines);
	return 0;
}

static void first_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void first_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)st;
	(void)tick;
	size_t words = lines_words(in->count);
	kernels_get()->first(state, in->on, out->on, words);
	/* Never both on a line at one tick, so the order of the planes does not matter. */
	if (in->kind == KIND_SIGNED)
		kernels_get()->first(state, in->minus, out->minus, words);
	stage_pass_values(in, out);
}

static int first_check(const struct stage *st, const void *state)
{
	return stage_plane_sane(state, st->in_lines) ? 0 : -EINVAL;
}

static void first_pass(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)st;
	(void)by;
	(void)state;
	size_t bytes = lines_words(in->count) * sizeof(uint64_t);
	if (bytes)
		memcpy(out->on, in->on, bytes);
	if (bytes && in->kind == KIND_SIGNED)
		memcpy(out->minus, in->minus, bytes);
	stage_pass_values(in, out);
}

static const struct encoder_decoder first_decoder = {
	.help = "The spikes as they are, for an encoder before it whose value is in its first spike "
		"of a window.",
	.only_first = true,
	.run = first_pass,
};

static const struct encoder_alias first_aliases[] = {
	{.name = "SpikeLatencyEncoder"},
	{.name = "spike_latency_encode"},
	{0},
};

const struct encoder_class encoder_first_spike = {
	.name = "first_spike",
	.summary = "Keeps the first spike of each line in a window; stands behind any encoder.",
	.source = "Norse spike_latency_encode",
	.in = KIND_PLAIN | KIND_VALUED,
	.out = 0,
	.state_version = 1,
	.aliases = first_aliases,
	.params = first_params,
	.plan = first_plan,
	.reset = first_reset,
	.run = first_run,
	.check = first_check,
	.decoder = &first_decoder,
};
