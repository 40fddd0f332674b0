/* Filter bank: each value goes through N band-passes at once, one line a band. The bands of a line
 * stand together: line = channel * N + i.
 *
 * Bands between f_lo and f_hi touch each other: their N + 1 edges are evenly spaced in
 *   log: ln f;  mel: ln(1 + f / 700 Hz);  erb: ln(1 + f / 228.8 Hz)
 * (the ear's two: O'Shaughnessy 1987; Glasberg and Moore 1990), and a band's centre is half-way
 * between its edges there. Listed `centres` get bands of `width` octaves, half of it on either side.
 *
 * butterworth: a band-pass of `order` sections, -3 dB at the edges; flat between them, steeper with
 * the order. gammatone: order 4, 1 at the centre and -3 dB half the band's width beside it; what
 * models of the cochlea use. Both are cascades of second-order sections in double (biquad.c,
 * kernels/filter.h) that start from rest. Mel front end: scale mel, then rectify, then ewma with
 * mode mean.
 *
 * The filters hear ticks: a row that is held, a stale one too, is a constant, and rows that come
 * less often than ticks are stairs. A value that is not finite is no sample: the last one counts on.
 * Outputs are held at the largest float32; sections that have faded below 1e-100 and outputs below
 * the smallest normal float32 become 0, since denormal numbers are slow. A window does not touch the
 * filters: it ends no signal. A band tells little of the value, so there is no way back.
 *
 * spikify's FilterBank differs: there the lowest centre, not the lowest edge, is at the lower
 * frequency, and the gammatone is a FIR filter.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/biquad.h"
#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

#include <errno.h>

enum { DESIGN, ORDER, BANDS, F_LO, F_HI, SCALE, CENTRES, WIDTH };
enum { DESIGN_BUTTERWORTH, DESIGN_GAMMATONE };
enum { SCALE_LOG, SCALE_MEL, SCALE_ERB };

#define ORDER_MAX     8
#define BANDS_MAX     4096
#define TOP_SHARE     0.4 /* of 1/dt: where f_hi is unless it is given */
#define OCTAVES_BELOW 6   /* of f_hi: where f_lo is unless it is given */

static const char *const designs[] = {"butterworth", "gammatone", NULL};
static const char *const scales[] = {"log", "mel", "erb", NULL};

#define FREQUENCY .type = PARAM_NUMBER, .unit = UNIT_HERTZ, .min = 0, .max = FLT_MAX

static const struct param filterbank_params[] = {
	[DESIGN] =
		{
			.name = "design",
			.type = PARAM_CHOICE,
			.preset = "butterworth",
			.choices = designs,
			.help = "Kind of filter.",
		},
	[ORDER] =
		{
			.name = "order",
			.type = PARAM_COUNT,
			.preset = "2",
			.min = 1,
			.max = ORDER_MAX,
			.help = "Second-order sections of a butterworth band; a gammatone has 4.",
		},
	[BANDS] =
		{
			.name = "bands",
			.type = PARAM_COUNT,
			.preset = "16",
			.min = 1,
			.max = BANDS_MAX,
			.help = "Bands from f_lo to f_hi.",
		},
	[F_LO] =
		{
			.name = "f_lo",
			FREQUENCY,
			.flags = PARAM_LIVE | PARAM_OPTIONAL | PARAM_MIN_OPEN,
			.help = "Lower edge of the lowest band; 6 octaves below f_hi unless given.",
		},
	[F_HI] =
		{
			.name = "f_hi",
			FREQUENCY,
			.flags = PARAM_LIVE | PARAM_OPTIONAL | PARAM_MIN_OPEN,
			.help = "Upper edge of the highest band; 0.4 / dt unless given.",
		},
	[SCALE] =
		{
			.name = "scale",
			.type = PARAM_CHOICE,
			.flags = PARAM_LIVE,
			.preset = "log",
			.choices = scales,
			.help = "What the bands are evenly spaced in.",
		},
	[CENTRES] =
		{
			.name = "centres",
			FREQUENCY,
			.flags = PARAM_LIST | PARAM_LIVE | PARAM_OPTIONAL | PARAM_MIN_OPEN,
			.help = "Centres of the bands, instead of bands, f_lo, f_hi and scale.",
		},
	[WIDTH] =
		{
			.name = "width",
			.type = PARAM_NUMBER,
			.flags = PARAM_LIVE | PARAM_OPTIONAL | PARAM_MIN_OPEN,
			.min = 0,
			.max = 10,
			.help = "Octaves from edge to edge of a band with a listed centre; 1/3 unless "
				"given.",
		},
	{0},
};

