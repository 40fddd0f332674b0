/* Population: one value becomes the activities of N lines, each with its own preferred value.
 * Line order is channel-major: line = channel * N + i.
 *
 * Norse's form (population_encode), with scale S:
 *   c_i = linspace(0, S, N);  A_i = kernel(distance(x, c_i) * S)
 * The natural form, with lo, hi and sigma (default: the spacing of the centres):
 *   c_i = lo + i * (hi - lo) / (N - 1);  A_i = kernel of (x - c_i) / sigma
 *
 * With d = x - c_i, `distance` measures t = d^2 (squared, Norse's), |d| (absolute), or d^2 with d
 * wrapped into half a period (circular). In Norse's form t is then multiplied by S; in the natural
 * one d is divided by sigma first. `kernel` turns t into the activity:
 *   gaussian  exp(-t / (2 sigma^2)), in the natural form exp(-t / 2)
 *   cosine    (1 + cos(pi r / 2)) / 2 for r < 2, else 0
 *   triangle  1 - r / 2 for r < 2, else 0
 * where r is the distance in sigmas: sqrt(t) (absolute: t), in Norse's form divided by sigma. So
 * cosine and triangle are 1 at the centre, one half at one sigma and end at two sigmas; the
 * Gaussian is 0.61 at one sigma. On a circle (lo and hi the same point, period = hi - lo) the
 * spacing is (hi - lo) / N; a longer period leaves an arc with a centre at both of its ends.
 *
 * Float32, one rounding an operation, expf and cosf from libm: Norse's form equals torch's default
 * CPU path bit for bit, whose linspace works in blocks (see norse_centre).
 *
 * `scale: auto` is Norse's None: S is the row's largest value at every tick, so the centres move;
 * a row of zeros makes every activity 1, a row without positive values activities above 1.
 * NaN gives NaN on its own channel's Gaussian lines and 0 on the others; the maximum passes over
 * values that are not finite, so no other channel is touched. Infinities give 0.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/population.h"
#include "encoders/kernels/kernels.h"

#include <errno.h>

enum { OUT_FEATURES, SCALE, LO, HI, SIGMA, KERNEL, DISTANCE, PERIOD };
enum { KERNEL_GAUSSIAN, KERNEL_COSINE, KERNEL_TRIANGLE };

#define KERNEL_END 2.0f /* of cosine and triangle, in sigmas */

static const char *const shapes[] = {"gaussian", "cosine", "triangle", NULL};
static const char *const distances[] = {"squared", "absolute", "circular", NULL};

#define ANY_NUMBER .type = PARAM_NUMBER, .min = -FLT_MAX, .max = FLT_MAX
#define POSITIVE   .type = PARAM_NUMBER, .min = 0, .max = FLT_MAX
#define TUNABLE    PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_OPTIONAL

static const struct param population_params[] = {
	[OUT_FEATURES] =
		{
			.name = "out_features",
			.type = PARAM_COUNT,
			.min = 1,
			.max = 1 << 24,
			.help = "Lines a channel.",
		},
	[SCALE] =
		{
			.name = "scale",
			POSITIVE,
			.preset = "auto",
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_AUTO | PARAM_MIN_OPEN,
			.help = "Norse's form: the last centre, which also sharpens the curves; auto = the "
				"row's largest value.",
		},
	[LO] =
		{
			.name = "lo",
			ANY_NUMBER,
			.flags = TUNABLE,
			.help = "Natural form: the first centre.",
		},
	[HI] =
		{
			.name = "hi",
			ANY_NUMBER,
			.flags = TUNABLE,
			.help = "Natural form: the last centre; circular: where the circle is closed "
				"again, the same point as lo unless period is longer.",
		},
	[SIGMA] =
		{
			.name = "sigma",
			POSITIVE,
			.flags = TUNABLE | PARAM_MIN_OPEN,
			.help = "Width of a line's curve; 1 in Norse's form, the centres' spacing in the "
				"natural one.",
		},
	[KERNEL] =
		{
			.name = "kernel",
			.type = PARAM_CHOICE,
			.flags = PARAM_LIVE,
			.preset = "gaussian",
			.choices = shapes,
			.help = "Shape of the curve; cosine and triangle are 1/2 at one sigma and end at "
				"two.",
		},
	[DISTANCE] =
		{
			.name = "distance",
			.type = PARAM_CHOICE,
			.flags = PARAM_LIVE,
			.preset = "squared",
			.choices = distances,
			.help = "How far a value is from a centre; circular for angles.",
		},
	[PERIOD] =
		{
			.name = "period",
			POSITIVE,
			.flags = TUNABLE | PARAM_MIN_OPEN,
			.help = "Circular: the input's period; hi - lo in the natural form.",
		},
	{0},
};

static bool is_natural(const struct stage *st)
{
	return st->values[LO].present || st->values[HI].present;
}

static bool is_circular(const struct stage *st)
{
	return st->values[DISTANCE].integer == DISTANCE_CIRCULAR;
}

