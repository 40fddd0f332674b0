/* A stream that runs is made to be what its new description says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/flow/stream.h"

/* Hot, between two ticks. `draft` is a stream of the same name, made by stream_new from the new
 * description; afterwards it holds what was swapped out, to be freed. Counts, and as long as the
 * channels are as many the newest values, go on. `keep`: so does the state, which takes a program of
 * the same layout that can live with it; else the next tick begins anew and is flagged. */
void stream_change(struct stream *s, struct stream *draft, bool keep);