struct band {
	double lo, centre, hi; /* Hz */
};

static bool is_listed(const struct stage *st)
{
	return st->values[CENTRES].present;
}

static uint32_t bands_of(const struct stage *st)
{
	return is_listed(st) ? st->values[CENTRES].count : (uint32_t)st->values[BANDS].integer;
}

static uint32_t sections_of(const struct stage *st)
{
	return st->values[DESIGN].integer == DESIGN_GAMMATONE ? GAMMATONE_ORDER
							      : (uint32_t)st->values[ORDER].integer;
}

static double f_hi_of(const struct stage *st)
{
	return st->values[F_HI].present ? st->values[F_HI].number : TOP_SHARE / st->dt;
}

static double f_lo_of(const struct stage *st)
{
	return st->values[F_LO].present ? st->values[F_LO].number
					: ldexp(f_hi_of(st), -OCTAVES_BELOW);
}

static struct band band_at(const struct stage *st, uint32_t i)
{
	static const double bends[] = {0, 700, 1 / 0.00437}; /* Hz, of each scale */
	if (is_listed(st)) {
		double centre = param_number(&st->values[CENTRES], i);
		double octaves = st->values[WIDTH].present ? st->values[WIDTH].number : 1.0 / 3;
		return (struct band){
			centre * exp2(-octaves / 2), centre, centre * exp2(octaves / 2)};
	}
	double bend = bends[st->values[SCALE].integer], n = bands_of(st);
	double low = f_lo_of(st) + bend, ratio = (f_hi_of(st) + bend) / low;
	return (struct band){
		.lo = low * pow(ratio, i / n) - bend,
		.centre = low * pow(ratio, (i + 0.5) / n) - bend,
		.hi = low * pow(ratio, (i + 1) / n) - bend,
	};
}

static void design(const struct stage *st, const struct band *band, struct biquad *out)
{
	double dt = st->dt;
	if (st->values[DESIGN].integer == DESIGN_GAMMATONE)
		biquad_gammatone(band->centre * dt, (band->hi - band->lo) * dt, out);
	else
		biquad_butterworth(band->lo * dt, band->hi * dt, sections_of(st), out);
}

static int check_form(const struct stage *st, struct fault *f)
{
	static const unsigned spaced[] = {BANDS, F_LO, F_HI, SCALE};
	for (unsigned i = 0; is_listed(st) && i < sizeof(spaced) / sizeof(spaced[0]); i++) {
		const char *name = filterbank_params[spaced[i]].name;
		if (stage_given(st, spaced[i]))
			return stage_fault(
				f, name, "centres say where the bands are; leave %s out", name);
	}
	if (!is_listed(st) && st->values[WIDTH].present)
		return stage_fault(f, "width",
			"width is that of listed centres; bands from f_lo to f_hi touch each other");
	if (st->values[DESIGN].integer == DESIGN_GAMMATONE && stage_given(st, ORDER))
		return stage_fault(f, "order", "a gammatone is of order 4; order is butterworth's");
	if (!is_listed(st) && !(f_lo_of(st) < f_hi_of(st)))
		return stage_fault(f, "f_hi",
			"f_hi must be greater than f_lo: f_lo is %.9g Hz and f_hi %.9g Hz",
			f_lo_of(st), f_hi_of(st));
	return 0;
}

/* Names the parameter that put band i where it cannot be. */
static int band_fault(const struct stage *st, uint32_t i, struct fault *f)
{
	if (f)
		snprintf(f->key, sizeof(f->key), "%s", is_listed(st) ? "centres" : "f_hi");
	if (f && st->values[CENTRES].numbers)
		f->item = (int)i;
	return -EINVAL;
}

static int check_band(const struct stage *st, uint32_t i, struct fault *f)
{
	struct band band = band_at(st, i);
	struct biquad sections[ORDER_MAX];
	if (!(band.hi * st->dt < 0.5)) {
		fault_set(f, -EINVAL,
			"band %u of %u reaches from %.6g to %.6g Hz, and a dt of %.9g s can tell "
			"only what is below %.6g Hz",
			i, bands_of(st), band.lo, band.hi, st->dt, 0.5 / st->dt);
		return band_fault(st, i, f);
	}
	design(st, &band, sections);
	for (uint32_t s = 0; s < sections_of(st); s++) {
		if (biquad_stable(&sections[s]))
			continue;
		fault_set(f, -EINVAL,
			"band %u of %u from %.9g to %.9g Hz is too narrow for a dt of %.9g s; give "
			"it more width or the stream a longer dt",
			i, bands_of(st), band.lo, band.hi, st->dt);
		return band_fault(st, i, f);
	}
	return 0;
}

