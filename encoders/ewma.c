/* EWMA: exponentially weighted mean and deviation of each value, to smooth it, to take out its drift
 * or to normalise it without knowing its range before.
 *
 *   a = max(1 - exp(-dt / tau), 1 / k) at the k-th tick
 *   d = x - m;  m += a d;  v = (1 - a) (v + a d^2)
 *   mean: y = m;  center: y = x - m;  zscore: y = (x - m) / max(sqrt(v), floor), 0 if that is 0 / 0
 *
 * So the first ticks are a plain mean and variance of all values so far, which turn into weighted
 * ones once tau is reached: the start is unbiased, and its first y are m = x, 0 and 0. Mean and
 * deviation hold the value itself, so |y| of zscore is at most sqrt((1 - a) / a): an outlier cannot
 * blow it up, and at a constant value it is 0.
 *
 * In double, since a mean of long tau moves by less than a float32 can tell; y is rounded once. A
 * tick that holds its row, stale ones too, counts as one more value. A value that is not finite is
 * no sample: m and v stay and y is m, 0 or 0. y is held at the largest float32. What has faded to
 * less than any float32 becomes 0, since denormal numbers are slow. Windows do not matter: they end
 * no signal. A mean does not tell the values, so there is no way back.
 *
 * D. H. D. West: Updating mean and variance estimates, CACM 22 (1979); T. Finch: Incremental
 * calculation of weighted mean and variance, 2009.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/stage.h"

#include <errno.h>

enum { TAU, MODE, FLOOR };
enum { MODE_MEAN, MODE_CENTER, MODE_ZSCORE };

static const char *const modes[] = {"mean", "center", "zscore", NULL};

static const struct param ewma_params[] = {
	[TAU] =
		{
			.name = "tau",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "1",
			.min = 0,
			.max = INFINITY,
			.help = "Time constant of mean and deviation.",
		},
	[MODE] =
		{
			.name = "mode",
			.type = PARAM_CHOICE,
			.flags = PARAM_LIVE,
			.preset = "zscore",
			.choices = modes,
			.help = "mean: smooths; center: value less mean; zscore: that in deviations.",
		},
	[FLOOR] =
		{
			.name = "floor",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0",
			.min = 0,
			.max = FLT_MAX,
			.help = "zscore: the smallest deviation to divide by, so that a channel at rest "
				"does not show its noise.",
		},
	{0},
};

#define FADED 1e-100 /* a mean or variance; the square of the smallest float32 is 1e-90 */

struct average {
	double share; /* a once tau is reached */
	double floor;
};

/* State: the number of ticks in 64 bytes, then mean and variance of each line. NaN in a mean = no
 * sample yet. */
struct moment {
	double mean, variance;
};

static inline struct moment *moments_of(void *state)
{
	return (struct moment *)((char *)state + STAGE_ALIGN);
}

static int ewma_plan(struct stage *st, struct fault *f)
{
	(void)f;
	st->const_size = st->in_lines * sizeof(struct average);
	st->state_size = STAGE_ALIGN + st->in_lines * sizeof(struct moment);
	return 0;
}

static void ewma_prepare(struct stage *st)
{
	struct average *averages = st->consts;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		uint32_t c = stage_channel(st, i);
		averages[i] = (struct average){
			.share = -expm1(-st->dt / param_number(&st->values[TAU], c)),
			.floor = param_number(&st->values[FLOOR], c),
		};
	}
}

static void ewma_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope != RESET_ALL)
		return;
	memset(state, 0, st->state_size);
	for (uint32_t i = 0; i < st->in_lines; i++)
		moments_of(state)[i].mean = NAN;
}

static void update(struct moment *m, double x, double share)
{
	if (isnan(m->mean)) {
		*m = (struct moment){.mean = x};
		return;
	}
	double d = x - m->mean;
	double mean = m->mean + share * d;
	double variance = (1 - share) * (m->variance + share * (d * d));
	m->mean = fabs(mean) > FADED ? mean : 0;
	m->variance = variance > FADED ? variance : 0;
}

static inline float to_float(double y)
{
	if (fabs(y) < (double)FLT_MIN)
		return 0;
	y = y < (double)FLT_MAX ? y : (double)FLT_MAX;
	return (float)(y > -(double)FLT_MAX ? y : -(double)FLT_MAX);
}

static float answer(uint64_t mode, const struct moment *m, double x, double floor)
{
	double off = x - m->mean;
	if (mode == MODE_MEAN)
		return to_float(m->mean);
	if (mode == MODE_CENTER)
		return to_float(off);
	double deviation = sqrt(m->variance);
	deviation = deviation > floor ? deviation : floor;
	return off != 0 && deviation > 0 ? to_float(off / deviation) : 0;
}

static void ewma_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	const struct average *averages = st->consts;
	const uint64_t mode = st->values[MODE].integer;
	struct moment *moments = moments_of(state);
	uint64_t *ticks = state;
	double start = 1 / (double)++*ticks;
	for (uint32_t i = 0; i < in->count; i++) {
		struct moment *m = &moments[i];
		double x = (double)in->values[i], share = averages[i].share;
		if (fabs(x) <= (double)FLT_MAX)
			update(m, x, share > start ? share : start);
		else
			x = m->mean;
		out->values[i] = isnan(x) ? 0 : answer(mode, m, x, averages[i].floor);
	}
}

/* Values lie within FLT_MAX, and so does their mean but for its rounding; their variance within the
 * square of twice that. What is beyond never came from rows, and could run into infinity, where it
 * would stay. So would a count that wraps. */
static int ewma_check(const struct stage *st, const void *state)
{
	const double most = 1.001 * (double)FLT_MAX;
	uint64_t ticks;
	memcpy(&ticks, state, sizeof(ticks));
	if (ticks > INT64_MAX)
		return -EINVAL;
	const struct moment *moments = moments_of((void *)state); /* only read */
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (fabs(moments[i].mean) > most || !(moments[i].variance >= 0) ||
			!(moments[i].variance <= 8 * most * most))
			return -EINVAL;
	}
	return 0;
}

const struct encoder_class encoder_ewma = {
	.name = "ewma",
	.summary = "Smooths each value, takes out its drift or normalises it, by running averages.",
	.source = "West 1979; Finch 2009",
	.in = KIND_VALUES,
	.out = KIND_VALUES,
	.state_version = 1,
	.params = ewma_params,
	.plan = ewma_plan,
	.prepare = ewma_prepare,
	.reset = ewma_reset,
	.run = ewma_run,
	.check = ewma_check,
};
