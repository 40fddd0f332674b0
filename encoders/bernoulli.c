/* Bernoulli trials, one a line and tick, with a probability that follows from q = fl(c * x),
 * c = fl(dt * f_max) (that product in double, as Norse's Python has it).
 *
 * `law: linear` is Norse's p = q: the mean rate is f_max x up to one spike a tick. `law: hazard` is
 * p = fl(1 - e^-q), expm1 in double: the probability that a Poisson process of rate f_max x has a
 * spike in the tick, as spikify's and axon's encoders have it; the rate falls behind f_max x as that
 * nears 1/dt.
 *
 * A line fires if u < p for a u of 24 bits in [0, 1): p <= 0 and NaN never fire, p >= 1 always
 * does. `rng: philox` draws u from (seed, stream, stage, tick, line), so that it depends on nothing
 * else; kernels/philox.h says how. The thresholds that u is compared with are made when a row
 * arrives and kept for the ticks that hold it. `rng: mt19937` draws from torch's CPU generator in
 * order of ticks and lines, so that a seed gives the spikes that torch.manual_seed gives in Norse.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/bernoulli.h"
#include "encoders/rate.h"
#include "encoders/rng.h"

#include <errno.h>

enum { F_MAX, RNG, SEED, LAW, SEQ_LENGTH, DT };
enum { RNG_PHILOX, RNG_MT19937 };
enum { LAW_LINEAR, LAW_HAZARD };

static const char *const generators[] = {"philox", "mt19937", NULL};
static const char *const laws[] = {"linear", "hazard", NULL};

const struct param bernoulli_params[] = {
	[F_MAX] =
		{
			.name = "f_max",
			.type = PARAM_NUMBER,
			.unit = UNIT_HERTZ,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "100",
			.min = 0,
			.max = FLT_MAX,
			.help = "Mean rate at the value 1. 100 Hz as in Norse's sequence form; its step form "
				"has 1000 Hz, which the names that end in Step or _step bring.",
		},
	[RNG] =
		{
			.name = "rng",
			.type = PARAM_CHOICE,
			.preset = "philox",
			.choices = generators,
			.help = "philox: spikes depend on seed, stream, tick and line alone; mt19937: those "
				"of torch's CPU generator.",
		},
	[SEED] = STAGE_SEED_ROW,
	[LAW] =
		{
			.name = "law",
			.type = PARAM_CHOICE,
			.preset = "linear",
			.choices = laws,
			.help = "linear: the probability of a spike is dt f_max x, as in Norse; hazard: "
				"1 - exp(-dt f_max x).",
		},
	[SEQ_LENGTH] = STAGE_SEQ_LENGTH_ROW,
	[DT] = STAGE_DT_ROW,
	{0},
};

static bool is_twister(const struct stage *st)
{
	return st->values[RNG].integer == RNG_MT19937;
}

static bool is_hazard(const struct stage *st)
{
	return st->values[LAW].integer == LAW_HAZARD;
}

static float rate_of(const struct stage *st, uint32_t c)
{
	return (float)(st->dt * param_number(&st->values[F_MAX], c));
}

/* Draws of ticks to come, should they hold the row: words of a stage of one. */
struct ahead {
	uint64_t key, tick; /* of words[0] */
	uint64_t count;
	uint64_t words[DRAW_AHEAD];
};

/* Scratch: the odds of the last fresh row and, behind signed spikes, its negative values; room for
 * probabilities that are not linear. */
struct scratch {
	struct odds odds;
	struct ahead *ahead;
	uint64_t *negative; /* or NULL */
	float *p;           /* or NULL */
};

static size_t upper_bytes(const struct stage *st)
{
	return stage_stride(st->in_lines) * sizeof(uint16_t);
}

static size_t lower_bytes(const struct stage *st)
{
	return stage_stride(st->in_lines);
}

static struct scratch scratch_of(const struct stage *st, void *state)
{
	char *at = stage_scratch(st, state);
	struct scratch s = {0};
	s.odds.upper = (uint16_t *)(void *)at;
	at += upper_bytes(st);
	s.odds.lower = (uint8_t *)at;
	at += lower_bytes(st);
	s.odds.always = (uint64_t *)(void *)at;
	at += stage_plane_bytes(st->in_lines);
	s.ahead = (struct ahead *)(void *)at;
	at += stage_round(sizeof(*s.ahead));
	if (st->out_kind == KIND_SIGNED) {
		s.negative = (uint64_t *)(void *)at;
		at += stage_plane_bytes(st->in_lines);
	}
	if (is_hazard(st))
		s.p = (float *)(void *)at;
	return s;
}

int bernoulli_plan(struct stage *st, struct fault *f)
{
	(void)f;
	size_t plane = stage_plane_bytes(st->in_lines);
	st->const_size = stage_round(sizeof(struct chance)) +
			 (stage_listed(st, F_MAX) ? stage_float_bytes(st->in_lines) : 0);
	st->state_size = is_twister(st) ? stage_round(sizeof(struct mt19937)) : 0;
	st->scratch_size = upper_bytes(st) + lower_bytes(st) + plane +
			   stage_round(sizeof(struct ahead)) +
			   (st->out_kind == KIND_SIGNED ? plane : 0) +
			   (is_hazard(st) ? stage_float_bytes(st->in_lines) : 0);
	return 0;
}

