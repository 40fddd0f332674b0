/* Recordings: what is written is read, whatever becomes of the file up to there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "clients/record/crc32c.h"
#include "clients/record/message.h"
#include "clients/record/reader.h"
#include "clients/record/roll.h"
#include "clients/record/scan.h"
#include "clients/record/writer.h"
#include "clients/record/zstd.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS 3000
#define TEXT    "{\"creator\":\"test\"}"

/* Record `i` of a recording: its bytes follow from i alone. */
struct made {
	uint8_t bytes[4][2048];
	struct rec_bytes frames[4];
	size_t count;
};

static void make_record(struct made *m, uint32_t i)
{
	struct test_random random = {i + 1};

	m->count = 1 + random_below(&random, 4);
	for (size_t k = 0; k < m->count; k++) {
		size_t size = random_below(&random, 10)
				      ? random_below(&random, 60)
				      : random_below(&random, sizeof(m->bytes[k]));

		memset(m->bytes[k], (int)(i + k), size);
		m->frames[k] = (struct rec_bytes){m->bytes[k], size};
	}
}

static char path[] = "/tmp/spiked-test-record-XXXXXX";

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

/* A file of `RECORDS` records, read into memory. Chunks end where `flush` says, and when they are full. */
static uint8_t *make_file(bool zstd, uint32_t flush, size_t *size)
{
	struct rec_writer w;
	struct stat st;
	struct made m;
	uint8_t *bytes;
	FILE *file;

	const struct rec_writer_conf conf = {
		.text = TEXT, .zstd = zstd, .replace = true, .sync_ns = INT64_MAX};

	assert_int_equal(rec_writer_open(&w, path, &conf), 0);
	for (uint32_t i = 0; i < RECORDS; i++) {
		make_record(&m, i);
		assert_int_equal(rec_write(&w, 1000 + i, m.frames, m.count), 0);
		if (i % flush == flush - 1)
			assert_int_equal(rec_writer_flush(&w), 0);
	}
	assert_int_equal(rec_writer_close(&w), 0);
	assert_int_equal(w.records, RECORDS);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(w.bytes, st.st_size);
	*size = (size_t)st.st_size;
	bytes = malloc(*size);
	file = fopen(path, "rb");
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	fclose(file);
	return bytes;
}

static struct rec_reader *open_bytes(const uint8_t *bytes, size_t size)
{
	char fault[200] = "";
	struct rec_reader *r = rec_open_bytes(bytes, size, fault, sizeof(fault));

	if (!r)
		fail_msg("%s", fault);
	return r;
}

static void check_record(const struct rec_record *got, uint32_t i)
{
	struct made m;

	make_record(&m, i);
	assert_int_equal(got->time_ns, 1000 + i);
	assert_int_equal(got->count, m.count);
	for (size_t k = 0; k < m.count; k++) {
		assert_int_equal(got->frames[k].size, m.frames[k].size);
		assert_memory_equal(got->frames[k].data, m.frames[k].data, m.frames[k].size);
	}
}

/* Reads to the end; the records are the first ones, in order. Returns how many. */
static uint32_t read_first(struct rec_reader *r)
{
	struct rec_record record;
	uint32_t n = 0;
	int rc;

	while ((rc = rec_next(r, &record)) > 0)
		check_record(&record, n++);
	assert_int_equal(rc, 0);
	return n;
}

