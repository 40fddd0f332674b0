/* Decoders: each stage's inverse, last stage first.
 *
 * What was missed makes lines `lost`, until their stage's mending or a reset says that they are not.
 * Their decoders go on with what they have meanwhile, and what comes of it is hidden at the end: so
 * no NaN gets into a state.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/decoder.h"
#include "encoders/pipeline_private.h"
#include "encoders/stage.h"

#include <errno.h>
#include <stdlib.h>

#define SMOOTH_TICKS 10

struct inverse {
	void *state;
	struct lines out; /* what came into the stage */
	struct mending mending;
	bool some;        /* lines of `out` are lost */
	bool window;      /* until the next window begins */
	bool astray;      /* until a reset, or a window: skip could not tell where the stage is */
	uint64_t ticks;   /* that the lost lines still need */
	uint32_t *spikes; /* a line: the same; NULL = they need none */
	uint64_t *lost;   /* planes of the lines of `out` */
	uint64_t *hidden; /* lost, or behind lines that are */
};

/* One allocation: this head, then for each inverted stage its state and its output. */
struct decoder {
	const struct pipeline *p;
	uint32_t first; /* the first stage that is inverted */
	struct decoding by;
	struct inverse inverses[PIPELINE_MAX_STAGES];
};

static size_t state_size(const struct stage *st)
{
	const struct encoder_decoder *way = st->class->decoder;
	return way->size ? way->size(st) : 0;
}

static struct mending mending_of(const struct stage *st, const struct decoding *by)
{
	const struct encoder_decoder *way = st->class->decoder;
	if (!way->mends)
		return (struct mending){.how = MENDS_AT_ONCE, .idle = true};
	return way->mends(st, by);
}

static size_t take(size_t *at, size_t bytes)
{
	size_t here = *at;
	*at = here + stage_round(bytes);
	return here;
}

/* Lays the parts out behind the head, at `base` unless that is NULL. Returns the size of all. */
static size_t lay_out(
	const struct pipeline *p, uint32_t first, const struct decoding *by, char *base)
{
	size_t at = 0;
	take(&at, sizeof(struct decoder));
	for (uint32_t i = first; i < p->count; i++) {
		const struct stage *st = &p->stages[i];
		struct lines out = {.kind = st->in_kind, .count = st->in_lines};
		size_t state = take(&at, state_size(st));
		size_t values = take(&at, stage_float_bytes(st->in_lines));
		size_t on = take(&at, stage_plane_bytes(st->in_lines));
		size_t minus = take(&at, stage_plane_bytes(st->in_lines));
		struct mending mending = mending_of(st, by);
		size_t spikes = take(&at, mending.spikes ? stage_float_bytes(st->in_lines) : 0);
		size_t lost = take(&at, stage_plane_bytes(st->in_lines));
		size_t hidden = take(&at, stage_plane_bytes(st->in_lines));
		if (!base)
			continue;
		out.values = (float *)(base + values);
		out.on = (uint64_t *)(base + on);
		out.minus = (uint64_t *)(base + minus);
		((struct decoder *)base)->inverses[i] = (struct inverse){
			.state = base + state,
			.out = out,
			.mending = mending,
			.spikes = mending.spikes ? (uint32_t *)(base + spikes) : NULL,
			.lost = (uint64_t *)(base + lost),
			.hidden = (uint64_t *)(base + hidden),
		};
	}
	return at;
}

/* 0 if stage `i` can be inverted. */
static int check_way(const struct pipeline *p, uint32_t i, struct fault *f)
{
	const struct stage *st = &p->stages[i];
	const struct encoder_decoder *way = st->class->decoder;
	if (!way)
		return fault_set(f, -EINVAL,
			"%s cannot be decoded: what it gives does not tell "
			"what came in",
			st->asked);
	const struct stage *before = i > 0 ? st - 1 : NULL;
	const struct encoder_decoder *next = before ? before->class->decoder : NULL;
	if (way->only_first && next && !next->by_first)
		return fault_set(f, -EINVAL,
			"%s keeps only the first of the spikes that decoding %s would need",
			st->asked, before->asked);
	return way->plan ? way->plan(st, f) : 0;
}

