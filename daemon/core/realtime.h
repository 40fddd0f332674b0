/* Real-time set-up: what was asked for, what was granted, and what to change where the system
 * refused. The daemon goes on either way. Cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct realtime_wish {
	int priority; /* SCHED_FIFO 1…99, 0 = leave the scheduler alone */
	bool lock_memory;
	int cpu; /* -1 = any */
};

enum realtime_note { NOTE_PRIORITY, NOTE_MEMORY, NOTE_CPU, NOTE_GUARD, REALTIME_NOTES };

struct realtime_grant {
	int priority;    /* of the hot thread, 0 = normal scheduling */
	int io_priority; /* of libzmq's I/O thread, just below; 0 = normal */
	bool locked_memory;
	int cpu;                         /* -1 = any */
	char notes[REALTIME_NOTES][240]; /* one sentence for each refusal, "" = none */
};

/* Before sockets and threads are made: finds out what priority this process may take, locks memory, and
 * leaves the ticks' cpu to the hot thread alone if there are others. A
 * refusal is a note, never a failure. */
void realtime_prepare(const struct realtime_wish *wish, struct realtime_grant *grant);

/* Gives the hot thread its priority and cpu, and arms the guard: when a thread computes for
 * REALTIME_GUARD_MS at real-time priority without ever sleeping, all threads go on at normal
 * priority, so that the machine stays usable. */
void realtime_apply(pthread_t hot, const struct realtime_wish *wish, struct realtime_grant *grant);
#define REALTIME_GUARD_MS 500

/* True once, after the guard has struck; the grant is brought up to date. */
bool realtime_guard_struck(struct realtime_grant *grant);

/* The calling thread: takes its stack's pages now rather than at some tick, and lets the kernel
 * round its timers by no more than 1 ns. */
void realtime_settle_thread(void);