static void test_checksum_is_crc32c(void **state)
{
	const char digits[] = "123456789";
	uint32_t parts = 0;

	(void)state;
	assert_int_equal(crc32c(0, digits, 9), 0xe3069283);
	for (int i = 0; i < 9; i++)
		parts = crc32c(parts, digits + i, 1);
	assert_int_equal(parts, 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

static void test_what_is_written_is_read(void **state)
{
	(void)state;
	for (int zstd = 0; zstd <= rec_has_zstd; zstd++) {
		size_t size;
		uint8_t *bytes = make_file(zstd, 700, &size);
		struct rec_reader *r = open_bytes(bytes, size);

		assert_string_equal(rec_text(r), TEXT);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(read_first(r), RECORDS);
			assert_int_equal(rec_tally(r)->chunks, 5);
			assert_int_equal(rec_tally(r)->damages, 0);
			assert_int_equal(rec_tally(r)->rest, 0);
			rec_rewind(r);
		}
		rec_close(r);
		free(bytes);
	}
}

static void test_index_leads_to_every_chunk(void **state)
{
	size_t size;
	uint8_t *bytes = make_file(false, 100, &size);
	struct rec_reader *r = open_bytes(bytes, size);
	struct rec_record record;
	struct rec_index index;

	(void)state;
	assert_int_equal(rec_index(r, &index), 0);
	assert_int_equal(index.count, RECORDS / 100);
	for (size_t i = index.count; i-- > 0;) {
		const struct rec_chunk_header *h = &index.places[i].head;

		assert_int_equal(h->number, i);
		assert_int_equal(h->first_ns, 1000 + 100 * i);
		assert_int_equal(h->last_ns, 1000 + 100 * i + 99);
		rec_seek(r, &index.places[i]);
		assert_int_equal(rec_next(r, &record), 1);
		check_record(&record, (uint32_t)(100 * i));
	}
	rec_span(r, &index, 1000 + 1250, 1000 + 1400);
	for (uint32_t i = 1200; i < 1400; i++) {
		assert_int_equal(rec_next(r, &record), 1);
		check_record(&record, i);
	}
	assert_int_equal(rec_next(r, &record), 0);
	rec_span(r, &index, 0, 1000);
	assert_int_equal(rec_next(r, &record), 0);
	rec_rewind(r);
	assert_int_equal(read_first(r), RECORDS);
	rec_index_fini(&index);
	rec_close(r);
	free(bytes);
}

/* Records in all chunks that end at `size` or before. */
static uint32_t whole_records(const struct rec_index *index, size_t size)
{
	uint32_t n = 0;

	for (size_t i = 0; i < index->count; i++)
		if (index->places[i].offset + sizeof(struct rec_chunk_header) +
				index->places[i].head.stored <=
			size)
			n += index->places[i].head.records;
	return n;
}

static void test_cut_off_at_a_thousand_places_all_whole_chunks_are_read(void **state)
{
	struct test_random random = test_random(1);
	size_t size;
	uint8_t *bytes = make_file(rec_has_zstd, 53, &size);
	struct rec_reader *r = open_bytes(bytes, size);
	struct rec_index index;

	(void)state;
	assert_int_equal(rec_index(r, &index), 0);
	rec_close(r);
	for (int i = 0; i < 1000; i++) {
		size_t head = sizeof(struct rec_file_header) + strlen(TEXT);
		size_t at = head + random_below(&random, (uint32_t)(size - head + 1));
		uint8_t *part = malloc(at); /* of its own: reading past its end is seen */

		memcpy(part, bytes, at);
		r = open_bytes(part, at);
		assert_int_equal(read_first(r), whole_records(&index, at));
		assert_int_equal(rec_tally(r)->damages, 0);
		rec_close(r);
		free(part);
	}
	rec_index_fini(&index);
	free(bytes);
}

static void count_damage(void *arg, const struct rec_damage *damage)
{
	assert_non_null(damage->what);
	++*(int *)arg;
}

static void test_any_flipped_bit_is_found_and_costs_one_chunk(void **state)
{
	struct test_random random = test_random(2);
	size_t size;
	uint8_t *bytes = make_file(rec_has_zstd, 100, &size);

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size_t at = i < 200 ? (size_t)i : random_below(&random, (uint32_t)size);
		uint8_t bit = (uint8_t)(1 << random_below(&random, 8));
		struct rec_reader *r;
		struct rec_record record;
		char fault[200];
		int found = 0, n = 0;

		bytes[at] ^= bit;
		r = rec_open_bytes(bytes, size, fault, sizeof(fault));
		if (r) {
			rec_on_damage(r, count_damage, &found);
			while (rec_next(r, &record) > 0)
				n++;
			if (!found || n != RECORDS - 100)
				fail_msg("byte %zu: %d places, %d records", at, found, n);
			assert_int_equal(rec_tally(r)->damages, found);
			rec_close(r);
		}
		bytes[at] ^= bit;
	}
	free(bytes);
}