/* How far back values can be had: stages that pass spikes on give none without the encoder before
 * them. p->count with `f` filled = nowhere. */
static uint32_t first_inverted(const struct pipeline *p, struct fault *f)
{
	uint32_t first = p->count;
	while (first > 0 && check_way(p, first - 1, f) == 0)
		first--;
	if (f)
		f->stage = (int)first - 1;
	while (first < p->count && p->stages[first].in_kind != KIND_VALUES)
		first++;
	return first;
}

struct decoder *decoder_new(
	const struct pipeline *p, const struct decoder_options *options, struct fault *f)
{
	uint32_t first = first_inverted(p, f);
	if (first == p->count && p->count > 0)
		return NULL;
	double smooth =
		options && options->smooth > 0 ? options->smooth : SMOOTH_TICKS * p->site.dt;
	const struct decoding by = {
		.share = stage_share(p->site.dt, smooth),
		.ticks = smooth / p->site.dt,
	};
	size_t size = lay_out(p, first, &by, NULL);
	struct decoder *d = aligned_alloc(STAGE_ALIGN, size);
	if (!d) {
		fault_set(f, -ENOMEM, "not enough memory for the decoder");
		return NULL;
	}
	memset(d, 0, size);
	d->p = p;
	d->first = first;
	d->by = by;
	lay_out(p, first, &by, (char *)d);
	decoder_reset(d, RESET_ALL);
	return d;
}

void decoder_free(struct decoder *d)
{
	free(d);
}

uint32_t decoder_stage(const struct decoder *d)
{
	return d->first;
}

uint32_t decoder_lines(const struct decoder *d)
{
	return d->p->count ? d->p->stages[d->first].in_lines : d->p->site.channels;
}

bool decoder_follows(const struct decoder *d)
{
	for (uint32_t i = d->first; i < d->p->count; i++)
		if (d->inverses[i].mending.how == MENDS_NEVER)
			return true;
	return false;
}

static bool starts(const struct stage *st)
{
	return st->class->decoder->start && st->in_kind == KIND_VALUES;
}

bool decoder_needs_start(const struct decoder *d)
{
	for (uint32_t i = d->first; i < d->p->count; i++) {
		const struct stage *st = &d->p->stages[i];
		const struct encoder_decoder *way = st->class->decoder;
		if (starts(st) && (!way->needs_start || way->needs_start(st)))
			return true;
	}
	return false;
}

/* The stage that can be told where it stands: what comes into it can be made of one row, and what it
 * gives is known at once. d->p->count = there is none. */
static uint32_t resumed_stage(const struct decoder *d)
{
	const uint32_t none = d->p->count;
	uint32_t found = none;
	for (uint32_t i = d->first; i < d->p->count; i++) {
		enum mends how = d->inverses[i].mending.how;
		bool can = how == MENDS_NEVER && d->p->stages[i].class->decoder->resume;
		if (found == none && can)
			found = i;
		else if (how == MENDS_NEVER || (found != none && how != MENDS_AT_ONCE))
			return none;
	}
	for (uint32_t i = 0; i < found && found != none; i++)
		if (!d->p->stages[i].class->pure)
			return none;
	return found;
}

bool decoder_resumes(const struct decoder *d)
{
	return resumed_stage(d) < d->p->count;
}

static void find(const struct stage *st, struct inverse *v)
{
	memset(v->lost, 0, stage_plane_bytes(st->in_lines));
	v->some = v->window = v->astray = false;
}

void decoder_reset(struct decoder *d, enum reset_scope scope)
{
	for (uint32_t i = d->first; i < d->p->count; i++) {
		const struct stage *st = &d->p->stages[i];
		struct inverse *v = &d->inverses[i];
		if (scope == RESET_ALL)
			find(st, v);
		else if (v->window)
			v->window = v->astray = false;
		if (st->class->decoder->reset)
			st->class->decoder->reset(st, v->state, scope);
	}
}

