/* Binary messages of a WebSocket, of any bytes: what is sent on is whole, and the same when it is put
 * together again; and a queue of the lengths that they tell, against a simple account.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "daemon/web/feed.h"

#include <endian.h>

FUZZ_OPTIONS

#define JOINED_MAX (1 << 20)

static uint8_t joined[JOINED_MAX];
static size_t joined_size;
static unsigned parts;
static bool ended;

int __wrap_zmq_send(void *socket, const void *bytes, size_t size, int flags);

int __wrap_zmq_send(void *socket, const void *bytes, size_t size, int flags)
{
	uint32_t length = htole32((uint32_t)size);

	(void)socket;
	promise(!ended && flags & ZMQ_DONTWAIT);
	promise(joined_size + sizeof(length) + size <= sizeof(joined));
	if (parts++) {
		memcpy(joined + joined_size, &length, sizeof(length));
		joined_size += sizeof(length);
	} else {
		promise(size <= UINT8_MAX);
		joined[joined_size++] = (uint8_t)size;
	}
	memcpy(joined + joined_size, bytes, size);
	joined_size += size;
	ended = !(flags & ZMQ_SNDMORE);
	return (int)size;
}

static void send_on(const uint8_t *data, size_t size)
{
	const struct feed feed = {.pusher = joined}; /* not NULL */

	joined_size = parts = 0;
	ended = false;
	if (!feed_row_fits(data, size))
		return;
	promise(feed_send_row(&feed, data, size));
	promise(ended && parts > 1);
	promise(joined_size == size && !memcmp(joined, data, size));
}

/* Every byte is the size of a packet that is put in, or takes one out. */
static void queue_up(struct input in)
{
	struct queue q = {0};
	uint32_t count = 0;
	size_t bytes = 0;

	while (in.left) {
		uint8_t step = (uint8_t)input_number(&in, 1);
		struct packet *p = step % 3 ? packet_new(false, step) : queue_take(&q);

		if (step % 3) {
			p->size = step;
			promise(queue_put(&q, p));
			count++;
			bytes += step;
		} else if (p) {
			count--;
			bytes -= p->size;
		}
		packet_drop(p);
		promise(q.count == count && q.bytes == bytes && !queue_first(&q) == !count);
	}
	queue_fini(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > JOINED_MAX)
		return 0;
	send_on(data, size);
	queue_up((struct input){data, size < 4096 ? size : 4096});
	return 0;
}
