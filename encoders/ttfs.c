/* Time to first spike: one spike a window, the earlier the larger the value.
 *
 * With y = x clamped to [0, 1], T the window's ticks, and x taken at the window's first tick, a line
 * fires at the window's tick k:
 *   linear  k = round((T - 1) (1 - y))
 *   log     k = round((T - 1) ln(y) / ln(x_min)), the share held within [0, 1]
 * and never if y < x_min. Rounded to the nearest tick, of two to the even one (lrintf).
 *
 * Linear is SpikingJelly's LatencyEncoder('linear'). The logarithmic curves of the field differ
 * (one e-fold a tick, or a fixed full scale); this one spreads the decades from x_min to 1 evenly
 * over the window; its ln is libm's logf, once a line and window, so that a tick may depend on the
 * machine's libm where the share is within its rounding of a half.
 *
 * Saturation: infinities are clamped like large values; NaN is no sample, the line is silent until
 * the next window.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/latch.h"

#include <errno.h>

enum { CURVE, X_MIN };
enum { CURVE_LINEAR, CURVE_LOG };

#define LOG_X_MIN 4.5399929762484854e-5 /* e^-10 */

struct ttfs {
	bool is_log;
	float x_min;
	float depth; /* ln(x_min) */
};

static const char *const curves[] = {"linear", "log", NULL};

static const struct param ttfs_params[] = {
	[CURVE] =
		{
			.name = "curve",
			.type = PARAM_CHOICE,
			.flags = PARAM_LIVE,
			.preset = "linear",
			.choices = curves,
			.help = "How the tick falls with the value: evenly, or evenly with its logarithm.",
		},
	[X_MIN] =
		{
			.name = "x_min",
			.type = PARAM_NUMBER,
			.flags = PARAM_LIVE | PARAM_OPTIONAL | PARAM_MAX_OPEN,
			.min = 0,
			.max = 1,
			.help = "Smaller values never fire; 0 with the linear curve, 4.54e-5 with the "
				"logarithmic one, whose last tick it is.",
		},
	{0},
};

static struct ttfs make_ttfs(const struct stage *st)
{
	bool is_log = st->values[CURVE].integer == CURVE_LOG;
	double preset = is_log ? LOG_X_MIN : 0;
	float x_min = (float)(st->values[X_MIN].present ? st->values[X_MIN].number : preset);
	return (struct ttfs){.is_log = is_log, .x_min = x_min, .depth = logf(x_min)};
}

static int ttfs_plan(struct stage *st, struct fault *f)
{
	int err = latch_plan(st, 2, f);
	if (err)
		return err;
	struct ttfs t = make_ttfs(st);
	if (!(t.x_min < 1))
		return stage_fault(f, "x_min", "x_min must be less than 1 as a float32");
	if (t.is_log && !(t.x_min > 0))
		return stage_fault(f, "x_min",
			"the logarithmic curve needs an x_min above 0: the value of its last tick");
	st->const_size = sizeof(struct ttfs);
	st->state_size = latch_bytes(st->in_lines);
	return 0;
}

static void ttfs_prepare(struct stage *st)
{
	*(struct ttfs *)st->consts = make_ttfs(st);
}

static void ttfs_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	latch_reset(state, st->in_lines, scope);
}

static uint32_t tick_of(const struct ttfs *t, uint32_t last, float x)
{
	float y = x > 0 ? x : 0;
	y = y < 1 ? y : 1;
	if (isnan(x) || y < t->x_min)
		return LATCH_NEVER;
	if (!t->is_log)
		return latch_tick(1.0f - y, last);
	float share = logf(y) / t->depth;
	return latch_tick(share < 1 ? share : 1, last);
}

static void ttfs_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	struct latch *l = state;
	for (uint32_t i = 0; l->tick == 0 && i < in->count; i++)
		l->due[i] = tick_of(st->consts, st->window - 1, in->values[i]);
	latch_run(st, l, out->on);
}

static int ttfs_check(const struct stage *st, const void *state)
{
	return latch_sane(st, state, st->in_lines) ? 0 : -EINVAL;
}

static struct mending ttfs_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = st->window, .spikes = 1};
}

static void ttfs_read(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const struct ttfs *t = st->consts;
	struct reading *r = state;
	float share = (float)r->tick / (float)(st->window - 1);
	float value = t->is_log ? expf(t->depth * share) : 1.0f - share;
	float missing = t->x_min / 2;
	reading_run(st, r, in, value, &missing, out);
}

static const struct encoder_decoder ttfs_decoder = {
	.help = "Linear: x = 1 - k/(T-1), at most 1/(2 (T-1)) off; log: x = x_min^(k/(T-1)), off by a "
		"factor of x_min^(1/(2 (T-1))) at most; it comes with the spike, the last window's "
		"value is held until then. A window without a spike ends in x_min/2: x was below "
		"x_min, or no sample.",
	.by_first = true,
	.size = reading_size,
	.mends = ttfs_mends,
	.reset = reading_reset,
	.run = ttfs_read,
};

const struct encoder_class encoder_ttfs = {
	.name = "ttfs",
	.summary = "Time to first spike: one spike a window, the earlier the larger the value; for "
		   "range finders and touch.",
	.source = "SpikingJelly LatencyEncoder (linear); own logarithmic curve",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = ttfs_params,
	.plan = ttfs_plan,
	.prepare = ttfs_prepare,
	.reset = ttfs_reset,
	.run = ttfs_run,
	.check = ttfs_check,
	.decoder = &ttfs_decoder,
};