/* A state that was fed `values` for one tick: its slots have what came into each stage. */
static struct pipeline_state *fed(const struct decoder *d, const float *values)
{
	struct pipeline_state *s = pipeline_state_new(d->p);
	struct pipeline_out out;
	if (s)
		pipeline_run(d->p, s, values, true, &out);
	return s;
}

int decoder_start(struct decoder *d, const float *values)
{
	struct pipeline_state *s = fed(d, values);
	if (!s)
		return -ENOMEM;
	for (uint32_t i = d->first; i < d->p->count; i++) {
		const struct stage *st = &d->p->stages[i];
		const float *in = i ? s->slots[i - 1].out.values : values;
		if (starts(st))
			st->class->decoder->start(st, d->inverses[i].state, in);
	}
	pipeline_state_free(s);
	return 0;
}

static bool any_bit(const uint64_t *plane, uint32_t lines)
{
	for (size_t w = 0; w < lines_words(lines); w++)
		if (plane[w])
			return true;
	return false;
}

static void lose(const struct stage *st, struct inverse *v)
{
	for (uint32_t at = 0; at < st->in_lines; at += WORD_LINES)
		v->lost[at / WORD_LINES] =
			bits_below(st->in_lines - at < WORD_LINES ? st->in_lines - at : WORD_LINES);
	for (uint32_t i = 0; v->spikes && i < st->in_lines; i++)
		v->spikes[i] = v->mending.spikes;
	v->ticks = v->mending.ticks;
	v->some = st->in_lines > 0;
	v->window = st->window > 0 && v->mending.how == MENDS_LATER;
}

/* `ticks`, which may be TICKS_SOME, but no more than `most`. */
static void miss(const struct stage *st, struct inverse *v, uint64_t ticks, uint64_t most)
{
	const struct encoder_decoder *way = st->class->decoder;
	if (way->skip && !way->skip(st, v->state, ticks))
		v->astray = true;
	if (v->mending.how == MENDS_AT_ONCE ||
		(v->mending.how == MENDS_AVERAGE && most < v->mending.ticks))
		return;
	lose(st, v);
}

void decoder_miss(struct decoder *d, uint64_t ticks, bool exact)
{
	for (uint32_t i = d->first; i < d->p->count; i++)
		miss(&d->p->stages[i], &d->inverses[i], exact ? ticks : TICKS_SOME, ticks);
}

void decoder_idle(struct decoder *d, uint64_t ticks, bool exact)
{
	for (uint32_t i = d->first; i < d->p->count; i++) {
		/* If not exact, a window may have begun among them. */
		if (!d->inverses[i].mending.idle || (d->p->site.window && !exact))
			miss(&d->p->stages[i], &d->inverses[i], exact ? ticks : TICKS_SOME, ticks);
	}
}

int decoder_resume(struct decoder *d, const struct lines *last, const float *values)
{
	uint32_t i = resumed_stage(d);
	if (i == d->p->count || !d->inverses[i].some)
		return 0;
	const struct stage *st = &d->p->stages[i];
	struct inverse *v = &d->inverses[i];
	struct pipeline_state *s = i ? fed(d, values) : NULL;
	if (i && !s)
		return -ENOMEM;
	float *came = i ? s->slots[i - 1].out.values : NULL;
	for (uint32_t k = 0; came && k < st->in_lines; k++)
		if (!isfinite(values[stage_channel(st, k)]))
			came[k] = NAN; /* a range would have made a number of it */
	st->class->decoder->resume(st, v->state, i + 1 < d->p->count ? &v[1].out : last,
		came ? came : values, v->lost);
	v->some = any_bit(v->lost, st->in_lines);
	pipeline_state_free(s);
	return 0;
}

void decoder_carry(struct decoder *to, const struct decoder *from)
{
	for (uint32_t i = to->first; i < to->p->count; i++) {
		const struct stage *st = &to->p->stages[i];
		const struct inverse *before = &from->inverses[i];
		struct inverse *v = &to->inverses[i];
		if (state_size(st))
			memcpy(v->state, before->state, state_size(st));
		memcpy(v->lost, before->lost, stage_plane_bytes(st->in_lines));
		v->some = before->some;
		v->astray = before->astray;
		/* What it has of before the change is another parameter's. */
		if (v->mending.how == MENDS_AVERAGE || v->mending.how == MENDS_LATER)
			lose(st, v);
	}
}

