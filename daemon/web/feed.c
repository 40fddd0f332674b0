/* ZeroMQ on the web thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/feed.h"

#include "spiked/wire.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define ROOM_FIRST    512 /* bytes of a message that is put together */
#define SEND_QUEUE    64  /* messages; a browser's may be megabytes, and wait in this process */
#define TOPIC_LONGEST (sizeof("spikes/") + SPIKED_NAME_MAX)

static void set_int(void *socket, int option, int value)
{
	zmq_setsockopt(socket, option, &value, sizeof(value));
}

static int watch(const struct feed_site *site, void *socket, int how)
{
	struct epoll_event event = {.events = EPOLLIN};
	size_t size = sizeof(int);
	int fd = -1;

	if (zmq_getsockopt(socket, ZMQ_FD, &fd, &size))
		return -zmq_errno();
	return epoll_ctl(site->epoll, how, fd, &event) ? -errno : 0;
}

static void close_socket(const struct feed_site *site, void *socket)
{
	if (!socket)
		return;
	watch(site, socket, EPOLL_CTL_DEL);
	zmq_close(socket);
}

/* NULL with errno set. */
static void *open_socket(const struct feed *f, int type, const char *endpoint)
{
	void *socket = zmq_socket(f->site->context, type);
	const struct conf_token *token = f->token;

	if (!socket)
		return NULL;
	set_int(socket, ZMQ_LINGER, 0);
	set_int(socket, ZMQ_RCVHWM, (int)f->site->receive_queue);
	set_int(socket, ZMQ_SNDHWM, SEND_QUEUE);
	if (token) {
		zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, f->site->server_key, ACL_KEY_TEXT);
		zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, token->public, ACL_KEY_TEXT);
		zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, token->secret, ACL_KEY_TEXT);
	}
	if (!zmq_connect(socket, endpoint) && !watch(f->site, socket, EPOLL_CTL_ADD))
		return socket;
	zmq_close(socket);
	return NULL;
}

int feed_open(struct feed *f, const struct feed_site *site, const struct conf_token *token)
{
	*f = (struct feed){.site = site, .token = token};
	if (site->publish && (!token || token->hears)) {
		f->subscriber = open_socket(f, ZMQ_SUB, site->publish);
		if (!f->subscriber)
			return -errno;
	}
	if (site->ingest && (!token || token->sends)) {
		f->pusher = open_socket(f, ZMQ_PUSH, site->ingest);
		if (!f->pusher)
			return -errno;
	}
	return 0;
}

void feed_close(struct feed *f)
{
	if (!f->site)
		return;
	close_socket(f->site, f->subscriber);
	close_socket(f->site, f->pusher);
	*f = (struct feed){0};
}

void feed_settle(void *socket)
{
	size_t size = sizeof(int);
	int events;

	if (socket)
		zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size);
}

void *feed_control(const struct feed *f)
{
	if (!f->site->control || (f->token && !f->token->reads))
		return NULL;
	return open_socket(f, ZMQ_DEALER, f->site->control);
}

void feed_control_close(const struct feed *f, void *socket)
{
	close_socket(f->site, socket);
}

/* Whether topics may begin like that. The daemon ends a connection that has said too much that is of no
 * use, and this one is everybody's. */
static bool is_of_use(const char *topic, size_t size)
{
	static const char *const words[] = {
		"spikes/", "state/", "values/", "json/", "rows/", "meta/", "bundle/", "status/"};

	for (size_t i = 0; size <= TOPIC_LONGEST && i < sizeof(words) / sizeof(*words); i++) {
		size_t n = strlen(words[i]);

		if (!memcmp(words[i], topic, size < n ? size : n))
			return true;
	}
	return false;
}

void feed_subscribe(struct feed *f, const char *topic, size_t size)
{
	f->topics++;
	if (f->subscriber && is_of_use(topic, size))
		zmq_setsockopt(f->subscriber, ZMQ_SUBSCRIBE, topic, size);
}

void feed_unsubscribe(struct feed *f, const char *topic, size_t size)
{
	f->topics--;
	if (f->subscriber && is_of_use(topic, size))
		zmq_setsockopt(f->subscriber, ZMQ_UNSUBSCRIBE, topic, size);
}

/* A message that grows part by part: a bundle has thousands. */
struct builder {
	struct packet *m; /* NULL = out of memory */
	size_t room;
};

static void put(struct builder *b, const void *bytes, size_t size)
{
	if (!b->m)
		return;
	if (b->m->size + size > b->room) {
		b->room = 2 * (b->m->size + size);
		b->m = packet_resize(b->m, b->room);
		if (!b->m)
			return;
	}
	memcpy(b->m->bytes + b->m->size, bytes, size);
	b->m->size += size;
}

static void put_part(struct builder *b, bool first, zmq_msg_t *part)
{
	size_t size = zmq_msg_size(part);
	unsigned char topic = (unsigned char)size;
	uint32_t length = htole32((uint32_t)size);

	put(b, first ? (const void *)&topic : &length, first ? sizeof(topic) : sizeof(length));
	put(b, zmq_msg_data(part), size);
}

struct packet *feed_receive(const struct feed *f, const char **topic, size_t *topic_size)
{
	struct builder b = {.room = ROOM_FIRST};
	bool more = true, first = true;

	/* A message arrives whole, so after its first part the others are there. */
	while (more && f->subscriber) {
		zmq_msg_t part;

		zmq_msg_init(&part);
		more = zmq_msg_recv(&part, f->subscriber, ZMQ_DONTWAIT) >= 0;
		if (more && first)
			b.m = packet_new(0, b.room);
		if (more)
			put_part(&b, first, &part);
		more = more && zmq_msg_more(&part);
		first = false;
		zmq_msg_close(&part);
	}
	if (!b.m)
		return NULL;
	b.m = packet_resize(b.m, b.m->size);
	*topic = (const char *)b.m->bytes + 1;
	*topic_size = b.m->bytes[0];
	return b.m;
}

/* The next part of a message as the WebSocket carries it; false = none, or not whole. */
static bool next_part(const unsigned char *bytes, size_t size, size_t *at, size_t *length)
{
	uint32_t n;

	if (!*at) {
		*at = 1;
		*length = size ? bytes[0] : 0;
		return size && *length <= size - 1;
	}
	*at += *length;
	if (size - *at < sizeof(n))
		return false;
	memcpy(&n, bytes + *at, sizeof(n));
	*at += sizeof(n);
	*length = le32toh(n);
	return *length <= size - *at;
}

bool feed_row_fits(const unsigned char *bytes, size_t size)
{
	size_t at = 0, length = 0;
	unsigned parts = 0;

	while (next_part(bytes, size, &at, &length))
		if (++parts > 1 && at + length == size)
			return true;
	return false;
}

bool feed_send_row(const struct feed *f, const unsigned char *bytes, size_t size)
{
	size_t at = 0, length = 0;

	while (next_part(bytes, size, &at, &length)) {
		bool last = at + length == size;

		/* Only before the first part is there ever no room. */
		if (zmq_send(f->pusher, bytes + at, length,
			    ZMQ_DONTWAIT | (last ? 0 : ZMQ_SNDMORE)) < 0)
			return zmq_errno() != EAGAIN;
		if (last)
			break;
	}
	return true;
}
