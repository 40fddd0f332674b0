/* Reading a recording. Nothing in it is believed before it has been checked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "clients/record/reader.h"

#include "clients/record/crc32c.h"
#include "clients/record/scan.h"
#include "clients/record/zstd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct buffer {
	uint8_t *bytes;
	size_t room;
};

struct rec_reader {
	struct rec_source source;
	struct rec_file_header head;
	char *text;
	uint64_t next; /* where the next chunk should begin */
	uint64_t stop; /* where no chunk is read any more */
	struct buffer stored, raw;
	const uint8_t *payload; /* of the chunk that is being read */
	size_t size, at;
	uint32_t left; /* records of it */
	uint64_t payload_at;
	bool counts; /* a chunk has been seen: `number` is the next one's */
	uint32_t number;
	struct rec_bytes *frames;
	size_t frames_room;
	struct rec_tally tally;
	void (*tell)(void *arg, const struct rec_damage *damage);
	void *arg;
};

static bool refuse(char *fault, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool refuse(char *fault, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fault, size, format, args);
	va_end(args);
	return false;
}

static bool read_header(struct rec_reader *r, const char *path, char *fault, size_t size)
{
	struct rec_file_header *h = &r->head;
	size_t text;

	if (r->source.size < sizeof(*h) || rec_source_read(&r->source, 0, h, sizeof(*h)) ||
		memcmp(h->magic, REC_MAGIC, sizeof(h->magic)) != 0)
		return refuse(fault, size, "%s is no recording", path);
	if (h->size < sizeof(*h) || h->size > REC_TEXT_MAX || h->size > r->source.size)
		return refuse(fault, size, "%s: the head of the file is damaged", path);
	text = h->size - sizeof(*h);
	r->text = calloc(1, text + 1);
	if (!r->text)
		return refuse(fault, size, "%s: not enough memory", path);
	if (rec_source_read(&r->source, sizeof(*h), r->text, text))
		return refuse(fault, size, "%s: cannot read: %s", path, strerror(errno));
	if (h->crc != crc32c(crc32c(0, &h->time_ns,
				     sizeof(*h) - offsetof(struct rec_file_header, time_ns)),
			      r->text, text))
		return refuse(fault, size, "%s: the head of the file is damaged", path);
	r->next = h->size;
	r->stop = UINT64_MAX;
	return true;
}

static struct rec_reader *open_source(
	const struct rec_source *source, const char *path, char *fault, size_t size)
{
	struct rec_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		refuse(fault, size, "%s: not enough memory", path);
		if (source->fd >= 0)
			close(source->fd);
		return NULL;
	}
	r->source = *source;
	if (read_header(r, path, fault, size))
		return r;
	rec_close(r);
	return NULL;
}

struct rec_reader *rec_open(const char *path, char *fault, size_t size)
{
	struct rec_source source = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
	struct stat st;

	if (source.fd < 0 || fstat(source.fd, &st)) {
		refuse(fault, size, "%s: cannot read: %s", path, strerror(errno));
		if (source.fd >= 0)
			close(source.fd);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		refuse(fault, size, "%s is no file that can be read from anywhere in it", path);
		close(source.fd);
		return NULL;
	}
	source.size = (uint64_t)st.st_size;
	return open_source(&source, path, fault, size);
}

struct rec_reader *rec_open_bytes(const void *bytes, size_t size, char *fault, size_t fault_size)
{
	const struct rec_source source = {.fd = -1, .bytes = bytes, .size = size};

	return open_source(&source, "this", fault, fault_size);
}

void rec_close(struct rec_reader *r)
{
	if (!r)
		return;
	if (r->source.fd >= 0)
		close(r->source.fd);
	free(r->text);
	free(r->stored.bytes);
	free(r->raw.bytes);
	free(r->frames);
	free(r);
}

const char *rec_text(const struct rec_reader *r)
{
	return r->text;
}

int64_t rec_time_ns(const struct rec_reader *r)
{
	return r->head.time_ns;
}

