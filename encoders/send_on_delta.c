/* Send on delta: a value is told when it is more than theta away from the one that was told last.
 *
 *   d = x - sent;  fires if |d| > theta
 *   payload sign:   the spike is the sign of d,  sent' = x
 *   payload graded: the spike carries d,         sent' = fl(sent + d)
 *
 * in float32, one rounding an operation. In the graded form `sent` is what adding up the spikes
 * gives, so that what a rounding leaves out (Lava's residue) is still owed and sent later. theta 0
 * sends every change. Before anything is sent, `sent` is 0 (first: emit), or the first sample (first:
 * silent).
 *
 * What is not finite is no sample. A held value that has been told is silent. A difference that is no
 * float32 is sent in parts.
 *
 * Peers: axon DeltaEncoder (sign), Lava DeltaEncoder and Delta (graded; they send at |d| = theta
 * too, and clip to integers). Miskowicz, Send-On-Delta concept, Sensors 6, 2006.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/level.h"

#include <errno.h>

enum { THETA, PAYLOAD, FIRST };
enum { PAYLOAD_SIGN, PAYLOAD_GRADED };
enum { FIRST_EMIT, FIRST_SILENT };

static const char *const payloads[] = {"sign", "graded", NULL};
static const char *const firsts[] = {"emit", "silent", NULL};

static const struct param send_params[] = {
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.1",
			.min = 0,
			.max = FLT_MAX,
			.help = "A change above it is told; 0 = any change.",
		},
	[PAYLOAD] =
		{
			.name = "payload",
			.type = PARAM_CHOICE,
			.preset = "sign",
			.choices = payloads,
			.help = "What a spike carries: the sign of the change, or the change itself.",
		},
	[FIRST] =
		{
			.name = "first",
			.type = PARAM_CHOICE,
			.preset = "emit",
			.choices = firsts,
			.help = "The first sample: told if it is further than theta from 0, or never.",
		},
	{0},
};

static int send_plan(struct stage *st, struct fault *f)
{
	(void)f;
	if (st->values[PAYLOAD].integer == PAYLOAD_GRADED)
		st->out_kind = KIND_GRADED;
	st->const_size = stage_round(sizeof(struct change)) +
			 (stage_listed(st, THETA) ? stage_float_bytes(st->in_lines) : 0);
	st->state_size = level_bytes(st);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void send_prepare(struct stage *st)
{
	struct change *r = st->consts;
	*r = (struct change){.theta = (float)st->values[THETA].number};
	if (stage_listed(st, THETA))
		r->thetas = stage_fill(
			st, THETA, (float *)((char *)st->consts + stage_round(sizeof(*r))));
}

static void send_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void send_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	if (st->values[FIRST].integer == FIRST_SILENT)
		level_begin(st, state, in->values);
	if (out->kind == KIND_GRADED)
		kernels_get()->send_graded(
			st->consts, state, in->values, out->on, out->values, out->count);
	else
		kernels_get()->send(st->consts, state, in->values, out->on, out->minus, out->count);
}

static int send_check(const struct stage *st, const void *state)
{
	return level_sane(st, state) ? 0 : -EINVAL;
}

static int undo_plan(const struct stage *st, struct fault *f)
{
	if (st->values[PAYLOAD].integer == PAYLOAD_SIGN)
		return stage_fault(f, "payload",
			"the signs of %s do not tell how large a change was: to decode it, set payload: "
			"graded",
			st->asked);
	if (st->values[FIRST].integer == FIRST_SILENT && st->window > 0)
		return stage_fault(f, "first",
			"%s begins each window at a sample that no spike tells: to decode it, set "
			"first: emit, or no `window`",
			st->asked);
	return 0;
}

static bool undo_needs_start(const struct stage *st)
{
	return st->values[FIRST].integer == FIRST_SILENT;
}

static void undo_start(const struct stage *st, void *state, const float *values)
{
	if (undo_needs_start(st))
		level_start(st, state, values);
}

static void undo_run(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)st;
	(void)by;
	float *sent = state;
	for (uint32_t i = 0; i < in->count; i++) {
		sent[i] = stage_clamp(sent[i] + stage_spike(in, i));
		out->values[i] = sent[i];
	}
}

static const struct encoder_decoder send_decoder = {
	.help = "payload: graded only: x = sum of the spikes' values (first: silent: and the first "
		"sample); no delay; off by theta at most.",
	.plan = undo_plan,
	.size = level_undo_size,
	.reset = level_undo_reset,
	.start = undo_start,
	.needs_start = undo_needs_start,
	.mends = level_mends,
	.resume = level_resume,
	.run = undo_run,
};

const struct encoder_class encoder_send_on_delta = {
	.name = "send_on_delta",
	.summary = "A spike when the value is more than theta from the one told last: the fewest "
		   "events; as graded spikes also exact.",
	.source = "axon DeltaEncoder, Lava Delta",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.params = send_params,
	.plan = send_plan,
	.prepare = send_prepare,
	.reset = send_reset,
	.run = send_run,
	.check = send_check,
	.decoder = &send_decoder,
};
