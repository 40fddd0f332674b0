/* Opening the daemon's ZeroMQ sockets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sockets.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define HEARTBEAT_MS         5000
#define HEARTBEAT_TIMEOUT_MS 30000
#define HANDSHAKE_MS         5000
#define RECONNECT_MAX_MS     2000
#define CONTROL_MAX_BYTES    (INT64_C(16) << 20)
#define FRAME_LIMIT_LEAST    (INT64_C(64) << 20)
#define BACKLOG              1024

static void set_int(void *socket, int option, int value)
{
	zmq_setsockopt(socket, option, &value, sizeof(value));
}

/* In a lossless clock spiked stops reading and writing for as long as a subscriber likes. A peer
 * that is held back so does not answer heartbeats, and must not be taken for dead. */
static void set_common(void *socket, const struct conf *conf)
{
	if (conf->clock == CLOCK_WALL) {
		set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
		set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
		set_int(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS);
	}
	set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
	set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
	set_int(socket, ZMQ_BACKLOG, BACKLOG);
	set_int(socket, ZMQ_LINGER, 0);
}

static const char *advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "something listens there already (another spiked?); stop it or choose "
		       "another port";
	case EACCES:
		return "not allowed; ports below 1024 need privileges, ipc files a writable folder";
	case EADDRNOTAVAIL:
	case ENODEV:
		return "this machine has no such address";
	case ENOENT:
		return "the folder of the ipc file does not exist";
	default:
		return "see the endpoint's spelling";
	}
}

static int attach(void *socket, bool connect, const char *key, const char *endpoint,
	const struct conf *conf, struct fault *f)
{
	int error;

	if (strchr(endpoint, '['))
		set_int(socket, ZMQ_IPV6, 1);
	if (!(connect ? zmq_connect(socket, endpoint) : zmq_bind(socket, endpoint)))
		return 0;
	error = zmq_errno();
	return fault_set(f, -error, "%s: cannot %s %s: %s (%s); the key is `%s` in %s", key,
		connect ? "connect to" : "listen on", endpoint, zmq_strerror(error), advice(error),
		key, conf->path);
}

static void *open_socket(struct sockets *s, int type, const struct conf *conf, struct fault *f)
{
	void *socket = zmq_socket(s->context, type);

	if (socket)
		set_common(socket, conf);
	else
		fault_set(f, -zmq_errno(), "cannot open a socket: %s", zmq_strerror(zmq_errno()));
	return socket;
}

/* Over max_row_bytes a payload is rejected and counted. One so large that it would cost real memory is
 * not even received: ZeroMQ then ends the connection. */
static int64_t frame_limit(const struct conf *conf)
{
	int64_t limit = (int64_t)conf->max_row_bytes * 2;

	return limit > FRAME_LIMIT_LEAST ? limit : FRAME_LIMIT_LEAST;
}

static int open_ingest(struct sockets *s, const struct conf *conf, uint32_t i, struct fault *f)
{
	const struct conf_ingest *in = &conf->ingest[i];
	int64_t limit = frame_limit(conf);
	void *socket = open_socket(s, in->connect ? ZMQ_SUB : ZMQ_PULL, conf, f);

	s->ingest[i] = socket;
	if (!socket)
		return f->code;
	set_int(socket, ZMQ_RCVHWM, (int)conf->receive_queue);
	zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &limit, sizeof(limit));
	if (in->connect) {
		set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, in->topic ? in->topic : "",
			in->topic ? strlen(in->topic) : 0);
	}
	return attach(socket, in->connect, "ingest", in->endpoint, conf, f);
}

static int open_publish(struct sockets *s, const struct conf *conf, struct fault *f)
{
	int ret = 0;

	s->publish = open_socket(s, ZMQ_XPUB, conf, f);
	if (!s->publish)
		return f->code;
	set_int(s->publish, ZMQ_SNDHWM, (int)conf->send_queue);
	set_int(s->publish, ZMQ_XPUB_VERBOSE, 1); /* a late joiner gets its meta message */
	if (conf->clock != CLOCK_WALL)
		set_int(s->publish, ZMQ_XPUB_NODROP, 1);
	for (uint32_t i = 0; !ret && i < conf->publishes; i++)
		ret = attach(s->publish, false, "publish", conf->publish[i], conf, f);
	return ret;
}

static int open_control(struct sockets *s, const struct conf *conf, struct fault *f)
{
	int64_t limit = CONTROL_MAX_BYTES;

	if (!conf->control)
		return 0;
	s->control = open_socket(s, ZMQ_ROUTER, conf, f);
	if (!s->control)
		return f->code;
	zmq_setsockopt(s->control, ZMQ_MAXMSGSIZE, &limit, sizeof(limit));
	return attach(s->control, false, "control", conf->control, conf, f);
}

int sockets_open(struct sockets *s, const struct conf *conf, int io_priority, struct fault *f)
{
	int ret = 0;

	*s = (struct sockets){.context = zmq_ctx_new(), .ingests = conf->ingests};
	s->ingest = calloc(conf->ingests + 1, sizeof(*s->ingest));
	if (!s->context || !s->ingest)
		ret = fault_set(f, -ENOMEM, "not enough memory for the sockets");
	if (!ret && io_priority) {
		zmq_ctx_set(s->context, ZMQ_THREAD_SCHED_POLICY, SCHED_FIFO);
		zmq_ctx_set(s->context, ZMQ_THREAD_PRIORITY, io_priority);
	}
	for (uint32_t i = 0; !ret && i < conf->ingests; i++)
		ret = open_ingest(s, conf, i, f);
	if (!ret)
		ret = open_publish(s, conf, f);
	if (!ret)
		ret = open_control(s, conf, f);
	if (ret)
		sockets_close(s);
	return ret;
}

void sockets_hand_over(struct sockets *s, bool publish, uint32_t ingests)
{
	if (publish)
		s->publish = NULL;
	for (uint32_t i = 0; i < ingests; i++)
		s->ingest[i] = NULL;
}

void sockets_close(struct sockets *s)
{
	for (uint32_t i = 0; s->ingest && i < s->ingests; i++)
		if (s->ingest[i])
			zmq_close(s->ingest[i]);
	if (s->publish)
		zmq_close(s->publish);
	if (s->control)
		zmq_close(s->control);
	free(s->ingest);
	if (s->context)
		zmq_ctx_term(s->context);
	*s = (struct sockets){0};
}