/* State: the last values that were numbers, one float a line that comes in; then the sections' two
 * states, section by section, one double a line that goes out. */
static int filterbank_plan(struct stage *st, struct fault *f)
{
	int err = check_form(st, f);
	if (err)
		return err;
	uint32_t n = bands_of(st), count = sections_of(st);
	if (n > BANDS_MAX)
		return stage_fault(
			f, "centres", "%u bands are more than the %u there may be", n, BANDS_MAX);
	err = stage_fan_out(st, n, is_listed(st) ? "centres" : "bands", f);
	if (err)
		return err;
	for (uint32_t i = 0; i < n; i++) {
		err = check_band(st, i, f);
		if (err)
			return err;
	}
	st->const_size = stage_round(sizeof(struct sections)) +
			 5 * stage_round((size_t)n * count * sizeof(double));
	st->state_size = stage_float_bytes(st->in_lines) +
			 2 * (size_t)count * st->out_lines * sizeof(double);
	return 0;
}

static void filterbank_prepare(struct stage *st)
{
	struct sections *bank = st->consts;
	uint32_t n = bands_of(st), count = sections_of(st);
	size_t bytes = stage_round((size_t)n * count * sizeof(double));
	double *rows[5];
	for (unsigned k = 0; k < 5; k++)
		rows[k] = (double *)((char *)st->consts + stage_round(sizeof(*bank)) + k * bytes);
	for (uint32_t i = 0; i < n; i++) {
		struct band band = band_at(st, i);
		struct biquad made[ORDER_MAX];
		design(st, &band, made);
		for (uint32_t s = 0; s < count; s++) {
			size_t at = (size_t)s * n + i;
			rows[0][at] = made[s].b0;
			rows[1][at] = made[s].b1;
			rows[2][at] = made[s].b2;
			rows[3][at] = made[s].a1;
			rows[4][at] = made[s].a2;
		}
	}
	*bank = (struct sections){n, count, rows[0], rows[1], rows[2], rows[3], rows[4]};
	if (is_listed(st)) {
		stage_unset(st, BANDS);
		stage_unset(st, SCALE);
	}
	if (st->values[DESIGN].integer == DESIGN_GAMMATONE)
		stage_unset(st, ORDER);
}

static void filterbank_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		memset(state, 0, st->state_size);
}

static void filterbank_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	const struct sections *bank = st->consts;
	const struct kernels *kernels = kernels_get();
	float *held = state;
	double *first = (double *)((char *)state + stage_float_bytes(st->in_lines));
	double *second = first + (size_t)bank->count * st->out_lines;
	for (uint32_t i = 0; i < in->count; i++) {
		size_t at = (size_t)i * bank->bands;
		if (fabsf(in->values[i]) <= FLT_MAX)
			held[i] = in->values[i];
		kernels->filter(
			bank, held[i], first + at, second + at, st->out_lines, out->values + at);
	}
}

/* Far from what float32 can bring sections to that are stable, and as far from where they could run
 * into infinity, which would never leave them. */
#define STATE_MOST 1e200

static int filterbank_check(const struct stage *st, const void *state)
{
	const struct sections *bank = st->consts;
	const float *held = state;
	const double *first =
		(const double *)((const char *)state + stage_float_bytes(st->in_lines));
	if (!stage_floats_sane(held, st->in_lines))
		return -EINVAL;
	for (size_t i = 0; i < 2 * (size_t)bank->count * st->out_lines; i++) {
		if (!(fabs(first[i]) <= STATE_MOST))
			return -EINVAL;
	}
	return 0;
}

const struct encoder_class encoder_filterbank = {
	.name = "filterbank",
	.summary = "Splits each value into frequency bands, one line each; put rectify or an "
		   "encoder behind it.",
	.source = "Butterworth band-passes; gammatone (Hohmann 2002)",
	.in = KIND_VALUES,
	.out = KIND_VALUES,
	.state_version = 1,
	.params = filterbank_params,
	.plan = filterbank_plan,
	.prepare = filterbank_prepare,
	.reset = filterbank_reset,
	.run = filterbank_run,
	.check = filterbank_check,
};
