/* Answers to plain requests: the page's files, /metrics, /health.
 *
 * Web thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/web/ask.h"

#include <libwebsockets.h>
#include <stdbool.h>

struct server;

/* One request after the other on one connection. */
struct http {
	struct http *next,
		**self; /* among those that wait for the cold loop; self NULL = does not */
	struct lws *wsi;
	uint64_t session;
	const unsigned char *body;
	size_t size, sent;
	char *owned;       /* the body, if it is to be freed */
	bool head;         /* asked for with HEAD */
	uint32_t *counted; /* where, until it is over; or NULL */
};

/* All three: what libwebsockets' callback returns; not 0 = the connection ends. */
int http_request(struct server *s, struct http *h, struct lws *wsi, const char *path);
int http_writable(struct http *h);
int http_refuse(struct lws *wsi, unsigned status, const char *why);

/* The cold loop's answer, taken over. */
void http_answer(struct server *s, struct ask *ask);

/* The connection is gone, or the request over. May be called again. */
void http_end(struct http *h);
