/* Opening, watching and closing a socket. Every option is set before connect: libzmq takes most of
 * them from there only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "link.h"

#define HANDSHAKE_MS      3000 /* libzmq's own 30 s let a dead peer block a reconnect */
#define CONNECT_MS        3000
#define RECONNECT_MS      100
#define RECONNECT_MAX_MS  2000
#define HEARTBEATS_MISSED 3 /* as many intervals without a sign make a peer dead */

#define EVENTS                                                                          \
	(ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |                       \
		ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | \
		ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

const char *spiked_client_version(void)
{
	return SPIKED_VERSION;
}

const char *spiked_strerror(int error)
{
	return error ? zmq_strerror(-error) : "success";
}

const char *spiked_link_text(enum spiked_link link)
{
	switch (link) {
	case SPIKED_LINK_CONNECTING:
		return "nobody has answered yet; is the daemon running, and is this its endpoint?";
	case SPIKED_LINK_UP:
		return "connected";
	case SPIKED_LINK_LOST:
		return "the connection is lost; trying again";
	case SPIKED_LINK_REFUSED:
		return "spiked does not let this key in here: it is not listed in security.clients, or "
		       "has no right to this socket; connect anew once it is";
	case SPIKED_LINK_MISMATCH:
		return "somebody is there, but they and this do not agree about keys: spiked uses keys "
		       "and this does not (or the other way round), or the server key is another's";
	}
	return "unknown";
}

int64_t spk_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t spk_deadline_ms(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : spk_now_ms() + timeout_ms;
}

static bool options_ok(const struct spiked_options *options)
{
	return options->size == sizeof(*options) && options->queue >= 1 &&
	       options->timeout_ms >= -1 && options->linger_ms >= 0 && options->heartbeat_ms >= 0 &&
	       options->heartbeat_ms <= INT_MAX / HEARTBEATS_MISSED &&
	       options->max_frame_bytes >= 512;
}

static int set_int(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static int set_keys(void *socket, const struct spiked_keys *keys)
{
	if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, keys->server_key, SPIKED_KEY_TEXT) < 0 ||
		zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, SPIKED_KEY_TEXT) <
			0 ||
		zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, SPIKED_KEY_TEXT) < 0)
		return -errno;
	return 0;
}

static int set_options(
	void *socket, int type, const char *endpoint, const struct spiked_options *options)
{
	int dead_ms = HEARTBEATS_MISSED * options->heartbeat_ms;
	struct {
		int option, value;
		bool wanted;
	} rows[] = {
		{ZMQ_LINGER, options->linger_ms, true},
		/* A SUB sends subscriptions, and loses those beyond the mark. */
		{ZMQ_SNDHWM, type == ZMQ_SUB ? 0 : options->queue, true},
		{ZMQ_RCVHWM, options->queue, type != ZMQ_PUSH},
		{ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS, true},
		{ZMQ_CONNECT_TIMEOUT, CONNECT_MS, true},
		{ZMQ_RECONNECT_IVL, RECONNECT_MS, true},
		{ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS, true},
		{ZMQ_HEARTBEAT_IVL, options->heartbeat_ms, options->heartbeat_ms > 0},
		{ZMQ_HEARTBEAT_TIMEOUT, dead_ms, options->heartbeat_ms > 0},
		/* Nothing waits for a peer that is not there: a row or a command that arrives minutes
		 * after it was given up is worse than none. */
		{ZMQ_IMMEDIATE, 1, type != ZMQ_SUB},
		{ZMQ_IPV6, 1, strchr(endpoint, '[') != NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = rows[i].wanted ? set_int(socket, rows[i].option, rows[i].value) : 0;
		if (rc < 0)
			return rc;
	}
	if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &options->max_frame_bytes,
		    sizeof(options->max_frame_bytes)) < 0)
		return -errno;
	return options->keys ? set_keys(socket, options->keys) : 0;
}

