/* Renewal: spikes at random with a mean rate proportional to the value, as regular as asked.
 *
 *   left = left - c max(x, 0),  c = fl(dt * f_max)
 *   s = left <= 0;  if s: left = left + E,  E drawn from Gamma(kappa) / kappa
 *
 * E has the mean 1 and the coefficient of variation 1 / sqrt(kappa): kappa 1 is a Poisson process
 * in continuous time, a large kappa comes near the `if` encoder. After a spike nothing moves for
 * t_ref, rounded to ticks; the mean rate is then f / (1 + f t_ref) with f = f_max x. It is BindsNET's
 * `poisson` encoder (intervals that are drawn), without its saturation and with a law of its own.
 *
 * E = -ln(u_1 u_2 … u_kappa) / kappa takes a whole kappa and no rejection. The numbers are Philox's
 * (philox.h) under the stage's key: the n-th interval of line c takes the words of the blocks
 * {n low, n high, c, 0 … (kappa - 1) / 4} in order, each as u = (word + 1/2) 2^-32. n counts on in
 * the state, over windows too. So a line's spikes depend on seed, stream and its own values alone,
 * and ln is made of basic operations, so that they do not depend on the machine. `left` is float32;
 * E and ln are in double and rounded once.
 *
 * The rate saturates at one spike a tick, and at most WAITING intervals are made up for later.
 * Negative values and NaN count as 0. At the first tick of a window every line begins a new
 * interval.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/linewise.h"
#include "encoders/rate.h"
#include "encoders/rng.h"

#include <errno.h>

enum { F_MAX, KAPPA, T_REF, SEED };

#define KAPPA_MOST 256
#define WAITING    16.0f

static const struct param renewal_params[] = {
	[F_MAX] =
		{
			.name = "f_max",
			.type = PARAM_NUMBER,
			.unit = UNIT_HERTZ,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "100",
			.min = 0,
			.max = FLT_MAX,
			.help = "Mean rate at the value 1, without t_ref.",
		},
	[KAPPA] =
		{
			.name = "kappa",
			.type = PARAM_COUNT,
			.flags = PARAM_LIVE,
			.preset = "4",
			.min = 1,
			.max = KAPPA_MOST,
			.help = "Order of the intervals' Gamma law: 1 = Poisson, more = more regular, by "
				"1/sqrt(kappa).",
		},
	[T_REF] =
		{
			.name = "t_ref",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_LIVE,
			.preset = "0",
			.min = 0,
			.max = FLT_MAX,
			.help = "Silence after each spike, before the next interval begins; whole ticks.",
		},
	[SEED] = STAGE_SEED_ROW,
	{0},
};

/* State: intervals drawn, what is left of the last one, ticks of silence to come. */
struct renewal {
	const struct stage *st;
	const float *rate;
	uint32_t kappa, silence;
	uint64_t *drawn;
	float *left;
	uint32_t *silent;
};

static double silence_of(const struct stage *st)
{
	return round(st->values[T_REF].number / st->dt);
}

static struct renewal renewal_of(const struct stage *st, const void *state)
{
	size_t stride = stage_stride(st->in_lines);
	struct renewal r = {.st = st, .rate = st->consts, .drawn = (uint64_t *)state};
	r.kappa = (uint32_t)st->values[KAPPA].integer;
	r.silence = (uint32_t)silence_of(st);
	r.left = (float *)(r.drawn + stride);
	r.silent = (uint32_t *)(r.left + stride);
	return r;
}

/* ln of 0 < x < 1, the same on every machine: x = m 2^e with m about 1, and
 * ln m = 2 (s + s^3/3 + s^5/5 …), s = (m - 1) / (m + 1), |s| < 0.18: the rest is below 2^-53. */
static double natural_log(double x)
{
	int e;
	double m = frexp(x, &e);
	if (m < 0.70710678118654752) {
		m += m;
		e--;
	}
	double s = (m - 1) / (m + 1), square = s * s, sum = 0;
	for (int k = 21; k >= 1; k -= 2)
		sum = sum * square + 1.0 / k;
	return e * 0.69314718055994531 + 2 * s * sum;
}

