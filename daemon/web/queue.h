/* Messages on their way to browsers. A published message is built once and shared by all that get it.
 *
 * Web thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet {
	uint32_t refs;
	bool text; /* JSON, else binary */
	size_t size, room;
	unsigned char *bytes; /* behind the room that libwebsockets asks for */
};

/* One reference, the caller's; empty, with room for so many bytes. NULL = out of memory. */
struct packet *packet_new(bool text, size_t room);
struct packet *packet_text(const char *text, size_t size);

/* Gives a message that nobody else has another room, and may move it. NULL = out of memory; it is gone
 * then. */
struct packet *packet_resize(struct packet *m, size_t room);
void packet_drop(struct packet *m); /* gives one reference back */

/* A ring that grows up to its limits. */
struct queue {
	struct packet **ring;
	uint32_t head, count, room; /* room is a power of 2, or 0 */
	size_t bytes;
};

#define QUEUE_MESSAGES_MAX 16384
#define QUEUE_BYTES_MAX    (8u << 20)

/* Many that read slowly would take gigabytes: where all messages that there are take so much, a queue may
 * only hold what a short pause needs. */
#define QUEUE_ALL_BYTES_MAX   (128u << 20)
#define QUEUE_SHORT_BYTES_MAX (256u << 10)

/* Takes a reference of its own. False: full, or out of memory. One message always fits. */
bool queue_put(struct queue *q, struct packet *m);

/* The same without limits, which are the caller's then. False: out of memory. */
bool queue_add(struct queue *q, struct packet *m);

struct packet *queue_first(const struct queue *q); /* NULL = empty */

/* The reference is the caller's then. NULL = empty. */
struct packet *queue_take(struct queue *q);
void queue_fini(struct queue *q);
