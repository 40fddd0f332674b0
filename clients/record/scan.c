/* Finding the chunks of a file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "clients/record/scan.h"

#include "clients/record/crc32c.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 65536u

int rec_source_read(const struct rec_source *source, uint64_t offset, void *to, size_t size)
{
	uint8_t *at = to;

	if (source->fd < 0) {
		if (size)
			memcpy(to, source->bytes + offset, size);
		return 0;
	}
	while (size) {
		ssize_t n = pread(source->fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO; /* 0: the file has become shorter */
		at += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static int is_good(const struct rec_chunk_header *h)
{
	return !memcmp(h->magic, REC_CHUNK_MAGIC, sizeof(h->magic)) &&
	       h->crc == crc32c(0, h, offsetof(struct rec_chunk_header, crc)) &&
	       h->stored <= REC_CHUNK_MAX && h->raw <= REC_CHUNK_MAX;
}

static int at_once(const struct rec_source *source, uint64_t from, struct rec_chunk_header *head)
{
	int rc = rec_source_read(source, from, head, sizeof(*head));

	return rc ? rc : is_good(head);
}

/* Goes through the bytes: what was a length may be anything. */
int rec_find_chunk(
	const struct rec_source *source, uint64_t from, uint64_t *at, struct rec_chunk_header *head)
{
	uint8_t block[BLOCK];
	int rc;

	if (from > source->size || source->size - from < sizeof(*head))
		return 0;
	*at = from;
	rc = at_once(source, from, head);
	if (rc)
		return rc;
	for (from++; source->size - from >= sizeof(*head);) {
		uint64_t left = source->size - from;
		size_t size = left < BLOCK ? (size_t)left : BLOCK, i = 0;

		rc = rec_source_read(source, from, block, size);
		if (rc)
			return rc;
		for (; i + sizeof(*head) <= size; i++) {
			const uint8_t *magic =
				memchr(block + i, REC_CHUNK_MAGIC[0], size - sizeof(*head) + 1 - i);

			if (!magic) {
				i = size - sizeof(*head) + 1;
				break;
			}
			i = (size_t)(magic - block);
			memcpy(head, magic, sizeof(*head));
			if (is_good(head)) {
				*at = from + i;
				return 1;
			}
		}
		from += i;
	}
	return 0;
}
