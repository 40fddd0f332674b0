/* Texts that the web thread asks the cold loop for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ask_what { ASK_METRICS, ASK_HEALTH };

/* Belongs to whoever has taken it. */
struct ask {
	struct ask *next;
	enum ask_what what;
	uint64_t session; /* of the web thread */
	bool well;        /* the answer: 200, else 503 */
	char *text;       /* NULL = out of memory */
	size_t size;
};

/* First in, first out. */
struct ask_queue {
	pthread_mutex_t lock;
	struct ask *first, **end;
};

void ask_queue_init(struct ask_queue *q);
void ask_queue_put(struct ask_queue *q, struct ask *ask);
struct ask *ask_queue_take(struct ask_queue *q); /* NULL = empty */
void ask_queue_fini(struct ask_queue *q);        /* frees what is left */
void ask_free(struct ask *ask);                  /* accepts NULL */
