/* The only way between the two loops: whole objects prepared by one, taken over by the other.
 *
 * Orders go from the cold loop to the hot one, which carries them out between two ticks and answers
 * each with exactly one reply (what was swapped out travels back in it, to be freed). Notes go from
 * the hot loop to the cold one and are lost, and counted, when their ring is full.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/counters.h"
#include "daemon/core/ring.h"

#include <uv.h>

enum order_kind {
	ORDER_SWAP_SET,     /* object: struct stream_set; back: the old one */
	ORDER_SWAP_PROGRAM, /* stream, object: struct pipeline or NULL = keep it, second: struct
			     * blob, its meta; back: the old ones */
	ORDER_RESET,        /* stream; back: number = its next tick */
	ORDER_STEP,         /* number = ticks; back: number = time reached, UNIX ns */
	ORDER_STATUS,       /* object: struct blob to publish on status/; back: the same */
	ORDER_TAKE_COPY,    /* stream, object: struct stream_copy to fill, number = its bytes */
	ORDER_PUT_COPY,     /* stream, object: struct stream_copy; back: what was there before */
	ORDER_PREPARE,      /* object: struct turnover; back: the same */
	ORDER_UNDO,         /* likewise: takes the preparation back */
	ORDER_TURN_OVER,    /* likewise: puts it in force; back: with what was swapped out */
};

struct order {
	enum order_kind kind;
	int result; /* in a reply: 0 or negative errno */
	void *stream;
	void *object, *second;
	int64_t number;
	void *token; /* the cold loop's, comes back untouched */
};

enum note_kind {
	NOTE_REJECTED, /* text: stream name as sent; number: enum reject; count: bytes of payload */
	NOTE_OVERRUN,  /* text: first stream of the dt; number: ns late; count: ticks skipped */
	NOTE_LIVENESS, /* some stream's liveness changed */
	NOTE_SEND,     /* number: errno of a refused send */
	NOTE_SUBSCRIPTION, /* number: enum refusal; count: the client's serial; text: the prefix */
	NOTE_WAKE, /* nothing by itself: something that the cold loop looks at has changed */
};

struct note {
	enum note_kind kind;
	int64_t number, count;
	char text[72];
};

struct mailbox {
	struct ring orders, replies, notes;
	counter_t *notes_dropped;
	uint32_t outstanding; /* cold: orders without a reply yet */
	/* An eventfd and not a uv_async_t: libuv's receiver spins while a sender is within
	 * uv_async_send, and at real-time priority would keep that sender from ever going on. */
	int wake_hot;
	uv_async_t *wake_cold;
};

#define MAILBOX_ORDERS 256

/* The wake-up handles are set by those who own them. 0 or -ENOMEM. */
int mailbox_init(struct mailbox *m, counter_t *notes_dropped);
void mailbox_fini(struct mailbox *m);

/* Cold. Makes the hot loop look up. */
void mailbox_wake_hot(struct mailbox *m);

/* Cold. Room for what can wait is less than for what somebody waits for. */
bool mailbox_has_room(const struct mailbox *m);

/* Cold. -EBUSY when too many orders wait for their reply. */
int mailbox_order(struct mailbox *m, const struct order *order);
bool mailbox_take_reply(struct mailbox *m, struct order *reply);
bool mailbox_take_note(struct mailbox *m, struct note *note);

/* Hot. A reply always finds room; a note that does not is counted. */
bool mailbox_take_order(struct mailbox *m, struct order *order);
void mailbox_reply(struct mailbox *m, const struct order *order);
void mailbox_note(struct mailbox *m, const struct note *note);
