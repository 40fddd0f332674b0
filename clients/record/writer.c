/* Writing a recording.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "clients/record/writer.h"

#include "clients/record/crc32c.h"
#include "clients/record/zstd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES  (1u << 20)
#define CHUNK_AGE_NS INT64_C(1000000000)
#define WORTH        16 /* a chunk is kept compressed if that saves a 16th */

static int fail(struct rec_writer *w, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct rec_writer *w, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->fault, sizeof(w->fault), format, args);
	va_end(args);
	return -error;
}

static int64_t mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What was begun of a chunk is taken back, so that the file ends with a whole one. */
static int write_failed(struct rec_writer *w, int error)
{
	const char *rest = "";

	if (w->regular && ftruncate(w->fd, (off_t)w->bytes))
		rest = "; its end is half a chunk, which readers pass over";
	if (error == ENOSPC || error == EDQUOT)
		return fail(w, error,
			"%s: the disk is full; the file has what came before its last second%s",
			w->path, rest);
	if (error == EFBIG)
		return fail(w, error,
			"%s: the file is as large as files may be here; it has what came before its last second%s",
			w->path, rest);
	return fail(w, error, "%s: cannot write: %s%s", w->path, strerror(error), rest);
}

/* All of it, or a negative errno. */
static int write_all(struct rec_writer *w, const void *head, size_t head_size, const void *body,
	size_t body_size)
{
	struct iovec parts[2] = {
		{(void *)(uintptr_t)head, head_size}, {(void *)(uintptr_t)body, body_size}};
	size_t left = head_size + body_size;
	int first = 0;

	while (left) {
		ssize_t n = writev(w->fd, parts + first, 2 - first);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return write_failed(w, errno);
		left -= (size_t)n;
		for (; first < 2 && (size_t)n >= parts[first].iov_len; first++)
			n -= (ssize_t)parts[first].iov_len;
		if (first < 2) {
			parts[first].iov_base = (char *)parts[first].iov_base + n;
			parts[first].iov_len -= (size_t)n;
		}
	}
	w->bytes += head_size + body_size;
	return 0;
}

static int write_header(struct rec_writer *w)
{
	struct rec_file_header h = {.magic = {0}};
	struct timespec now;
	size_t text = strlen(w->conf.text);

	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(h.magic, REC_MAGIC, sizeof(h.magic));
	h.size = (uint32_t)(sizeof(h) + text);
	h.time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	h.crc = crc32c(0, &h.time_ns, sizeof(h) - offsetof(struct rec_file_header, time_ns));
	h.crc = crc32c(h.crc, w->conf.text, text);
	return write_all(w, &h, sizeof(h), w->conf.text, text);
}

static int open_file(struct rec_writer *w)
{
	struct stat st;
	bool there = stat(w->path, &st) == 0;
	int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;

	w->regular = !there || S_ISREG(st.st_mode);
	if (w->regular)
		flags |= O_CREAT | (w->conf.replace ? O_TRUNC : O_EXCL);
	w->fd = open(w->path, flags, 0666);
	if (w->fd < 0 && errno == EEXIST)
		return fail(w, EEXIST,
			"%s is there already, and what is recorded is not overwritten: choose another "
			"name, or say --force",
			w->path);
	if (w->fd < 0)
		return fail(w, errno, "%s: cannot make the file: %s", w->path, strerror(errno));
	return 0;
}

int rec_writer_open(struct rec_writer *w, const char *path, const struct rec_writer_conf *conf)
{
	int rc;

	*w = (struct rec_writer){.path = path, .fd = -1, .conf = *conf};
	if (conf->zstd && !rec_has_zstd)
		return fail(
			w, ENOTSUP, "this spikectl was built without libzstd: it cannot compress");
	rc = open_file(w);
	if (!rc)
		rc = write_header(w);
	w->conf.text = NULL;
	w->synced_ns = mono_ns();
	w->unsynced = true;
	if (rc && w->fd >= 0) {
		close(w->fd);
		w->fd = -1;
		if (w->regular)
			unlink(path);
	}
	return rc;
}

static int sync_file(struct rec_writer *w)
{
	w->synced_ns = mono_ns();
	w->unsynced = false;
	if (w->regular && fdatasync(w->fd))
		return fail(w, errno, "%s: the disk did not take what was written: %s", w->path,
			strerror(errno));
	return 0;
}

/* Room for `size` bytes in a buffer. */
static bool reserve(uint8_t **bytes, size_t *room, size_t size)
{
	size_t want = *room ? *room : CHUNK_BYTES + CHUNK_BYTES / 4;
	uint8_t *more;

	if (size <= *room)
		return true;
	while (want < size)
		want *= 2;
	more = realloc(*bytes, want);
	if (!more)
		return false;
	*bytes = more;
	*room = want;
	return true;
}

