/* The set of streams that is in force: lookup by name, streams by cadence, groups.
 *
 * A set is built whole by the cold loop and swapped in by the hot loop between two ticks; it points
 * to streams, it does not own them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/flow/stream.h"

#include "spiked/wire.h"

#include <zmq.h>

/* Streams that tick together because they have the same dt. */
struct cadence {
	uint32_t dt_ns;
	uint32_t count;          /* may be 0 */
	struct stream **streams; /* in configuration order */
	uint64_t next;           /* number of the tick that comes next */
	uint32_t caught_up;      /* late ticks run in a row */
	bool gap;                /* ticks were skipped just before the next one */
	struct hist *lateness;   /* of its ticks; outlives the set */
};

/* Streams whose frames of one tick travel as one message. */
struct group {
	struct topic topic;
	uint32_t count;   /* members */
	uint32_t ticked;  /* members that have ticked in the tick that is running */
	bool building;    /* the running tick's bundle is wanted */
	zmq_msg_t *parts; /* 1 + 2 x count; the message being collected */
	uint32_t collected;
};

/* All dts and groups that there have been. The lists only grow: so one set's cadence or group i is the
 * next one's too. */
struct set_plan {
	const uint32_t *dts;
	struct hist *const *lateness; /* one a dt */
	uint32_t cadence_count;
	const char (*groups)[SPIKED_NAME_MAX + 1];
	uint32_t group_count;
};

/* A stream and its places in the plan's lists, as it is to be once the set is in force. */
struct set_member {
	struct stream *stream;
	const struct conf_stream *conf;
	uint32_t cadence, group; /* the latter only if conf->group */
};

struct stream_set {
	struct stream **streams;
	uint32_t *group_of; /* of each stream: place of its group + 1, 0 = none */
	uint32_t count;
	uint32_t *slots; /* hash table: index + 1, 0 = free */
	uint32_t slot_mask;
	struct cadence *cadences;
	uint32_t cadence_count;
	struct stream **by_cadence; /* storage of the cadences' lists */
	struct group *groups;
	uint32_t group_count;
	float *scratch; /* for the widest piece of a row of any stream, see rows_piece */
};

/* Cold. NULL = out of memory. */
struct stream_set *stream_set_new(
	const struct set_member *members, uint32_t count, const struct set_plan *plan);
void stream_set_free(struct stream_set *set); /* not the streams; accepts NULL */

/* Hot. The first tick that can use a row which comes in now, unless it is skipped: then the one after. */
uint64_t stream_coming_tick(const struct stream *s);

/* Hot. NULL = no such stream. */
struct stream *stream_set_find(const struct stream_set *set, const char *name, size_t size);

/* Hot. Carries cadence positions and group counters over from `old` and points the streams to
 * their groups. A cadence that no stream of `old` had starts at `start_tick(dt_ns)`. */
void stream_set_adopt(struct stream_set *set, const struct stream_set *old,
	uint64_t (*start_tick)(void *ctx, uint32_t dt_ns), void *ctx);
