/* ZeroMQ sockets on a uv_loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/loop/zsock.h"

#include "daemon/core/clock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* A drain's share of one socket: enough to keep up, short enough not to delay a tick. */
#define BUDGET_MESSAGES 64
#define BUDGET_PARTS    1024
#define BUDGET_BYTES    (1u << 20)
#define BUDGET_NS       (200 * NS_PER_US) /* where timers must be on time */
#define CLOCK_BYTES     4096              /* between two looks at the clock */

/* Under a flood the loop would never sleep. A pause now and then costs nothing, and tells the kernel's
 * guard of real-time threads (core/realtime.h) that this one does not run away. */
#define BREATH_EVERY_NS (100 * NS_PER_MS)
#define BREATH_NS       50000

/* The kernel takes the processor from a real-time thread that uses it for 95 % of a second, for as long
 * as 50 ms: so a loop that sleeps less than REST_SHARE of a span lets its sockets rest. libuv's timers
 * fire up to a millisecond early. */
#define REST_SPAN_NS (8 * NS_PER_MS)
#define REST_SHARE   5 /* a fifth */
#define REST_MS      3

/* False: there was none. *more: another part follows. */
static bool receive_part(void *socket, zmq_msg_t *part, bool *more)
{
	int ret;

	zmq_msg_init(part);
	do
		ret = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
	while (ret < 0 && zmq_errno() == EINTR);
	if (ret < 0) {
		zmq_msg_close(part);
		return false;
	}
	*more = zmq_msg_more(part);
	return true;
}

/* Throws away what is left of a message of too many parts, as far as the budget goes. */
static void discard(struct zsock *z)
{
	zmq_msg_t part;

	for (unsigned n = 0; z->discarding && n < BUDGET_PARTS; n++) {
		if (!receive_part(z->socket, &part, &z->discarding))
			break;
		zmq_msg_close(&part);
	}
}

/* Receives one message, its first parts at least. Returns their number, 0 if there was none. */
static unsigned receive(struct zsock *z, zmq_msg_t *parts, size_t *bytes)
{
	unsigned count = 0;
	bool more = true;

	while (more && count < (z->each_part ? 1 : ZSOCK_PARTS)) {
		if (!receive_part(z->socket, &parts[count], &more))
			break;
		*bytes += zmq_msg_size(&parts[count++]);
	}
	z->discarding = more && !z->each_part && count == ZSOCK_PARTS;
	return count;
}

/* True if messages may be left. */
bool zsock_drain(struct zsock *z)
{
	zmq_msg_t parts[ZSOCK_PARTS];
	unsigned messages = 0;
	size_t bytes = 0, looked = 0;
	int64_t end_ns = z->zloop->may_rest ? clock_mono_ns() + BUDGET_NS : 0;

	while (!z->paused) {
		unsigned count;
		bool go_on;

		if (z->discarding) {
			discard(z);
			return true;
		}
		if (messages++ == BUDGET_MESSAGES || bytes > BUDGET_BYTES)
			return true;
		if (z->zloop->may_rest && bytes >= looked + CLOCK_BYTES) {
			looked = bytes;
			if (clock_mono_ns() >= end_ns)
				return true;
		}
		count = receive(z, parts, &bytes);
		if (!count) {
			z->emptied++;
			return false;
		}
		go_on = z->on_message(z, parts, count + z->discarding);
		for (unsigned i = 0; i < count; i++)
			zmq_msg_close(&parts[i]);
		if (!go_on)
			return false;
	}
	return false;
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle; /* only keeps the loop from sleeping until the next prepare */
}

bool zloop_drain(struct zloop *zl)
{
	bool left = false;

	for (struct zsock *z = zl->sockets; z; z = z->next)
		left |= zsock_drain(z);
	if (left)
		uv_idle_start(&zl->idle, on_idle);
	else
		uv_idle_stop(&zl->idle);
	return left;
}

static void take_breath(struct zloop *zl)
{
	const struct timespec breath = {.tv_nsec = BREATH_NS};
	int64_t now_ns = clock_mono_ns();

	if (!zl->busy_since_ns) {
		zl->busy_since_ns = now_ns;
	} else if (now_ns - zl->busy_since_ns > BREATH_EVERY_NS) {
		nanosleep(&breath, NULL);
		zl->busy_since_ns = now_ns;
	}
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *timer)
{
	struct zloop *zl = timer->data;

	zl->resting = false;
	zl->watched_ns = clock_mono_ns();
	zl->slept_ns = 0;
	for (struct zsock *z = zl->sockets; z; z = z->next)
		if (!z->paused)
			uv_poll_start(&z->poll, UV_READABLE, on_poll);
}

