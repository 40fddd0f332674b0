/* For encoders that take one line after the other: their constants and their loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/stage.h"

/* Fills one constant a line from a parameter; returns where the next array begins. */
static inline float *line_constants(const struct stage *st, unsigned row, float *to)
{
	stage_fill(st, row, to);
	return to + stage_stride(st->in_lines);
}

/* The same with the share of the way that an average of this time constant goes in a tick; a time
 * constant of 0 gives 0. */
static inline float *line_shares(const struct stage *st, unsigned row, float *to)
{
	for (uint32_t i = 0; i < st->in_lines; i++) {
		double tau = param_number(&st->values[row], stage_channel(st, i));
		to[i] = tau > 0 ? stage_share(st->dt, tau) : 0;
	}
	return to + stage_stride(st->in_lines);
}

/* `step` says what line `i` makes of x: 1, -1 or 0. It is inlined. */
static inline __attribute__((always_inline)) void line_by_line(const struct lines *in,
	struct lines *out, int (*step)(void *of, uint32_t i, float x), void *of)
{
	for (uint32_t first = 0; first < in->count; first += WORD_LINES) {
		uint32_t left = in->count - first, n = left < WORD_LINES ? left : WORD_LINES;
		uint64_t on = 0, minus = 0;
		for (uint32_t k = 0; k < n; k++) {
			int spike = step(of, first + k, in->values[first + k]);
			on |= (uint64_t)(spike > 0) << k;
			minus |= (uint64_t)(spike < 0) << k;
		}
		out->on[first / WORD_LINES] = on;
		if (out->kind == KIND_SIGNED)
			out->minus[first / WORD_LINES] = minus;
	}
}
