/* Resonate-and-fire: a damped oscillator a line, which fires once a period while its input swings at
 * its own frequency. A bank of them is a spectrum that streams: vibration, motor current, sound.
 *
 *   z = (1 - alpha) e^(i 2 pi / P) z + x
 *   s = Im z >= 0 and Im z of the tick before < 0 and Re z >= theta
 *
 * P is `period` in ticks, or 1 / (f dt). In float32, one rounding an operation, with a =
 * fl((1 - alpha) cos(2 pi / P)) and b = fl((1 - alpha) sin(2 pi / P)):
 *
 *   re' = fl(fl(fl(a re) - fl(b im)) + x);  im' = fl(fl(b re) + fl(a im))
 *
 * An input of amplitude A at the period settles at |z| = A / (2 alpha), to a factor e in 1 / alpha
 * ticks; half of that remains at about sqrt(3) alpha / (2 pi dt) Hz to either side. A constant x
 * settles at x / (1 - a - ib) and fires no more. Lava's RF neuron, which has no reset either.
 *
 * Bank: `lines` oscillators a channel, at f_lo … f_hi in equal ratios, line = channel * lines + i.
 *
 * NaN and infinities count as 0: the oscillator rings on. Where z would overflow it becomes 0. At
 * the first tick of a window z is cleared. There is no decoder: spikes tell of one band only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/linewise.h"

#include <errno.h>

enum { PERIOD, F, LINES, F_LO, F_HI, ALPHA, THETA };

#define FREQUENCY .type = PARAM_NUMBER, .unit = UNIT_HERTZ, .min = 0, .max = FLT_MAX

static const struct param resonate_params[] = {
	[PERIOD] =
		{
			.name = "period",
			.type = PARAM_NUMBER,
			.unit = UNIT_TICKS,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "20",
			.min = 2,
			.max = FLT_MAX,
			.help = "Period of the oscillator, a fraction of a tick too.",
		},
	[F] =
		{
			.name = "f",
			FREQUENCY,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_OPTIONAL | PARAM_MIN_OPEN,
			.help = "Frequency of the oscillator, instead of its period; below 1/(2 dt).",
		},
	[LINES] =
		{
			.name = "lines",
			.type = PARAM_COUNT,
			.preset = "1",
			.min = 1,
			.max = 1 << 16,
			.help = "Bank: oscillators a channel; needs f_lo and f_hi if more than one.",
		},
	[F_LO] =
		{
			.name = "f_lo",
			FREQUENCY,
			.flags = PARAM_LIVE | PARAM_OPTIONAL | PARAM_MIN_OPEN,
			.help = "Bank: frequency of a channel's first line.",
		},
	[F_HI] =
		{
			.name = "f_hi",
			FREQUENCY,
			.flags = PARAM_LIVE | PARAM_OPTIONAL | PARAM_MIN_OPEN,
			.help = "Bank: frequency of a channel's last line; below 1/(2 dt).",
		},
	[ALPHA] =
		{
			.name = "alpha",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN | PARAM_MAX_OPEN,
			.preset = "0.1",
			.min = 0,
			.max = 1,
			.help = "Damping: share of its swing that the oscillator loses in a tick.",
		},
	[THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "1",
			.min = 0,
			.max = FLT_MAX,
			.help = "Swing that fires.",
		},
	{0},
};

struct resonate {
	const float *a, *b, *theta;
	float *re, *im;
};

static struct resonate resonate_of(const struct stage *st, const void *state)
{
	size_t stride = stage_stride(st->out_lines);
	struct resonate r = {.a = st->consts, .re = (float *)state};
	r.b = r.a + stride;
	r.theta = r.b + stride;
	r.im = r.re + stride;
	return r;
}

static uint32_t fan_of(const struct stage *st)
{
	return (uint32_t)st->values[LINES].integer;
}

static bool is_bank(const struct stage *st)
{
	return st->values[F_LO].present || st->values[F_HI].present || fan_of(st) > 1;
}

/* Ticks, of an output line. */
static double period_of(const struct stage *st, uint32_t line)
{
	uint32_t n = fan_of(st), in = line / n;
	if (is_bank(st)) {
		double lo = st->values[F_LO].number, hi = st->values[F_HI].number;
		double f = n > 1 ? lo * pow(hi / lo, (double)(line % n) / (n - 1)) : lo;
		return 1 / (f * st->dt);
	}
	uint32_t c = stage_channel(st, in);
	if (st->values[F].present)
		return 1 / (param_number(&st->values[F], c) * st->dt);
	return param_number(&st->values[PERIOD], c);
}

