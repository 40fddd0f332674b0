/* Decoders: each stage's inverse, last stage first.
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

static size_t take(size_t *at, size_t bytes)
{
	size_t here = *at;
	*at = here + stage_round(bytes);
	return here;
}

/* Lays the parts out behind the head, at `base` unless that is NULL. Returns the size of all. */
static size_t lay_out(const struct pipeline *p, uint32_t first, char *base)
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
		if (!base)
			continue;
		out.values = (float *)(base + values);
		out.on = (uint64_t *)(base + on);
		out.minus = (uint64_t *)(base + minus);
		((struct decoder *)base)->inverses[i] =
			(struct inverse){.state = base + state, .out = out};
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
	struct decoder *d = aligned_alloc(STAGE_ALIGN, lay_out(p, first, NULL));
	if (!d) {
		fault_set(f, -ENOMEM, "not enough memory for the decoder");
		return NULL;
	}
	memset(d, 0, lay_out(p, first, NULL));
	d->p = p;
	d->first = first;
	double smooth =
		options && options->smooth > 0 ? options->smooth : SMOOTH_TICKS * p->site.dt;
	d->by.share = stage_share(p->site.dt, smooth);
	lay_out(p, first, (char *)d);
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

static bool starts(const struct stage *st)
{
	return st->class->decoder->start && st->in_kind == KIND_VALUES;
}

bool decoder_follows(const struct decoder *d)
{
	for (uint32_t i = d->first; i < d->p->count; i++)
		if (starts(&d->p->stages[i]))
			return true;
	return false;
}

void decoder_reset(struct decoder *d, enum reset_scope scope)
{
	for (uint32_t i = d->first; i < d->p->count; i++) {
		const struct stage *st = &d->p->stages[i];
		if (st->class->decoder->reset)
			st->class->decoder->reset(st, d->inverses[i].state, scope);
	}
}

int decoder_start(struct decoder *d, const float *values)
{
	struct pipeline_state *s = pipeline_state_new(d->p);
	struct pipeline_out out;
	if (!s)
		return -ENOMEM;
	pipeline_run(d->p, s, values, true, &out);
	for (uint32_t i = d->first; i < d->p->count; i++) {
		const struct stage *st = &d->p->stages[i];
		const float *in = i ? s->slots[i - 1].out.values : values;
		if (starts(st))
			st->class->decoder->start(st, d->inverses[i].state, in);
	}
	pipeline_state_free(s);
	return 0;
}

const float *decoder_run(struct decoder *d, const struct lines *last)
{
	for (uint32_t i = d->p->count; i > d->first; i--) {
		const struct stage *st = &d->p->stages[i - 1];
		struct inverse *inverse = &d->inverses[i - 1];
		st->class->decoder->run(st, &d->by, inverse->state, last, &inverse->out);
		last = &inverse->out;
	}
	return last->values;
}
