/* A stream's state out of it and back. Ticks are told as distances, since another epoch counts from
 * another tick.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/stream_copy.h"

#include <stdlib.h>
#include <string.h>

void stream_take_copy(const struct stream *s, struct stream_copy *copy)
{
	const struct conf_stream *conf = s->conf;
	size_t n = conf->channels;
	bool queue = conf->mode == INPUT_QUEUE;

	memcpy(copy->newest, s->newest, n * sizeof(*s->newest));
	if (copy->latched)
		memcpy(copy->latched, s->latched, n * sizeof(*s->latched));
	if (copy->sums) {
		memcpy(copy->sums, s->sums, n * sizeof(*s->sums));
		memcpy(copy->sum_counts, s->sum_counts, n * sizeof(*s->sum_counts));
	}
	pipeline_save(s->program, s->state, copy->saved);
	copy->tick = s->next_tick;
	copy->since_row = s->next_tick - s->fresh_tick;
	copy->window_phase = 0;
	if (s->window_open)
		copy->window_phase =
			s->next_tick - s->window_origin - s->window_index * conf->window;
	copy->source_ns = s->source_ns;
	copy->used_ns = s->used_ns;
	copy->messages = s->messages;
	copy->queued = s->queue_count;
	copy->started = s->started;
	copy->pending = s->pending && !queue;
	copy->arrived = s->arrived && !queue;
	copy->reset_pending = s->reset_pending;
	copy->window_open = s->window_open;
	copy->window_absent = s->window_absent;
}

#define SWAP(a, b)                 \
	do {                       \
		void *kept_ = (a); \
		(a) = (b);         \
		(b) = kept_;       \
	} while (0)

void stream_put_copy(struct stream *s, struct stream_copy *copy, int64_t now_ns)
{
	SWAP(s->state, copy->state);
	SWAP(s->newest, copy->newest);
	if (copy->latched)
		SWAP(s->latched, copy->latched);
	if (copy->sums) {
		SWAP(s->sums, copy->sums);
		SWAP(s->sum_counts, copy->sum_counts);
	}
	/* Unsigned: what lies before the epoch's tick 0 wraps, and differences come out right. */
	s->fresh_tick = s->next_tick - copy->since_row;
	s->window_origin = s->next_tick - copy->window_phase;
	s->window_index = 0;
	s->source_ns = copy->source_ns;
	s->used_ns = copy->used_ns;
	s->arrival_ns = now_ns;
	s->started = copy->started;
	s->pending = copy->pending;
	s->arrived = copy->arrived;
	s->reset_pending = copy->reset_pending;
	s->window_open = copy->window_open;
	s->window_absent = copy->window_absent;
	s->was_absent = false;
	s->fresh = true;
	s->restored = true;
	copy->tick = s->next_tick;
}

void stream_copy_fini(struct stream_copy *copy)
{
	free(copy->newest);
	free(copy->latched);
	free(copy->sums);
	free(copy->sum_counts);
	pipeline_state_free(copy->state);
	*copy = (struct stream_copy){0};
}
