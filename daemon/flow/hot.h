/* The hot loop: one thread, one uv_loop, all sockets that rows and frames pass through.
 *
 * After hot_start nothing here allocates (libzmq's own messages apart), locks, formats or blocks;
 * the cold loop talks to it through the mailbox only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/flow/turnover.h"

#include <stdatomic.h>

#define HOT_STEPS 64 /* `step` orders that may wait for their turn */

struct hot {
	uv_thread_t thread;
	uv_sem_t go;
	uv_loop_t loop;
	struct zloop zloop;
	uv_poll_t wake;
	int wake_fd; /* eventfd of the mailbox */
	uv_poll_t tick_poll;
	int tick_fd; /* timerfd, absolute CLOCK_MONOTONIC; only armed in the wall clock */
	int64_t armed_ns;
	uv_timer_t meta_timer; /* publisher_housekeeping, and a beat */
	uv_timer_t retry;      /* while a subscriber holds a lossless clock */
	uv_check_t check;
	uv_idle_t more; /* while there is work that nothing else would wake the loop for */
	bool held;      /* by a subscriber, in a lossless clock */
	bool started;   /* there is a thread */
	atomic_bool stopping;
	atomic_bool status_wanted; /* somebody subscribes to status/ */
	counter_t beats; /* goes up ten times a second unless the loop or a due tick is stuck */
	struct publisher publisher;
	struct ingest ingest;
	struct engine engine;
	struct mailbox *mailbox;
	struct daemon_counters counters;
	struct order steps[HOT_STEPS];
	int64_t step_targets[HOT_STEPS]; /* virtual time at which each is done */
	unsigned step_count;
	struct order
		waiting; /* an order that has to wait for a tick to end, and all behind it too */
	bool has_waiting;
	int64_t copy_after_ns; /* a copy that waits does so for the tick that is due then; 0 = none */
	struct order changing; /* the last about a struct turnover; answered when all is closed */
	struct turnover *prepared; /* and neither made nor undone */
};

struct hot_conf {
	const struct conf *conf;
	void *publish;               /* XPUB, bound */
	struct source_list *sources; /* one a conf->ingest entry; taken over */
	uint64_t epoch;
	struct stream_set *set; /* the first one */
	const struct acl *acl;  /* likewise; NULL = no keys. An order swaps it */
	const struct conns *conns;
	struct mailbox *mailbox;
};

/* Main thread, before hot_start. 0 or negative errno; then hot_fini all the same. */
int hot_init(struct hot *h, const struct hot_conf *hc);

/* Main thread. Makes the thread, which waits for hot_go: so it has its priority before tick 0 falls
 * due. 0 or negative errno. */
int hot_start(struct hot *h);
void hot_go(struct hot *h);

/* Main thread. Ends the thread, if there is one, whether it was told to go or not: frames that were built are handed to ZeroMQ as far as subscribers
 * take them within `linger_ms`, which also bounds the closing of the sockets; orders that are not
 * carried out any more come back with -ECANCELED. */
void hot_stop(struct hot *h, int linger_ms);

/* After hot_stop, or after a failed hot_init. The set that was in force is given back. */
struct stream_set *hot_fini(struct hot *h);