static enum decoder_waits waits_of(const struct inverse *v, bool resumes)
{
	if (!v->some)
		return WAITS_NOTHING;
	if (v->window)
		return WAITS_WINDOW;
	if (v->astray)
		return WAITS_RESET;
	if (v->mending.how == MENDS_NEVER)
		return resumes ? WAITS_VALUE : WAITS_RESET;
	return v->mending.ticks == MENDS_NOT || v->mending.both ? WAITS_SPIKES : WAITS_TICKS;
}

enum decoder_waits decoder_waits(const struct decoder *d)
{
	enum decoder_waits last = WAITS_NOTHING;
	bool resumes = decoder_resumes(d);
	for (uint32_t i = d->first; i < d->p->count; i++) {
		enum decoder_waits each = waits_of(&d->inverses[i], resumes);
		last = each > last ? each : last;
	}
	return last;
}

/* True if a bit of `n` from `at` on is set. */
static bool any_of(const uint64_t *plane, uint32_t at, uint32_t n)
{
	for (uint32_t i = at; plane && i < at + n; i++)
		if (stage_bit(plane, i))
			return true;
	return false;
}

static bool has_spike(const struct lines *in, uint32_t at, uint32_t n)
{
	for (uint32_t i = at; i < at + n; i++)
		if (in->kind == KIND_VALUES ? in->values[i] != 0 : stage_spike(in, i) != 0)
			return true;
	return false;
}

/* A tick on which line `i` could be heard. True = it is known again. */
static bool mends(struct inverse *v, uint32_t i, bool spikes)
{
	if (v->mending.how == MENDS_NEVER || v->window || v->astray)
		return false;
	if (!v->spikes)
		return v->ticks == 0;
	v->spikes[i] -= spikes && v->spikes[i] > 0;
	return v->mending.both ? v->ticks == 0 && v->spikes[i] == 0
			       : v->ticks == 0 || v->spikes[i] == 0;
}

/* One tick with lines that are lost, or with lines of `in` that are not known (`deaf`, or NULL).
 * Returns the plane of those that are not known, or NULL. */
static const uint64_t *mend(
	const struct stage *st, struct inverse *v, const struct lines *in, const uint64_t *deaf)
{
	const uint32_t fan = st->in_lines ? st->out_lines / st->in_lines : 0;
	if (!deaf && !v->window && v->ticks != MENDS_NOT)
		v->ticks -= v->ticks > 0;
	memset(v->hidden, 0, stage_plane_bytes(st->in_lines));
	for (uint32_t i = 0; i < st->in_lines; i++) {
		bool hears = !any_of(deaf, i * fan, fan), lost = stage_bit(v->lost, i);
		if (lost && hears && mends(v, i, has_spike(in, i * fan, fan))) {
			v->lost[i / WORD_LINES] &= ~((uint64_t)1 << i % WORD_LINES);
			lost = false;
		}
		stage_put(v->hidden, i, lost || !hears);
	}
	v->some = any_bit(v->lost, st->in_lines);
	return any_bit(v->hidden, st->in_lines) ? v->hidden : NULL;
}

static void hide(struct lines *out, const uint64_t *hidden)
{
	for (size_t w = 0; w < lines_words(out->count); w++) {
		for (uint64_t left = hidden[w]; left; left &= left - 1)
			out->values[w * WORD_LINES + (unsigned)__builtin_ctzll(left)] = NAN;
	}
}

const float *decoder_run(struct decoder *d, const struct lines *last)
{
	const uint64_t *hidden = NULL;
	for (uint32_t i = d->p->count; i > d->first; i--) {
		const struct stage *st = &d->p->stages[i - 1];
		struct inverse *v = &d->inverses[i - 1];
		st->class->decoder->run(st, &d->by, v->state, last, &v->out);
		hidden = hidden || v->some ? mend(st, v, last, hidden) : NULL;
		last = &v->out;
	}
	if (hidden)
		hide(&d->inverses[d->first].out, hidden);
	return last->values;
}
