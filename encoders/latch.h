/* Codes in time: a value is taken at a window's first tick and becomes the tick at which its line
 * fires. What such encoders share, and what their decoders do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/stage.h"

#define LATCH_NEVER UINT32_MAX /* in this window */

/* The state block begins with a latch; due[] is padded like a plane of the lines. It counts the
 * window's ticks itself, so it depends on nothing but the resets, and is silent after the last. */
struct latch {
	uint32_t tick; /* of the window, the next one to run; stays at the window's length */
	_Alignas(STAGE_ALIGN) uint32_t due[];
};

/* 0, or -EINVAL with `f` filled: the stream's window is shorter than `least` ticks. */
int latch_plan(const struct stage *st, uint32_t least, struct fault *f);

size_t latch_bytes(uint32_t lines);

/* As of an encoder: RESET_WINDOW begins the count again, RESET_ALL clears everything. */
void latch_reset(struct latch *l, uint32_t lines, enum reset_scope scope);

/* One tick: the lines that are due. The caller has filled due[] when l->tick is 0. Hot. */
void latch_run(const struct stage *st, struct latch *l, uint64_t *on);

/* True if the loaded bytes are a latch of `lines` lines. */
bool latch_sane(const struct stage *st, const struct latch *l, uint32_t lines);

/* Tick of the window for a line that is `share` of the way to its last one: the nearest, of two the
 * even one. */
static inline uint32_t latch_tick(float share, uint32_t last)
{
	long tick = lrintf((float)last * share);
	return tick < (long)last ? (uint32_t)tick : last;
}

/* What a decoder of one spike a window knows: each line's value, and whether it has come. */
struct reading {
	uint32_t tick; /* as of a latch */
	_Alignas(STAGE_ALIGN) float values[];
};

/* As of a decoder, whose state a reading is. */
size_t reading_size(const struct stage *st);
void reading_reset(const struct stage *st, void *state, enum reset_scope scope);

/* One tick: lines that fire for the first time in the window get `value`, what this tick says; at
 * the window's last tick those that never did get *missing (NULL: they keep what they had). */
void reading_run(const struct stage *st, struct reading *r, const struct lines *in, float value,
	const float *missing, struct lines *out);
