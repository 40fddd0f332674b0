/* The clock of the streams: which tick of which stream comes next, and running it.
 *
 * Work is done one tick of one stream at a time, so that it can be left whenever a subscriber holds
 * a lossless clock and be taken up again when the message has gone.
 *
 * Hot loop only; no clock is read here but through the `now` that is passed in, except to stamp each
 * tick of the wall clock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/hist.h"
#include "daemon/flow/publish.h"

struct engine_conf {
	enum clock_kind clock;
	enum overrun overrun;
	uint32_t max_catch_up;
	uint32_t dt_ns; /* the top-level one: a step of the manual clock */
};

static inline struct engine_conf engine_conf_of(const struct conf *conf)
{
	return (struct engine_conf){
		.clock = conf->clock,
		.overrun = conf->overrun,
		.max_catch_up = conf->max_catch_up,
		.dt_ns = conf->dt_ns,
	};
}

struct engine {
	struct engine_conf conf;
	struct publisher *publisher;
	struct mailbox *mailbox;
	struct daemon_counters *counters;
	struct stream_set *set;
	int64_t start_mono_ns;   /* time of tick 0 on CLOCK_MONOTONIC */
	int64_t start_real_ns;   /* the same moment on CLOCK_REALTIME, read once */
	atomic_bool stopped;     /* overrun: stop struck; the cold loop ends the daemon */
	int64_t stopped_late_ns; /* how late the tick was; written before `stopped` */
	bool liveness_changed;   /* since the cold loop was told last */

	/* wall and manual: the cadence tick that is running, stream by stream. */
	struct cadence *running; /* NULL = between ticks */
	uint32_t at;             /* its next stream */
	uint16_t flags;
	int64_t began_ns;              /* CLOCK_MONOTONIC */
	int64_t virtual_ns, target_ns; /* manual: where time stands and where it is to go */
	bool step_waits;               /* for the target to be reached */
	int64_t pass_ns, step_ns;      /* of it: what passes without ticks, then with them */

	/* data: the message whose rows are running. */
	struct stream *feeding; /* NULL = none */
	struct rows rows;
	zmq_msg_t payload;   /* keeps rows.data alive */
	uint64_t row;        /* next row */
	uint32_t row_ticks;  /* ticks of the current row that are still to run */
	int64_t arrival_ns;  /* of the message, CLOCK_MONOTONIC */
	bool row_end_wanted; /* an order waits for engine_between_rows */

	struct hist lateness, tick_cost; /* ns, of cadence ticks */
};

void engine_init(struct engine *e, const struct engine_conf *conf, struct publisher *publisher,
	struct mailbox *mailbox, struct daemon_counters *counters);
void engine_fini(struct engine *e);

/* Sets the epoch's tick 0 to now. */
void engine_start(struct engine *e);

/* Puts a set in force and returns the old one. Only when engine_between_ticks: no cadence is half
 * done and no message waits for a subscriber. */
struct stream_set *engine_swap(struct engine *e, struct stream_set *set);
bool engine_between_ticks(const struct engine *e);

/* False while a row of the stream has ticks left to run (data): a copy of its state would be of half
 * a row, whose rest no later row makes up for. */
bool engine_between_rows(const struct engine *e, const struct stream *s);

/* How far a run came. */
enum progress {
	PROGRESS_DONE,
	PROGRESS_MORE, /* its share of time is used up; call again soon */
	PROGRESS_HELD, /* a subscriber holds the clock */
};

/* wall: runs all that was due when it was called. manual: runs up to the target. data: runs what is
 * left of the message. The latter two stop after a few ms, so that orders get their turn. */
enum progress engine_run(struct engine *e);

/* True while engine_run has something left to do before time or rows go on. */
bool engine_busy(const struct engine *e);

/* wall: when the next tick is due, CLOCK_MONOTONIC ns; INT64_MAX without streams. */
int64_t engine_next_due(const struct engine *e);

/* manual: moves the target on. 0, or -ERANGE if 64 bits of nanoseconds end before it. */
int engine_step(struct engine *e, int64_t ticks);

/* manual: once the target is reached, passes over `pass` ticks, which never run, and then moves the target
 * on by `ticks`. The first tick after those has the flag gap. One can wait at a time. 0 or -ERANGE. */
int engine_step_after(struct engine *e, uint64_t pass, uint64_t ticks);

/* data: hands a message's rows over, payload included, and runs them as far as possible. Only when
 * nothing is left of the last one. Same result as engine_run. */
enum progress engine_feed(struct engine *e, struct stream *s, const struct rows *rows,
	zmq_msg_t *payload, int64_t now_ns);
