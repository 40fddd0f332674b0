/* The bare loop: a timerfd and epoll, and nothing else to do. It stands for what the machine itself
 * allows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bench_loop {
	double p50, p99, p999, max; /* lateness, us; in the daemon's own histogram */
	double ticks, missed;       /* missed: expirations that passed before it woke */
	bool realtime;              /* the priority was granted */
};

/* Runs in a process of its own that has asked for what bench_realtime() asks for, with `above` added to
 * the priority. */
void bench_loop(int64_t period_ns, double seconds, int above, struct bench_loop *result);
