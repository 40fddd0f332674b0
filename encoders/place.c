/* Place: each value has m lines, of which the one whose part of the range it is in fires.
 *
 *   i = floor((x - lo) / (hi - lo) m), held within [0, m - 1];  line = channel m + i
 *
 * in float32, one rounding an operation. With on_change a line fires only at the first tick of a
 * stay: at the first of all, and when the place is another one than at the last spike (with a
 * window, anew in each). Needs no window.
 *
 * SpikeCoding's one_hot_place and grf_spike with the parts of the range that its lines have in the
 * middle, and without their way past the ends.
 *
 * Saturation: beyond the range the line at its end fires; NaN is no sample, none fires and the last
 * place stands.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/stage.h"

#include <errno.h>

enum { OUT_FEATURES, LO, HI, ON_CHANGE };

#define NOWHERE UINT32_MAX

static const struct param place_params[] = {
	[OUT_FEATURES] =
		{
			.name = "out_features",
			.type = PARAM_COUNT,
			.preset = "10",
			.min = 2,
			.max = 1 << 24,
			.help = "m: lines a channel.",
		},
	[LO] =
		{
			.name = "lo",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "Where the first line's part of the range begins.",
		},
	[HI] =
		{
			.name = "hi",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "1",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "Where the last line's part ends.",
		},
	[ON_CHANGE] =
		{
			.name = "on_change",
			.type = PARAM_BOOL,
			.preset = "false",
			.help = "Fire only when the place changes, not at every tick.",
		},
	{0},
};

/* One span an input line, or one for all (stride 0). */
struct places {
	uint32_t m, stride;
	struct {
		float lo, width;
	} spans[];
};

static uint32_t span_count(const struct stage *st)
{
	return stage_listed(st, LO) || stage_listed(st, HI) ? st->in_lines : 1;
}

static int place_plan(struct stage *st, struct fault *f)
{
	int err = stage_check_spans(st, LO, HI, f);
	if (!err)
		err = stage_fan_out(st, st->values[OUT_FEATURES].integer, "out_features", f);
	if (err)
		return err;
	struct places *p;
	st->const_size = sizeof(*p) + span_count(st) * sizeof(p->spans[0]);
	if (st->values[ON_CHANGE].integer)
		st->state_size = stage_round(st->in_lines * sizeof(uint32_t));
	return 0;
}

static void place_prepare(struct stage *st)
{
	struct places *p = st->consts;
	p->m = (uint32_t)st->values[OUT_FEATURES].integer;
	p->stride = span_count(st) > 1;
	for (uint32_t i = 0; i < span_count(st) && st->in_lines; i++) {
		p->spans[i].lo = stage_float(st, LO, i);
		p->spans[i].width = stage_float(st, HI, i) - p->spans[i].lo;
	}
}

/* Where each channel was last, with on_change. */
static void place_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0xff, st->state_size);
}

static inline uint32_t place_of(const struct places *p, uint32_t line, float x)
{
	float lo = p->spans[line * p->stride].lo, width = p->spans[line * p->stride].width;
	float at = (x - lo) / width * (float)p->m;
	if (isnan(at))
		return NOWHERE;
	at = at > 0 ? at : 0;
	return at < (float)p->m ? (uint32_t)at : p->m - 1;
}

static void place_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	const struct places *p = st->consts;
	uint32_t *last = st->state_size ? state : NULL;
	if (out->count)
		memset(out->on, 0, lines_words(out->count) * sizeof(uint64_t));
	for (uint32_t i = 0; i < in->count; i++) {
		uint32_t place = place_of(p, i, in->values[i]);
		if (place == NOWHERE || (last && last[i] == place))
			continue;
		if (last)
			last[i] = place;
		stage_put(out->on, i * p->m + place, true);
	}
}

static int place_check(const struct stage *st, const void *state)
{
	const struct places *p = st->consts;
	const uint32_t *last = state;
	for (uint32_t i = 0; st->state_size && i < st->in_lines; i++) {
		if (last[i] >= p->m && last[i] != NOWHERE)
			return -EINVAL;
	}
	return 0;
}

static size_t held_size(const struct stage *st)
{
	return stage_float_bytes(st->in_lines);
}

static void held_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		memset(state, 0, held_size(st));
}

/* With on_change nothing but its next spike tells where a line is. */
static struct mending held_mends(const struct stage *st, const struct decoding *by)
{
	(void)st;
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = MENDS_NOT, .spikes = 1, .idle = true};
}

static void place_read(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const struct places *p = st->consts;
	float *held = state;
	for (size_t w = 0; w < lines_words(in->count); w++) {
		for (uint64_t fired = in->on[w]; fired; fired &= fired - 1) {
			size_t line = w * WORD_LINES + (size_t)__builtin_ctzll(fired);
			size_t i = line / p->m, span = i * p->stride;
			float share = ((float)(line % p->m) + 0.5f) / (float)p->m;
			held[i] = p->spans[span].lo + share * p->spans[span].width;
		}
	}
	if (out->count)
		memcpy(out->values, held, out->count * sizeof(float));
}

static const struct encoder_decoder place_decoder = {
	.help = "x = lo + (i + 1/2) (hi - lo) / m of the line that fired last, at the tick of its "
		"spike; within [lo, hi] off by (hi - lo) / (2 m) at most.",
	.by_first = true,
	.size = held_size,
	.mends = held_mends,
	.reset = held_reset,
	.run = place_read,
};

const struct encoder_class encoder_place = {
	.name = "place",
	.summary = "Turns each value into m lines, one for each part of the range; the line of the "
		   "part that it is in fires.",
	.source = "SpikeCoding one_hot_place, grf_spike",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = place_params,
	.plan = place_plan,
	.prepare = place_prepare,
	.reset = place_reset,
	.run = place_run,
	.check = place_check,
	.decoder = &place_decoder,
};