static void test_a_missing_chunk_is_noticed(void **state)
{
	size_t size, from, to;
	uint8_t *bytes = make_file(false, 100, &size);
	struct rec_reader *r = open_bytes(bytes, size);
	struct rec_record record;
	struct rec_index index;
	int n = 0;

	(void)state;
	assert_int_equal(rec_index(r, &index), 0);
	rec_close(r);
	from = index.places[3].offset;
	to = index.places[5].offset;
	memmove(bytes + from, bytes + to, size - to);
	r = open_bytes(bytes, size - (to - from));
	while (rec_next(r, &record) > 0)
		n++;
	assert_int_equal(n, RECORDS - 200);
	assert_int_equal(rec_tally(r)->missing_chunks, 2);
	rec_close(r);
	rec_index_fini(&index);
	free(bytes);
}

static void test_nothing_is_overwritten_unless_asked(void **state)
{
	const struct rec_writer_conf conf = {.text = TEXT};
	struct rec_writer w;

	(void)state;
	assert_int_equal(rec_writer_open(&w, path, &conf), -EEXIST);
	assert_non_null(strstr(w.fault, "--force"));
	assert_int_equal(rec_writer_close(&w), 0);
}

/* Writes until it fails. */
static int fill(struct rec_writer *w)
{
	struct made m;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < 100000; i++) {
		make_record(&m, i);
		rc = rec_write(w, 1000 + i, m.frames, m.count);
		if (!rc && i % 50 == 49)
			rc = rec_writer_flush(w);
	}
	return rc;
}

static void test_a_full_disk_leaves_whole_chunks(void **state)
{
	const struct rec_writer_conf conf = {.text = TEXT, .replace = true, .sync_ns = INT64_MAX};
	struct rlimit before, limit;
	struct rec_reader *r;
	struct rec_writer w;
	char fault[200];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 100001;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(rec_writer_open(&w, path, &conf), 0);
	assert_int_equal(fill(&w), -EFBIG);
	assert_non_null(strstr(w.fault, "as large as files may be"));
	assert_int_equal(rec_writer_close(&w), 0);
	setrlimit(RLIMIT_FSIZE, &before);
	r = rec_open(path, fault, sizeof(fault));
	assert_non_null(r);
	assert_int_equal(read_first(r), w.records);
	assert_true(w.records >= 50);
	assert_int_equal(rec_tally(r)->rest, 0);
	rec_close(r);

	assert_int_equal(rec_writer_open(&w, "/dev/full", &conf), -ENOSPC);
	assert_non_null(strstr(w.fault, "the disk is full"));
	rec_writer_close(&w);
}

static void test_large_records_have_a_chunk_of_their_own(void **state)
{
	const struct rec_writer_conf conf = {.text = TEXT, .replace = true, .sync_ns = INT64_MAX};
	static uint8_t large[3 << 20];
	const struct rec_bytes frames[] = {{"a/", 2}, {large, sizeof(large)}};
	struct rec_record record;
	struct rec_reader *r;
	struct rec_writer w;
	char fault[200];

	(void)state;
	assert_int_equal(rec_writer_open(&w, path, &conf), 0);
	assert_int_equal(rec_write(&w, 1, frames, 1), 0);
	assert_int_equal(rec_write(&w, 2, frames, 2), 0);
	assert_int_equal(rec_write(&w, 3, frames, 1), 0);
	assert_int_equal(rec_write(&w, 4, frames, 0), -EMSGSIZE);
	w.fault[0] = '\0';
	assert_int_equal(rec_writer_close(&w), 0);
	r = rec_open(path, fault, sizeof(fault));
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(rec_next(r, &record), 1);
		assert_int_equal(record.time_ns, i);
		assert_int_equal(record.count, i == 2 ? 2 : 1);
	}
	assert_int_equal(record.frames[0].size, 2);
	assert_int_equal(rec_tally(r)->chunks, 3);
	rec_close(r);
}

static void test_bytes_that_are_no_recording_are_refused(void **state)
{
	static const char *const others[] = {
		"", "S", "SPKREC1", "SPKREC2\n0123456789012345678901234567890"};
	char fault[200];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(rec_open_bytes(others[i], strlen(others[i]), fault, sizeof(fault)));
	assert_null(rec_open("/nonexistent/x", fault, sizeof(fault)));
	assert_non_null(strstr(fault, "No such file"));
	assert_null(rec_open("/dev/null", fault, sizeof(fault)));
}

