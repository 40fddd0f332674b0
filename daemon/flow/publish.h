/* Frames to subscribers: one XPUB socket, topics built only when somebody subscribes.
 *
 * In a lossless clock (data, manual) the socket refuses a message when one subscriber's queue is
 * full; the message then waits here, and the engine waits with it. In the wall clock ZeroMQ drops
 * whole messages for the slow subscriber alone.
 *
 * Hot loop only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/counters.h"
#include "daemon/flow/streams.h"
#include "daemon/loop/mailbox.h"
#include "daemon/loop/zsock.h"

#define PUBLISH_MESSAGES 8 /* messages that one tick of one stream can make at most, with room */

struct subscription {
	uint8_t size;
	char prefix[TOPIC_MAX];
};

struct message {
	zmq_msg_t *parts;
	uint32_t count, sent;
};

struct publisher {
	struct zsock zsock;
	void *socket;
	uint64_t epoch;
	struct stream_set *set; /* in force */
	uint32_t known_groups;  /* of the set: who subscribes has been worked out */
	struct topic status;
	struct subscription *subscriptions;
	uint32_t subscription_count;
	bool overflow; /* more distinct subscriptions than the table holds: all topics are built */
	zmq_msg_t parts[3 * PUBLISH_MESSAGES]; /* of the stream messages in the outbox */
	struct message outbox[PUBLISH_MESSAGES];
	uint32_t outbox_count, outbox_at;
	unsigned slot; /* tenth of the second: whose meta messages go out next */
	struct daemon_counters *counters;
	struct mailbox *mailbox;
};

/* `socket` is a bound XPUB socket (VERBOSE set); the publisher closes it.
 * 0, or negative errno, and the socket stays the caller's. */
int publisher_init(struct publisher *p, struct zloop *zl, void *socket, uint64_t epoch,
	struct daemon_counters *counters, struct mailbox *mailbox);
void publisher_close(struct publisher *p, int linger_ms);

/* Puts a set in force: who subscribes to its topics is worked out anew. */
void publisher_use(struct publisher *p, struct stream_set *set);

/* Sends what still waits. True when nothing waits any more. */
bool publisher_flush(struct publisher *p);

/* Builds and sends all that is wanted of one tick of one stream, or keeps what ZeroMQ does not
 * take now: then publisher_flush must be true before the next frame. `alone`: do not wait for the
 * other members of the stream's group. */
void publisher_frame(struct publisher *p, struct stream *s, const struct frame *frame, bool alone);

/* Sends the stream's meta message if it is wanted and nothing waits. */
void publisher_meta(struct publisher *p, struct stream *s);
void publisher_status(struct publisher *p, const struct blob *blob);

/* To be called ten times a second: each second every wanted meta message goes out once. */
void publisher_housekeeping(struct publisher *p);
