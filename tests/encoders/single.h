/* One stage alone, without a pipeline: for stages on spikes, which then get any spikes that a test
 * thinks of. And the ways to write and read lines of all kinds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/test.h"

#include "encoders/pipeline_private.h"
#include "encoders/rng.h"
#include "encoders/stage.h"
#include "tests/encoders/build.h"

struct single {
	struct pipeline_spec *spec;
	struct stage st;
	void *state;
	struct lines in, out;
	struct tick tick;
};

static inline void *single_bytes(size_t size)
{
	void *bytes = aligned_alloc(STAGE_ALIGN, stage_round(size) + STAGE_ALIGN);
	assert_non_null(bytes);
	memset(bytes, 0, stage_round(size) + STAGE_ALIGN);
	return bytes;
}

static inline struct lines single_lines(enum kind kind, uint32_t count)
{
	return (struct lines){
		.kind = kind,
		.count = count,
		.values = single_bytes(stage_float_bytes(count)),
		.on = single_bytes(stage_plane_bytes(count)),
		.minus = single_bytes(stage_plane_bytes(count)),
	};
}

static inline void single_free_lines(struct lines *l)
{
	free(l->values);
	free(l->on);
	free(l->minus);
}

/* A stage as one would write it, "jitter max=5", on `count` lines of a kind; dt is 1 ms. */
static inline struct single single_new(const char *text, enum kind kind, uint32_t count)
{
	struct fault f = {0};
	struct single s = {.spec = build_spec(text, &f)};
	if (!s.spec)
		fail_msg("%s: %s", text, f.text);
	const struct encoder_class *class = s.spec->stages[0].class;
	assert_true(class->in & kind);
	s.st = (struct stage){
		.class = class,
		.asked = class->name,
		.values = s.spec->stages[0].values,
		.channels = count,
		.in_lines = count,
		.out_lines = count,
		.in_kind = kind,
		.out_kind = class->out ? class->out : kind,
		.dt = 0.001,
		.window = 8,
		.key = rng_key(1, "test", 0),
	};
	if (class->plan && class->plan(&s.st, &f))
		fail_msg("%s: %s", text, f.text);
	s.st.consts = single_bytes(s.st.const_size);
	if (class->prepare)
		class->prepare(&s.st);
	s.state = single_bytes(stage_round(s.st.state_size) + s.st.scratch_size);
	if (class->reset)
		class->reset(&s.st, s.state, RESET_ALL);
	s.in = single_lines(kind, count);
	s.out = single_lines(s.st.out_kind, s.st.out_lines);
	return s;
}

static inline void single_free(struct single *s)
{
	pipeline_spec_free(s->spec);
	free(s->st.consts);
	free(s->state);
	single_free_lines(&s->in);
	single_free_lines(&s->out);
}

/* One tick of what s->in holds. The state must be one that a snapshot may have. */
static inline void single_run(struct single *s)
{
	s->tick.fresh = true;
	s->st.class->run(&s->st, s->state, &s->in, &s->out, &s->tick);
	s->tick.number++;
	if (s->st.class->check)
		assert_int_equal(s->st.class->check(&s->st, s->state), 0);
}

static inline void single_set(struct lines *l, uint32_t line, float value)
{
	uint64_t bit = (uint64_t)1 << line % 64;
	bool negative = l->kind == KIND_SIGNED && value < 0;
	l->on[line / 64] &= ~bit;
	l->minus[line / 64] &= ~bit;
	(negative ? l->minus : l->on)[line / 64] |= value != 0 ? bit : 0;
	l->values[line] = value;
}

static inline float single_get(const struct lines *l, uint32_t line)
{
	return stage_spike(l, line);
}

/* What a line of a kind may carry; 0 with the given probability. */
static inline float single_draw(struct test_random *r, enum kind kind, double silent)
{
	if (random_between(r, 0, 1) < silent)
		return 0;
	bool negative = random_below(r, 2);
	switch (kind) {
	case KIND_SIGNED:
		return negative ? -1.0f : 1.0f;
	case KIND_GRADED:
		return (float)random_between(r, 0.1, 3) * (negative ? -1.0f : 1.0f);
	case KIND_COUNTS:
		return (float)(1 + random_below(r, 5)) * (negative ? -1.0f : 1.0f);
	default:
		return 1;
	}
}

static inline void single_draw_all(struct lines *l, struct test_random *r, double silent)
{
	for (uint32_t i = 0; i < l->count; i++)
		single_set(l, i, single_draw(r, l->kind, silent));
}
