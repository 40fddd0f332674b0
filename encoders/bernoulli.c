/* Bernoulli trials, one a line and tick, with probability p = fl(c * x), c = fl(dt * f_max) (that
 * product in double, as Norse's Python has it).
 *
 * A line fires if u < p for a u of 24 bits in [0, 1): p <= 0 and NaN never fire, p >= 1 always
 * does. `rng: philox` draws u from (seed, stream, stage, tick, line), so that it depends on nothing
 * else; kernels/philox.h says how. The thresholds that u is compared with are made when a row
 * arrives and kept for the ticks that hold it. `rng: mt19937` draws from torch's CPU generator in order of
 * ticks and lines, so that a seed gives the spikes that torch.manual_seed gives in Norse.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/bernoulli.h"
#include "encoders/rng.h"

#include <errno.h>

enum { F_MAX, RNG, SEED, SEQ_LENGTH, DT };
enum { RNG_PHILOX, RNG_MT19937 };

static const char *const generators[] = {"philox", "mt19937", NULL};

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
	[SEQ_LENGTH] = STAGE_SEQ_LENGTH_ROW,
	[DT] = STAGE_DT_ROW,
	{0},
};

static bool is_twister(const struct stage *st)
{
	return st->values[RNG].integer == RNG_MT19937;
}

static float rate_of(const struct stage *st, uint32_t c)
{
	return (float)(st->dt * param_number(&st->values[F_MAX], c));
}

/* Scratch: the odds of the last fresh row and, behind signed spikes, its negative values. */
struct scratch {
	struct odds odds;
	uint64_t *negative; /* or NULL */
};

static size_t upper_bytes(const struct stage *st)
{
	return lines_words(st->in_lines) * WORD_LINES * sizeof(uint16_t);
}

static size_t lower_bytes(const struct stage *st)
{
	return lines_words(st->in_lines) * WORD_LINES;
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
	if (st->out_kind == KIND_SIGNED)
		s.negative = (uint64_t *)(void *)at;
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
			   (st->out_kind == KIND_SIGNED ? plane : 0);
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

void bernoulli_fire(
	const struct stage *st, void *state, const float *x, const struct tick *tick, uint64_t *on)
{
	const struct kernels *kernels = kernels_get();
	const struct scratch s = scratch_of(st, state);
	if (tick->fresh)
		kernels->odds(st->consts, x, &s.odds, s.negative, st->in_lines);
	if (is_twister(st))
		twist(st, state, &s.odds, on);
	else
		kernels->draw(st->key, tick->number, &s.odds, on, st->in_lines);
}

const uint64_t *bernoulli_negative(const struct stage *st, void *state)
{
	return scratch_of(st, state).negative;
}
