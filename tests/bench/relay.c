/* See relay.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/relay.h"

#include "spiked/wire.h"
#include "tests/bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

static void run(const struct bench_relay *r, const char *topic)
{
	static const char header[SPIKED_HEADER_SIZE];
	void *context = zmq_ctx_new();
	void *pull = zmq_socket(context, ZMQ_PULL), *pub = zmq_socket(context, ZMQ_XPUB);
	int yes = 1;
	zmq_msg_t name, payload;

	zmq_setsockopt(pub, ZMQ_XPUB_NODROP, &yes, sizeof(yes));
	if (zmq_bind(pull, r->in) || zmq_bind(pub, r->out))
		bench_die("relay");
	for (;;) {
		zmq_msg_init(&name);
		zmq_msg_init(&payload);
		if (zmq_msg_recv(&name, pull, 0) < 0 || zmq_msg_recv(&payload, pull, 0) < 0)
			bench_die("relay");
		zmq_msg_close(&name);
		zmq_send(pub, topic, strlen(topic), ZMQ_SNDMORE);
		zmq_send(pub, header, sizeof(header), ZMQ_SNDMORE);
		zmq_msg_send(&payload, pub, 0);
	}
}

void bench_relay_start(struct bench_relay *r, const char *folder, const char *topic)
{
	snprintf(r->in, sizeof(r->in), "ipc://%s/relay-in", folder);
	snprintf(r->out, sizeof(r->out), "ipc://%s/relay-out", folder);
	r->pid = fork();
	if (r->pid < 0)
		bench_die("fork");
	if (r->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(r, topic);
	}
}

void bench_relay_stop(struct bench_relay *r)
{
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
	unlink(r->in + strlen("ipc://"));
	unlink(r->out + strlen("ipc://"));
}