/* Compresses the chunk if that is wanted, possible and worth it. Returns what to store. */
static const uint8_t *pack(struct rec_writer *w, uint32_t *stored)
{
	size_t bound = w->conf.zstd ? rec_zstd_bound(w->used) : 0, n = 0;

	*stored = (uint32_t)w->used;
	w->head.codec = REC_PLAIN;
	if (w->conf.zstd && reserve(&w->packed, &w->packed_room, bound))
		n = rec_zstd_pack(w->packed, w->packed_room, w->chunk, w->used);
	if (!n || n > w->used - w->used / WORTH)
		return w->chunk;
	*stored = (uint32_t)n;
	w->head.codec = REC_ZSTD;
	return w->packed;
}

int rec_writer_flush(struct rec_writer *w)
{
	struct rec_chunk_header *h = &w->head;
	const uint8_t *payload;
	int rc;

	if (!h->records)
		return 0;
	payload = pack(w, &h->stored);
	memcpy(h->magic, REC_CHUNK_MAGIC, sizeof(h->magic));
	h->type = REC_RECORDS;
	h->raw = (uint32_t)w->used;
	h->payload_crc = crc32c(0, payload, h->stored);
	h->crc = crc32c(0, h, offsetof(struct rec_chunk_header, crc));
	rc = write_all(w, h, sizeof(*h), payload, h->stored);
	if (rc)
		return rc;
	w->records += h->records;
	w->unsynced = true;
	w->used = 0;
	*h = (struct rec_chunk_header){.number = h->number + 1};
	return w->conf.sync_ns ? 0 : sync_file(w);
}

/* Bytes of the record, or 0: too many. */
static size_t record_size(const struct rec_bytes *frames, size_t count)
{
	size_t size = sizeof(struct rec_record_header) + count * sizeof(uint32_t);

	if (!count || count > REC_FRAMES_MAX)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (frames[i].size > REC_CHUNK_MAX - size)
			return 0;
		size += frames[i].size;
	}
	return size;
}

static void put(uint8_t **at, const void *bytes, size_t size)
{
	if (size)
		memcpy(*at, bytes, size);
	*at += size;
}

static void note_time(struct rec_chunk_header *h, int64_t time_ns)
{
	if (!h->records || time_ns < h->first_ns)
		h->first_ns = time_ns;
	if (!h->records || time_ns > h->last_ns)
		h->last_ns = time_ns;
	h->records++;
}

int rec_write(struct rec_writer *w, int64_t time_ns, const struct rec_bytes *frames, size_t count)
{
	size_t size = record_size(frames, count);
	struct rec_record_header h = {.size = (uint32_t)(size - sizeof(h.size)),
		.frames = (uint32_t)count,
		.time_ns = time_ns};
	uint8_t *at;
	int rc;

	if (!size)
		return fail(w, EMSGSIZE, "%s: a message of %zu frames is too large for a recording",
			w->path, count);
	if (w->used && w->used + size > CHUNK_BYTES) {
		rc = rec_writer_flush(w);
		if (rc)
			return rc;
	}
	if (!reserve(&w->chunk, &w->room, w->used + size))
		return fail(w, ENOMEM, "%s: not enough memory", w->path);
	if (!w->used)
		w->began_ns = mono_ns();
	at = w->chunk + w->used;
	put(&at, &h, sizeof(h));
	for (size_t i = 0; i < count; i++) {
		uint32_t length = (uint32_t)frames[i].size;

		put(&at, &length, sizeof(length));
	}
	for (size_t i = 0; i < count; i++)
		put(&at, frames[i].data, frames[i].size);
	w->used += size;
	note_time(&w->head, time_ns);
	return 0;
}

int rec_writer_poll(struct rec_writer *w)
{
	int64_t now_ns = mono_ns();
	int rc = 0;

	if (w->used && now_ns - w->began_ns >= CHUNK_AGE_NS)
		rc = rec_writer_flush(w);
	if (!rc && w->unsynced && now_ns - w->synced_ns >= w->conf.sync_ns)
		rc = sync_file(w);
	return rc;
}

int rec_writer_close(struct rec_writer *w)
{
	int rc = 0;

	if (w->fd >= 0) {
		rc = *w->fault ? 0 : rec_writer_flush(w);
		if (!rc && !*w->fault)
			rc = sync_file(w);
		if (close(w->fd) && !rc && !*w->fault)
			rc = fail(w, errno, "%s: closing failed: %s", w->path, strerror(errno));
	}
	free(w->chunk);
	free(w->packed);
	w->fd = -1;
	w->chunk = w->packed = NULL;
	w->used = w->room = w->packed_room = 0;
	return rc;
}
