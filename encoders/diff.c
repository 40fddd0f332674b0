/* Diff: how much a value changed since the tick before.
 *
 *   y = x - last;  last = x;  per second: y = (x - last) / dt
 *
 * in float32, one rounding an operation, 1/dt being rounded to float32 first. The first tick gives
 * 0. It tells of ticks, not of rows: while a row is held, stale ones too, the change is 0, and a new
 * row gives all of it at once.
 *
 * A value that is not finite is no sample: it gives 0, and the next change is from the last one that
 * was. A change beyond the largest float32 is held there. Windows do not matter to it: they end no
 * signal.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

#include <errno.h>

enum { PER };
enum { PER_TICK, PER_SECOND };

static const char *const pers[] = {"tick", "second", NULL};

static const struct param diff_params[] = {
	[PER] =
		{
			.name = "per",
			.type = PARAM_CHOICE,
			.flags = PARAM_LIVE,
			.preset = "tick",
			.choices = pers,
			.help = "second: the change is divided by dt, so that it does not depend on it.",
		},
	{0},
};

static int diff_plan(struct stage *st, struct fault *f)
{
	(void)f;
	st->state_size = stage_float_bytes(st->in_lines);
	return 0;
}

/* NaN = no sample yet. */
static void diff_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	float *last = state;
	for (uint32_t i = 0; scope == RESET_ALL && i < st->in_lines; i++)
		last[i] = NAN;
}

static float scale_of(const struct stage *st)
{
	return st->values[PER].integer == PER_SECOND ? (float)(1 / st->dt) : 1.0f;
}

static void diff_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	kernels_get()->diff(scale_of(st), in->values, state, out->values, in->count);
}

static int diff_check(const struct stage *st, const void *state)
{
	const float *last = state;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (isinf(last[i]))
			return -EINVAL;
	}
	return 0;
}

/* The way back adds up in double, so that its own rounding does not. */
static size_t diff_undo_size(const struct stage *st)
{
	return st->in_lines * sizeof(double);
}

static void diff_undo_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		memset(state, 0, diff_undo_size(st));
}

static void diff_undo_start(const struct stage *st, void *state, const float *values)
{
	double *sum = state;
	for (uint32_t i = 0; i < st->in_lines; i++)
		sum[i] = isfinite(values[i]) ? (double)values[i] : 0;
}

static struct mending diff_mends(const struct stage *st, const struct decoding *by)
{
	(void)st;
	(void)by;
	return (struct mending){.how = MENDS_NEVER};
}

static void diff_undo_resume(const struct stage *st, void *state, const struct lines *in,
	const float *values, uint64_t *lost)
{
	(void)in;
	double *sum = state;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (!stage_bit(lost, i) || !isfinite(values[i]))
			continue;
		sum[i] = (double)values[i];
		lost[i / WORD_LINES] &= ~((uint64_t)1 << i % WORD_LINES);
	}
}

static void diff_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const double scale = (double)scale_of(st);
	double *sum = state;
	for (uint32_t i = 0; i < in->count; i++) {
		double all = sum[i] + (double)in->values[i] / scale;
		if (!isnan(all))
			sum[i] = fmin(fmax(all, -(double)FLT_MAX), (double)FLT_MAX);
		out->values[i] = (float)sum[i];
	}
}

static const struct encoder_decoder diff_decoder = {
	.help = "x = x at the first tick + the sum of y (times dt, if per second), at once; each change "
		"adds at most its own rounding, 2^-23 of its size.",
	.size = diff_undo_size,
	.reset = diff_undo_reset,
	.start = diff_undo_start,
	.mends = diff_mends,
	.resume = diff_undo_resume,
	.run = diff_undo,
};

const struct encoder_class encoder_diff = {
	.name = "diff",
	.summary = "Turns each value into its change since the tick before.",
	.source = "first difference",
	.in = KIND_VALUES,
	.out = KIND_VALUES,
	.state_version = 1,
	.params = diff_params,
	.plan = diff_plan,
	.reset = diff_reset,
	.run = diff_run,
	.check = diff_check,
	.decoder = &diff_decoder,
};