static bool differs_by_channel(const struct stage *st)
{
	return stage_listed(st, SCALE) || stage_listed(st, LO) || stage_listed(st, HI) ||
	       stage_listed(st, SIGMA) || stage_listed(st, PERIOD);
}

static uint32_t tuning_count(const struct stage *st)
{
	return differs_by_channel(st) ? st->channels : 1;
}

static bool centres_move(const struct stage *st)
{
	return !is_natural(st) && st->values[SCALE].automatic;
}

/* Distance between two neighbouring centres of the natural form; the whole span if there is one. */
static double spacing(const struct stage *st, uint32_t c)
{
	double lo = param_number(&st->values[LO], c), hi = param_number(&st->values[HI], c);
	double n = (double)st->values[OUT_FEATURES].integer;
	const struct param_value *period = &st->values[PERIOD];
	bool closed = is_circular(st) && !(period->present && param_number(period, c) > hi - lo);
	double gaps = closed ? n : n - 1;
	return (hi - lo) / (gaps > 1 ? gaps : 1);
}

static float sigma_of(const struct stage *st, uint32_t c)
{
	const struct param_value *sigma = &st->values[SIGMA];
	if (sigma->present)
		return (float)param_number(sigma, c);
	return is_natural(st) ? (float)spacing(st, c) : 1.0f;
}

static int check_period(const struct stage *st, uint32_t c, struct fault *f)
{
	double lo = param_number(&st->values[LO], c), hi = param_number(&st->values[HI], c);
	const struct param_value *period = &st->values[PERIOD];
	if (is_circular(st) && period->present && param_number(period, c) < hi - lo)
		return stage_fault(f, "period",
			"period %.9g is shorter than hi - lo = %.9g; leave it out to close the circle "
			"at hi",
			param_number(period, c), hi - lo);
	return 0;
}

static int check_form(const struct stage *st, struct fault *f)
{
	const struct param_value *v = st->values;
	if (is_natural(st) && stage_given(st, SCALE))
		return stage_fault(f, "scale",
			"scale belongs to Norse's form and lo, hi to the natural one; give one form");
	if (v[LO].present != v[HI].present)
		return stage_fault(f, v[LO].present ? "hi" : "lo", "lo and hi are given together");
	if (v[PERIOD].present && !is_circular(st))
		return stage_fault(f, "period", "period needs `distance: circular`");
	if (is_circular(st) && !is_natural(st) && !v[PERIOD].present)
		return stage_fault(f, "period",
			"`distance: circular` needs a period, e.g. 6.2831853 for radians");
	return 0;
}

static int population_plan(struct stage *st, struct fault *f)
{
	int err = check_form(st, f);
	uint64_t n = st->values[OUT_FEATURES].integer;
	if (!err && is_natural(st))
		err = stage_check_spans(st, LO, HI, f);
	if (!err)
		err = stage_fan_out(st, n, "out_features", f);
	if (err)
		return err;
	for (uint32_t c = 0; c < tuning_count(st); c++) {
		err = is_natural(st) ? check_period(st, c, f) : 0;
		if (err)
			return err;
		float sigma = sigma_of(st, c);
		if (!(sigma * sigma > 0) || !isfinite(2 * sigma * sigma))
			return stage_fault(
				f, "sigma", "sigma %.9g has no float32 square", (double)sigma);
	}
	size_t centres = centres_move(st) ? 0 : tuning_count(st) * (size_t)n * sizeof(float);
	st->const_size = stage_round(sizeof(struct population)) +
			 stage_round(tuning_count(st) * sizeof(struct tuning)) +
			 stage_round(centres);
	return 0;
}

/* Element i of torch's linspace(0, scale, n) in float32: the upper half is counted down from the
 * end. */
static float plain_centre(float scale, float step, uint32_t n, uint32_t i)
{
	if (i < n / 2)
		return step * (float)i;
	return scale - step * (float)(n - 1 - i);
}

/* torch fills whole runs of 16 in two vectors of 8, each counted up from its first element. */
static float norse_centre(float scale, uint32_t n, uint32_t i)
{
	if (n == 1)
		return 0.0f;
	float step = scale / (float)(n - 1);
	if (i >= n / 16 * 16)
		return plain_centre(scale, step, n, i);
	uint32_t first = i / 8 * 8;
	return plain_centre(scale, step, n, first) + (float)(i - first) * step;
}

static float natural_centre(const struct stage *st, uint32_t c, uint32_t n, uint32_t i)
{
	double lo = param_number(&st->values[LO], c), hi = param_number(&st->values[HI], c);
	if (n == 1)
		return (float)(lo + (hi - lo) / 2);
	return (float)(lo + i * spacing(st, c));
}

static struct tuning make_tuning(const struct stage *st, uint32_t c)
{
	const struct param_value *v = st->values;
	float sigma = sigma_of(st, c);
	struct tuning t = {
		.scale = (float)param_number(&v[SCALE], c),
		.sigma = sigma,
		.spread = 2.0f,
	};
	if (!is_natural(st) && v[SIGMA].present) {
		double wide = param_number(&v[SIGMA], c);
		t.spread = (float)(2 * (wide * wide));
	}
	if (v[PERIOD].present)
		t.period = (float)param_number(&v[PERIOD], c);
	else if (is_natural(st))
		t.period = (float)(param_number(&v[HI], c) - param_number(&v[LO], c));
	return t;
}

