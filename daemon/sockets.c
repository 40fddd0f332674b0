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
#define CONTROL_LIMIT_LEAST  (INT64_C(64) << 10)
#define BACKLOG              1024
#define SUBSCRIPTION_MAX     INT64_C(4096) /* bytes; handshakes need about 300 */

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

/* Whether it really is encrypted, and with which key: what ZeroMQ does not take it does not always say. */
static bool has_key(void *socket, const char *wanted)
{
	char secret[ACL_KEY_TEXT] = "", derived[ACL_KEY_TEXT] = "";
	int mechanism = ZMQ_NULL;
	size_t size = sizeof(mechanism), room = sizeof(secret);
	bool has = !zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &size) &&
		   mechanism == ZMQ_CURVE &&
		   !zmq_getsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, &room) &&
		   !zmq_curve_public(derived, secret) && !strcmp(derived, wanted);

	explicit_bzero(secret, sizeof(secret));
	return has;
}

/* Puts a socket that is to listen behind the gate. With keys, everybody who connects has to know the
 * daemon's and to have a listed one. */
static int lock(const struct sockets *s, void *socket, const struct conf *conf, enum gate_role role,
	struct fault *f)
{
	if (conf->security.wanted) {
		set_int(socket, ZMQ_CURVE_SERVER, 1);
		zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, conf->security.secret, ACL_KEY_TEXT);
		if (!has_key(socket, conf->security.own_public))
			return fault_set(
				f, -EKEYREJECTED, "security: ZeroMQ did not take the daemon's key");
	}
	return gate_watch(s->gate, socket, role, f);
}

static void set_client_key(void *socket, const struct conf *conf, const char *server_key)
{
	zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, ACL_KEY_TEXT);
	zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, conf->security.own_public, ACL_KEY_TEXT);
	zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, conf->security.secret, ACL_KEY_TEXT);
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

int sockets_fault(int error, bool connect, const char *key, const char *endpoint,
	const struct conf *conf, struct fault *f)
{
	return fault_set(f, error, "%s: cannot %s %s: %s (%s); the key is `%s` in %s", key,
		connect ? "connect to" : "listen on", endpoint, zmq_strerror(-error),
		advice(-error), key, conf->path);
}

static int listen_at(void *socket, const char *key, const char *endpoint, struct listener *at,
	const struct conf *conf, struct fault *f)
{
	int ret;

	at->endpoint = endpoint;
	ret = zsock_listen(socket, at);
	return ret ? sockets_fault(ret, false, key, endpoint, conf, f) : 0;
}

static void *open_socket(
	const struct sockets *s, int type, const struct conf *conf, struct fault *f)
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
int64_t sockets_frame_limit(const struct conf *conf)
{
	int64_t limit = (int64_t)conf->max_row_bytes * 2;

	return limit > SOCKETS_FRAME_LIMIT_LEAST ? limit : SOCKETS_FRAME_LIMIT_LEAST;
}

void *sockets_ingest(const struct sockets *s, const struct conf *conf, uint32_t i, struct fault *f)
{
	const struct conf_ingest *in = &conf->ingest[i];
	int64_t limit = sockets_frame_limit(conf);
	void *socket = open_socket(s, in->connect ? ZMQ_SUB : ZMQ_PULL, conf, f);
	struct listener at = {.endpoint = in->endpoint};
	int ret = 0;

	if (!socket)
		return NULL;
	set_int(socket, ZMQ_RCVHWM, (int)conf->receive_queue);
	zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &limit, sizeof(limit));
	if (in->connect) {
		set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, in->topic ? in->topic : "",
			in->topic ? strlen(in->topic) : 0);
		if (in->server_key)
			set_client_key(socket, conf, in->server_key);
		ret = zsock_connect(socket, in->endpoint);
	} else if (!lock(s, socket, conf, GATE_ROWS, f)) {
		ret = zsock_listen(socket, &at);
	} else {
		zmq_close(socket);
		return NULL;
	}
	if (!ret)
		return socket;
	sockets_fault(ret, in->connect, "ingest", in->endpoint, conf, f);
	zmq_close(socket);
	return NULL;
}

static int open_publish(struct sockets *s, const struct conf *conf, struct fault *f)
{
	int64_t limit = SUBSCRIPTION_MAX;
	int ret;

	s->publish = open_socket(s, ZMQ_XPUB, conf, f);
	if (!s->publish)
		return f->code;
	s->listeners = calloc(conf->publishes + 1, sizeof(*s->listeners));
	if (!s->listeners)
		return fault_set(f, -ENOMEM, "not enough memory for the sockets");
	set_int(s->publish, ZMQ_SNDHWM, (int)conf->send_queue);
	zmq_setsockopt(s->publish, ZMQ_MAXMSGSIZE, &limit, sizeof(limit));
	/* flow/subscribers.h hears of every subscription; with keys it also decides. */
	set_int(s->publish, conf->security.wanted ? ZMQ_XPUB_MANUAL : ZMQ_XPUB_VERBOSER, 1);
	ret = lock(s, s->publish, conf, GATE_FRAMES, f);
	if (conf->clock != CLOCK_WALL)
		set_int(s->publish, ZMQ_XPUB_NODROP, 1);
	for (uint32_t i = 0; !ret && i < conf->publishes; i++)
		ret = listen_at(s->publish, "publish", conf->publish[i], &s->listeners[i], conf, f);
	return ret;
}

void *sockets_control(const struct sockets *s, const struct conf *conf, struct fault *f)
{
	/* One over the limit is answered; one so long that it would cost real memory ends the connection. */
	int64_t limit = 2 * (int64_t)conf->limits.control_bytes;
	void *socket = open_socket(s, ZMQ_ROUTER, conf, f);

	if (!socket)
		return NULL;
	if (limit < CONTROL_LIMIT_LEAST)
		limit = CONTROL_LIMIT_LEAST;
	zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &limit, sizeof(limit));
	if (!lock(s, socket, conf, GATE_CONTROL, f))
		return socket;
	zmq_close(socket);
	return NULL;
}

static int open_control(struct sockets *s, const struct conf *conf, struct fault *f)
{
	if (!conf->control)
		return 0;
	s->control = sockets_control(s, conf, f);
	if (!s->control)
		return f->code;
	return listen_at(s->control, "control", conf->control, &s->control_at, conf, f);
}

int sockets_open(struct sockets *s, const struct conf *conf, struct gate *gate, struct zloop *zl,
	int io_priority, struct fault *f)
{
	int ret = 0;

	*s = (struct sockets){.context = zmq_ctx_new(), .gate = gate};
	if (!s->context)
		ret = fault_set(f, -ENOMEM, "not enough memory for the sockets");
	if (!ret && io_priority) {
		zmq_ctx_set(s->context, ZMQ_THREAD_SCHED_POLICY, SCHED_FIFO);
		zmq_ctx_set(s->context, ZMQ_THREAD_PRIORITY, io_priority);
	}
	if (!ret)
		ret = gate_open(gate, zl, s->context, f);
	if (!ret)
		ret = open_publish(s, conf, f);
	if (!ret)
		ret = open_control(s, conf, f);
	if (ret) {
		sockets_close(s);
	}
	return ret;
}

void sockets_close(struct sockets *s)
{
	if (s->publish)
		zmq_close(s->publish);
	if (s->control)
		zmq_close(s->control);
	free(s->listeners);
	if (s->gate && !gate_close(s->gate))
		s->context = NULL; /* a socket lingers on: better not to wait for it */
	if (s->context)
		zmq_ctx_term(s->context);
	*s = (struct sockets){0};
}
