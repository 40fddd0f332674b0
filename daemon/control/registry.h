/* The cold loop's view of the streams: what is or will be in force once all orders are carried out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/flow/streams.h"
#include "daemon/loop/mailbox.h"
#include "daemon/state/keeper.h"

/* What the messages about streams say of the daemon as a whole. */
struct site {
	const struct conf *conf;
	uint64_t epoch;
};

struct entry {
	struct stream *stream;
	struct conf_stream *conf;       /* what the stream is or is about to be; it owns it */
	const struct pipeline *program; /* newest one; the stream runs it or is about to */
	uint32_t cadence, group;        /* places in `dts` and, if it has one, in `groups` */
	bool added;                     /* at run time, not by the file */
	bool refresh;                   /* its meta message has to be made anew */
};

/* What outlives a stream, so that one added under its name goes on counting within the epoch. */
struct grave {
	char name[SPIKED_NAME_MAX + 1];
	bool leaving; /* the ticking loop may still run it: its counts are not known yet */
	uint64_t seqs[TOPIC_COUNT];
	uint64_t next_tick; /* of ticks that were dt_ns long */
	uint32_t dt_ns;
};

struct registry {
	struct site site;
	struct mailbox *mailbox;
	struct entry *entries;
	uint32_t count, capacity;
	struct grave *graves;
	uint32_t grave_count;
	uint32_t *dts; /* what struct set_plan asks for */
	struct hist **lateness;
	uint32_t dt_count;
	char (*groups)[SPIKED_NAME_MAX + 1];
	uint32_t group_count;
	bool refreshing; /* some entry's `refresh` is set */
	bool frozen;     /* a reload is being prepared: nobody else changes entries */
};

void registry_fini(struct registry *r); /* not the streams */

/* Makes a stream and its entry, which is not among the registry's yet; takes over `conf`. 0 or negative
 * errno with `f` filled. */
int registry_draft(struct registry *r, struct conf_stream *conf, struct entry *e, struct fault *f);

/* The same, and adds it. Its meta message is the caller's to make. */
int registry_append(struct registry *r, struct conf_stream *conf, struct fault *f);

/* Takes the last stream out again and frees it: it was never in force. */
void registry_drop_last(struct registry *r);

/* Takes a stream out; until registry_bury its name counts as leaving. The caller frees it once no
 * set in force has it. 0 or -ENOMEM. */
int registry_take(struct registry *r, uint32_t index);
void registry_put_back(struct registry *r, uint32_t index, const struct entry *entry);
bool registry_leaving(const struct registry *r, const char *name);
bool registry_leaves_any(const struct registry *r);

/* registry_take in two steps: makes room (0 or -ENOMEM), so that the second cannot fail. */
int registry_dig(struct registry *r, const char *name);
void registry_leaves(struct registry *r, const char *name);

/* Keeps the counts of a stream that no set in force has any more. */
void registry_bury(struct registry *r, const struct stream *s);

/* For the keeper, whose `arg` is the registry. */
bool registry_stream_at(void *registry, uint32_t index, struct kept_stream *out);

/* Index, or -1. */
int64_t registry_find(const struct registry *r, const char *name);

/* Once the hot loop has ended: what is not in force now never will be. */
void registry_settle(struct registry *r);

/* The set of all entries; NULL = out of memory. */
struct stream_set *registry_set(const struct registry *r);

/* Who is in a group (NULL = none) has changed: every member but `except` needs a new meta message. */
void registry_refresh_group(struct registry *r, const char *group, const struct stream *except);

/* Orders meta messages that need making anew, as many as the mailbox has room for. */
void registry_refresh(struct registry *r);

/* The entry's meta message. */
struct blob *registry_meta(const struct registry *r, const struct entry *e);
