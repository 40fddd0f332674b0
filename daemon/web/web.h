/* The web port: the page, /metrics, /health, and a WebSocket that carries what ZeroMQ carries.
 *
 * libwebsockets runs in a thread of its own at normal priority. Towards the rest of the daemon it is a
 * client like any other: frames, control and rows go through the daemon's own sockets, with the keys and
 * the rights of the client that a browser's token names. Only the text of /metrics and /health is made
 * by the cold loop, which is asked for it (ask.h).
 *
 * The wire is in clients/PROTOCOL.md, section 10. Everything here is the cold loop's to call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/control/metrics.h"
#include "daemon/core/counters.h"
#include "encoders/fault.h"

#include <uv.h>

struct web;

/* Where the daemon's sockets listen, as ZeroMQ has resolved it; NULL = none of that kind. */
struct web_endpoints {
	const char *ingest, *publish, *control;
};

struct web_site {
	struct metrics_source metrics;
	struct daemon_counters *counters; /* rows web_* are the web thread's to write */
	void *context;                    /* ZeroMQ's; outlives the web server */
	uv_loop_t *loop;                  /* of the caller */
};

/* Listens at conf->web; nobody is answered yet. *web stays NULL where the configuration has none. 0, or
 * negative errno with `f` filled. */
int web_open(
	struct web **web, const struct web_site *site, const struct conf *conf, struct fault *f);

/* Starts to serve with what `conf` says now of tokens, limits and keys; takes conf->web.tokens over.
 * `at` is copied. 0, or negative errno: the port then stays open, and nobody is answered. */
int web_start(struct web *web, struct conf *conf, const struct web_endpoints *at);

/* Ends all connections and the thread; the port stays open. Accepts one that is not started. */
void web_stop(struct web *web);

/* Once a second: what /health says comes from here. */
void web_second(struct web *web);

/* "127.0.0.1:7573", with the port that was really opened. */
const char *web_address(const struct web *web);

/* Frees it, once it has stopped and the loop has let go of its handle. Accepts NULL. */
void web_close(struct web *web);
