/* See level.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/level.h"

size_t level_bytes(const struct stage *st)
{
	return stage_float_bytes(st->in_lines) + stage_plane_bytes(st->in_lines);
}

static void begin_word(uint64_t *begun, float *levels, const float *x, uint64_t lines)
{
	for (uint64_t left = lines & ~*begun; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		if (!isfinite(x[i]))
			continue;
		levels[i] = x[i];
		*begun |= (uint64_t)1 << i;
	}
}

void level_begin(const struct stage *st, void *state, const float *x)
{
	float *levels = state;
	uint64_t *begun = (uint64_t *)((char *)state + stage_float_bytes(st->in_lines));
	uint32_t count = st->in_lines;
	for (uint32_t at = 0; at < count; at += WORD_LINES) {
		uint64_t lines = bits_below(count - at < WORD_LINES ? count - at : WORD_LINES);
		if (begun[at / WORD_LINES] != lines)
			begin_word(&begun[at / WORD_LINES], levels + at, x + at, lines);
	}
}

bool level_sane(const struct stage *st, const void *state)
{
	const float *levels = state;
	const uint64_t *begun =
		(const uint64_t *)((const char *)state + stage_float_bytes(st->in_lines));
	return stage_floats_sane(levels, st->in_lines) && stage_plane_sane(begun, st->in_lines);
}

size_t level_undo_size(const struct stage *st)
{
	return stage_float_bytes(st->in_lines);
}

void level_undo_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, level_undo_size(st));
}

void level_start(const struct stage *st, float *levels, const float *values)
{
	for (uint32_t i = 0; i < st->in_lines; i++)
		levels[i] = isfinite(values[i]) ? values[i] : 0;
}

struct mending level_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	return (struct mending){
		.how = st->window > 0 ? MENDS_LATER : MENDS_NEVER,
		.idle = true,
	};
}

void level_resume(const struct stage *st, void *levels, const struct lines *in, const float *values,
	uint64_t *lost)
{
	(void)in;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (!stage_bit(lost, i) || !isfinite(values[i]))
			continue;
		((float *)levels)[i] = values[i];
		lost[i / WORD_LINES] &= ~((uint64_t)1 << i % WORD_LINES);
	}
}
