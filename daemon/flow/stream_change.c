/* A stream that runs is made to be what its new description says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/stream_change.h"

#include <assert.h>

#define SWAP(a, b)                           \
	do {                                 \
		__typeof__(a) swapped = (a); \
		(a) = (b);                   \
		(b) = swapped;               \
	} while (0)

/* What a new description asks for and the stream does not have comes from the draft; what both have
 * stays, as long as it fits. */
#define ADOPT(field, fits)                                 \
	do {                                               \
		if (!(fits) || !s->field || !draft->field) \
			SWAP(s->field, draft->field);      \
	} while (0)

/* Rows that wait in a queue which the stream does not have any more. */
static void drop_queue(struct stream *s)
{
	if (s->queue_count)
		s->pending = s->arrived = false;
	counter_add(&s->counters.queue_dropped, s->queue_count);
	counter_set(&s->counters.queue_depth, 0);
	s->queue_head = s->queue_count = 0;
}

static void change_input(struct stream *s, struct stream *draft)
{
	const struct conf_stream *was = s->conf, *is = draft->conf;
	bool fits = was->channels == is->channels;
	bool queue_fits = fits && was->queue_rows == is->queue_rows;

	if (was->mode == INPUT_MEAN && s->pending)
		stream_take_mean(s);
	if (was->mode == INPUT_QUEUE && (is->mode != INPUT_QUEUE || !queue_fits))
		drop_queue(s);
	ADOPT(newest, fits);
	ADOPT(latched, fits);
	ADOPT(sums, fits);
	ADOPT(sum_counts, fits);
	ADOPT(queue, queue_fits);
	ADOPT(queue_sources, queue_fits);
	ADOPT(queue_arrivals, queue_fits);
	if (fits)
		return;
	s->arrived = s->pending = s->started = false;
	s->source_ns = s->used_ns = s->arrival_ns = 0;
}

/* Ticks are numbered by their length. */
static void change_dt(struct stream *s, uint32_t from_ns, uint32_t to_ns)
{
	uint64_t idle = (s->next_tick - s->fresh_tick) * from_ns / to_ns;

	s->next_tick = stream_tick_after(s->next_tick, from_ns, to_ns);
	s->fresh_tick = s->next_tick - idle; /* unsigned: differences come out right */
}

static void change_topics(struct stream *s, const struct stream *draft)
{
	for (int k = 0; k < TOPIC_COUNT; k++) {
		if (s->topics[k].offered == draft->topics[k].offered)
			continue;
		s->topics[k].offered = draft->topics[k].offered;
		s->known = false;
	}
}

void stream_change(struct stream *s, struct stream *draft, bool keep)
{
	uint32_t was_ns = s->conf->dt_ns, window = s->conf->window;

	assert(!keep || pipeline_same_layout(s->program, draft->program));
	change_input(s, draft);
	change_topics(s, draft);
	SWAP(s->conf, draft->conf);
	SWAP(s->program, draft->program);
	SWAP(s->meta, draft->meta);
	SWAP(s->bounds, draft->bounds);
	s->fresh = true;
	if (was_ns != s->conf->dt_ns)
		change_dt(s, was_ns, s->conf->dt_ns);
	if (window != s->conf->window)
		s->window_open = false; /* the next tick opens one */
	if (keep)
		return;
	SWAP(s->state, draft->state);
	pipeline_set_tick(s->state, s->next_tick);
	s->window_open = s->was_absent = s->reset_pending = s->restored = false;
	s->anew = true;
}
