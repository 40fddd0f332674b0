/* ZeroMQ sockets on a uv_loop.
 *
 * libzmq's file descriptor only says "look again", and any zmq call on the socket may eat its
 * wake-up. So every socket is drained from three places: its poll callback, the prepare hook
 * that runs before the loop sleeps, and by hand (zloop_drain). A drain takes a bounded share of
 * messages; when something is left over, an idle handle keeps the loop from sleeping.
 *
 * A zloop, its sockets and its uv_loop belong to one thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/counters.h"

#include <stdbool.h>
#include <uv.h>
#include <zmq.h>

#define ZSOCK_PARTS 8 /* parts handed on; further ones are received and thrown away */

struct zsock;

/* One message. `parts` holds min(count, ZSOCK_PARTS) parts, closed by the caller afterwards; count is
 * ZSOCK_PARTS + 1 when there are more. To keep a part, zmq_msg_move it out. Returns false to stop draining (then call zsock_pause). */
typedef bool (*zsock_on_message)(struct zsock *z, zmq_msg_t *parts, unsigned count);

struct zsock {
	void *socket;
	uv_poll_t poll;
	struct zloop *zloop;
	struct zsock *next;
	zsock_on_message on_message;
	void *data; /* the owner's */
	bool paused;
	bool discarding;                    /* the rest of a message of too many parts */
	bool each_part;                     /* every part is handed on as a message of its own */
	uint64_t emptied;                   /* times that nothing was left to receive */
	void (*on_closed)(struct zsock *z); /* or NULL; see zsock_close */
};

/* Where a socket listens. */
#define ZSOCK_BOUND_MAX 256
struct listener {
	const char *endpoint;        /* as configured; borrowed */
	char bound[ZSOCK_BOUND_MAX]; /* as ZeroMQ has resolved it; "" = not yet */
};

struct zloop {
	uv_loop_t *loop;
	uv_prepare_t prepare;
	uv_idle_t idle;
	struct zsock *sockets;
	int64_t busy_since_ns; /* when draining began to leave something over; 0 = it does not */

	/* For a loop whose timers must be on time: under a flood its sockets rest now and then, so that
	 * the thread sleeps a fifth of the time. Senders are held back meanwhile. */
	bool may_rest; /* the owner's; set before the loop runs */
	bool resting;
	uv_timer_t rest;
	uv_check_t check;
	int64_t watched_ns,
		slept_ns;  /* when the span began, and how long the loop has slept in it */
	int64_t asleep_ns; /* when it went to sleep last */
	counter_t *rests;  /* or NULL */
};

/* Both: 0 or negative errno. */
int zloop_init(struct zloop *zl, uv_loop_t *loop);
/* Takes over `socket` (a zmq socket that is bound or connected already). */
int zsock_init(struct zsock *z, struct zloop *zl, void *socket, zsock_on_message fn, void *data);

/* A socket goes to another thread: ZeroMQ wants a full fence on both sides. */
static inline void zsock_change_thread(void)
{
	__sync_synchronize();
}

/* Any thread that owns the ZeroMQ socket. Listens, or stops to: connections that came in there then
 * end, what is queued for them within `linger_ms`. 0, or ZeroMQ's error as a negative number. */
int zsock_listen(void *socket, struct listener *at);
int zsock_connect(void *socket, const char *endpoint);
int zsock_unlisten(void *socket, struct listener *at, int linger_ms);

/* Drains every socket that is not paused, within the budget. True if something is left. */
bool zloop_drain(struct zloop *zl);

/* The same for one socket. */
bool zsock_drain(struct zsock *z);

/* A paused socket is neither polled nor drained: its sensors are held back by ZeroMQ. */
void zsock_pause(struct zsock *z);
void zsock_resume(struct zsock *z);

/* Stops polling; the zmq socket is closed with this linger. Run the loop once more afterwards, so that
 * libuv lets go of the handles: when it has, on_closed is called, and the zsock may be freed. */
void zsock_close(struct zsock *z, int linger_ms);
void zloop_close(struct zloop *zl);
