/* Gaussian receptive fields with latencies (Bohte): each value becomes m lines, and the better a
 * line's field fits the value, the earlier it fires. Line order is channel-major.
 *
 * With x as it is at the window's first tick, T the window's ticks, s = (hi - lo) / (m - 2):
 *   mu_i = lo + (i - 1/2) s, i = 0 … m-1 (the outer two lie half a spacing outside)
 *   sigma = s / beta
 *   A = exp(-(x - mu)^2 / (2 sigma^2));  t = round(T (1 - A))
 * A line fires at the window's tick t if t < T. Rounded to the nearest, of two to the even one.
 *
 * S. Bohte, H. La Poutre, J. Kok, 2002: Unsupervised clustering with spiking neurons by sparse
 * temporal coding. The same with other curves: `population`, then `ttfs`.
 *
 * Saturation: far outside of [lo, hi] nothing fires, nor for infinities; NaN is no sample, the
 * channel's lines are silent until the next window. float32, expf from libm.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/latch.h"

#include <errno.h>

enum { OUT_FEATURES, LO, HI, BETA };

static const struct param grf_params[] = {
	[OUT_FEATURES] =
		{
			.name = "out_features",
			.type = PARAM_COUNT,
			.preset = "10",
			.min = 3,
			.max = 1 << 24,
			.help = "m: lines a channel.",
		},
	[LO] =
		{
			.name = "lo",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "The range's lower end, in the middle of the first two fields.",
		},
	[HI] =
		{
			.name = "hi",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "1",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "The range's upper end, in the middle of the last two fields.",
		},
	[BETA] =
		{
			.name = "beta",
			.type = PARAM_NUMBER,
			.flags = PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "1.5",
			.min = 0,
			.max = 1e6,
			.help = "How narrow the fields are: their spacing in sigmas.",
		},
	{0},
};

struct field {
	float first, spacing; /* of the centres */
	float spread;         /* 2 sigma^2 */
};

/* One field a channel, or one for all. */
struct grf {
	uint32_t m, each; /* input lines that share a field */
	struct field fields[];
};

static uint32_t field_count(const struct stage *st)
{
	return stage_listed(st, LO) || stage_listed(st, HI) ? st->channels : 1;
}

static struct field make_field(const struct stage *st, uint32_t c)
{
	double lo = param_number(&st->values[LO], c), hi = param_number(&st->values[HI], c);
	double spacing = (hi - lo) / (double)(st->values[OUT_FEATURES].integer - 2);
	double sigma = spacing / st->values[BETA].number;
	return (struct field){
		.first = (float)(lo - spacing / 2),
		.spacing = (float)spacing,
		.spread = (float)(2 * sigma * sigma),
	};
}

static int grf_plan(struct stage *st, struct fault *f)
{
	uint64_t m = st->values[OUT_FEATURES].integer;
	int err = latch_plan(st, 2, f);
	if (!err)
		err = stage_check_spans(st, LO, HI, f);
	if (!err)
		err = stage_fan_out(st, m, "out_features", f);
	if (err)
		return err;
	for (uint32_t c = 0; c < field_count(st); c++) {
		double lo = param_number(&st->values[LO], c), hi = param_number(&st->values[HI], c);
		struct field field = make_field(st, c);
		if (!(field.spread > 0) || !isfinite(field.spread) || !isfinite(field.first) ||
			!isfinite(field.spacing * (float)m))
			return stage_fault(f, "beta",
				"the fields of lo %.9g, hi %.9g and beta %.9g have no float32 width",
				lo, hi, st->values[BETA].number);
	}
	st->const_size = sizeof(struct grf) + field_count(st) * sizeof(struct field);
	st->state_size = latch_bytes(st->out_lines);
	return 0;
}

static void grf_prepare(struct stage *st)
{
	struct grf *g = st->consts;
	uint32_t count = field_count(st);
	g->m = (uint32_t)st->values[OUT_FEATURES].integer;
	g->each = count > 1 ? st->in_lines / st->channels : st->in_lines;
	for (uint32_t c = 0; c < count; c++)
		g->fields[c] = make_field(st, c);
}

static void grf_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	latch_reset(state, st->out_lines, scope);
}

static inline float centre(const struct field *field, uint32_t i)
{
	return field->first + (float)i * field->spacing;
}

static void take_value(
	const struct field *field, uint32_t m, uint32_t window, float x, uint32_t *due)
{
	for (uint32_t i = 0; i < m; i++) {
		float d = x - centre(field, i);
		float missing = 1.0f - expf(-(d * d) / field->spread);
		uint32_t tick = isnan(missing) ? window : latch_tick(missing, window);
		due[i] = tick < window ? tick : LATCH_NEVER;
	}
}

