/* Lateness of 1 ms ticks while others make trouble: a subscriber that reads ten messages a second, a
 * control client with 1,000 requests a second, and twenty subscribers that come, read and go again.
 * Against the same daemon with its one subscriber only, in turns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define ROUNDS     5
#define REQUEST_HZ 1000
#define VISITORS   20

static const char stream[] = "{\"name\": \"s\", \"channels\": 64, \"encode\": [\"lif\"]}";

struct trouble {
	const struct bench_daemon *daemon;
	atomic_bool stop;
	pthread_t client, visitors;
	struct bench_listener slow;
	long requests, visits;
};

/* The calls that a dashboard makes, and one that changes something. */
static void *ask(void *arg)
{
	static const char *const requests[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"info\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"streams\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stats\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"set\",\"params\":{\"name\":\"s\",\"stage\":0,"
		"\"param\":\"v_th\",\"value\":1.0}}",
	};
	struct trouble *t = arg;
	void *context = zmq_ctx_new();
	void *socket = bench_connect(context, ZMQ_DEALER, t->daemon->control, NULL);
	int64_t due_ns = bench_now_ns();
	zmq_msg_t answer;

	zmq_msg_init(&answer);
	for (unsigned i = 0; !atomic_load(&t->stop); i++) {
		const char *request = requests[i % 4];

		due_ns += NS_A_SECOND / REQUEST_HZ;
		bench_sleep_until(due_ns);
		zmq_send(socket, "", 0, ZMQ_SNDMORE);
		zmq_send(socket, request, strlen(request), 0);
		while (zmq_msg_recv(&answer, socket, ZMQ_DONTWAIT) >= 0)
			t->requests += !zmq_msg_more(&answer);
	}
	zmq_msg_close(&answer);
	zmq_close(socket);
	zmq_ctx_term(context);
	return NULL;
}

/* Each visitor stays for about a fifth of a second. */
static void *visit(void *arg)
{
	static const char *const topics[] = {"spikes/", "json/s/", "state/s/", "meta/"};
	struct trouble *t = arg;
	void *context = zmq_ctx_new(), *sockets[VISITORS] = {0};
	zmq_msg_t part;

	zmq_msg_init(&part);
	for (unsigned i = 0; !atomic_load(&t->stop); i++) {
		void **socket = &sockets[i % VISITORS];

		if (*socket)
			zmq_close(*socket);
		*socket = bench_connect(context, ZMQ_SUB, t->daemon->publish, topics[i % 4]);
		t->visits++;
		bench_sleep(0.2 / VISITORS);
		for (unsigned k = 0; k < VISITORS; k++)
			while (sockets[k] && zmq_msg_recv(&part, sockets[k], ZMQ_DONTWAIT) >= 0)
				;
	}
	for (unsigned k = 0; k < VISITORS; k++)
		if (sockets[k])
			zmq_close(sockets[k]);
	zmq_msg_close(&part);
	zmq_ctx_term(context);
	return NULL;
}

static void trouble_start(struct trouble *t, const struct bench_daemon *daemon)
{
	memset(t, 0, sizeof(*t));
	t->daemon = daemon;
	bench_listen(&t->slow, daemon->publish, "spikes/s/", 100);
	if (pthread_create(&t->client, NULL, ask, t) ||
		pthread_create(&t->visitors, NULL, visit, t))
		bench_die("thread");
}

static void trouble_stop(struct trouble *t)
{
	atomic_store(&t->stop, true);
	pthread_join(t->client, NULL);
	pthread_join(t->visitors, NULL);
	bench_unlisten(&t->slow);
}

static void measure(const struct bench_site *site, double seconds, struct trouble *trouble,
	struct bench_ticks *ticks)
{
	struct bench_daemon daemon;
	struct bench_listener listener;
	char config[256];

	snprintf(config, sizeof(config), "clock: wall\ndt: 1 ms\n%s", bench_realtime());
	bench_start(&daemon, site, config);
	bench_listen(&listener, daemon.publish, "spikes/s/", 0);
	bench_sleep(0.2);
	bench_add(&daemon, stream);
	bench_feed(&daemon, "s", 0, 64, 1.5f);
	if (trouble)
		trouble_start(trouble, &daemon);
	bench_sleep(seconds);
	bench_stats(&daemon, ticks);
	if (trouble)
		trouble_stop(trouble);
	bench_unlisten(&listener);
	bench_stop(&daemon);
}

void bench_disturbed(const struct bench_site *site)
{
	const double seconds = site->full ? 10 : 3;
	double p99[2][ROUNDS], missed[2] = {0}, requests = 0, visits = 0;
	struct bench_ticks ticks;
	struct trouble trouble;

	for (int round = 0; round < ROUNDS; round++) {
		for (int quiet = 0; quiet < 2; quiet++) {
			measure(site, seconds, quiet ? NULL : &trouble, &ticks);
			p99[quiet][round] = ticks.p99;
			missed[quiet] += ticks.missed;
		}
		requests += (double)trouble.requests / ROUNDS / seconds;
		visits += (double)trouble.visits / ROUNDS / seconds;
	}
	bench_print(&(struct bench_line){
		.bench = "disturbed",
		.unit = "us, lateness p99",
		.value = bench_median(p99[0], ROUNDS),
		.reference = bench_median(p99[1], ROUNDS),
		.against = "undisturbed",
		.aims = {{AIM_RATIO_MOST, 1.3}},
		.more = json_pack("{s:b, s:f, s:f, s:f, s:f, s:i, s:f}", "fifo", ticks.realtime,
			"missed", missed[0], "missed_undisturbed", missed[1],
			"requests_answered_hz", requests, "visits_hz", visits, "rounds", ROUNDS,
			"seconds_a_round", seconds),
	});
}
