/* The connections that this process has accepted.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/loop/conns.h"

#include <sys/socket.h>

static bool read_hex(const char *text, int digits, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < digits; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false; /* its end, too */
	}
	return true;
}

bool peer_read(zmq_msg_t *message, struct peer *peer)
{
	const char *text = zmq_msg_gets(message, PEER_PROPERTY);
	uint64_t serial;

	*peer = (struct peer){.fd = -1};
	if (!text || !read_hex(text, 16, &peer->id) || !read_hex(text + 16, 8, &serial))
		return false;
	peer->serial = (uint32_t)serial;
	return true;
}

void peer_read_fd(zmq_msg_t *message, struct peer *peer)
{
	peer->fd = zmq_msg_get(message, ZMQ_SRCFD);
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size))
		return 0;
	return cookie;
}

bool conns_alive(const struct conns *conns, const struct peer *peer)
{
	const struct conn_slot *slot;
	uint64_t cookie;

	if (peer->fd < 0 || (uint32_t)peer->fd >= conns->count)
		return false;
	slot = &conns->slots[peer->fd];
	/* A newer cookie is never seen with an older time: conns_enter writes in the other order. */
	cookie = atomic_load_explicit(&slot->cookie, memory_order_acquire);
	return cookie && atomic_load_explicit(&slot->since, memory_order_acquire) < peer->id &&
	       cookie_of(peer->fd) == cookie;
}

bool conns_cut(const struct conns *conns, const struct peer *peer)
{
	return conns_alive(conns, peer) && !shutdown(peer->fd, SHUT_RDWR);
}

bool conns_enter(struct conns *conns, int fd, uint64_t now)
{
	struct conn_slot *slot;

	if (fd < 0 || (uint32_t)fd >= conns->count)
		return false;
	slot = &conns->slots[fd];
	atomic_store_explicit(&slot->since, now, memory_order_release);
	atomic_store_explicit(&slot->cookie, cookie_of(fd), memory_order_release);
	return true;
}

bool conns_open(const struct conns *conns, int fd)
{
	uint64_t cookie = atomic_load_explicit(&conns->slots[fd].cookie, memory_order_acquire);

	return cookie && cookie_of(fd) == cookie;
}

void conns_leave(struct conns *conns, int fd)
{
	if (fd >= 0 && (uint32_t)fd < conns->count)
		atomic_store_explicit(&conns->slots[fd].cookie, 0, memory_order_release);
}
