/* A spiked to measure, and those who talk to it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* A running spiked with its sockets in a folder of its own. */
struct bench_daemon {
	char folder[64];
	char ingest[96], publish[96], control[96];
	pid_t pid;
};

/* What asks for the scheduling of the real-time benches: a configuration line. Same for all that is
 * compared: see bench_loop. */
#define BENCH_PRIORITY 50
const char *bench_realtime(void);
int bench_cpu(void); /* the last one: interrupts tend to go to the first */

/* Starts spiked with the configuration `text` and the endpoints added, and waits until it answers on
 * its control socket. */
void bench_start(struct bench_daemon *d, const struct bench_site *site, const char *text);
void bench_stop(struct bench_daemon *d);

/* The result of a call; `params` may be NULL and is given away. To be released. */
json_t *bench_call(const struct bench_daemon *d, const char *method, json_t *params);

/* Adds the stream that the JSON text describes. A daemon that started without streams has not ticked
 * before: its histograms begin here. */
void bench_add(const struct bench_daemon *d, const char *stream);

/* Sends one row of values from 0 to `top` to each of the streams <prefix>0 … <prefix>(count-1), or to
 * <prefix> itself if count is 0. */
void bench_feed(
	const struct bench_daemon *d, const char *prefix, int count, uint32_t channels, float top);

/* A connected socket with no linger; subscribed to `topic` if that is not NULL. */
void *bench_connect(void *context, int type, const char *endpoint, const char *topic);

/* A subscriber with a thread of its own, that reads all there is, or rests after each message. */
struct bench_listener {
	const char *endpoint, *topic;
	int rest_ms;
	void *context;
	pthread_t thread;
	atomic_bool stop;
	atomic_llong messages, bytes;
	atomic_llong lost; /* by jumps in seq; counts only if one topic is listened to */
};

void bench_listen(struct bench_listener *l, const char *endpoint, const char *topic, int rest_ms);
void bench_unlisten(struct bench_listener *l);

/* Histograms and counters of the daemon; microseconds. */
struct bench_ticks {
	double p50, p99, p999, max;      /* lateness */
	double cost, cost_p50, cost_p99; /* of a tick; the mean, and quantiles */
	double ticks, missed;            /* missed: late by dt or more, or skipped */
	bool realtime;                   /* the priority was granted */
};

void bench_stats(const struct bench_daemon *d, struct bench_ticks *t);

double bench_cpu_seconds(const struct bench_daemon *d); /* used so far by all its threads */
double bench_resident(const struct bench_daemon *d);    /* bytes */
