/* Two threads that hand questions and answers over; neither of them ticks, so a lock will do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/ask.h"

#include <stdlib.h>

void ask_queue_init(struct ask_queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	q->first = NULL;
	q->end = &q->first;
}

void ask_queue_put(struct ask_queue *q, struct ask *ask)
{
	ask->next = NULL;
	pthread_mutex_lock(&q->lock);
	*q->end = ask;
	q->end = &ask->next;
	pthread_mutex_unlock(&q->lock);
}

struct ask *ask_queue_take(struct ask_queue *q)
{
	struct ask *ask;

	pthread_mutex_lock(&q->lock);
	ask = q->first;
	if (ask)
		q->first = ask->next;
	if (!q->first)
		q->end = &q->first;
	pthread_mutex_unlock(&q->lock);
	return ask;
}

void ask_free(struct ask *ask)
{
	if (!ask)
		return;
	free(ask->text);
	free(ask);
}

void ask_queue_fini(struct ask_queue *q)
{
	for (struct ask *ask = ask_queue_take(q); ask; ask = ask_queue_take(q))
		ask_free(ask);
	pthread_mutex_destroy(&q->lock);
}
