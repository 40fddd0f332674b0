/* Latches and what is read from them: see latch.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/latch.h"
#include "encoders/kernels/kernels.h"

#include <errno.h>

int latch_plan(const struct stage *st, uint32_t least, struct fault *f)
{
	if (st->window == 0)
		return fault_set(f, -EINVAL,
			"%s puts a value into the ticks of a window and the stream has none: set "
			"`window` to the number of ticks that a row is held",
			st->asked);
	if (st->window < least)
		return fault_set(f, -EINVAL,
			"%s needs a window of at least %u ticks and the stream's has %u", st->asked,
			least, st->window);
	return 0;
}

size_t latch_bytes(uint32_t lines)
{
	return sizeof(struct latch) + stage_round(stage_stride(lines) * sizeof(uint32_t));
}

void latch_reset(struct latch *l, uint32_t lines, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		memset(l, 0, latch_bytes(lines));
	l->tick = 0;
}

void latch_run(const struct stage *st, struct latch *l, uint64_t *on)
{
	kernels_get()->due(l->due, l->tick, on, st->out_lines);
	if (l->tick < st->window)
		l->tick++;
}

bool latch_sane(const struct stage *st, const struct latch *l, uint32_t lines)
{
	if (l->tick > st->window)
		return false;
	for (uint32_t i = 0; i < lines; i++) {
		if (l->due[i] >= st->window && l->due[i] != LATCH_NEVER)
			return false;
	}
	return true;
}

/* Behind the values: one bit a line, set once it has fired in this window. */
static uint64_t *heard_plane(const struct stage *st, struct reading *r)
{
	return (uint64_t *)((char *)r->values + stage_float_bytes(st->out_lines));
}

size_t reading_size(const struct stage *st)
{
	return sizeof(struct reading) + stage_float_bytes(st->out_lines) +
	       stage_plane_bytes(st->out_lines);
}

void reading_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	struct reading *r = state;
	if (scope == RESET_ALL)
		memset(r, 0, reading_size(st));
	memset(heard_plane(st, r), 0, stage_plane_bytes(st->out_lines));
	r->tick = 0;
}

static void put_value(float *values, uint64_t lines, float value)
{
	for (; lines; lines &= lines - 1)
		values[__builtin_ctzll(lines)] = value;
}

void reading_run(const struct stage *st, struct reading *r, const struct lines *in, float value,
	const float *missing, struct lines *out)
{
	uint64_t *heard = heard_plane(st, r);
	bool last = r->tick + 1 == st->window;
	if (r->tick < st->window)
		r->tick++;
	for (size_t w = 0; w < lines_words(in->count); w++) {
		put_value(r->values + w * WORD_LINES, in->on[w] & ~heard[w], value);
		heard[w] |= in->on[w];
		if (last && missing)
			put_value(r->values + w * WORD_LINES, ~heard[w], *missing);
	}
	if (in->count)
		memcpy(out->values, r->values, in->count * sizeof(float));
}
