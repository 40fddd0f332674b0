/* The streams of a daemon: what is checked beyond each one's own text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "encoders/text/walk.h"

/* Bytes without which no row of the stream can be sent; `pairs` may leave channels out. */
uint64_t conf_row_bytes(const struct conf_stream *stream);

/* Reads `at` (NULL = not there) into conf->streams; conf's other values have been read. */
void conf_streams_read(
	struct walk *w, const struct node *root, const struct node *at, struct conf *conf);

/* As conf_stream_read, against the daemon's dt, seed, limits and clock. */
struct conf_stream *conf_stream_check(
	struct walk *w, const struct node *node, const struct conf *conf);

/* Warns where clock wall cannot be expected to keep so short a tick. */
void conf_check_dt(struct walk *w, const struct node *at, enum clock_kind clock, uint32_t dt_ns);
