/* Who subscribes to what: the subscriptions of every connection, so that only topics that somebody
 * wants (and may have) are built.
 *
 * ZeroMQ does not say whether a cancelled subscription was there, nor whose subscriptions end with a
 * connection. So each is entered under its connection, is taken out by that connection's word alone,
 * and goes with it when loop/conns.h knows that the connection has gone.
 *
 * All memory is taken at the start. Hot loop only, except subscribers_init and _fini.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/acl.h"
#include "daemon/flow/stream.h"
#include "daemon/loop/conns.h"

#define SUBSCRIPTIONS_MAX 131072 /* of all connections */
#define PREFIXES_MAX      32768  /* that differ */

struct subscription {
	uint32_t prefix, owner; /* 1-based */
	uint32_t next_of_owner, prev_of_owner;
	uint32_t next_of_prefix, prev_of_prefix;
	uint32_t next_in_hash;
};

struct prefix {
	uint32_t first; /* subscription, 0 = none */
	uint32_t next_in_hash;
	uint8_t size;
	char text[TOPIC_MAX];
};

/* A connection, until all its subscriptions are taken out. */
struct subscriber {
	struct peer peer;
	uint32_t first; /* subscription */
	uint32_t count;
	uint32_t excess; /* subscriptions that were refused, or that nothing can match */
	uint32_t listed; /* place in `active`; while free, the next free one */
};

struct subscribers {
	const struct conns *conns;
	uint32_t limit; /* subscriptions of a connection */
	struct subscription *subscriptions;
	struct prefix *prefixes;
	uint32_t *subscription_hash, *prefix_hash;
	uint32_t free_subscription, free_prefix; /* lists, by next_in_hash */
	uint32_t of_size[TOPIC_MAX];             /* prefixes of so many bytes */
	struct subscriber *subscribers;
	uint32_t free_subscriber;
	uint32_t *by_fd; /* subscriber that spoke last by each descriptor */
	uint32_t *active;
	uint32_t active_count;
};

/* 0 or -ENOMEM; then subscribers_fini all the same. */
int subscribers_init(struct subscribers *t, const struct conns *conns, uint32_t limit);
void subscribers_fini(struct subscribers *t);

/* The entry of a connection that has just spoken, new if it has none. NULL = the connection has no
 * descriptor any more, or there is no room before subscribers_sweep has made some. */
struct subscriber *subscribers_of(struct subscribers *t, const struct peer *peer);

enum subscribed { SUBSCRIBED_NEW, SUBSCRIBED_BEFORE, SUBSCRIBED_TOO_MANY };
enum subscribed subscribers_add(
	struct subscribers *t, struct subscriber *s, const char *prefix, size_t size);

/* False if the connection had no such subscription. */
bool subscribers_remove(
	struct subscribers *t, struct subscriber *s, const char *prefix, size_t size);

/* Takes out one subscription of a connection that has gone, and gives its prefix (size < TOPIC_MAX).
 * False when there is none. */
bool subscribers_sweep(struct subscribers *t, char *prefix, size_t *size);

/* Whether somebody wants a topic. With `acl`, only those count who may hear it. */
bool subscribers_want(
	const struct subscribers *t, const struct acl *acl, const char *topic, size_t size);

/* With `acl`: whether a subscription of the connection other than `prefix` has the same grant. */
bool subscribers_grant_needed(const struct subscribers *t, const struct subscriber *s,
	const struct acl_client *client, const struct acl_grant *grant);
