/* Asynchronous sigma-delta modulator: an integrator between two bounds that turns round at each; the
 * value is in the times at which it does.
 *
 *   y = y + k (g b + x),  k = fl(dt / kappa)
 *   if g y >= delta: s = g, y = g delta, g = -g
 *
 * in float32, one rounding an operation, from y = 0 and g = +1. Spikes alternate in sign; one comes
 * every 2 kappa delta / (b + g x) seconds, rounded up to ticks. The rectangle rule is causal;
 * ted.python's trapezoid looks half a sample ahead.
 *
 * Decoder: the mean of x over the interval that a spike ends, x = s (2 kappa delta / t - b), held
 * until the next one; the first interval after a reset has half the way to go. Since t is in ticks
 * the mean is off by less than (b + |x|) dt / t, so delta `auto` is what takes 20 ticks at x = 0.
 *
 * Saturation: x is held within -b … b, where the integrator can turn round; at an end one of two
 * intervals lasts. NaN counts as 0. At the first tick of a window it begins anew.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/linewise.h"

#include <errno.h>

enum { B, DELTA, KAPPA };

#define TICKS_AT_REST 20

static const struct param asdm_params[] = {
	[B] =
		{
			.name = "b",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "2",
			.min = 0,
			.max = FLT_MAX,
			.help = "Bias; must be larger than any value's size, twice that is good.",
		},
	[DELTA] =
		{
			.name = "delta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN | PARAM_AUTO,
			.preset = "auto",
			.min = 0,
			.max = FLT_MAX,
			.help = "Bound at which the integrator turns round; auto: 20 ticks a spike at the "
				"value 0.",
		},
	[KAPPA] =
		{
			.name = "kappa",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "1",
			.min = 0,
			.max = FLT_MAX,
			.help = "Time constant of the integrator.",
		},
	{0},
};

struct asdm {
	const float *b, *delta, *step;
	float *y;
	uint64_t *falling; /* bit plane: g is -1 */
};

static struct asdm asdm_of(const struct stage *st, const void *state)
{
	size_t stride = stage_stride(st->in_lines);
	struct asdm a = {.b = st->consts, .y = (float *)state};
	a.delta = a.b + stride;
	a.step = a.delta + stride;
	a.falling = (uint64_t *)(a.y + stride);
	return a;
}

static float step_of(const struct stage *st, uint32_t c)
{
	return (float)(st->dt / param_number(&st->values[KAPPA], c));
}

static float delta_of(const struct stage *st, uint32_t c)
{
	if (!st->values[DELTA].automatic)
		return (float)param_number(&st->values[DELTA], c);
	return TICKS_AT_REST / 2.0f * step_of(st, c) * (float)param_number(&st->values[B], c);
}

static int asdm_plan(struct stage *st, struct fault *f)
{
	bool each = stage_listed(st, B) || stage_listed(st, DELTA) || stage_listed(st, KAPPA);
	for (uint32_t c = 0; c < (each ? st->channels : 1); c++) {
		float b = (float)param_number(&st->values[B], c);
		float delta = delta_of(st, c), step = step_of(st, c) * b;
		/* The fastest: both b and x drive it, from one bound to the other. */
		if (step > 0 && delta >= step && isfinite(2 * delta))
			continue;
		return stage_fault(f, "delta",
			"delta %.9g is too small (or no float32 can hold it): at the value b the "
			"integrator moves by %.9g in a tick and needs at least one to cross 2 delta",
			(double)delta, 2 * (double)step);
	}
	st->const_size = 3 * stage_float_bytes(st->in_lines);
	st->state_size = stage_float_bytes(st->in_lines) + stage_plane_bytes(st->in_lines);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void asdm_prepare(struct stage *st)
{
	float *delta = line_constants(st, B, st->consts);
	float *step = delta + stage_stride(st->in_lines);
	for (uint32_t i = 0; i < st->in_lines; i++) {
		delta[i] = delta_of(st, stage_channel(st, i));
		step[i] = step_of(st, stage_channel(st, i));
	}
}

static void asdm_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static inline int asdm_step(void *of, uint32_t i, float x)
{
	struct asdm *a = of;
	float b = a->b[i], g = stage_bit(a->falling, i) ? -1 : 1;
	x = isnan(x) ? 0 : x;
	x = x < b ? x : b;
	x = x > -b ? x : -b;
	float y = a->y[i] + a->step[i] * (g * b + x);
	bool turns = g * y >= a->delta[i];
	a->y[i] = turns ? g * a->delta[i] : y;
	a->falling[i / WORD_LINES] ^= (uint64_t)turns << i % WORD_LINES;
	return turns ? (int)g : 0;
}

static void asdm_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	struct asdm a = asdm_of(st, state);
	line_by_line(in, out, asdm_step, &a);
}

static int asdm_check(const struct stage *st, const void *state)
{
	const struct asdm a = asdm_of(st, state);
	return stage_floats_sane(a.y, st->in_lines) && stage_plane_sane(a.falling, st->in_lines)
		       ? 0
		       : -EINVAL;
}

/* State of the decoder: ticks of the interval so far, the estimate, whether a spike has come. */
struct asdm_back {
	uint32_t *ticks, *begun;
	float *estimate;
};

static struct asdm_back back_of(const struct stage *st, void *state)
{
	size_t stride = stage_stride(st->in_lines);
	struct asdm_back back = {.ticks = state};
	back.begun = back.ticks + stride;
	back.estimate = (float *)(back.begun + stride);
	return back;
}

static size_t back_size(const struct stage *st)
{
	return 3 * stage_float_bytes(st->in_lines);
}

/* A window begins with what the last one ended with: there is no newer estimate. */
static void back_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	memset(state, 0, scope == RESET_ALL ? back_size(st) : 2 * stage_float_bytes(st->in_lines));
}

/* An interval has to be seen whole; in a window the first one begins with it. */
static struct mending back_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	return (struct mending){
		.how = MENDS_LATER, .ticks = MENDS_NOT, .spikes = st->window > 0 ? 1 : 2};
}

static void back_run(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const size_t stride = stage_stride(st->in_lines);
	const float *b = st->consts, *delta = b + stride, *step = delta + stride;
	const struct asdm_back back = back_of(st, state);
	for (uint32_t i = 0; i < in->count; i++) {
		float spike = stage_spike(in, i);
		back.ticks[i] += back.ticks[i] < UINT32_MAX;
		if (spike != 0) {
			float way = back.begun[i] ? 2 * delta[i] : delta[i];
			float slope = way / ((float)back.ticks[i] * step[i]);
			/* No value is beyond b; where delta is that large, slope may overflow. */
			back.estimate[i] = spike * fminf(slope - b[i], b[i]);
			back.ticks[i] = 0;
			back.begun[i] = 1;
		}
		out->values[i] = back.estimate[i];
	}
}

static const struct encoder_decoder asdm_decoder = {
	.help = "x = s (2 kappa delta / t - b), the mean over the t between the last two spikes, once "
		"the second has come; the error of that mean is below (b + |x|) dt / t.",
	.size = back_size,
	.mends = back_mends,
	.reset = back_reset,
	.run = back_run,
};

const struct encoder_class encoder_asdm = {
	.name = "asdm",
	.summary =
		"Integrates to and fro between two bounds: the value is in the times of the turns.",
	.source = "Lazar and Toth, time encoding with an asynchronous sigma-delta modulator, 2004; "
		  "ted.python",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.params = asdm_params,
	.plan = asdm_plan,
	.prepare = asdm_prepare,
	.reset = asdm_reset,
	.run = asdm_run,
	.check = asdm_check,
	.decoder = &asdm_decoder,
};
