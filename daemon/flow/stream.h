/* One stream: its newest values, its pipeline's state, its topics.
 *
 * Made and freed by the cold loop, run by the hot loop from the moment its set is swapped in until
 * the set without it is. Cold reads the counters, the histograms and the liveness, nothing else of a
 * live stream: what it is configured to be is in its registry entry.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/core/counters.h"
#include "daemon/core/hist.h"
#include "daemon/flow/frame.h"
#include "daemon/flow/rows.h"
#include "encoders/bounds.h"

#include <stdatomic.h>

enum liveness { LIVENESS_SILENT, LIVENESS_LIVE, LIVENESS_STALE };
extern const char *const liveness_words[];

/* Text that travels whole: a meta or status message. One allocation. */
struct blob {
	size_t size;
	char bytes[];
};

/* Up to TOPIC_TICKS of each tick; rows as they come in. */
enum topic_kind {
	TOPIC_SPIKES,
	TOPIC_STATE,
	TOPIC_VALUES,
	TOPIC_JSON,
	TOPIC_TICKS,
	TOPIC_ROWS = TOPIC_TICKS,
	TOPIC_META,
	TOPIC_COUNT
};
extern const char *const topic_words[TOPIC_COUNT];

#define TOPIC_MAX 80 /* longest topic: "spikes/" + 64 + "/", with room */

struct topic {
	char name[TOPIC_MAX];
	uint8_t size;
	bool offered; /* the pipeline can feed it */
	bool wanted;  /* offered and somebody subscribes */
	uint64_t seq;
};

/* Any loop. True if a stream with that program has the topic at all. */
bool topic_offered(const struct pipeline *program, enum topic_kind kind);

struct group;
struct cadence;

struct stream {
	struct conf_stream *conf; /* owned */
	struct pipeline *program; /* swapped by `set` */
	struct pipeline_state *state;
	struct blob *meta;             /* swapped with the program */
	struct bounds bounds;          /* of the program */
	struct group *group;           /* of the set that is in force, or NULL */
	const struct cadence *cadence; /* of that set */
	uint64_t messages;             /* of rows, taken so far */
	bool known;                    /* who subscribes to its topics has been worked out */

	/* Input. */
	float *newest;  /* channels; what rows were merged into */
	float *latched; /* channels; what a window or a stale tick runs on; NULL when not needed */
	double *sums;   /* mode mean: sum of the rows since the last tick */
	uint32_t *sum_counts;
	float *queue; /* mode queue: queue_rows x channels, NaN = no sample */
	int64_t *queue_sources;
	int64_t *queue_arrivals;
	uint32_t queue_head, queue_count;
	bool arrived;       /* a row came since the last tick */
	bool pending;       /* a row came that no tick has used (mode queue: see queue_count) */
	bool started;       /* a row has ever been used */
	bool fresh;         /* the values that the next run uses may not be those of the last */
	bool was_absent;    /* what on_stale made of the last run */
	int64_t source_ns;  /* of the newest row merged into `newest` or `sums` */
	int64_t used_ns;    /* of the newest row that a tick used */
	int64_t arrival_ns; /* CLOCK_MONOTONIC: when the newest row merged came in */
	bool has_seq;
	uint64_t last_seq;

	/* Ticks. */
	uint64_t next_tick;     /* the tick that would follow without a gap */
	uint64_t fresh_tick;    /* newest tick that had a fresh row */
	uint64_t window_origin; /* tick at which the first window began */
	uint64_t window_index;  /* of the window in force */
	bool window_open;
	bool window_absent; /* the window began without a fresh row */
	bool reset_pending; /* the next tick clears the state first */
	bool restored;      /* the next tick is the first after a snapshot was put in force */
	bool anew;          /* the next tick is the first of a state that was made anew */

	uint8_t wanted; /* bit k: topics[k] is; what the topics themselves say, in the lines of
			     * cache that a tick needs anyway */
	_Atomic int liveness; /* enum liveness */
	struct stream_counters counters;
	struct topic topics[TOPIC_COUNT];
	struct hist tick_cost; /* encoding and publishing one tick */
	struct hist row_age;   /* of rows, from coming in to the first tick that uses them */

	/* The cold loop's: what is known of its snapshots. */
	struct stream_kept {
		uint64_t round;           /* the keeper's newest round that has looked at it */
		int64_t saved_real_ns;    /* when the newest was taken, 0 = none yet */
		int64_t restored_real_ns; /* when that which it goes on from was; 0 = it began anew */
		uint64_t restored_epoch, restored_tick, restored_state_tick;
	} kept;
};

/* Streams that a tick runs before one whose struct, and before one whose other parts, it asks for. */
#define STREAM_AHEAD       8u
#define STREAM_AHEAD_PARTS 3u

/* Hot. Ask for the memory that the stream's next tick will touch; the second when the first is in. */
void stream_prefetch(const struct stream *s);
void stream_prefetch_parts(const struct stream *s);

/* Takes over `conf` whatever happens. NULL with `f` filled. Cold. */
struct stream *stream_new(struct conf_stream *conf, struct fault *f);
void stream_free(struct stream *s); /* accepts NULL. Cold. */

/* Hot. Takes well-formed rows in by the stream's input mode; `scratch` is rows_piece floats,
 * `now_ns` CLOCK_MONOTONIC. */
void stream_put(struct stream *s, const struct rows *rows, float *scratch, int64_t now_ns);

/* Hot. `data` clock: merges row `index` alone, so that the next tick uses just this one. */
void stream_put_row(struct stream *s, const struct rows *rows, uint64_t index, float *scratch,
	int64_t arrival_ns);

/* Hot. Counts the message's rows and what its sequence number says of those before. */
void stream_count_message(struct stream *s, const struct rows *rows);

/* Hot. Runs tick `tick` and fills the frame's tick, flags (or-ed to `flags`), source, spikes and
 * outputs. Ticks only go up; a jump lets the state's tick number pass. `now_ns` is
 * CLOCK_MONOTONIC. */
void stream_tick(
	struct stream *s, uint64_t tick, uint16_t flags, int64_t now_ns, struct frame *frame);

/* Any loop. A stream ticked every `from_ns` and tick `next` would have been its next: its first tick
 * after the last when it ticks every `to_ns`. */
uint64_t stream_tick_after(uint64_t next, uint32_t from_ns, uint32_t to_ns);

/* Hot. The stream's next tick is `tick`, or a later one: also if it has ticked at that time before. */
void stream_join(struct stream *s, uint64_t tick);

/* Hot. Clears the state between two ticks; the next one is flagged. Input is kept. */
void stream_reset(struct stream *s);

/* Hot. Mode mean: what rows have come since the last tick becomes the newest values. */
void stream_take_mean(struct stream *s);

/* Hot. Puts another program of the same layout in force; returns the old one. */
struct pipeline *stream_swap_program(struct stream *s, struct pipeline *program);
