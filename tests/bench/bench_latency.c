/* From a row sent to its spikes received: spiked in the data clock against a bare relay from PULL to
 * PUB with messages of the same sizes, over the same kind of socket, in turns, at 1 kHz each.
 *
 * Argument: the path of spiked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define CHANNELS  64
#define ROUNDS    7
#define ROWS      700 /* in a round */
#define PERIOD_NS 1000000
#define TOPIC     "spikes/s/"
#define HEADER    64
#define GIVE_UP_S 5

/* The threshold is so low that every line spikes at every row: as many bytes out as in. */
static const char config[] = "clock: data\n"
			     "dt: 1 ms\n"
			     "streams:\n"
			     "  - name: s\n"
			     "    channels: 64\n"
			     "    encode: [{lif: {v_th: 0.001}}]\n";

struct way {
	void *push, *sub;
	double took_us[ROWS];
	double p50[ROUNDS], p99[ROUNDS];
};

static void relay(const char *in, const char *out)
{
	static const char header[HEADER];
	void *context = zmq_ctx_new();
	void *pull = zmq_socket(context, ZMQ_PULL), *pub = zmq_socket(context, ZMQ_PUB);
	zmq_msg_t name, payload;

	if (zmq_bind(pull, in) || zmq_bind(pub, out))
		bench_die("relay");
	for (;;) {
		zmq_msg_init(&name);
		zmq_msg_init(&payload);
		if (zmq_msg_recv(&name, pull, 0) < 0 || zmq_msg_recv(&payload, pull, 0) < 0)
			bench_die("relay");
		zmq_msg_close(&name);
		zmq_send(pub, TOPIC, strlen(TOPIC), ZMQ_SNDMORE);
		zmq_send(pub, header, HEADER, ZMQ_SNDMORE);
		zmq_msg_send(&payload, pub, 0);
	}
}

static void way_connect(struct way *w, void *context, const char *in, const char *out)
{
	int give_up = GIVE_UP_S * 1000, linger = 0;

	w->push = zmq_socket(context, ZMQ_PUSH);
	w->sub = zmq_socket(context, ZMQ_SUB);
	zmq_setsockopt(w->push, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(w->sub, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(w->sub, ZMQ_RCVTIMEO, &give_up, sizeof(give_up));
	zmq_setsockopt(w->sub, ZMQ_SUBSCRIBE, TOPIC, strlen(TOPIC));
	if (zmq_connect(w->push, in) || zmq_connect(w->sub, out))
		bench_die("connect");
}

/* One row there, its spikes back; microseconds. */
static double round_trip(struct way *w)
{
	static float row[CHANNELS];
	char topic[32], header[HEADER], words[sizeof(row)];

	for (int i = 0; i < CHANNELS; i++)
		row[i] = 1.0f;
	int64_t start = bench_now_ns();
	zmq_send(w->push, "s", 1, ZMQ_SNDMORE);
	zmq_send(w->push, row, sizeof(row), 0);
	if (zmq_recv(w->sub, topic, sizeof(topic), 0) < 0 ||
		zmq_recv(w->sub, header, sizeof(header), 0) != HEADER ||
		zmq_recv(w->sub, words, sizeof(words), 0) != (int)sizeof(words))
		bench_die("a row was not answered by as many spikes");
	return (double)(bench_now_ns() - start) / 1e3;
}

static void measure(struct way ways[2])
{
	int64_t due = bench_now_ns();

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < ROWS; i++) {
			for (int w = 0; w < 2; w++) {
				bench_sleep_until(due);
				ways[w].took_us[i] = round_trip(&ways[w]);
				due += PERIOD_NS / 2;
			}
		}
		for (int w = 0; w < 2; w++) {
			ways[w].p50[round] = bench_quantile(ways[w].took_us, ROWS, 0.5);
			ways[w].p99[round] = bench_quantile(ways[w].took_us, ROWS, 0.99);
		}
	}
}

int main(int argc, char **argv)
{
	static struct way ways[2];
	struct bench_daemon daemon;
	char in[128], out[128];
	int status;

	if (argc != 2)
		bench_die("usage: bench_latency SPIKED");
	bench_start(&daemon, argv[1], config);
	snprintf(in, sizeof(in), "ipc://%s/relay-in", daemon.folder);
	snprintf(out, sizeof(out), "ipc://%s/relay-out", daemon.folder);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		relay(in, out);
	}

	void *context = zmq_ctx_new();
	way_connect(&ways[0], context, daemon.ingest, daemon.publish);
	way_connect(&ways[1], context, in, out);
	bench_sleep_until(bench_now_ns() + 500000000); /* subscriptions arrive */
	measure(ways);
	bench_print("latency_p50", bench_quantile(ways[0].p50, ROUNDS, 0.5), "us",
		bench_quantile(ways[1].p50, ROUNDS, 0.5), "libzmq relay, PULL to PUB");
	bench_print("latency_p99", bench_quantile(ways[0].p99, ROUNDS, 0.5), "us",
		bench_quantile(ways[1].p99, ROUNDS, 0.5), "libzmq relay, PULL to PUB");

	for (int w = 0; w < 2; w++) {
		zmq_close(ways[w].push);
		zmq_close(ways[w].sub);
	}
	zmq_ctx_term(context);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	unlink(in + strlen("ipc://"));
	unlink(out + strlen("ipc://"));
	bench_stop(&daemon);
	return 0;
}
