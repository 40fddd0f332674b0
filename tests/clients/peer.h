/* What the C client's tests share: raw libzmq peers on loopback, so that no code of the client judges the
 * client.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/test.h"

#include <unistd.h>
#include <zmq.h>

#define WAIT_MS 5000

static void *context;

/* A bound peer on a free port. */
struct peer {
	void *socket;
	char endpoint[64];
};

static inline struct peer peer_open(int type)
{
	struct peer peer;
	size_t size = sizeof(peer.endpoint);
	int zero = 0, wait = WAIT_MS;

	peer.socket = zmq_socket(context, type);
	assert_non_null(peer.socket);
	zmq_setsockopt(peer.socket, ZMQ_LINGER, &zero, sizeof(zero));
	zmq_setsockopt(peer.socket, ZMQ_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(zmq_bind(peer.socket, "tcp://127.0.0.1:*"), 0);
	assert_int_equal(zmq_getsockopt(peer.socket, ZMQ_LAST_ENDPOINT, peer.endpoint, &size), 0);
	return peer;
}

/* An endpoint where nobody is yet. Not a port: a free one may be somebody else's a moment later. */
static inline struct peer nobody(void)
{
	static unsigned n;
	struct peer peer = {.socket = NULL};

	snprintf(peer.endpoint, sizeof(peer.endpoint), "ipc://@spiked-test-%d-%u", (int)getpid(),
		n++);
	return peer;
}

/* Now somebody comes. */
static inline void appear(struct peer *peer, int type)
{
	int zero = 0, wait = WAIT_MS;

	peer->socket = zmq_socket(context, type);
	zmq_setsockopt(peer->socket, ZMQ_LINGER, &zero, sizeof(zero));
	zmq_setsockopt(peer->socket, ZMQ_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(zmq_bind(peer->socket, peer->endpoint), 0);
}

static inline void send_part(void *socket, const void *data, size_t size, bool more)
{
	assert_int_equal(zmq_send(socket, data, size, more ? ZMQ_SNDMORE : 0), size);
}

static inline int open_context(void **state)
{
	(void)state;
	alarm(120); /* a test that waits for ever fails too */
	context = zmq_ctx_new();
	return context ? 0 : -1;
}

static inline int close_context(void **state)
{
	/* Not zmq_ctx_term(): it would wait for the sockets that a failed test has left open. */
	(void)state;
	return zmq_ctx_shutdown(context);
}
