/* One stream of the configuration.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/walk.h"

/* Reads and checks one stream against w->conf. Faults are reported, and what could be read is
 * given all the same, for the checks between streams; NULL = not even a map, or out of memory. */
struct conf_stream *conf_stream_read(struct walk *w, const struct node *node);