static void grf_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	const struct grf *g = st->consts;
	struct latch *l = state;
	for (uint32_t i = 0; l->tick == 0 && i < in->count; i++)
		take_value(&g->fields[i / g->each], g->m, st->window, in->values[i],
			l->due + (size_t)i * g->m);
	latch_run(st, l, out->on);
}

static int grf_check(const struct stage *st, const void *state)
{
	return latch_sane(st, state, st->out_lines) ? 0 : -EINVAL;
}

/* A decoder's state: a latch of the ticks at which the lines fired, then the input lines' values. */
static float *read_values(const struct stage *st, void *state)
{
	return (float *)((char *)state + latch_bytes(st->out_lines));
}

static size_t grf_reading_size(const struct stage *st)
{
	return latch_bytes(st->out_lines) + stage_float_bytes(st->in_lines);
}

static void grf_reading_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	struct latch *l = state;
	latch_reset(l, st->out_lines, scope);
	if (scope == RESET_ALL)
		memset(read_values(st, state), 0, stage_float_bytes(st->in_lines));
	for (uint32_t i = 0; i < st->out_lines; i++)
		l->due[i] = LATCH_NEVER;
}

/* Distance at which a field's activity is what rounds to tick t + shift. In double, since the
 * activities near 1 differ little. */
static double reach(const struct field *field, uint32_t window, double t)
{
	double missing = t > 0 ? t / window : 0;
	return sqrt(-log1p(-missing) * field->spread);
}

/* Narrows [*lo, *hi] by what line i's tick says, `side` being where the value is from its centre:
 * 1 above, -1 below, 0 not known. */
static void narrow(const struct field *field, uint32_t window, uint32_t i, uint32_t tick, int side,
	double *lo, double *hi)
{
	bool fired = tick < window;
	double mu = centre(field, i);
	double near = side ? reach(field, window, (fired ? tick : window) - 0.5) : 0;
	double far = fired ? reach(field, window, tick + 0.5) : INFINITY;
	*lo = fmax(*lo, side > 0 ? mu + near : mu - far);
	*hi = fmin(*hi, side < 0 ? mu - near : mu + far);
}

/* The middle of what all lines allow. A line that fires later than the first one has the value on
 * the first one's side. */
static float middle(
	const struct field *field, uint32_t m, uint32_t window, const uint32_t *due, float before)
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < m; i++)
		best = due[i] < due[best] ? i : best;
	if (due[best] >= window)
		return before;
	double lo = -INFINITY, hi = INFINITY;
	for (uint32_t i = 0; i < m; i++) {
		int side = due[i] == due[best] ? 0 : i < best ? 1 : -1;
		narrow(field, window, i, due[i], side, &lo, &hi);
	}
	return (float)((lo + hi) / 2);
}

static struct mending grf_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = st->window, .spikes = 1, .both = true};
}

static void grf_read(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const struct grf *g = st->consts;
	struct latch *l = state;
	float *values = read_values(st, state);
	for (size_t w = 0; w < lines_words(in->count); w++) {
		for (uint64_t fired = in->on[w]; fired; fired &= fired - 1) {
			uint32_t *due = &l->due[w * WORD_LINES + (size_t)__builtin_ctzll(fired)];
			*due = *due == LATCH_NEVER ? l->tick : *due;
		}
	}
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (l->tick + 1 == st->window)
			values[i] = middle(&g->fields[i / g->each], g->m, st->window,
				l->due + (size_t)i * g->m, values[i]);
		out->values[i] = values[i];
	}
	if (l->tick < st->window)
		l->tick++;
}

static const struct encoder_decoder grf_decoder = {
	.help = "Each tick t bounds the distance to its field's centre, 1 - (t+1/2)/T <= A <= "
		"1 - (t-1/2)/T; x = the middle of what all m lines allow together: with the default "
		"beta and T >= 8 off by (hi-lo)/(m-2)/T at most. It comes with the window's last "
		"tick, the last window's value is held until then and through one without a spike.",
	.by_first = true,
	.size = grf_reading_size,
	.mends = grf_mends,
	.reset = grf_reading_reset,
	.run = grf_read,
};

const struct encoder_class encoder_grf_latency = {
	.name = "grf_latency",
	.summary = "Turns each value into m lines with Gaussian fields; those that fit best fire "
		   "first.",
	.source = "Bohte 2002, SpikingJelly GaussianTuning",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = grf_params,
	.plan = grf_plan,
	.prepare = grf_prepare,
	.reset = grf_reset,
	.run = grf_run,
	.check = grf_check,
	.decoder = &grf_decoder,
};
