/* One WebSocket: what it has subscribed to, its control socket, and what waits to be sent to it.
 *
 * Web thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/web/feed.h"

#include <libwebsockets.h>
#include <stddef.h>

struct server;
struct browser;

/* Among the server's browsers from here on. NULL = out of memory. */
struct browser *browser_new(struct server *s, struct lws *wsi, struct feed *feed);
void browser_free(struct browser *b);
struct browser *browser_next(const struct browser *b);

/* Both: what libwebsockets' callback returns; not 0 = the connection ends. */
int browser_receive(struct browser *b, const void *bytes, size_t size);
int browser_writable(struct browser *b);

/* The time is up that messages may wait for others (subscribe's gather_ms). */
void browser_gathered(struct browser *b);

/* A message of that feed, which it gets if it has subscribed to it and there is room. */
void browser_offer(
	struct browser *b, const struct feed *f, struct packet *m, const char *topic, size_t size);

/* Answers that have arrived, and rows that ZeroMQ did not take before. */
void browser_go_on(struct browser *b);