static void population_prepare(struct stage *st)
{
	struct population *p = st->consts;
	uint32_t count = tuning_count(st);
	char *at = (char *)st->consts + stage_round(sizeof(*p));
	*p = (struct population){
		.n = (uint32_t)st->values[OUT_FEATURES].integer,
		.natural = is_natural(st),
		.each = differs_by_channel(st),
		.kernel = st->values[KERNEL].integer,
		.distance = st->values[DISTANCE].integer,
		.tunings = (struct tuning *)at,
	};
	float *centres = (float *)(at + stage_round(count * sizeof(*p->tunings)));
	for (uint32_t c = 0; c < count; c++) {
		struct tuning *t = &p->tunings[c];
		*t = make_tuning(st, c);
		if (centres_move(st))
			continue;
		for (uint32_t i = 0; i < p->n; i++)
			centres[i] = p->natural ? natural_centre(st, c, p->n, i)
						: norse_centre(t->scale, p->n, i);
		t->centres = centres;
		centres += p->n;
	}
	if (p->natural)
		stage_unset(st, SCALE);
}

/* out[i] = t of x and centre i. `out` may be `centres`. */
static void measure(const struct population *p, const struct tuning *t, float x,
	const float *centres, float *out)
{
	const struct metric metric = {
		.natural = p->natural,
		.absolute = p->distance == DISTANCE_ABSOLUTE,
		.scale = t->scale,
		.sigma = t->sigma,
	};
	if (p->distance != DISTANCE_CIRCULAR) {
		kernels_get()->measure(&metric, x, centres, out, p->n);
		return;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		float d = remainderf(x - centres[i], t->period);
		if (p->natural)
			d = d / t->sigma;
		out[i] = p->natural ? d * d : d * d * t->scale;
	}
}

/* Distance in sigmas; a negative t (of a negative scale) is no distance and counts as 0. */
static float in_sigmas(const struct population *p, const struct tuning *t, float measured)
{
	float r = measured > 0 || isnan(measured) ? measured : 0;
	if (p->distance != DISTANCE_ABSOLUTE)
		r = sqrtf(r);
	return p->natural ? r : r / t->sigma;
}

static void respond(const struct population *p, const struct tuning *t, float *out)
{
	const float quarter = (float)M_PI_2;
	switch (p->kernel) {
	case KERNEL_GAUSSIAN:
		for (uint32_t i = 0; i < p->n; i++)
			out[i] = expf(-out[i] / t->spread);
		break;
	case KERNEL_COSINE:
		for (uint32_t i = 0; i < p->n; i++) {
			float r = in_sigmas(p, t, out[i]);
			out[i] = r < KERNEL_END ? 0.5f * (1.0f + cosf(quarter * r)) : 0.0f;
		}
		break;
	case KERNEL_TRIANGLE:
		for (uint32_t i = 0; i < p->n; i++) {
			float r = in_sigmas(p, t, out[i]);
			out[i] = r < KERNEL_END ? 1.0f - r / KERNEL_END : 0.0f;
		}
		break;
	}
}

static float largest(const struct lines *in)
{
	float most = -INFINITY;
	for (uint32_t i = 0; i < in->count; i++) {
		if (isfinite(in->values[i]) && in->values[i] > most)
			most = in->values[i];
	}
	return isfinite(most) ? most : 0.0f;
}

static void population_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)state;
	(void)tick;
	const struct population *p = st->consts;
	if (in->count == 0)
		return;
	float moving = 0;
	const float *centres = p->tunings[0].centres;
	if (!centres) {
		/* They are made in the first channel's place, whose turn comes last. */
		moving = largest(in);
		for (uint32_t i = 0; i < p->n; i++)
			out->values[i] = norse_centre(moving, p->n, i);
	}
	uint32_t fan = p->each ? in->count / st->channels : in->count;
	for (uint32_t line = in->count; line-- > 0;) {
		struct tuning t = p->tunings[line / fan];
		if (!t.centres) {
			t.centres = out->values;
			t.scale = moving;
		}
		float *lines = out->values + (size_t)line * p->n;
		measure(p, &t, in->values[line], t.centres, lines);
		respond(p, &t, lines);
	}
}

static const struct encoder_alias population_aliases[] = {
	{.name = "PopulationEncoder"},
	{.name = "population_encode"},
	{0},
};

const struct encoder_class encoder_population = {
	.name = "population",
	.summary =
		"Turns each value into the activities of several lines with tuning curves; put an "
		"encoder behind it.",
	.source = "Norse population_encode",
	.in = KIND_VALUES,
	.out = KIND_VALUES,
	.state_version = 1,
	.aliases = population_aliases,
	.params = population_params,
	.pure = true,
	.plan = population_plan,
	.prepare = population_prepare,
	.run = population_run,
	.decoder = &population_decoder,
};
