/* Keeps the streams' state in files: at regular times, at the end and when asked to; and puts it back.
 *
 * Works on the cold loop. For each stream it orders a copy from the hot loop, which makes it between
 * two ticks; a thread of libuv's pool writes the file, since a disk may take its time. No more than
 * KEEPER_JOBS streams are under way at once, and requests are served one after another.
 *
 * What goes wrong is counted, logged now and then and tried again: it never stops the daemon.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/loop/mailbox.h"
#include "daemon/state/files.h"
#include "daemon/state/snapshot.h"

#define KEEPER_JOBS 4 /* as many as the pool has threads */

struct kept_stream {
	struct stream *stream;
	/* What it is configured to be and what it runs once all orders are carried out. */
	const struct conf_stream *conf;
	const struct pipeline *program;
};

struct keeper_conf {
	const struct conf_state *state; /* dir NULL = nothing is kept; copied */
	uint64_t epoch;
	uv_loop_t *loop;
	struct mailbox *mailbox;
	struct daemon_counters *counters;
	/* The streams that there are, by place; false past the last. They may come and go between
	 * calls, but none is freed while an order for it is under way. */
	bool (*stream_at)(void *arg, uint32_t index, struct kept_stream *out);
	void *arg;
};

/* Who wants to know what became of a request. All from within the cold loop, never from within the
 * call that makes the request. */
struct keeper_asker {
	/* For each stream: `why` NULL = done at `tick`, its next one. */
	void (*each)(void *arg, const char *stream, uint64_t tick, const char *why);
	void (*done)(void *arg, int result); /* the last call; -ECANCELED: spiked is stopping */
	void *arg;
};

struct errand;

struct job {
	struct keeper *keeper;
	enum { JOB_FREE, JOB_COPYING, JOB_WRITING, JOB_SYNCING, JOB_PUTTING } state;
	bool forget; /* the stream has been removed: its file is to go */
	char name[SPIKED_NAME_MAX + 1];
	uint32_t index; /* where the stream was */
	int64_t time_ns;
	struct snapshot snapshot;  /* copying, writing */
	struct stream_copy copy;   /* putting */
	struct snapshot_head head; /* of what it came from */
	uv_work_t work;
	int result;
	struct fault fault;
};

struct keeper {
	struct keeper_conf conf; /* `state` is the keeper's own */
	struct conf_state state;
	struct files files;
	uv_timer_t timer;
	struct errand *first; /* the one that is being run, and those behind it */
	struct job jobs[KEEPER_JOBS];
	uint64_t round;
	bool ending;       /* the hot loop has ended: copies are made here */
	bool failing;      /* the newest round had faults */
	int64_t logged_ns; /* when that was said last */
	int64_t round_real_ns; /* when the newest round of all streams without a fault ended, 0 = never */
	char error[320];       /* the newest fault, "" = none since */
};

/* Opens the folder, if the configuration names one. What is wrong with it is logged. */
void keeper_init(struct keeper *k, const struct keeper_conf *conf);
bool keeper_is_on(const struct keeper *k);

/* Before the hot loop goes: puts every stream's snapshot in force that fits. */
void keeper_restore_at_start(struct keeper *k);
void keeper_start(struct keeper *k);

/* What a new configuration says; it names the same folder. The next round comes after one interval. */
void keeper_change(struct keeper *k, const struct conf_state *state);

/* All streams, or the one that is named. 0 and the asker will hear, or -EBUSY or -ENOMEM. */
int keeper_save(struct keeper *k, const char *name, const struct keeper_asker *asker);
int keeper_restore(struct keeper *k, const char *name, const struct keeper_asker *asker);

/* The stream is gone for good, and so is its file. */
void keeper_forget(struct keeper *k, const char *name);

/* False: the order was not the keeper's. */
bool keeper_on_reply(struct keeper *k, const struct order *reply);

/* Goes on where the mailbox was full. */
void keeper_go_on(struct keeper *k);

/* The end, once the hot loop has ended: first nobody waits any more, then, when nothing else on the
 * loop can call for orders, the last snapshots are written. */
void keeper_cancel(struct keeper *k);
void keeper_finish(struct keeper *k);
void keeper_fini(struct keeper *k); /* accepts one that is all zeros */
