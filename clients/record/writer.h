/* Writing a recording: records are gathered to chunks, whole chunks are appended.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/record/format.h"

#include <stdbool.h>

#define REC_FAULT_SIZE 400

struct rec_writer_conf {
	const char *text; /* JSON for the file header */
	bool zstd;        /* compress */
	bool replace;     /* a file that is there already */
	int64_t sync_ns;  /* from one fdatasync to the next; 0 = after each chunk */
};

struct rec_writer {
	const char *path;
	int fd;
	bool regular; /* no pipe, no device */
	struct rec_writer_conf conf;
	struct rec_chunk_header head; /* of the chunk that is being filled */
	uint8_t *chunk, *packed;
	size_t used, room, packed_room;
	int64_t began_ns, synced_ns; /* the chunk, the last sync; CLOCK_MONOTONIC */
	bool unsynced;
	uint64_t bytes, records; /* in the file, as whole chunks */
	char fault[REC_FAULT_SIZE];
};

/* Makes the file and writes its header. `path` is borrowed until rec_writer_close; the text is not. All
 * functions: 0, or a negative errno with a sentence in `fault`. -EEXIST: the file is there. */
int rec_writer_open(struct rec_writer *w, const char *path, const struct rec_writer_conf *conf);

/* Appends a record. An error means that nothing after the last whole chunk is in the file: it is cut
 * there, and the writer is of no further use. */
int rec_write(struct rec_writer *w, int64_t time_ns, const struct rec_bytes *frames, size_t count);

/* To be called a few times a second: ends a chunk that is a second old, and syncs when it is time. */
int rec_writer_poll(struct rec_writer *w);

/* Ends the chunk now. */
int rec_writer_flush(struct rec_writer *w);

/* Ends the chunk, syncs and closes. Accepts one that did not open. */
int rec_writer_close(struct rec_writer *w);