void bernoulli_prepare(struct stage *st)
{
	struct chance *chance = st->consts;
	chance->rate = rate_of(st, 0);
	chance->rates = NULL;
	if (!stage_listed(st, F_MAX))
		return;
	float *rates = (float *)((char *)st->consts + stage_round(sizeof(*chance)));
	for (uint32_t i = 0; i < st->in_lines; i++)
		rates[i] = rate_of(st, stage_channel(st, i));
	chance->rates = rates;
}

void bernoulli_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (!is_twister(st) || scope != RESET_ALL)
		return;
	const struct param_value *seed = &st->values[SEED];
	mt19937_seed(state, (uint32_t)(seed->present ? seed->integer : st->key));
}

int bernoulli_check(const struct stage *st, const void *state)
{
	return !is_twister(st) || mt19937_sane(state) ? 0 : -EINVAL;
}

/* Every line takes one number of the Mersenne Twister, in order of the lines. */
static void twist(const struct stage *st, struct mt19937 *mt, const struct odds *odds, uint64_t *on)
{
	uint64_t word = 0;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		uint32_t threshold = (uint32_t)odds->upper[i] << 8 | odds->lower[i];
		uint64_t fired = (mt19937_draw(mt) & 0xffffff) < threshold;
		word |= fired << i % WORD_LINES;
		if (i % WORD_LINES == WORD_LINES - 1 || i == st->in_lines - 1) {
			on[i / WORD_LINES] = word | odds->always[i / WORD_LINES];
			word = 0;
		}
	}
}

/* The probabilities of the hazard law, with the signs of the values. */
static void hazards(
	const struct chance *chance, const float *x, float *p, uint32_t count, bool is_signed)
{
	for (uint32_t i = 0; i < count; i++) {
		float rate = chance->rates ? chance->rates[i] : chance->rate;
		float q = rate * (is_signed ? fabsf(x[i]) : x[i]);
		p[i] = copysignf((float)-expm1(-(double)q), x[i]);
	}
}

/* What a fresh row means for the draws. */
static void weigh(const struct stage *st, const struct scratch *s, const float *x)
{
	const struct kernels *kernels = kernels_get();
	s->ahead->count = 0;
	if (!s->p) {
		kernels->odds(st->consts, x, &s->odds, s->negative, st->in_lines);
		return;
	}
	static const struct chance as_it_is = {.rate = 1};
	hazards(st->consts, x, s->p, st->in_lines, s->negative != NULL);
	kernels->odds(&as_it_is, s->p, &s->odds, s->negative, st->in_lines);
}

/* One word at a tick that holds its row. */
static uint64_t look_ahead(uint64_t key, uint64_t tick, const struct scratch *s)
{
	struct ahead *a = s->ahead;
	if (tick - a->tick >= a->count || a->key != key) {
		kernels_get()->draw_ahead(key, tick, &s->odds, a->words);
		a->key = key;
		a->tick = tick;
		a->count = DRAW_AHEAD;
	}
	return a->words[tick - a->tick];
}

void bernoulli_fire(
	const struct stage *st, void *state, const float *x, const struct tick *tick, uint64_t *on)
{
	const struct scratch s = scratch_of(st, state);
	if (tick->fresh)
		weigh(st, &s, x);
	if (is_twister(st))
		twist(st, state, &s.odds, on);
	else if (tick->fresh || st->in_lines > WORD_LINES || !kernels_get()->draw_ahead)
		kernels_get()->draw(st->key, tick->number, &s.odds, on, st->in_lines);
	else
		on[0] = look_ahead(st->key, tick->number, &s);
}

const uint64_t *bernoulli_negative(const struct stage *st, void *state)
{
	return scratch_of(st, state).negative;
}

/* Over m ticks the standard error of p is sqrt(p (1 - p) / m). */
static void bernoulli_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	const struct chance *chance = st->consts;
	float most = rate_take(st, by, state, in, out->values);
	for (uint32_t i = 0; i < in->count; i++) {
		float p = out->values[i], rate = chance->rates ? chance->rates[i] : chance->rate;
		if (is_hazard(st)) {
			float size = fabsf(p) < most ? fabsf(p) : most;
			p = copysignf(-log1pf(-size), p);
		}
		float x = p / rate;
		out->values[i] = isfinite(x) ? x : 0;
	}
}

const struct encoder_decoder bernoulli_decoder = {
	.help = "x = p / (dt f_max), hazard: -ln(1 - p) / (dt f_max), p the mean spikes a tick in the "
		"window so far, or over the smoothing time; over m spikes the relative error is about "
		"1/sqrt(m).",
	.size = rate_size,
	.mends = rate_mends,
	.reset = rate_reset,
	.run = bernoulli_undo,
};
