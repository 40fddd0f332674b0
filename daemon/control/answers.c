/* Answers on their way to clients.
 *
 * ZeroMQ holds up to 1000 messages for a client that does not read, of any size. It says when it is
 * done with one, from whatever thread that happens in; so what a client has unread is known.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/answers.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct reader *next;
	_Atomic size_t unread; /* bytes */
	atomic_uint held;      /* by the list and by each answer on its way */
	size_t id_size;
	char id[];
};

struct answer {
	struct reader *reader;
	char *text;
	size_t size;
};

static void let_go(struct reader *r)
{
	if (atomic_fetch_sub(&r->held, 1) == 1)
		free(r);
}

/* ZeroMQ's, any thread. */
static void on_gone(void *data, void *hint)
{
	struct answer *answer = hint;

	(void)data;
	atomic_fetch_sub(&answer->reader->unread, answer->size);
	let_go(answer->reader);
	free(answer->text);
	free(answer);
}

/* Forgets, in passing, those who have read everything. NULL: this one has. */
static struct reader *find(struct answers *a, const void *id, size_t size)
{
	struct reader **link = &a->readers, *found = NULL;

	while (*link) {
		struct reader *r = *link;

		if (r->id_size == size && !memcmp(r->id, id, size)) {
			found = r;
		} else if (atomic_load(&r->held) == 1) {
			*link = r->next;
			let_go(r);
			continue;
		}
		link = &r->next;
	}
	return found;
}

static struct reader *add(struct answers *a, const void *id, size_t size)
{
	struct reader *r = calloc(1, sizeof(*r) + size);

	if (!r)
		return NULL;
	atomic_init(&r->held, 1);
	r->id_size = size;
	memcpy(r->id, id, size);
	r->next = a->readers;
	a->readers = r;
	return r;
}

size_t answers_unread(struct answers *a, zmq_msg_t *id)
{
	struct reader *r = find(a, zmq_msg_data(id), zmq_msg_size(id));

	return r ? atomic_load(&r->unread) : 0;
}

static int send_envelope(void *socket, zmq_msg_t *envelope, unsigned parts)
{
	for (unsigned i = 0; i < parts; i++)
		if (zmq_msg_send(&envelope[i], socket, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
			return -1;
	return 0;
}

int answers_send(struct answers *a, void *socket, zmq_msg_t *envelope, unsigned parts, char *text,
	size_t size)
{
	const void *id = zmq_msg_data(&envelope[0]);
	size_t id_size = zmq_msg_size(&envelope[0]);
	struct reader *r = find(a, id, id_size);
	struct answer *answer = malloc(sizeof(*answer));
	zmq_msg_t body;

	if (!r)
		r = add(a, id, id_size);
	if (!r || !answer) {
		free(answer);
		free(text);
		errno = ENOMEM;
		return -1;
	}
	*answer = (struct answer){.reader = r, .text = text, .size = size};
	atomic_fetch_add(&r->held, 1);
	atomic_fetch_add(&r->unread, size);
	if (zmq_msg_init_data(&body, text, size, on_gone, answer)) {
		on_gone(text, answer);
		errno = ENOMEM;
		return -1;
	}
	if (send_envelope(socket, envelope, parts) ||
		zmq_msg_send(&body, socket, ZMQ_DONTWAIT) < 0) {
		int error = zmq_errno();

		zmq_msg_close(&body);
		errno = error;
		return -1;
	}
	return 0;
}

void answers_fini(struct answers *a)
{
	while (a->readers) {
		struct reader *r = a->readers;

		a->readers = r->next;
		let_go(r);
	}
}
