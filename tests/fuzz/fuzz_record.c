/* Recordings as files: damaged, made up, or with checksums that fit.
 *
 * Input: a byte that says what follows.
 *   0  a file, as it stands
 *   1  chunks for a file whose head is good: of each 8 bytes for its header (type, codec, 16-bit sizes stored
 *      and raw, 16-bit records), then the payload; the checksums are put right
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "clients/record/crc32c.h"
#include "clients/record/message.h"
#include "clients/record/reader.h"

FUZZ_OPTIONS

struct tale {
	uint64_t damages, bytes;
};

static void on_damage(void *arg, const struct rec_damage *damage)
{
	struct tale *tale = arg;

	promise(damage->what && damage->size);
	tale->damages++;
	tale->bytes += damage->size;
}

static uint64_t read_all(struct rec_reader *r, uint64_t *sum)
{
	struct message_place place = {0};
	struct rec_record record;
	struct message m;
	uint64_t n = 0;
	int rc;

	*sum = 0;
	while ((rc = rec_next(r, &record)) > 0) {
		promise(record.count);
		for (uint32_t i = 0; i < record.count; i++)
			for (size_t k = 0; k < record.frames[i].size; k++)
				*sum += ((const uint8_t *)record.frames[i].data)[k];
		message_read(&m, record.frames, record.count);
		promise(strlen(m.stream) <= SPIKED_NAME_MAX);
		if (message_has_header(&m))
			message_missing(&place, &m);
		n++;
	}
	promise(!rc || rc == -12); /* out of memory */
	return n;
}

static void read_file(const void *bytes, size_t size)
{
	char fault[200] = "";
	struct rec_reader *r = rec_open_bytes(bytes, size, fault, sizeof(fault));
	uint64_t sum, again, n;
	struct tale tale = {0};
	struct rec_index index;

	if (!r) {
		promise(*fault);
		return;
	}
	rec_on_damage(r, on_damage, &tale);
	n = read_all(r, &sum);
	promise(n == rec_tally(r)->records);
	promise(tale.damages == rec_tally(r)->damages && tale.bytes == rec_tally(r)->damaged_bytes);
	promise(tale.bytes + rec_tally(r)->rest <= size);
	rec_rewind(r);
	promise(read_all(r, &again) == n && again == sum);
	promise(!rec_index(r, &index));
	promise(index.count >= rec_tally(r)->chunks);
	rec_span(r, &index, 0, 6);
	promise(read_all(r, &again) <= n);
	rec_index_fini(&index);
	rec_close(r);
}

static void append(uint8_t **file, size_t *size, const void *bytes, size_t n)
{
	*file = realloc(*file, *size + n + 1);
	promise(*file);
	if (n)
		memcpy(*file + *size, bytes, n);
	*size += n;
}

static void make_file(struct input in)
{
	struct rec_file_header head = {.size = sizeof(head) + 2};
	uint8_t *file = NULL;
	size_t size = 0;

	memcpy(head.magic, REC_MAGIC, sizeof(head.magic));
	head.crc = crc32c(crc32c(0, &head.time_ns, 16), "{}", 2);
	append(&file, &size, &head, sizeof(head));
	append(&file, &size, "{}", 2);
	for (uint32_t number = 0; in.left; number++) {
		struct rec_chunk_header h = {.type = (uint8_t)input_number(&in, 1),
			.codec = (uint8_t)input_number(&in, 1),
			.stored = (uint32_t)input_number(&in, 2),
			.raw = (uint32_t)input_number(&in, 2),
			.records = (uint32_t)input_number(&in, 2),
			.number = number};
		struct input payload = input_part(&in, h.stored);

		memcpy(h.magic, REC_CHUNK_MAGIC, sizeof(h.magic));
		h.payload_crc = crc32c(0, payload.at, payload.left);
		h.crc = crc32c(0, &h, offsetof(struct rec_chunk_header, crc));
		append(&file, &size, &h, sizeof(h));
		append(&file, &size, payload.at, payload.left);
	}
	read_file(file, size);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	void *copy;

	if (input_number(&in, 1) & 1) {
		make_file(in);
		return 0;
	}
	copy = input_copy(in, in.left);
	read_file(copy, in.left);
	free(copy);
	return 0;
}
