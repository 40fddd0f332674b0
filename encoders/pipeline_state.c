/* The state of a pipeline, and running it: the hot half.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/pipeline_private.h"
#include "encoders/stage.h"

#include <stdlib.h>

#define PREFETCH_STAGES 2u /* more have time to come while the first ones run */

static bool carries(enum kind kind, unsigned kinds)
{
	return (kind & kinds) != 0;
}

/* Takes `bytes` from the arena: moves *at on and returns where they begin. *at saturates. */
static uint64_t take(uint64_t *at, uint64_t bytes)
{
	uint64_t here = *at;
	*at = here + (bytes + STAGE_ALIGN - 1) / STAGE_ALIGN * STAGE_ALIGN;
	return here;
}

/* Sizes of states are products of lines (below 2^31) and ticks or places (up to 2^20 of 16 bytes),
 * made in size_t: below 2^56 a part, so that 64 bits hold 16 stages of them and fewer do not. */
_Static_assert(sizeof(size_t) == 8, "sizes of states are products that need 64 bits");

/* Offsets of one stage's parts; those that its kind has none of are not taken. */
struct part_offsets {
	uint64_t block, values, on, minus;
};

static struct part_offsets take_stage(const struct stage *st, uint64_t *at)
{
	uint64_t words = ((uint64_t)st->out_lines + WORD_LINES - 1) / WORD_LINES;
	struct part_offsets o = {.block = take(at, st->state_size)};
	take(at, st->scratch_size);
	if (carries(st->out_kind, KIND_VALUES | KIND_VALUED))
		o.values = take(at, words * WORD_LINES * sizeof(float));
	if (carries(st->out_kind, KIND_PLAIN | KIND_VALUED))
		o.on = take(at, words * sizeof(uint64_t));
	if (carries(st->out_kind, KIND_SIGNED))
		o.minus = take(at, words * sizeof(uint64_t));
	return o;
}

size_t pipeline_state_bytes(const struct stage *stages, uint32_t count)
{
	uint64_t at = 0;
	take(&at, sizeof(struct pipeline_state));
	for (uint32_t i = 0; i < count; i++)
		take_stage(&stages[i], &at);
	return at <= PTRDIFF_MAX ? (size_t)at : 0;
}

struct pipeline_state *pipeline_state_new(const struct pipeline *p)
{
	struct pipeline_state *s = aligned_alloc(STAGE_ALIGN, p->state_bytes);
	if (!s)
		return NULL;
	/* Also makes the kernel back the whole of it now, not in the hot loop. */
	memset(s, 0, p->state_bytes);
	char *base = (char *)s;
	uint64_t at = 0;
	take(&at, sizeof(*s));
	s->size = p->state_bytes;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct stage *st = &p->stages[i];
		struct part_offsets o = take_stage(st, &at);
		s->slots[i] = (struct slot){
			.block = base + o.block,
			.out =
				{
					.kind = st->out_kind,
					.count = st->out_lines,
					.values = o.values ? (float *)(base + o.values) : NULL,
					.on = o.on ? (uint64_t *)(base + o.on) : NULL,
					.minus = o.minus ? (uint64_t *)(base + o.minus) : NULL,
				},
		};
	}
	pipeline_reset(p, s, RESET_ALL);
	return s;
}

void pipeline_state_free(struct pipeline_state *s)
{
	free(s);
}

void pipeline_reset(const struct pipeline *p, struct pipeline_state *s, enum reset_scope scope)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct stage *st = &p->stages[i];
		if (st->class->reset)
			st->class->reset(st, s->slots[i].block, scope);
	}
	s->serial = 0;
	if (scope == RESET_ALL)
		s->tick = 0;
}

bool pipeline_state_fits(const struct pipeline *p, const struct pipeline_state *s)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct stage *st = &p->stages[i];
		if (st->class->check && st->class->check(st, s->slots[i].block))
			return false;
	}
	return true;
}

void pipeline_set_tick(struct pipeline_state *s, uint64_t tick)
{
	s->tick = tick;
}

void pipeline_skip(struct pipeline_state *s, uint64_t ticks)
{
	s->tick += ticks;
}

static struct lines stream_lines(const struct pipeline *p, const float *values)
{
	/* Stages do not write to what they read. */
	return (struct lines){
		.kind = KIND_VALUES, .count = p->site.channels, .values = (float *)values};
}

static void fill_out(const struct pipeline *p, const struct pipeline_state *s, const float *values,
	struct pipeline_out *out)
{
	out->last = p->count ? s->slots[p->count - 1].out : stream_lines(p, values);
	out->values = p->ranged ? s->slots[0].out.values : values;
	out->state = NULL;
	out->state_lines = 0;
	if (out->last.kind == KIND_VALUES) {
		out->state = out->last.values;
		out->state_lines = out->last.count;
		return;
	}
	if (p->state_stage < 0)
		return;
	const struct stage *st = &p->stages[p->state_stage];
	const struct slot *slot = &s->slots[p->state_stage];
	out->state = st->has_analogue ? (const float *)((const char *)slot->block + st->analogue_at)
				      : slot->out.values;
	out->state_lines = st->out_lines;
}

void pipeline_run(const struct pipeline *p, struct pipeline_state *s, const float *values,
	bool fresh, struct pipeline_out *out)
{
	struct tick tick = {.number = s->tick, .fresh = fresh || s->serial != p->serial};
	const struct lines stream = stream_lines(p, values);
	const struct lines *in = &stream;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct stage *st = &p->stages[i];
		struct slot *slot = &s->slots[i];
		if (tick.fresh || !st->class->pure)
			st->class->run(st, slot->block, in, &slot->out, &tick);
		/* What the others give moves without new values. */
		tick.fresh |= !st->class->pure;
		in = &slot->out;
	}
	s->serial = p->serial;
	s->tick++;
	fill_out(p, s, values, out);
}

void pipeline_prefetch(const struct pipeline *p, const struct pipeline_state *s)
{
	__builtin_prefetch(p);
	__builtin_prefetch(s, 1);
	for (uint32_t i = 0; i < p->count && i < PREFETCH_STAGES; i++) {
		const char *stage = (const char *)&p->stages[i];
		for (size_t at = 0; at < sizeof(*p->stages); at += STAGE_ALIGN)
			__builtin_prefetch(stage + at);
		__builtin_prefetch(&s->slots[i], 1);
	}
}

void pipeline_idle(const struct pipeline *p, struct pipeline_state *s, const float *values,
	struct pipeline_out *out)
{
	if (p->ranged) {
		/* It has no state, and what it gives are the stream's values. */
		const struct tick tick = {.number = s->tick, .fresh = true};
		const struct lines stream = stream_lines(p, values);
		p->stages[0].class->run(
			&p->stages[0], s->slots[0].block, &stream, &s->slots[0].out, &tick);
	}
	s->serial = 0; /* the range's output is of other values now */
	if (p->count) {
		struct lines *last = &s->slots[p->count - 1].out;
		size_t bytes = lines_words(last->count) * sizeof(uint64_t);
		if (last->on)
			memset(last->on, 0, bytes);
		if (last->minus)
			memset(last->minus, 0, bytes);
	}
	fill_out(p, s, values, out);
}
