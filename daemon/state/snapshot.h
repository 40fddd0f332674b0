/* A snapshot: one stream's state as bytes, from a copy and back. The layout is in snapshot.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/flow/stream_copy.h"

#include "spiked/wire.h"

/* Room for one, and the copy that fills it. */
struct snapshot {
	uint8_t *bytes;
	size_t size;
	struct stream_copy copy; /* its arrays point into `bytes` */
};

/* What the first bytes say. */
struct snapshot_head {
	char name[SPIKED_NAME_MAX + 1];
	uint64_t epoch;  /* of the daemon that made it */
	uint64_t tick;   /* of that epoch, the next one */
	int64_t time_ns; /* when, UNIX; by that machine's clock */
	uint32_t channels, dt_ns, window;
	uint64_t state_tick; /* the pipeline's own count of ticks, which goes on over restarts */
	uint32_t queued;     /* rows that waited and were not kept */
};

/* Cold. Makes room for that of the stream that `conf` and `program` describe, every page touched, so
 * that the hot loop only copies. 0 or -ENOMEM. */
int snapshot_init(
	struct snapshot *s, const struct conf_stream *conf, const struct pipeline *program);
void snapshot_fini(struct snapshot *s);

/* Cold, once the copy was taken: writes the head. Then, in any thread, the checksum, which reads
 * everything. */
void snapshot_describe(struct snapshot *s, uint64_t epoch, int64_t time_ns);
void snapshot_seal(struct snapshot *s);

/* 0, or with `f` filled: -EBADMSG for bytes that are no whole snapshot, -ENOTSUP for those of another
 * version. */
int snapshot_check(const uint8_t *bytes, size_t size, struct snapshot_head *head, struct fault *f);

/* Cold. Makes a copy to be put into the stream that `conf` and `program` describe, from bytes that
 * snapshot_check was content with. 0, or with `f` saying what differs: -EINVAL for a stream of another
 * name, other channels or another pipeline, -EBADMSG for impossible contents, -ENOMEM. */
int snapshot_open(const uint8_t *bytes, size_t size, const struct conf_stream *conf,
	const struct pipeline *program, struct stream_copy *copy, struct fault *f);
