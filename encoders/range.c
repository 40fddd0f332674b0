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
#include "encoders/stage.h"

#include <errno.h>

enum { LO, HI, SIGNED, CLAMP };

struct span {
	float lo, width;
};

struct range {
	bool each, is_signed, clamp;
	struct span one;
	const float *lo, *width; /* one a line when `each` */
};

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
	bool each = stage_listed(st, LO) || stage_listed(st, HI);
	for (uint32_t c = 0; c < st->channels; c++) {
		float lo = (float)param_number(&st->values[LO], c);
		float hi = (float)param_number(&st->values[HI], c);
		if (!(lo < hi) || !isfinite(hi - lo)) {
			int err = stage_fault(f, "hi",
				"hi must be greater than lo, and hi - lo a float32: "
				"lo is %.9g and hi %.9g",
				(double)lo, (double)hi);
			if (f && each)
				f->item = (int)c;
			return err;
		}
		if (!each)
			break;
	}
	st->const_size = stage_round(sizeof(struct range)) +
			 (each ? 2 * stage_float_bytes(st->in_lines) : 0);
	return 0;
}

static void range_prepare(struct stage *st)
{
	struct range *r = st->consts;
	r->each = stage_listed(st, LO) || stage_listed(st, HI);
	r->is_signed = st->values[SIGNED].integer;
	r->clamp = st->values[CLAMP].integer;
	r->one.lo = (float)st->values[LO].number;
	r->one.width = (float)st->values[HI].number - r->one.lo;
	if (!r->each)
		return;
	float *lo = (float *)((char *)st->consts + stage_round(sizeof(*r)));
	float *width = lo + lines_words(st->in_lines) * WORD_LINES;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		lo[i] = stage_float(st, LO, i);
		width[i] = stage_float(st, HI, i) - lo[i];
	}
	r->lo = lo;
	r->width = width;
}

/* The selections are written so that a NaN takes the constant. */
static inline float bounded(float y)
{
	y = y > 0.0f ? y : 0.0f;
	return y < 1.0f ? y : 1.0f;
}

static void range_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)state;
	(void)tick;
	const struct range *r = st->consts;
	const float *restrict x = in->values;
	float *restrict y = out->values;
	uint32_t n = in->count;
	if (r->each) {
		for (uint32_t i = 0; i < n; i++)
			y[i] = (x[i] - r->lo[i]) / r->width[i];
	} else {
		const struct span one = r->one;
		for (uint32_t i = 0; i < n; i++)
			y[i] = (x[i] - one.lo) / one.width;
	}
	if (r->clamp) {
		for (uint32_t i = 0; i < n; i++)
			y[i] = bounded(y[i]);
	}
	if (r->is_signed) {
		for (uint32_t i = 0; i < n; i++)
			y[i] = (y[i] + y[i]) - 1.0f;
	}
}

const struct encoder_class encoder_range = {
	.name = "range",
	.summary = "Maps each channel's span to [0, 1] or [-1, 1].",
	.source = "affine map with clamp",
	.in = KIND_VALUES,
	.out = KIND_VALUES,
	.state_version = 1,
	.params = range_params,
	.plan = range_plan,
	.prepare = range_prepare,
	.run = range_run,
};
