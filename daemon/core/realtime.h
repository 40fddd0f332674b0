/* Real-time set-up of the hot thread: what was asked for, what was granted, and what to change where
 * the system refused. The daemon goes on either way. Cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct realtime_wish {
	int priority; /* SCHED_FIFO 1…99, 0 = leave the scheduler alone */
	bool lock_memory;
	int cpu; /* -1 = any */
};

struct realtime_grant {
	int priority; /* 0 = normal scheduling */
	bool locked_memory;
	int cpu;            /* -1 = any */
	char notes[3][200]; /* one sentence for each refusal, "" = none */
};

void realtime_apply(pthread_t hot, const struct realtime_wish *wish, struct realtime_grant *grant);