/* Number n of the line's intervals, in units of the mean. */
static float interval(const struct renewal *r, uint32_t line, uint64_t n)
{
	const uint32_t key[2] = {(uint32_t)r->st->key, (uint32_t)(r->st->key >> 32)};
	uint32_t words[4];
	double sum = 0, product = 1;
	for (uint32_t k = 0; k < r->kappa; k++) {
		if (k % 4 == 0)
			philox4x32_10(
				(const uint32_t[]){(uint32_t)n, (uint32_t)(n >> 32), line, k / 4},
				key, words);
		product *= (words[k % 4] + 0.5) * 0x1p-32;
		/* Sixteen factors are at least 2^-528, far from underflow. */
		if (k % 16 == 15 || k == r->kappa - 1) {
			sum -= natural_log(product);
			product = 1;
		}
	}
	return (float)(sum / r->kappa);
}

static int renewal_plan(struct stage *st, struct fault *f)
{
	if (silence_of(st) > UINT32_MAX)
		return stage_fault(f, "t_ref",
			"t_ref is %.9g ticks, more than the 2^32 - 1 there are", silence_of(st));
	st->const_size = stage_float_bytes(st->in_lines);
	st->state_size = 4 * stage_float_bytes(st->in_lines);
	return 0;
}

static void renewal_prepare(struct stage *st)
{
	float *rate = st->consts;
	for (uint32_t i = 0; i < st->in_lines; i++)
		rate[i] = (float)(st->dt * param_number(&st->values[F_MAX], stage_channel(st, i)));
}

static void renewal_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	const struct renewal r = renewal_of(st, state);
	if (scope == RESET_ALL)
		memset(state, 0, st->state_size);
	for (uint32_t i = 0; i < st->in_lines; i++) {
		r.left[i] = interval(&r, i, r.drawn[i]++);
		r.silent[i] = 0;
	}
}

static inline int renewal_step(void *of, uint32_t i, float x)
{
	struct renewal *r = of;
	if (r->silent[i] > 0) {
		r->silent[i]--;
		return 0;
	}
	float way = r->rate[i] * x, left = r->left[i] - (way > 0 ? way : 0);
	left = left > -WAITING ? left : -WAITING;
	bool fires = left <= 0;
	if (fires) {
		left += interval(r, i, r->drawn[i]++);
		r->silent[i] = r->silence;
	}
	r->left[i] = left;
	return fires;
}

static void renewal_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	struct renewal r = renewal_of(st, state);
	line_by_line(in, out, renewal_step, &r);
}

static int renewal_check(const struct stage *st, const void *state)
{
	const struct renewal r = renewal_of(st, state);
	for (uint32_t i = 0; i < st->in_lines; i++) {
		/* -ln u is at most 33 ln 2. */
		if (!(r.left[i] >= -WAITING && r.left[i] < 23) || r.drawn[i] == 0)
			return -EINVAL;
	}
	return 0;
}

/* A mean of p spikes a tick is 1 in 1/p ticks, of which the silence takes its part. */
static void renewal_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	const float *rate = st->consts, silence = (float)silence_of(st);
	rate_take(st, by, state, in, out->values);
	for (uint32_t i = 0; i < in->count; i++) {
		/* A short count may be above what the silence allows in the long run. */
		float p = out->values[i], moving = 1 - p * silence, least = 1 / (1 + silence);
		moving = moving > least ? moving : least;
		float x = p / (moving * rate[i]);
		out->values[i] = isfinite(x) ? x : 0;
	}
}

static const struct encoder_decoder renewal_decoder = {
	.help = "x = p / (dt f_max (1 - p t_ref/dt)), p the mean spikes a tick in the window so far, or "
		"over the smoothing time; over m spikes the relative error is about 1/sqrt(m kappa).",
	.size = rate_size,
	.mends = rate_mends,
	.reset = rate_reset,
	.run = renewal_undo,
};

const struct encoder_class encoder_renewal = {
	.name = "renewal",
	.summary = "Fires at random at a mean rate proportional to the value, between Poisson and "
		   "regular.",
	.source = "renewal process with Gamma intervals; BindsNET poisson draws intervals too",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = renewal_params,
	.plan = renewal_plan,
	.prepare = renewal_prepare,
	.reset = renewal_reset,
	.run = renewal_run,
	.check = renewal_check,
	.decoder = &renewal_decoder,
};