static struct message read_message(const char *topic, const void *second, size_t size, size_t count)
{
	static uint8_t payload[16];
	static struct rec_bytes frames[4];
	struct message m;

	frames[0] = (struct rec_bytes){topic, strlen(topic)};
	frames[1] = (struct rec_bytes){second, size};
	frames[2] = frames[3] = (struct rec_bytes){payload, sizeof(payload)};
	message_read(&m, frames, count);
	return m;
}

static void test_messages_are_told_apart(void **state)
{
	struct spiked_header h = {.magic = {'S', 'P', 'K', '1'},
		.kind = SPIKED_KIND_ROWS,
		.epoch = 5,
		.seq = 3,
		.dt_ns = 1};
	struct message_place place = {0};
	struct message m = read_message("rows/imu/", &h, sizeof(h), 4);

	(void)state;
	assert_int_equal(m.kind, MESSAGE_ROWS);
	assert_string_equal(m.stream, "imu");
	assert_non_null(m.stamp);
	assert_int_equal(message_missing(&place, &m), 0); /* where one comes in */
	m.header.seq = 6;
	assert_int_equal(message_missing(&place, &m), 2);
	m.header.epoch = 6;
	m.header.seq = 9;
	assert_int_equal(message_missing(&place, &m), 0);

	assert_int_equal(read_message("rows/imu/", &h, sizeof(h), 3).kind, MESSAGE_ROWS);
	assert_int_equal(read_message("spikes/imu/", &h, sizeof(h), 3).kind, MESSAGE_OTHER);
	assert_int_equal(read_message("rows/imu/", &h, sizeof(h) - 1, 3).kind, MESSAGE_OTHER);
	assert_int_equal(read_message("rows/imu/", &h, sizeof(h), 2).kind, MESSAGE_OTHER);
	assert_int_equal(read_message("rows/i mu/", &h, sizeof(h), 3).kind, MESSAGE_OTHER);
	assert_int_equal(read_message("rows//", &h, sizeof(h), 3).kind, MESSAGE_OTHER);
	assert_int_equal(read_message("rows/imu", &h, sizeof(h), 3).kind, MESSAGE_OTHER);
	assert_int_equal(read_message("meta/imu/", "{}", 2, 2).kind, MESSAGE_META);
	assert_int_equal(read_message("status/", "{}", 2, 2).kind, MESSAGE_STATUS);
	assert_int_equal(read_message("status/x/", "{}", 2, 2).kind, MESSAGE_OTHER);
	assert_int_equal(read_message("rec/state/imu/", "{}", 2, 3).kind, MESSAGE_SNAPSHOT);
	assert_int_equal(read_message("rec/state/imu/", "{}", 2, 2).kind, MESSAGE_OTHER);
	assert_int_equal(read_message("rec/else/", "{}", 2, 2).kind, MESSAGE_OTHER);
}

static void test_names_keep_their_numbers(void **state)
{
	struct roll roll = {0};
	char name[16];

	(void)state;
	assert_int_equal(roll_find(&roll, "a", 1), -1);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 1000; i++) {
			int size = snprintf(name, sizeof(name), "s%d", i);

			assert_int_equal(roll_number(&roll, name, (size_t)size), i);
		}
	assert_int_equal(roll.count, 1000);
	assert_int_equal(roll_find(&roll, "s17x", 3), 17);
	assert_int_equal(roll_find(&roll, "t", 1), -1);
	roll_fini(&roll);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum_is_crc32c),
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_index_leads_to_every_chunk),
		cmocka_unit_test(test_cut_off_at_a_thousand_places_all_whole_chunks_are_read),
		cmocka_unit_test(test_any_flipped_bit_is_found_and_costs_one_chunk),
		cmocka_unit_test(test_a_missing_chunk_is_noticed),
		cmocka_unit_test(test_nothing_is_overwritten_unless_asked),
		cmocka_unit_test(test_a_full_disk_leaves_whole_chunks),
		cmocka_unit_test(test_large_records_have_a_chunk_of_their_own),
		cmocka_unit_test(test_bytes_that_are_no_recording_are_refused),
		cmocka_unit_test(test_messages_are_told_apart),
		cmocka_unit_test(test_names_keep_their_numbers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
