/* The web thread: libwebsockets' loop, and what wakes it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/counters.h"
#include "daemon/web/access.h"
#include "daemon/web/ask.h"
#include "daemon/web/feed.h"

#include <libwebsockets.h>
#include <stdatomic.h>
#include <uv.h>

struct browser;
struct http;

/* Filled by the cold loop before server_run, which owns it until it returns. */
struct server {
	struct lws_context *lws;
	struct lws_vhost *vhost;
	int listener; /* not blocking */
	struct feed_site site;
	struct access access;
	struct feed *feeds; /* one a token, or one */
	uint32_t feed_count;
	uint32_t browsers_max;      /* or as many as descriptors allow */
	uint32_t subscriptions_max; /* of all browsers of a feed */
	size_t text_max, row_max;   /* bytes of a message from a browser */
	size_t request_max;         /* bytes of a request that is read here, */
	uint32_t request_depth;     /* and lists and objects within each other */
	struct daemon_counters *counters;
	struct ask_queue *questions, *answers;
	uv_async_t *wake_cold;
	atomic_bool stopping;

	uint32_t connections, connections_max;
	uint32_t metrics; /* texts of /metrics that are made or sent */
	lws_sorted_usec_list_t rest;

	struct browser *browsers;
	size_t unfinished;    /* bytes of room for messages from them */
	struct http *waiting; /* for the cold loop */
	uint64_t last_session;
};

/* Cold loop. libwebsockets' side; site, access and the rest are the caller's to fill. 0 or negative
 * errno. server_fini accepts what is not there. */
int server_init(struct server *s);
void server_fini(struct server *s);

/* Web thread: until `stopping`, about which server_wake tells it. */
void server_run(struct server *s);

/* Any thread. */
void server_wake(struct server *s);

/* Web thread: takes `ask` over; http_answer comes with its text. */
void server_ask(struct server *s, struct ask *ask);
