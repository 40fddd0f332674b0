/* Reading a recording, also one that is damaged, cut off, or still being written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/record/format.h"

#include <stdbool.h>

struct rec_record {
	int64_t time_ns;
	uint32_t count;                 /* frames, at least one */
	const struct rec_bytes *frames; /* borrowed until the next record is asked for */
};

/* What was wrong with a span of bytes that was passed over. */
struct rec_damage {
	uint64_t offset, size;
	const char *what; /* constant: "a chunk's checksum does not fit" */
};

/* What has been read so far. */
struct rec_tally {
	uint64_t chunks, records, damages;
	uint64_t damaged_bytes;
	uint64_t missing_chunks; /* by their numbers */
	uint64_t rest;           /* bytes at the end: of a chunk that was never finished */
};

struct rec_reader;

/* NULL, with a sentence in `fault`. */
struct rec_reader *rec_open(const char *path, char *fault, size_t size);
/* The same of bytes in memory, borrowed. */
struct rec_reader *rec_open_bytes(const void *bytes, size_t size, char *fault, size_t fault_size);
void rec_close(struct rec_reader *r); /* accepts NULL */

/* JSON of the file header, as written; and when the file was begun. */
const char *rec_text(const struct rec_reader *r);
int64_t rec_time_ns(const struct rec_reader *r);
uint64_t rec_size(const struct rec_reader *r);

/* The next record: 1; 0 at the end; -EIO, -ENOMEM. Damage is passed over, tallied and told. */
int rec_next(struct rec_reader *r, struct rec_record *record);

/* Back to the first record; the tally begins anew. */
void rec_rewind(struct rec_reader *r);

const struct rec_tally *rec_tally(const struct rec_reader *r);
uint64_t rec_offset(const struct rec_reader *r); /* how far it has read, in bytes of the file */

/* Who wants to hear of damage; NULL = nobody. */
void rec_on_damage(
	struct rec_reader *r, void (*tell)(void *arg, const struct rec_damage *damage), void *arg);

/* A chunk, as its header describes it. */
struct rec_place {
	uint64_t offset;
	struct rec_chunk_header head;
};

struct rec_index {
	struct rec_place *places;
	size_t count, room;
};

/* Reads nothing but the headers of chunks. 0, -EIO, -ENOMEM. */
int rec_index(struct rec_reader *r, struct rec_index *index);
void rec_index_fini(struct rec_index *index);

/* The next record will be the first of that chunk. */
void rec_seek(struct rec_reader *r, const struct rec_place *place);

/* From here on reads only the chunks between the first and the last that hold records of that time. */
void rec_span(struct rec_reader *r, const struct rec_index *index, int64_t from_ns, int64_t to_ns);
