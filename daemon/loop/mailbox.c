/* The only way between the two loops.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/loop/mailbox.h"

#include <assert.h>
#include <sys/eventfd.h>

#define MAILBOX_NOTES 1024

int mailbox_init(struct mailbox *m, counter_t *notes_dropped)
{
	*m = (struct mailbox){.notes_dropped = notes_dropped};
	if (ring_init(&m->orders, sizeof(struct order), MAILBOX_ORDERS) ||
		ring_init(&m->replies, sizeof(struct order), MAILBOX_ORDERS) ||
		ring_init(&m->notes, sizeof(struct note), MAILBOX_NOTES)) {
		mailbox_fini(m);
		return -ENOMEM;
	}
	return 0;
}

void mailbox_fini(struct mailbox *m)
{
	ring_fini(&m->orders);
	ring_fini(&m->replies);
	ring_fini(&m->notes);
}

void mailbox_wake_hot(struct mailbox *m)
{
	eventfd_write(m->wake_hot, 1);
}

bool mailbox_has_room(const struct mailbox *m)
{
	return m->outstanding < MAILBOX_ORDERS / 2;
}

int mailbox_order(struct mailbox *m, const struct order *order)
{
	if (m->outstanding == MAILBOX_ORDERS)
		return -EBUSY;
	m->outstanding++;
	if (!ring_push(&m->orders, order))
		assert(0 && "orders outstanding are fewer than the ring holds");
	mailbox_wake_hot(m);
	return 0;
}

bool mailbox_take_reply(struct mailbox *m, struct order *reply)
{
	if (!ring_pop(&m->replies, reply))
		return false;
	m->outstanding--;
	return true;
}

bool mailbox_take_note(struct mailbox *m, struct note *note)
{
	return ring_pop(&m->notes, note);
}

bool mailbox_take_order(struct mailbox *m, struct order *order)
{
	return ring_pop(&m->orders, order);
}

void mailbox_reply(struct mailbox *m, const struct order *order)
{
	if (!ring_push(&m->replies, order))
		assert(0 && "every reply answers an order that was counted");
	uv_async_send(m->wake_cold);
}

void mailbox_note(struct mailbox *m, const struct note *note)
{
	if (!ring_push(&m->notes, note))
		counter_add(m->notes_dropped, 1);
	uv_async_send(m->wake_cold);
}
