/* What a stream's next ticks depend on besides its program and the rows to come: taken out of it, and
 * put into it, between two ticks.
 *
 * Rows that wait in a queue are not part of it: they belong to ticks that have not been.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/flow/stream.h"

struct stream_copy {
	/* As the stream has them; NULL = it has none, or they are not to be put. */
	float *newest, *latched;
	double *sums;
	uint32_t *sum_counts;
	uint8_t *saved;               /* to be taken: pipeline_saved_size bytes */
	struct pipeline_state *state; /* to be put */

	uint64_t tick;         /* taken: the stream's next one in its epoch */
	uint64_t since_row;    /* ticks from the newest that had a fresh row to that one */
	uint64_t window_phase; /* ticks from the start of the window in force to that one */
	int64_t source_ns, used_ns;
	uint64_t messages; /* taken: row messages that the stream had taken */
	uint32_t queued;   /* rows that waited and are not in the copy */
	bool started, pending, arrived, reset_pending, window_open, window_absent;
};

/* Hot. Fills the arrays, which the caller has made, and the rest. A few memcpys: a stream's size. */
void stream_take_copy(const struct stream *s, struct stream_copy *copy);

/* Hot. Puts the copy in force, for the stream's program or one of the same layout; what was there
 * goes back in its pointers. The next tick is flagged, and ticks go on counting as they did. */
void stream_put_copy(struct stream *s, struct stream_copy *copy, int64_t now_ns);

/* Cold. Frees the arrays and the state, each an allocation of its own. */
void stream_copy_fini(struct stream_copy *copy);