static int open_monitor(struct spk_link *link)
{
	char name[64];

	snprintf(name, sizeof(name), "inproc://spiked-client-%p", link->socket);
	if (zmq_socket_monitor(link->socket, name, EVENTS) < 0)
		return -errno;
	link->monitor = zmq_socket(link->context, ZMQ_PAIR);
	if (!link->monitor)
		return -errno;
	int rc = set_int(link->monitor, ZMQ_LINGER, 0);
	/* A full queue would stop libzmq's own thread. */
	if (rc == 0)
		rc = set_int(link->monitor, ZMQ_RCVHWM, 0);
	if (rc == 0 && zmq_connect(link->monitor, name) < 0)
		rc = -errno;
	return rc;
}

int spk_link_open(
	struct spk_link *link, int type, const char *endpoint, const struct spiked_options *options)
{
	static const struct spiked_options defaults = SPIKED_OPTIONS_INIT;
	int rc;

	*link = (struct spk_link){0};
	if (!options)
		options = &defaults;
	if (!endpoint || !options_ok(options))
		return -EINVAL;

	link->own_context = !options->zmq_context;
	link->context = link->own_context ? zmq_ctx_new() : options->zmq_context;
	if (!link->context)
		return -ENOMEM;
	link->timeout_ms = options->timeout_ms;
	link->socket = zmq_socket(link->context, type);
	if (!link->socket) {
		rc = -errno;
		goto fail;
	}
	rc = set_options(link->socket, type, endpoint, options);
	if (rc == 0)
		rc = open_monitor(link);
	if (rc == 0 && zmq_connect(link->socket, endpoint) < 0)
		rc = -errno;
	if (rc < 0)
		goto fail;
	link->linger_ms = options->linger_ms;
	return 0;
fail:
	spk_link_close(link);
	return rc;
}

/* A monitor message is u16 event, u32 value; then the endpoint as a second frame. */
static bool read_event(void *monitor, uint16_t *event)
{
	zmq_msg_t msg;
	bool got = false, more = true;

	while (more) {
		zmq_msg_init(&msg);
		if (zmq_msg_recv(&msg, monitor, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&msg);
			return got;
		}
		if (!got && zmq_msg_size(&msg) >= sizeof(*event)) {
			memcpy(event, zmq_msg_data(&msg), sizeof(*event));
			got = true;
		}
		more = zmq_msg_more(&msg) != 0;
		zmq_msg_close(&msg);
	}
	return got;
}

enum spiked_link spk_link_state(struct spk_link *link)
{
	uint16_t event;

	while (read_event(link->monitor, &event)) {
		if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
			link->state = SPIKED_LINK_UP;
		else if (event == ZMQ_EVENT_DISCONNECTED && link->state == SPIKED_LINK_UP)
			link->state = SPIKED_LINK_LOST;
		else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
			link->state = SPIKED_LINK_REFUSED;
		else if (event != ZMQ_EVENT_DISCONNECTED && link->state == SPIKED_LINK_CONNECTING)
			link->state = SPIKED_LINK_MISMATCH;
	}
	return link->state;
}

int spk_link_wait(struct spk_link *link, short events, int64_t deadline)
{
	zmq_pollitem_t item = {.socket = link->socket, .events = events};
	int64_t left = deadline == INT64_MAX ? -1 : deadline - spk_now_ms();

	if (left < 0 && deadline != INT64_MAX)
		left = 0;
	int rc = zmq_poll(&item, 1, (long)left);
	if (rc < 0)
		return -errno;
	return rc > 0 ? 0 : -EAGAIN;
}

void spk_link_close(struct spk_link *link)
{
	if (link->socket) {
		zmq_socket_monitor(link->socket, NULL, 0);
		set_int(link->socket, ZMQ_LINGER, link->linger_ms);
	}
	if (link->monitor)
		zmq_close(link->monitor);
	if (link->socket)
		zmq_close(link->socket);
	if (link->context && link->own_context)
		while (zmq_ctx_term(link->context) < 0 && errno == EINTR)
			;
	*link = (struct spk_link){0};
}
