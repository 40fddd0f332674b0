/* Range: maps a sensor's span to [0, 1], or to [-1, 1] with `signed`.
 *
 *   y = (x - lo) / (hi - lo); clamp: 0 <= y <= 1; signed: y = (y + y) - 1
 *
 * in float32, one rounding an operation. Not a part of Norse, whose inputs are expected to be in
 * range; its peers scale by the whole signal's extremes, which a stream cannot know.
 *
 * Saturation: with clamp, values beyond the range give its end and NaN gives lo's end; without it
 * everything passes through the formula, NaN too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

enum { LO, HI, SIGNED, CLAMP };

static const struct param range_params[] = {
	[LO] =
		{
			.name = "lo",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "Input that maps to 0 (to -1 with `signed`).",
		},
	[HI] =
		{
			.name = "hi",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "1",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "Input that maps to 1.",
		},
	[SIGNED] =
		{
			.name = "signed",
			.type = PARAM_BOOL,
			.flags = PARAM_LIVE,
			.preset = "false",
			.help = "Map to [-1, 1] instead of [0, 1].",
		},
	[CLAMP] =
		{
			.name = "clamp",
			.type = PARAM_BOOL,
			.flags = PARAM_LIVE,
			.preset = "true",
			.help = "Hold values beyond the range at its end.",
		},
	{0},
};

static int range_plan(struct stage *st, struct fault *f)
{
	int err = stage_check_spans(st, LO, HI, f);
	if (err)
		return err;
	bool each = stage_listed(st, LO) || stage_listed(st, HI);
	st->const_size =
		stage_round(sizeof(struct span)) + (each ? 2 * stage_float_bytes(st->in_lines) : 0);
	return 0;
}

static void range_prepare(struct stage *st)
{
	struct span *span = st->consts;
	*span = (struct span){
		.lo = (float)st->values[LO].number,
		.width = (float)st->values[HI].number - (float)st->values[LO].number,
		.clamp = st->values[CLAMP].integer,
		.is_signed = st->values[SIGNED].integer,
	};
	if (!stage_listed(st, LO) && !stage_listed(st, HI))
		return;
	float *lo = (float *)((char *)st->consts + stage_round(sizeof(*span)));
	float *width = lo + stage_stride(st->in_lines);
	for (uint32_t i = 0; i < st->in_lines; i++) {
		lo[i] = stage_float(st, LO, i);
		width[i] = stage_float(st, HI, i) - lo[i];
	}
	span->los = lo;
	span->widths = width;
}

static void range_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)state;
	(void)tick;
	kernels_get()->range(st->consts, in->values, out->values, in->count);
}

static void range_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	(void)state;
	const struct span *span = st->consts;
	for (uint32_t i = 0; i < in->count; i++) {
		float y = span->is_signed ? (in->values[i] + 1.0f) * 0.5f : in->values[i];
		float lo = span->los ? span->los[i] : span->lo;
		float width = span->widths ? span->widths[i] : span->width;
		out->values[i] = lo + y * width;
	}
}

static const struct encoder_decoder range_decoder = {
	.help = "x = lo + y (hi - lo), signed: with (y + 1) / 2; what clamp cut off stays lost.",
	.run = range_undo,
};

const struct encoder_class encoder_range = {
	.name = "range",
	.summary = "Maps each channel's span to [0, 1] or [-1, 1].",
	.source = "affine map with clamp",
	.in = KIND_VALUES,
	.out = KIND_VALUES,
	.state_version = 1,
	.params = range_params,
	.pure = true,
	.plan = range_plan,
	.prepare = range_prepare,
	.run = range_run,
	.decoder = &range_decoder,
};
