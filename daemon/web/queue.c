/* Shared messages and bounded rings of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/queue.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64

/* Of all messages. */
static size_t all_bytes;

struct packet *packet_new(bool text, size_t room)
{
	struct packet *m = malloc(sizeof(*m) + LWS_PRE + room);

	if (!m)
		return NULL;
	*m = (struct packet){.refs = 1, .text = text, .room = room};
	all_bytes += room;
	m->bytes = (unsigned char *)(m + 1) + LWS_PRE;
	return m;
}

struct packet *packet_text(const char *text, size_t size)
{
	struct packet *m = packet_new(true, size);

	if (m) {
		memcpy(m->bytes, text, size);
		m->size = size;
	}
	return m;
}

struct packet *packet_resize(struct packet *m, size_t room)
{
	struct packet *moved;

	all_bytes -= m->room;
	moved = realloc(m, sizeof(*m) + LWS_PRE + room);
	if (!moved) {
		free(m);
		return NULL;
	}
	all_bytes += room;
	moved->room = room;
	moved->bytes = (unsigned char *)(moved + 1) + LWS_PRE;
	return moved;
}

void packet_drop(struct packet *m)
{
	if (!m || --m->refs)
		return;
	all_bytes -= m->room;
	free(m);
}

static bool grow(struct queue *q)
{
	uint32_t room = q->room ? 2 * q->room : ROOM_FIRST;
	struct packet **ring = malloc(room * sizeof(struct packet *));

	if (!ring)
		return false;
	for (uint32_t i = 0; i < q->count; i++)
		ring[i] = q->ring[(q->head + i) & (q->room - 1)];
	free(q->ring);
	q->ring = ring;
	q->room = room;
	q->head = 0;
	return true;
}

bool queue_put(struct queue *q, struct packet *m)
{
	size_t most = all_bytes > QUEUE_ALL_BYTES_MAX ? QUEUE_SHORT_BYTES_MAX : QUEUE_BYTES_MAX;

	if (q->count && (q->count == QUEUE_MESSAGES_MAX || q->bytes + m->size > most))
		return false;
	return queue_add(q, m);
}

bool queue_add(struct queue *q, struct packet *m)
{
	if (q->count == q->room && !grow(q))
		return false;
	q->ring[(q->head + q->count++) & (q->room - 1)] = m;
	q->bytes += m->size;
	m->refs++;
	return true;
}

struct packet *queue_first(const struct queue *q)
{
	return q->count ? q->ring[q->head] : NULL;
}

struct packet *queue_take(struct queue *q)
{
	struct packet *m;

	if (!q->count)
		return NULL;
	m = q->ring[q->head];
	q->head = (q->head + 1) & (q->room - 1);
	q->count--;
	q->bytes -= m->size;
	return m;
}

void queue_fini(struct queue *q)
{
	for (struct packet *m = queue_take(q); m; m = queue_take(q))
		packet_drop(m);
	free(q->ring);
	*q = (struct queue){0};
}
