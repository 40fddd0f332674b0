/* What spiked adds to the transport, in the data clock: against a bare relay with messages of the same
 * sizes, over the same kind of socket.
 *
 * latency: from a row sent to its spikes received; rows of 256 bytes at 1 kHz on either side, in turns.
 * throughput: rows a second through, as fast as a sender can, in turns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"
#include "tests/bench/relay.h"

#include "spiked/wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define CHANNELS  64
#define TOPIC     "spikes/s/"
#define GIVE_UP_S 10

#define LATENCY_ROUNDS 9
#define LATENCY_ROWS   1000 /* in a round, on either side */
#define PERIOD_NS      1000000

#define FLOW_ROUNDS 15
#define FLOW_ROWS   100000

/* The threshold is so low that every line spikes at every row: as many bytes out as in. */
static const char config[] = "clock: data\n"
			     "dt: 1 ms\n"
			     "streams:\n"
			     "  - name: s\n"
			     "    channels: 64\n"
			     "    encode: [{lif: {v_th: 0.001}}]\n";

struct way {
	void *push, *sub;
};

/* Both ways, spiked and the relay, set up and warm. */
struct course {
	struct bench_daemon daemon;
	struct bench_relay relay;
	void *contexts[2];
	struct way ways[2];
};

static void way_connect(struct way *w, void *context, const char *in, const char *out)
{
	int give_up = GIVE_UP_S * 1000;

	w->push = bench_connect(context, ZMQ_PUSH, in, NULL);
	w->sub = bench_connect(context, ZMQ_SUB, out, TOPIC);
	zmq_setsockopt(w->sub, ZMQ_RCVTIMEO, &give_up, sizeof(give_up));
}

static void course_start(struct course *c, const struct bench_site *site)
{
	bench_start(&c->daemon, site, config);
	bench_relay_start(&c->relay, c->daemon.folder, TOPIC);
	for (int w = 0; w < 2; w++)
		c->contexts[w] = zmq_ctx_new();
	way_connect(&c->ways[0], c->contexts[0], c->daemon.ingest, c->daemon.publish);
	way_connect(&c->ways[1], c->contexts[1], c->relay.in, c->relay.out);
	bench_sleep(0.5); /* subscriptions arrive */
}

static void course_stop(struct course *c)
{
	for (int w = 0; w < 2; w++) {
		zmq_close(c->ways[w].push);
		zmq_close(c->ways[w].sub);
		zmq_ctx_term(c->contexts[w]);
	}
	bench_relay_stop(&c->relay);
	bench_stop(&c->daemon);
}

static void send_row(void *push)
{
	float row[CHANNELS];

	for (int i = 0; i < CHANNELS; i++)
		row[i] = 1.0f;
	zmq_send(push, "s", 1, ZMQ_SNDMORE);
	zmq_send(push, row, sizeof(row), 0);
}

static void receive_spikes(void *sub)
{
	char topic[32], header[SPIKED_HEADER_SIZE], words[CHANNELS * sizeof(float)];

	if (zmq_recv(sub, topic, sizeof(topic), 0) < 0 ||
		zmq_recv(sub, header, sizeof(header), 0) != sizeof(header) ||
		zmq_recv(sub, words, sizeof(words), 0) != sizeof(words))
		bench_die("a row was not answered by as many spikes");
}

void bench_latency(const struct bench_site *site)
{
	static double took_us[2][LATENCY_ROWS];
	double p50[2][LATENCY_ROUNDS], p99[2][LATENCY_ROUNDS];
	struct course course;

	course_start(&course, site);
	int64_t due_ns = bench_now_ns();
	for (int round = 0; round < LATENCY_ROUNDS; round++) {
		for (int i = 0; i < 2 * LATENCY_ROWS; i++, due_ns += PERIOD_NS / 2) {
			bench_sleep_until(due_ns);
			int64_t start = bench_now_ns();
			send_row(course.ways[i % 2].push);
			receive_spikes(course.ways[i % 2].sub);
			took_us[i % 2][i / 2] = (double)(bench_now_ns() - start) / 1e3;
		}
		for (int w = 0; w < 2; w++) {
			p50[w][round] = bench_quantile(took_us[w], LATENCY_ROWS, 0.5);
			p99[w][round] = bench_quantile(took_us[w], LATENCY_ROWS, 0.99);
		}
	}
	for (int k = 0; k < 2; k++) {
		bench_print(&(struct bench_line){
			.bench = k ? "latency_p99" : "latency_p50",
			.unit = "us",
			.value = bench_median(k ? p99[0] : p50[0], LATENCY_ROUNDS),
			.reference = bench_median(k ? p99[1] : p50[1], LATENCY_ROUNDS),
			.against = "bare libzmq relay, PULL to PUB",
			.aims = {{AIM_RATIO_MOST, 1.2}},
			.more = json_pack("{s:i, s:i}", "rounds", LATENCY_ROUNDS, "rows_a_round",
				LATENCY_ROWS),
		});
	}
	course_stop(&course);
}

static void *send_all(void *push)
{
	for (int i = 0; i < FLOW_ROWS; i++)
		send_row(push);
	return NULL;
}

/* Rows a second, from the first answer to the last. */
static double flow(struct way *w)
{
	pthread_t sender;

	if (pthread_create(&sender, NULL, send_all, w->push))
		bench_die("thread");
	receive_spikes(w->sub);
	int64_t start = bench_now_ns();
	for (int i = 1; i < FLOW_ROWS; i++)
		receive_spikes(w->sub);
	double seconds = (double)(bench_now_ns() - start) / 1e9;
	pthread_join(sender, NULL);
	return (FLOW_ROWS - 1) / seconds;
}

void bench_throughput(const struct bench_site *site)
{
	double rate[2][FLOW_ROUNDS];
	struct course course;

	course_start(&course, site);
	for (int round = -1; round < FLOW_ROUNDS; round++) /* the first one warms up */
		for (int w = 0; w < 2; w++)
			rate[w][round < 0 ? 0 : round] = flow(&course.ways[w]);
	bench_print(&(struct bench_line){
		.bench = "throughput",
		.unit = "rows/s",
		.value = bench_median(rate[0], FLOW_ROUNDS),
		.reference = bench_median(rate[1], FLOW_ROUNDS),
		.against = "bare libzmq relay, PULL to PUB",
		.aims = {{AIM_RATIO_LEAST, 0.85}},
		.more = json_pack("{s:i, s:i}", "rounds", FLOW_ROUNDS, "rows_a_round", FLOW_ROWS),
	});
	course_stop(&course);
}
