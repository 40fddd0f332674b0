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
#include "daemon/flow/subscribers.h"
#include "daemon/loop/mailbox.h"
#include "daemon/loop/zsock.h"

#define PUBLISH_MESSAGES 8 /* messages that one tick of one stream can make at most, with room */
#define PUBLISH_PARTS    4 /* of one of them; a bundle has its own */

/* Why a subscription is refused, or its connection ended. */
enum refusal {
	REFUSAL_NOT_ALLOWED,
	REFUSAL_TOO_MANY,
	REFUSAL_EXCESS,  /* and far too many */
	REFUSAL_REVOKED, /* the key is not listed any more */
	REFUSAL_FOREIGN, /* spoke of something else */
	REFUSAL_ASTRAY,  /* came behind one that did */
	REFUSALS,
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
	struct subscribers subscribers;
	/* NULL = no keys: ZeroMQ takes subscriptions by itself. Else it is told which (XPUB_MANUAL). */
	const struct acl *acl;
	/* What zsock counts as empty stood at this when ZeroMQ lost track of whose words it hands out. */
	uint64_t astray;
	int64_t settled_ns; /* when those who came in where nobody listens any more have gone */
	zmq_msg_t
		parts[PUBLISH_PARTS * PUBLISH_MESSAGES]; /* of the stream messages in the outbox */
	struct message outbox[PUBLISH_MESSAGES];
	uint32_t outbox_count, outbox_at;
	unsigned slot;      /* tenth of the second: whose meta messages go out next */
	uint32_t meta_left; /* meta messages that subscriptions may still ask for in this slot */
	int64_t noted_ns[REFUSALS]; /* when a note of that kind was sent last */
	struct daemon_counters *counters;
	struct mailbox *mailbox;
};

struct publisher_conf {
	void *socket; /* bound XPUB: VERBOSER is set, with `acl` MANUAL instead */
	uint64_t epoch;
	const struct acl *acl;
	const struct conns *conns;
	uint32_t subscriptions; /* limit of one connection */
};

/* The publisher closes the socket. 0, or negative errno, and the socket stays the caller's. */
int publisher_init(struct publisher *p, struct zloop *zl, const struct publisher_conf *pc,
	struct daemon_counters *counters, struct mailbox *mailbox);
void publisher_close(struct publisher *p, int linger_ms);

/* Puts a set in force: who subscribes to its topics is worked out anew. */
void publisher_use(struct publisher *p, struct stream_set *set);

/* Stops to listen there, see zsock_unlisten. */
void publisher_unlisten(struct publisher *p, struct listener *at, int linger_ms);

/* Puts a list of clients in force. Connections of those who are nobody any more, by it, are ended; what
 * was built for them alone ceases within a second. */
void publisher_use_acl(struct publisher *p, const struct acl *acl);

/* Sends what still waits. True when nothing waits any more. */
bool publisher_flush(struct publisher *p);

/* Builds and sends all that is wanted of one tick of one stream, or keeps what ZeroMQ does not
 * take now: then publisher_flush must be true before the next frame. `alone`: do not wait for the
 * other members of the stream's group. */
void publisher_frame(struct publisher *p, struct stream *s, const struct frame *frame, bool alone);

/* A row message as it was taken. */
struct taken {
	zmq_msg_t *payload, *stamp; /* stays the caller's; the stamp may be NULL */
	const struct rows *rows;    /* what the payload holds */
	uint64_t tick;              /* the first that can use it */
	int64_t time_ns;            /* when it came in, UNIX */
};

/* Sends it on, if the stream's topic is wanted: to be called before its rows are used. What ZeroMQ does
 * not take waits like a frame; a second one may come only when publisher_flush was true. */
void publisher_rows(struct publisher *p, struct stream *s, const struct taken *taken);

/* Sends the stream's meta message because it says something new; while a subscriber holds the clock it
 * waits like a frame. */
void publisher_changed(struct publisher *p, struct stream *s);

/* Sends the stream's meta message if it is wanted and nothing waits. */
void publisher_meta(struct publisher *p, struct stream *s);
void publisher_status(struct publisher *p, const struct blob *blob);

/* To be called ten times a second: each second every wanted meta message goes out once. */
void publisher_housekeeping(struct publisher *p);
