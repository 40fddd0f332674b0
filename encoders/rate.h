/* What decoders of rates share: the mean of a line's spikes a tick.
 *
 * In a stream with a window it is that of the window's ticks so far; without one it is a first-order
 * average that goes the decoding's share of the way in a tick, from 0.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/stage.h"

size_t rate_size(const struct stage *st);
void rate_reset(const struct stage *st, void *state, enum reset_scope scope);

struct mending rate_mends(const struct stage *st, const struct decoding *by);

/* Takes a tick's spikes in; mean[i] is signed. Returns the largest mean below 1 that so few ticks can
 * tell from 1. */
float rate_take(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, float *mean);
