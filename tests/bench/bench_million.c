/* A million LIF channels at 1 kHz: 4 MB rows at 60 Hz in, a bitmap of 125 kB a tick out to a
 * subscriber that reads all. What the machine takes away from such a loop depends on how busy it is: the
 * bare loop runs at the same time and on the same CPU, one priority above, and is what missed ticks are
 * measured by; before and after it runs alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"
#include "tests/bench/loop.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define CHANNELS 1000000
#define ROW_HZ   60
#define DT_US    1000

static const char stream[] =
	"{\"name\": \"s\", \"channels\": 1000000, \"encode\": [\"lif\"], \"publish\": {\"payload\": "
	"\"bitmap\"}}";

struct sensor {
	const struct bench_daemon *daemon;
	atomic_bool stop;
	long rows;
};

struct beside {
	double seconds;
	struct bench_loop result;
};

static void *run_beside(void *arg)
{
	struct beside *b = arg;

	bench_loop(DT_US * 1000, b->seconds, 1, &b->result);
	return NULL;
}

/* Sensor and subscriber stand for others: they, and this thread, leave the ticks' CPU alone, as one
 * would have it where it matters (isolcpus, cpusets). */
static void keep_off(cpu_set_t *before)
{
	cpu_set_t others;

	sched_getaffinity(0, sizeof(*before), before);
	others = *before;
	CPU_CLR((unsigned)bench_cpu(), &others);
	if (CPU_COUNT(&others))
		sched_setaffinity(0, sizeof(others), &others);
}

static void *send_rows(void *arg)
{
	struct sensor *s = arg;
	void *context = zmq_ctx_new();
	void *push = bench_connect(context, ZMQ_PUSH, s->daemon->ingest, NULL);
	float *row = bench_alloc(CHANNELS * sizeof(float));
	int64_t due_ns = bench_now_ns();

	bench_spread(row, CHANNELS, 1.5f);
	while (!atomic_load(&s->stop)) {
		due_ns += NS_A_SECOND / ROW_HZ;
		bench_sleep_until(due_ns);
		zmq_send(push, "s", 1, ZMQ_SNDMORE);
		zmq_send(push, row, CHANNELS * sizeof(float), 0);
		s->rows++;
	}
	free(row);
	zmq_close(push);
	zmq_ctx_term(context);
	return NULL;
}

void bench_million(const struct bench_site *site)
{
	const double seconds = site->full ? 60 : 15;
	struct bench_loop before, after;
	struct bench_daemon daemon;
	struct bench_listener listener;
	struct bench_ticks ticks;
	struct sensor sensor = {.daemon = &daemon};
	struct beside beside = {.seconds = seconds};
	pthread_t thread, beside_thread;
	char config[256];
	cpu_set_t cpus;

	snprintf(config, sizeof(config), "clock: wall\ndt: 1 ms\nmax_row_bytes: 8 MiB\n%s",
		bench_realtime());
	bench_loop(DT_US * 1000, seconds / 2, 0, &before);
	bench_start(&daemon, site, config);
	keep_off(&cpus);
	bench_listen(&listener, daemon.publish, "spikes/s/", 0);
	bench_sleep(0.2);
	bench_add(&daemon, stream);
	if (pthread_create(&thread, NULL, send_rows, &sensor) ||
		pthread_create(&beside_thread, NULL, run_beside, &beside))
		bench_die("thread");
	pthread_join(beside_thread, NULL);
	bench_stats(&daemon, &ticks);
	double cpu = bench_cpu_seconds(&daemon);
	atomic_store(&sensor.stop, true);
	pthread_join(thread, NULL);
	bench_unlisten(&listener);
	bench_stop(&daemon);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	bench_loop(DT_US * 1000, seconds / 2, 0, &after);

	bench_print(&(struct bench_line){
		.bench = "million_missed",
		.unit = "ticks",
		.value = ticks.missed,
		.reference = beside.result.missed,
		.against = "bare timerfd and epoll loop at the same time",
		.aims = {{AIM_VALUE_MOST, beside.result.missed}},
		.more = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:b}", "bare_alone",
			before.missed + after.missed, "seconds", seconds, "ticks", ticks.ticks,
			"lateness_p50_us", ticks.p50, "lateness_p99_us", ticks.p99,
			"lateness_max_us", ticks.max, "fifo", ticks.realtime),
	});
	bench_print(&(struct bench_line){
		.bench = "million_cost",
		.unit = "share of dt",
		.value = ticks.cost / DT_US,
		.aims = {{AIM_VALUE_MOST, 0.4}},
		.more = json_pack("{s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I}", "mean_us", ticks.cost,
			"p50_us", ticks.cost_p50, "p99_us", ticks.cost_p99, "ns_a_channel",
			ticks.cost * 1e3 / CHANNELS, "cores_used", cpu / seconds, "rows",
			(json_int_t)sensor.rows, "received",
			(json_int_t)atomic_load(&listener.messages), "lost",
			(json_int_t)atomic_load(&listener.lost)),
	});
}
