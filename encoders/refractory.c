/* Refractory: after a spike a line is silent for n ticks.
 *
 *   out = left > 0 ? 0 : in;  left = out != 0 ? n : max(left - 1, 0)
 *
 * so two spikes of a line are at least n + 1 ticks apart. A time is rounded to the nearest number of
 * ticks. The sign does not matter: a positive spike blocks a negative one. A graded spike or a count
 * is one event, which passes with what it carries. At a window's first tick every line is ready
 * again. No values come in, so there is neither NaN nor saturation.
 *
 * The absolute refractory period of neuron models, as a stage behind any encoder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/stage.h"

#include <errno.h>

enum { TICKS, TIME };

#define TICKS_MAX 2147483647.0

static const struct param refractory_params[] = {
	[TICKS] =
		{
			.name = "ticks",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.flags = PARAM_LIVE,
			.preset = "1",
			.min = 0,
			.max = TICKS_MAX,
			.help = "Ticks that a line is silent after a spike.",
		},
	[TIME] =
		{
			.name = "time",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_OPTIONAL | PARAM_MIN_OPEN,
			.min = 0,
			.max = INFINITY,
			.help = "The same as a time, instead of ticks; rounded to whole ticks.",
		},
	{0},
};

/* Lines for which it differs; else one for all. */
struct silence {
	uint32_t ticks;
	const uint32_t *each; /* or NULL */
};

/* State: a plane of the lines that are silent now and, where it is set, how long still. */
static inline uint32_t *left_of(const struct stage *st, void *state)
{
	return (uint32_t *)((char *)state + stage_plane_bytes(st->in_lines));
}

static double ticks_of(const struct stage *st, uint32_t c)
{
	if (!st->values[TIME].present)
		return (double)st->values[TICKS].integer;
	return round(param_number(&st->values[TIME], c) / st->dt);
}

static int refractory_plan(struct stage *st, struct fault *f)
{
	const struct param_value *time = &st->values[TIME];
	if (time->present && stage_given(st, TICKS))
		return stage_fault(
			f, "time", "time and ticks say the same thing, give one of them");
	for (uint32_t c = 0; time->present && c < time->count; c++) {
		double ticks = ticks_of(st, c);
		if (ticks >= 1 && ticks <= TICKS_MAX)
			continue;
		int err = stage_fault(f, "time",
			"time must be from 1 to 2^31-1 ticks of dt %.9g s, and %.9g s is %.9g",
			st->dt, param_number(time, c), param_number(time, c) / st->dt);
		if (f && time->numbers)
			f->item = (int)c;
		return err;
	}
	st->const_size = stage_round(sizeof(struct silence)) +
			 (time->numbers ? st->in_lines * sizeof(uint32_t) : 0);
	st->state_size =
		stage_plane_bytes(st->in_lines) + stage_stride(st->in_lines) * sizeof(uint32_t);
	return 0;
}

static void refractory_prepare(struct stage *st)
{
	struct silence *silence = st->consts;
	*silence = (struct silence){0};
	if (st->values[TIME].present)
		stage_unset(st, TICKS);
	if (!stage_listed(st, TIME)) {
		silence->ticks = (uint32_t)ticks_of(st, 0);
		return;
	}
	uint32_t *each = (uint32_t *)((char *)st->consts + stage_round(sizeof(*silence)));
	for (uint32_t i = 0; i < st->in_lines; i++)
		each[i] = (uint32_t)ticks_of(st, stage_channel(st, i));
	silence->each = each;
}

static void refractory_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

/* One word of lines: `silent` and `left` go one tick on. Returns the lines whose spikes pass. */
static uint64_t pass_word(
	const struct silence *silence, uint64_t fired, uint64_t *silent, uint32_t *left, size_t at)
{
	uint64_t pass = fired & ~*silent;
	for (uint64_t rest = *silent; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		left[at + i]--;
		if (left[at + i] == 0)
			*silent &= ~((uint64_t)1 << i);
	}
	for (uint64_t rest = pass; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		uint32_t ticks = silence->each ? silence->each[at + i] : silence->ticks;
		left[at + i] = ticks;
		*silent |= (uint64_t)(ticks > 0) << i;
	}
	return pass;
}

static void refractory_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	uint64_t *silent = state;
	uint32_t *left = left_of(st, state);
	for (size_t w = 0; w < lines_words(in->count); w++) {
		uint64_t pass =
			pass_word(st->consts, stage_fired(in, w), &silent[w], left, w * WORD_LINES);
		out->on[w] = in->on[w] & pass;
		if (in->kind == KIND_SIGNED)
			out->minus[w] = in->minus[w] & pass;
	}
	stage_pass_values(in, out);
}

/* A line that is silent for 0 more ticks would be so for 2^32. A live change may leave more ticks
 * than the parameter has now. */
static int refractory_check(const struct stage *st, const void *state)
{
	const uint64_t *silent = state;
	const uint32_t *left =
		(const uint32_t *)((const char *)state + stage_plane_bytes(st->in_lines));
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (stage_bit(silent, i) != (left[i] > 0) || left[i] > TICKS_MAX)
			return -EINVAL;
	}
	return stage_plane_sane(silent, st->in_lines) ? 0 : -EINVAL;
}

static void refractory_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)st;
	(void)by;
	(void)state;
	stage_pass(in, out);
}

static const struct encoder_decoder refractory_decoder = {
	.help = "The spikes as they are, at once; those that were blocked stay lost.",
	.run = refractory_undo,
};

const struct encoder_class encoder_refractory = {
	.name = "refractory",
	.summary =
		"Keeps each line silent for some ticks after a spike; stands behind any encoder.",
	.source = "absolute refractory period",
	.in = KIND_PLAIN | KIND_VALUED,
	.out = 0,
	.state_version = 1,
	.params = refractory_params,
	.plan = refractory_plan,
	.prepare = refractory_prepare,
	.reset = refractory_reset,
	.run = refractory_run,
	.check = refractory_check,
	.decoder = &refractory_decoder,
};