uint64_t rec_size(const struct rec_reader *r)
{
	return r->source.size;
}

const struct rec_tally *rec_tally(const struct rec_reader *r)
{
	return &r->tally;
}

uint64_t rec_offset(const struct rec_reader *r)
{
	return r->next;
}

void rec_on_damage(
	struct rec_reader *r, void (*tell)(void *arg, const struct rec_damage *damage), void *arg)
{
	r->tell = tell;
	r->arg = arg;
}

static void damaged(struct rec_reader *r, uint64_t offset, uint64_t size, const char *what)
{
	const struct rec_damage damage = {.offset = offset, .size = size, .what = what};

	r->tally.damages++;
	r->tally.damaged_bytes += size;
	if (r->tell)
		r->tell(r->arg, &damage);
}

static bool reserve(struct buffer *b, size_t size)
{
	uint8_t *more;

	if (size <= b->room)
		return true;
	more = realloc(b->bytes, size);
	if (!more)
		return false;
	b->bytes = more;
	b->room = size;
	return true;
}

/* Nothing more that begins like a chunk. What was being written when the writer ended is no damage. */
static void end_here(struct rec_reader *r, uint64_t at)
{
	uint64_t rest = r->source.size - at;

	if (rest >= sizeof(struct rec_chunk_header))
		damaged(r, at, rest, "there is no chunk");
	else
		r->tally.rest = rest;
	r->next = r->source.size;
}

/* Decompresses what has been read. NULL with *what: it cannot be. */
static const uint8_t *unpack(
	struct rec_reader *r, const struct rec_chunk_header *h, const char **what)
{
	*what = "a chunk contradicts itself";
	if (h->codec == REC_PLAIN)
		return h->raw == h->stored ? r->stored.bytes : NULL;
	if (h->codec != REC_ZSTD) {
		*what = "a chunk is packed in a way that this program does not know";
		return NULL;
	}
	if (!rec_has_zstd) {
		*what = "a chunk is compressed, and this program was built without libzstd";
		return NULL;
	}
	*what = "a chunk cannot be decompressed";
	if (!reserve(&r->raw, h->raw ? h->raw : 1))
		return NULL;
	return rec_zstd_unpack(r->raw.bytes, h->raw, r->stored.bytes, h->stored) ? r->raw.bytes
										 : NULL;
}

static void count_numbers(struct rec_reader *r, uint32_t number)
{
	if (r->counts && number > r->number)
		r->tally.missing_chunks += number - r->number;
	r->counts = true;
	r->number = number + 1;
}

/* Reads the next chunk of records into memory. 1, 0 = the end, negative errno. */
static int load_chunk(struct rec_reader *r)
{
	struct rec_chunk_header h;
	const char *what;
	uint64_t at, end;
	int rc;

	if (r->next >= r->stop)
		return 0;
	rc = rec_find_chunk(&r->source, r->next, &at, &h);
	if (rc < 0)
		return rc;
	if (!rc) {
		end_here(r, r->next);
		return 0;
	}
	if (at > r->next)
		damaged(r, r->next, at - r->next, "there is no chunk");
	end = at + sizeof(h) + h.stored;
	if (end > r->source.size) {
		r->tally.rest = r->source.size - at;
		r->next = r->source.size;
		return 0;
	}
	r->next = end;
	count_numbers(r, h.number);
	if (h.type != REC_RECORDS)
		return 1;
	if (!reserve(&r->stored, h.stored ? h.stored : 1))
		return -ENOMEM;
	rc = rec_source_read(&r->source, at + sizeof(h), r->stored.bytes, h.stored);
	if (rc)
		return rc;
	r->payload = NULL;
	what = "a chunk's checksum does not fit";
	if (crc32c(0, r->stored.bytes, h.stored) == h.payload_crc)
		r->payload = unpack(r, &h, &what);
	if (!r->payload) {
		damaged(r, at, end - at, what);
		return 1;
	}
	r->size = h.raw;
	r->at = 0;
	r->left = h.records;
	r->payload_at = at;
	r->tally.chunks++;
	return 1;
}

