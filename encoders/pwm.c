/* Pulse width modulation: one spike a period of a saw, the later the larger the value.
 *
 *   phase = k f dt mod 1, k the ticks since the start;  s = the first tick of a period with
 *   phase >= x
 *
 * All lines share the saw. Values are meant to be in [0, 1): one below 0 fires at the period's first
 * tick, one above the last phase not at all. Spike-Encoding's PulseWidthModulation fires where its
 * comparator enters either of two states, and scales by the whole signal.
 *
 * The phase is a 64-bit fraction that wraps by itself: nothing accumulates but the rounding of the
 * step f dt, which is made up by some 2^-51 of it, so that periods of a whole number of ticks begin
 * at their tick and not, for want of the last bit, one later. The saw is that much fast: a millionth
 * of a period in some 10^9 of them. The comparison is in double, for x too.
 *
 * Decoder: the middle of what the phases of the spike's tick and of the one before leave open; a
 * steady value in [0, 1 - f dt] is off by at most f dt / 2. It is held until the next spike, also
 * through periods without one.
 *
 * NaN never fires. At the first tick of a window a period begins, so a window of a period is a
 * position code of its row.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/linewise.h"

#include <errno.h>

enum { F };

#define LEAST_TICKS 2 /* a period */

static const struct param pwm_params[] = {
	[F] =
		{
			.name = "f",
			.type = PARAM_NUMBER,
			.unit = UNIT_HERTZ,
			.flags = PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "10",
			.min = 0,
			.max = FLT_MAX,
			.help = "Periods, and so spikes of a line, a second; at most 1/(2 dt).",
		},
	{0},
};

struct saw {
	uint64_t phase;  /* of the next tick, in 2^-64 of a period */
	uint64_t inside; /* 1: that tick is not its period's first */
};

static inline double fraction(uint64_t phase)
{
	return (double)phase * 0x1p-64;
}

static uint64_t step_of(const struct stage *st)
{
	return (uint64_t)(st->values[F].number * st->dt * (1 + 0x1p-51) * 0x1p64);
}

static void saw_step(struct saw *saw, uint64_t step)
{
	uint64_t last = saw->phase;
	saw->phase += step;
	saw->inside = saw->phase > last;
}

static int pwm_plan(struct stage *st, struct fault *f)
{
	double ticks = 1 / (st->values[F].number * st->dt);
	if (!(ticks >= LEAST_TICKS) || step_of(st) == 0)
		return stage_fault(f, "f",
			"f %.9g Hz makes a period %.9g ticks of %.9g s; it must be %d or more, up to "
			"2^64",
			st->values[F].number, ticks, st->dt, LEAST_TICKS);
	st->state_size = stage_round(sizeof(struct saw)) + stage_plane_bytes(st->in_lines);
	return 0;
}

static void pwm_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

/* The lines that have fired in this period. */
static uint64_t *fired_plane(void *state)
{
	return (uint64_t *)((char *)state + stage_round(sizeof(struct saw)));
}

static inline int pwm_step(void *of, uint32_t i, float x)
{
	(void)i;
	return (double)x <= *(const double *)of;
}

static void pwm_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	struct saw *saw = state;
	double phase = fraction(saw->phase);
	if (!saw->inside)
		memset(fired_plane(state), 0, stage_plane_bytes(st->in_lines));
	saw_step(saw, step_of(st));
	line_by_line(in, out, pwm_step, &phase);
	kernels_get()->first(fired_plane(state), out->on, out->on, lines_words(out->count));
}

static int pwm_check(const struct stage *st, const void *state)
{
	const struct saw *saw = state;
	const uint64_t *fired =
		(const uint64_t *)((const char *)state + stage_round(sizeof(struct saw)));
	return saw->inside <= 1 && stage_plane_sane(fired, st->in_lines) ? 0 : -EINVAL;
}

/* State of the decoder: a saw of its own, then the estimates. */
static size_t back_size(const struct stage *st)
{
	return stage_round(sizeof(struct saw)) + stage_float_bytes(st->in_lines);
}

static void back_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	memset(state, 0, scope == RESET_ALL ? back_size(st) : sizeof(struct saw));
}

/* Where the saw stands only the number of ticks tells. */
static bool back_skip(const struct stage *st, void *state, uint64_t ticks)
{
	struct saw *saw = state;
	const uint64_t step = step_of(st);
	if (ticks == 0 || st->window > 0)
		return true; /* a window begins a period */
	saw->phase += ticks * step;
	saw->inside = saw->phase >= step;
	return ticks != TICKS_SOME;
}

static struct mending back_mends(const struct stage *st, const struct decoding *by)
{
	(void)st;
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = MENDS_NOT, .spikes = 1};
}

static void back_run(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	struct saw *saw = state;
	float *estimate = (float *)((char *)state + stage_round(sizeof(*saw)));
	const uint64_t step = step_of(st), phase = saw->phase;
	uint64_t before = saw->inside && phase > step ? phase - step : 0;
	float middle = (float)((fraction(before) + fraction(phase)) / 2);
	saw_step(saw, step);
	for (uint32_t i = 0; i < in->count; i++) {
		if (stage_bit(in->on, i))
			estimate[i] = middle;
		out->values[i] = estimate[i];
	}
}

static const struct encoder_decoder pwm_decoder = {
	.help = "x = the saw's phase at the spike less half a tick of it, held until the next; a steady "
		"x in [0, 1 - f dt] is off by at most f dt / 2.",
	.size = back_size,
	.mends = back_mends,
	.skip = back_skip,
	.reset = back_reset,
	.run = back_run,
};

const struct encoder_class encoder_pwm = {
	.name = "pwm",
	.summary = "Fires once a period, at the phase that the value says.",
	.source = "Spike-Encoding PulseWidthModulation, as a position code",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = pwm_params,
	.plan = pwm_plan,
	.reset = pwm_reset,
	.run = pwm_run,
	.check = pwm_check,
	.decoder = &pwm_decoder,
};
