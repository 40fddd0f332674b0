/* Who is let in at the web port.
 *
 * A page of somebody else's that runs in a browser on this machine can reach a port on loopback too. So
 * the name under which we were called has to be one of this machine's (against DNS rebinding), and a
 * WebSocket has to come from our own page or from no page at all.
 *
 * Web thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>

#define ACCESS_COOKIE "spiked_token"

struct access {
	const struct conf_token *tokens; /* NULL = no security: everybody may do everything */
	uint32_t token_count;
	char host[256]; /* this machine's name */
};

/* Index of the token that the request shows, by header, cookie or `?token=`; *by_url says that it was
 * the last. 0 where there are no tokens. Negative: none that is valid. */
int access_token(const struct access *a, struct lws *wsi, bool *by_url);

/* Whether the request calls us by a name of this machine. */
bool access_host_fits(const struct access *a, struct lws *wsi);

/* Whether it comes from a page of ours, or from no page. */
bool access_origin_fits(struct lws *wsi);
