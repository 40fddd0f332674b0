/* Finding the chunks of a file, without looking into them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/record/format.h"

#include <stdint.h>

/* A file, or bytes in memory. */
struct rec_source {
	int fd; /* -1: memory */
	const uint8_t *bytes;
	uint64_t size;
};

/* 0 when all of it was read, -EIO. The span lies within the source. */
int rec_source_read(const struct rec_source *source, uint64_t offset, void *to, size_t size);

/* Looks for the first good chunk header at `from` or after; *at = where. 1; 0 = there is none; -EIO. */
int rec_find_chunk(const struct rec_source *source, uint64_t from, uint64_t *at,
	struct rec_chunk_header *head);
