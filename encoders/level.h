/* A level that a change is measured from, one float a line, which begins at the line's first sample
 * or at 0: the state of step_forward, send_on_delta and derivative.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/stage.h"

/* It begins a state block: the levels, then a bit plane of the lines that have begun. */
size_t level_bytes(const struct stage *st);

/* Lines that have not begun take x as their level if it is finite. What is not is no sample. */
void level_begin(const struct stage *st, void *state, const float *x);

bool level_sane(const struct stage *st, const void *state);

/* The decoders of changes, whose state is the levels alone, from 0 or from what the encoder began
 * with, so far as it was a number. */
size_t level_undo_size(const struct stage *st);
void level_undo_reset(const struct stage *st, void *state, enum reset_scope scope);
void level_start(const struct stage *st, float *levels, const float *values);

/* And what missed ticks cost them: a window begins at 0 again, nothing else does. */
struct mending level_mends(const struct stage *st, const struct decoding *by);

/* As of a decoder, of an encoder whose level is near the value at every tick. */
void level_resume(const struct stage *st, void *levels, const struct lines *in, const float *values,
	uint64_t *lost);