static int reserve_frames(struct rec_reader *r, uint32_t count)
{
	struct rec_bytes *more;

	if (count <= r->frames_room)
		return 0;
	more = realloc(r->frames, count * sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->frames = more;
	r->frames_room = count;
	return 0;
}

/* One record of the chunk. 1; 0: there is none, as it should be not; -ENOMEM. */
static int take_record(struct rec_reader *r, struct rec_record *record)
{
	struct rec_record_header h;
	size_t left = r->size - r->at, lengths, data;

	if (left < sizeof(h))
		return 0;
	memcpy(&h, r->payload + r->at, sizeof(h));
	if (h.size > left - sizeof(h.size) || !h.frames || h.frames > REC_FRAMES_MAX)
		return 0;
	data = sizeof(h) + h.frames * sizeof(uint32_t);
	if (data > h.size + sizeof(h.size))
		return 0;
	if (reserve_frames(r, h.frames))
		return -ENOMEM;
	lengths = r->at + sizeof(h);
	left = h.size + sizeof(h.size) - data; /* of the frames */
	data += r->at;
	for (uint32_t i = 0; i < h.frames; i++) {
		uint32_t length;

		memcpy(&length, r->payload + lengths + i * sizeof(length), sizeof(length));
		if (length > left)
			return 0;
		r->frames[i] = (struct rec_bytes){r->payload + data, length};
		data += length;
		left -= length;
	}
	if (left)
		return 0;
	r->at = data;
	r->left--;
	r->tally.records++;
	*record = (struct rec_record){.time_ns = h.time_ns, .count = h.frames, .frames = r->frames};
	return 1;
}

int rec_next(struct rec_reader *r, struct rec_record *record)
{
	int rc;

	for (;;) {
		if (r->left || r->at < r->size) {
			rc = r->left ? take_record(r, record) : 0;
			if (rc)
				return rc;
			damaged(r, r->payload_at, r->next - r->payload_at,
				"a chunk contradicts itself");
			r->left = 0;
			r->at = r->size = 0;
		}
		rc = load_chunk(r);
		if (rc <= 0)
			return rc;
	}
}

static void go_to(struct rec_reader *r, uint64_t offset)
{
	r->next = offset;
	r->stop = UINT64_MAX;
	r->left = 0;
	r->at = r->size = 0;
	r->counts = false;
}

void rec_rewind(struct rec_reader *r)
{
	r->tally = (struct rec_tally){0};
	go_to(r, r->head.size);
}

void rec_seek(struct rec_reader *r, const struct rec_place *place)
{
	go_to(r, place->offset);
}

void rec_span(struct rec_reader *r, const struct rec_index *index, int64_t from_ns, int64_t to_ns)
{
	uint64_t first = UINT64_MAX, end = 0;

	for (size_t i = 0; i < index->count; i++) {
		const struct rec_place *place = &index->places[i];

		if (place->head.last_ns < from_ns || place->head.first_ns >= to_ns)
			continue;
		if (place->offset < first)
			first = place->offset;
		end = place->offset + 1;
	}
	go_to(r, first);
	r->stop = end;
}

int rec_index(struct rec_reader *r, struct rec_index *index)
{
	struct rec_place place;
	uint64_t from = r->head.size;
	int rc;

	*index = (struct rec_index){0};
	while ((rc = rec_find_chunk(&r->source, from, &place.offset, &place.head)) > 0) {
		from = place.offset + sizeof(place.head) + place.head.stored;
		if (from > r->source.size)
			break;
		if (place.head.type != REC_RECORDS)
			continue;
		if (index->count == index->room) {
			size_t room = index->room ? 2 * index->room : 256;
			struct rec_place *more = realloc(index->places, room * sizeof(*more));

			if (!more)
				return -ENOMEM;
			index->places = more;
			index->room = room;
		}
		index->places[index->count++] = place;
	}
	return rc < 0 ? rc : 0;
}

void rec_index_fini(struct rec_index *index)
{
	free(index->places);
	*index = (struct rec_index){0};
}
