/* Adaptive integrate-and-fire: divisive normalisation. The threshold follows the signal's mean size,
 * so that the rate tells how the signal compares with itself and not the sensor's gain.
 *
 *   r = |x|;  theta = max(M, eps) * g,  g = 1 / (rate dt)
 *   y = y + r;  s = y >= theta;  y = min(y - s theta, theta)
 *   M = M + share (r - M),  share = 1 - e^(-dt/tau)
 *
 * in float32, in this order: theta is of the M before this sample. A steady signal of any size
 * above eps gives `rate`; below eps the rate falls in proportion. M starts at 0, so for about tau
 * after the start the rate is too high. M resolves 2^-24 M / share, fine for tau up to some 10^5
 * ticks.
 *
 * Rockpool's DivisiveNormalization has share = 2^-b and g = 2^k1 - 2^k2 in integers: its tau is
 * about 2^b ticks and its rate one spike in 2^k1 - 2^k2 ticks (b 12, k1 6, k2 0: tau = 4096 dt, rate
 * = 1 / (63 dt)), its epsilon is eps in units of x. Its `joint` threshold over channels has no
 * counterpart here. It keeps any excess of y; here at most one more spike waits, since what is left
 * of a loud passage would become a burst as theta falls in the silence after it.
 *
 * NaN and infinities are no samples: no spike, nothing moves. The rate saturates at one spike a
 * tick. At the first tick of a window y is cleared; M describes the signal and goes on. There is no
 * decoder: the size is what it takes away.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/linewise.h"

#include <errno.h>

enum { TAU, RATE, EPS };

static const struct param adaptive_params[] = {
	[TAU] =
		{
			.name = "tau",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "1",
			.min = 0,
			.max = FLT_MAX,
			.help = "Time constant of the mean size that the threshold follows.",
		},
	[RATE] =
		{
			.name = "rate",
			.type = PARAM_NUMBER,
			.unit = UNIT_HERTZ,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "100",
			.min = 0,
			.max = FLT_MAX,
			.help = "Rate of a steady signal, whatever its size; at most 1/dt.",
		},
	[EPS] =
		{
			.name = "eps",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "0.001",
			.min = 0,
			.max = FLT_MAX,
			.help = "Mean size below which the threshold falls no further, about the sensor's "
				"noise.",
		},
	{0},
};

struct adaptive {
	const float *share, *gap, *eps;
	float *y, *mean;
};

static struct adaptive adaptive_of(const struct stage *st, const void *state)
{
	size_t stride = stage_stride(st->in_lines);
	struct adaptive a = {.share = st->consts, .y = (float *)state};
	a.eps = a.share + stride;
	a.gap = a.eps + stride;
	a.mean = a.y + stride;
	return a;
}

/* Ticks from spike to spike of a steady signal. */
static float gap_of(const struct stage *st, uint32_t c)
{
	return (float)(1.0 / (param_number(&st->values[RATE], c) * st->dt));
}

static int adaptive_plan(struct stage *st, struct fault *f)
{
	uint32_t n = stage_listed(st, RATE) ? st->channels : 1;
	for (uint32_t c = 0; c < n; c++) {
		float gap = gap_of(st, c);
		if (gap >= 1 && gap <= FLT_MAX)
			continue;
		int err = stage_fault(f, "rate",
			"a rate of %.9g Hz is one spike in %.9g ticks of %.9g s; it must be at least "
			"one tick, and a float32",
			param_number(&st->values[RATE], c), (double)gap, st->dt);
		if (f && stage_listed(st, RATE))
			f->item = (int)c;
		return err;
	}
	st->const_size = 3 * stage_float_bytes(st->in_lines);
	st->state_size = 2 * stage_float_bytes(st->in_lines);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void adaptive_prepare(struct stage *st)
{
	float *gap = line_constants(st, EPS, line_shares(st, TAU, st->consts));
	for (uint32_t i = 0; i < st->in_lines; i++)
		gap[i] = gap_of(st, stage_channel(st, i));
}

static void adaptive_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	memset(state, 0, scope == RESET_ALL ? st->state_size : stage_float_bytes(st->in_lines));
}

static inline int adaptive_step(void *of, uint32_t i, float x)
{
	struct adaptive *a = of;
	float r = fabsf(x);
	if (!isfinite(r))
		return 0;
	float theta = (a->mean[i] > a->eps[i] ? a->mean[i] : a->eps[i]) * a->gap[i];
	theta = theta < FLT_MAX ? theta : FLT_MAX;
	float y = a->y[i] + r;
	bool fires = y >= theta;
	y = fires ? y - theta : y;
	a->y[i] = y < theta ? y : theta;
	a->mean[i] += a->share[i] * (r - a->mean[i]);
	return fires;
}

static void adaptive_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	struct adaptive a = adaptive_of(st, state);
	line_by_line(in, out, adaptive_step, &a);
}

static int adaptive_check(const struct stage *st, const void *state)
{
	const struct adaptive a = adaptive_of(st, state);
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (a.y[i] < 0 || a.mean[i] < 0)
			return -EINVAL;
	}
	return stage_floats_sane(a.y, st->in_lines) && stage_floats_sane(a.mean, st->in_lines)
		       ? 0
		       : -EINVAL;
}

const struct encoder_class encoder_adaptive_if = {
	.name = "adaptive_if",
	.summary =
		"Integrates the value's size up to a threshold that follows its mean: rates that "
		"do not depend on the sensor's gain.",
	.source = "Rockpool DivisiveNormalization",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = adaptive_params,
	.plan = adaptive_plan,
	.prepare = adaptive_prepare,
	.reset = adaptive_reset,
	.run = adaptive_run,
	.check = adaptive_check,
};