/* Starts a rest if the span that ends now was too busy. */
static void look_after_sleep(struct zloop *zl, int64_t now_ns)
{
	int64_t span_ns = now_ns - zl->watched_ns;

	if (span_ns < REST_SPAN_NS)
		return;
	if (zl->watched_ns && zl->slept_ns < span_ns / REST_SHARE) {
		zl->resting = true;
		uv_idle_stop(&zl->idle);
		for (struct zsock *z = zl->sockets; z; z = z->next)
			uv_poll_stop(&z->poll);
		uv_timer_start(&zl->rest, on_rested, REST_MS, 0);
		if (zl->rests)
			counter_add(zl->rests, 1);
	}
	zl->watched_ns = now_ns;
	zl->slept_ns = 0;
}

static void on_check(uv_check_t *check)
{
	struct zloop *zl = check->data;

	if (zl->asleep_ns)
		zl->slept_ns += clock_mono_ns() - zl->asleep_ns;
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct zloop *zl = prepare->data;

	if (!zl->resting) {
		if (!zloop_drain(zl))
			zl->busy_since_ns = 0;
		else if (!zl->may_rest)
			take_breath(zl);
	}
	if (!zl->may_rest)
		return;
	zl->asleep_ns = clock_mono_ns();
	if (!zl->resting)
		look_after_sleep(zl, zl->asleep_ns);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct zsock *z = poll->data;

	(void)status;
	(void)events;
	if (zsock_drain(z))
		uv_idle_start(&z->zloop->idle, on_idle);
}

int zloop_init(struct zloop *zl, uv_loop_t *loop)
{
	*zl = (struct zloop){.loop = loop};
	uv_idle_init(loop, &zl->idle);
	uv_prepare_init(loop, &zl->prepare);
	uv_check_init(loop, &zl->check);
	uv_timer_init(loop, &zl->rest);
	zl->prepare.data = zl->check.data = zl->rest.data = zl;
	uv_check_start(&zl->check, on_check);
	return uv_prepare_start(&zl->prepare, on_prepare);
}

int zsock_init(struct zsock *z, struct zloop *zl, void *socket, zsock_on_message fn, void *data)
{
	int fd, ret;
	size_t size = sizeof(fd);

	*z = (struct zsock){.socket = socket, .zloop = zl, .on_message = fn, .data = data};
	ret = zmq_getsockopt(socket, ZMQ_FD, &fd, &size) ? -zmq_errno()
							 : uv_poll_init(zl->loop, &z->poll, fd);
	if (ret) {
		z->socket = NULL;
		return ret;
	}
	z->poll.data = z;
	uv_poll_start(&z->poll, UV_READABLE, on_poll); /* only fails on a handle that is closing */
	z->next = zl->sockets;
	zl->sockets = z;
	return 0;
}

void zsock_pause(struct zsock *z)
{
	if (z->paused)
		return;
	z->paused = true;
	uv_poll_stop(&z->poll);
}

void zsock_resume(struct zsock *z)
{
	if (!z->paused)
		return;
	z->paused = false;
	if (z->zloop->resting)
		return;
	uv_poll_start(&z->poll, UV_READABLE, on_poll);
	uv_idle_start(&z->zloop->idle, on_idle); /* what came in the meantime has no wake-up left */
}

static void allow_ipv6(void *socket, const char *endpoint)
{
	int on = 1;

	if (strchr(endpoint, '['))
		zmq_setsockopt(socket, ZMQ_IPV6, &on, sizeof(on));
}

int zsock_connect(void *socket, const char *endpoint)
{
	allow_ipv6(socket, endpoint);
	return zmq_connect(socket, endpoint) ? -zmq_errno() : 0;
}

int zsock_listen(void *socket, struct listener *at)
{
	size_t size = sizeof(at->bound);

	allow_ipv6(socket, at->endpoint);
	if (zmq_bind(socket, at->endpoint))
		return -zmq_errno();
	return zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, at->bound, &size) ? -zmq_errno() : 0;
}

int zsock_unlisten(void *socket, struct listener *at, int linger_ms)
{
	int ret, before;
	size_t size = sizeof(before);

	zmq_getsockopt(socket, ZMQ_LINGER, &before, &size);
	zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
	ret = zmq_unbind(socket, at->bound) ? -zmq_errno() : 0;
	zmq_setsockopt(socket, ZMQ_LINGER, &before, sizeof(before));
	at->bound[0] = '\0';
	return ret;
}

static void on_close(uv_handle_t *poll)
{
	struct zsock *z = poll->data;

	if (z->on_closed)
		z->on_closed(z);
}

void zsock_close(struct zsock *z, int linger_ms)
{
	struct zsock **link = &z->zloop->sockets;

	while (*link && *link != z)
		link = &(*link)->next;
	if (*link)
		*link = z->next;
	uv_poll_stop(&z->poll);
	uv_close((uv_handle_t *)&z->poll, on_close);
	zmq_setsockopt(z->socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
	zmq_close(z->socket);
	z->socket = NULL;
}

void zloop_close(struct zloop *zl)
{
	uv_close((uv_handle_t *)&zl->prepare, NULL);
	uv_close((uv_handle_t *)&zl->idle, NULL);
	uv_close((uv_handle_t *)&zl->check, NULL);
	uv_close((uv_handle_t *)&zl->rest, NULL);
}
