/* Phase: one spike a cycle, the later the larger the value; the cycle is the stream's window, of
 * which all lines share the ticks.
 *
 * With y = x clamped to [0, 1] at the cycle's first tick and C its ticks, the line fires at tick
 *   k = min(floor(y C), C - 1)
 *
 * axon's PhaseEncoder, whose every call begins a cycle of its own, so that they overlap; here one
 * ends before the next begins.
 *
 * Saturation: infinities are clamped like large values; NaN is no sample, the line is silent until
 * the next cycle.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/latch.h"

#include <errno.h>

static const struct param phase_params[] = {{0}};

static int phase_plan(struct stage *st, struct fault *f)
{
	int err = latch_plan(st, 2, f);
	if (err)
		return err;
	st->state_size = latch_bytes(st->in_lines);
	return 0;
}

static void phase_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	latch_reset(state, st->in_lines, scope);
}

static uint32_t tick_of(uint32_t cycle, float x)
{
	if (isnan(x))
		return LATCH_NEVER;
	float y = x > 0 ? x : 0;
	float tick = (y < 1 ? y : 1) * (float)cycle; /* a long cycle is rounded, perhaps up */
	return tick < (float)cycle && (uint32_t)tick < cycle ? (uint32_t)tick : cycle - 1;
}

static void phase_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	struct latch *l = state;
	for (uint32_t i = 0; l->tick == 0 && i < in->count; i++)
		l->due[i] = tick_of(st->window, in->values[i]);
	latch_run(st, l, out->on);
}

static int phase_check(const struct stage *st, const void *state)
{
	return latch_sane(st, state, st->in_lines) ? 0 : -EINVAL;
}

static struct mending phase_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	(void)st;
	return (struct mending){.how = MENDS_LATER, .ticks = MENDS_NOT, .spikes = 1};
}

static void phase_read(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	struct reading *r = state;
	float value = ((float)r->tick + 0.5f) / (float)st->window;
	reading_run(st, r, in, value, NULL, out);
}

static const struct encoder_decoder phase_decoder = {
	.help = "x = (k + 1/2) / C, at most 1/(2 C) off; it comes with the spike, the last cycle's "
		"value is held until then and through a cycle without one.",
	.by_first = true,
	.size = reading_size,
	.mends = phase_mends,
	.reset = reading_reset,
	.run = phase_read,
};

const struct encoder_class encoder_phase = {
	.name = "phase",
	.summary = "One spike a cycle whose place in it is the value; for readers that share the "
		   "oscillation.",
	.source = "axon-encoder PhaseEncoder",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = phase_params,
	.plan = phase_plan,
	.reset = phase_reset,
	.run = phase_run,
	.check = phase_check,
	.decoder = &phase_decoder,
};