static int check_choice(const struct stage *st, struct fault *f)
{
	bool lone = st->values[F].present || stage_given(st, PERIOD);
	if (st->values[F].present && stage_given(st, PERIOD))
		return stage_fault(f, "f", "f and period say the same thing, give one of them");
	if (!is_bank(st))
		return 0;
	if (!st->values[F_LO].present || !st->values[F_HI].present)
		return stage_fault(f, st->values[F_LO].present ? "f_hi" : "f_lo",
			"a bank of oscillators needs both f_lo and f_hi");
	if (lone)
		return stage_fault(f, st->values[F].present ? "f" : "period",
			"f_lo and f_hi set a bank's frequencies, leave f and period out");
	if (st->values[F_LO].number > st->values[F_HI].number)
		return stage_fault(f, "f_hi", "f_hi %.9g Hz is below f_lo %.9g Hz",
			st->values[F_HI].number, st->values[F_LO].number);
	return 0;
}

static int check_frequency(const struct stage *st, unsigned row, uint32_t c, struct fault *f)
{
	const struct param_value *v = &st->values[row];
	if (!v->present || param_number(v, c) * st->dt < 0.5)
		return 0;
	int err = stage_fault(f, resonate_params[row].name,
		"%s is %.9g Hz; a period must be longer than two ticks, so it must be below %.9g Hz",
		resonate_params[row].name, param_number(v, c), 0.5 / st->dt);
	if (f && v->numbers)
		f->item = (int)c;
	return err;
}

static int resonate_plan(struct stage *st, struct fault *f)
{
	int err = check_choice(st, f);
	uint32_t n = stage_listed(st, F) ? st->channels : 1;
	for (uint32_t c = 0; !err && c < n; c++)
		err = check_frequency(st, F, c, f);
	if (!err)
		err = check_frequency(st, F_LO, 0, f);
	if (!err)
		err = check_frequency(st, F_HI, 0, f);
	if (!err)
		err = stage_fan_out(st, fan_of(st), "lines", f);
	if (err)
		return err;
	st->const_size = 3 * stage_float_bytes(st->out_lines);
	st->state_size = 2 * stage_float_bytes(st->out_lines);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void resonate_prepare(struct stage *st)
{
	size_t stride = stage_stride(st->out_lines);
	float *a = st->consts, *b = a + stride, *theta = b + stride;
	for (uint32_t i = 0; i < st->out_lines; i++) {
		uint32_t c = stage_channel(st, i / fan_of(st));
		double keep = 1 - param_number(&st->values[ALPHA], c);
		double turn = 1 / period_of(st, i);
		/* The cosine as the sine of the rest to a quarter turn: exactly 0 for four ticks. */
		a[i] = (float)(keep * sin(2 * M_PI * (0.25 - turn)));
		b[i] = (float)(keep * sin(2 * M_PI * turn));
		theta[i] = (float)param_number(&st->values[THETA], c);
	}
	if (st->values[F].present || is_bank(st))
		stage_unset(st, PERIOD);
}

static void resonate_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static inline bool resonate_step(const struct resonate *r, uint32_t i, float x)
{
	float re = (r->a[i] * r->re[i] - r->b[i] * r->im[i]) + (isfinite(x) ? x : 0);
	float im = r->b[i] * r->re[i] + r->a[i] * r->im[i];
	bool sane = isfinite(re) && isfinite(im);
	re = sane ? re : 0;
	im = sane ? im : 0;
	bool fires = im >= 0 && r->im[i] < 0 && re >= r->theta[i];
	r->re[i] = re;
	r->im[i] = im;
	return fires;
}

static void resonate_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	const struct resonate r = resonate_of(st, state);
	const uint32_t fan = fan_of(st);
	uint32_t from = 0, rest = fan; /* the input of the next line, and of how many after it */
	for (uint32_t first = 0; first < out->count; first += WORD_LINES) {
		uint32_t left = out->count - first, n = left < WORD_LINES ? left : WORD_LINES;
		uint64_t on = 0;
		for (uint32_t k = 0; k < n; k++) {
			on |= (uint64_t)resonate_step(&r, first + k, in->values[from]) << k;
			if (--rest == 0) {
				from++;
				rest = fan;
			}
		}
		out->on[first / WORD_LINES] = on;
	}
}

static int resonate_check(const struct stage *st, const void *state)
{
	const struct resonate r = resonate_of(st, state);
	return stage_floats_sane(r.re, st->out_lines) && stage_floats_sane(r.im, st->out_lines)
		       ? 0
		       : -EINVAL;
}

const struct encoder_class encoder_resonate = {
	.name = "resonate",
	.summary =
		"Fires once a period while the value swings at the line's own frequency; a bank of "
		"them is a spectrum.",
	.source = "Lava RF; Izhikevich, Resonate-and-fire neurons, 2001",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = resonate_params,
	.plan = resonate_plan,
	.prepare = resonate_prepare,
	.reset = resonate_reset,
	.run = resonate_run,
	.check = resonate_check,
};
