/* The cold loop's view of the streams: what is or will be in force once all orders are carried out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/flow/streams.h"
#include "daemon/loop/mailbox.h"

/* What the messages about streams say of the daemon as a whole. */
struct site {
	const struct conf *conf;
	uint64_t epoch;
};

struct entry {
	struct stream *stream;
	struct pipeline_spec *spec;     /* borrowed from stream->conf */
	const struct pipeline *program; /* newest one; the stream runs it or is about to */
};

struct registry {
	struct site site;
	struct mailbox *mailbox;
	struct entry *entries;
	uint32_t count, capacity;
};

void registry_fini(struct registry *r); /* not the streams */

/* Makes the stream and its meta message; takes over `conf`. 0 or negative errno with `f` filled. */
int registry_append(struct registry *r, struct conf_stream *conf, struct fault *f);

/* Takes the last stream out again and frees it: it was never in force. */
void registry_drop_last(struct registry *r);

/* Takes a stream out; it is freed by the caller once no set in force has it. */
struct stream *registry_take(struct registry *r, uint32_t index);

/* Index, or -1. */
int64_t registry_find(const struct registry *r, const char *name);

/* The set of all entries; NULL = out of memory. */
struct stream_set *registry_set(const struct registry *r);

/* Orders a new meta message for every member of a group but `except`: who is in it has changed. */
void registry_refresh_group(struct registry *r, const char *group, const struct stream *except);

/* The entry's meta message. */
struct blob *registry_meta(const struct registry *r, const struct entry *e);
