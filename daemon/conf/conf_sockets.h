/* The endpoints of the configuration: ingest, publish, control, web.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "encoders/text/walk.h"

/* Reads all four into `conf` (NULL nodes = defaults; conf->clock and conf->insecure are read
 * already) and checks them against each other. `at` is indexed by enum top_key. */
void conf_sockets_read(struct walk *w, const struct node *const *at, struct conf *conf);

/* Warns of ingest entries that name a stream which is not there. */
void conf_sockets_check_streams(struct walk *w, const struct node *ingest, const struct conf *conf);
