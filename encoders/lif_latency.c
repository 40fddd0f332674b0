/* LIF latency: of a LIF's spikes only the first in each window, so that the value is in its time.
 *
 * Norse's spike_latency_lif_encode:  out = fired before ? 0 : s, with s and v as in membrane.c
 * (what becomes of NaN and infinities too). The membrane runs on after the spike. A value that
 * never reaches the threshold gives no spike; the strongest ones fire at the first tick.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/membrane.h"

#include <errno.h>

/* State: voltages (one float a line), then one bit a line, set once the line has fired. */
static inline uint64_t *fired_plane(const struct stage *st, void *state)
{
	return (uint64_t *)((char *)state + stage_float_bytes(st->in_lines));
}

static int latency_plan(struct stage *st, struct fault *f)
{
	if (st->window == 0)
		return stage_fault(f, "seq_length",
			"%s keeps the first spike of a window and the stream has none: set `window` to "
			"the number of ticks that a row is held",
			st->asked);
	int err = membrane_plan(st, f);
	if (err)
		return err;
	st->state_size = stage_float_bytes(st->in_lines) + stage_plane_bytes(st->in_lines);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void latency_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void latency_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	membrane_step(st, state, in->values, out->on);
	kernels_get()->first(fired_plane(st, state), out->on, out->on, lines_words(out->count));
}

static int latency_check(const struct stage *st, const void *state)
{
	const uint64_t *fired =
		(const uint64_t *)((const char *)state + stage_float_bytes(st->in_lines));
	return membrane_sane(st, state) && stage_plane_sane(fired, st->in_lines) ? 0 : -EINVAL;
}

static const struct encoder_alias latency_aliases[] = {
	{.name = "SpikeLatencyLIFEncoder"},
	{.name = "spike_latency_lif_encode"},
	{0},
};

const struct encoder_class encoder_lif_latency = {
	.name = "lif_latency",
	.summary = "The first spike of a LIF in each window: larger values fire earlier.",
	.source = "Norse spike_latency_lif_encode",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.aliases = latency_aliases,
	.params = membrane_params,
	.plan = latency_plan,
	.prepare = membrane_prepare,
	.reset = latency_reset,
	.run = latency_run,
	.check = latency_check,
	.decoder = &membrane_decoder,
};
