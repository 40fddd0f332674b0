/* Snapshots: whatever is accepted is put in force and runs, is taken again and accepted again.
 *
 * Input: byte 0 = which stream (bits 0-3), how (bits 4-5). 0: the bytes of a file, as they stand; 1: the
 * same with the checksum set right; 2, 3: changes to a real snapshot, a number of them, then for each a
 * 16-bit place and a byte; the checksum is set right.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "daemon/state/crc.h"
#include "daemon/state/snapshot.h"

#define AT_SIZE  16 /* see daemon/state/snapshot.c */
#define AT_CRC   24
#define AT_REST  32
#define TICKS    20
#define START    5 /* tick at which a stream takes a snapshot in */
#define WRITES   64
#define CHANNELS "\"channels\":3,\"name\":"

FUZZ_OPTIONS

static const char *const texts[] = {
	"{" CHANNELS "\"a\",\"encode\":[\"lif\"]}",
	"{" CHANNELS "\"a\",\"encode\":[\"lif\"],\"input\":{\"mode\":\"mean\"}}",
	"{" CHANNELS
	"\"a\",\"encode\":[\"poisson\"],\"input\":{\"mode\":\"queue\",\"stale_after\":\"3 ms\","
	"\"on_stale\":\"silence\"}}",
	"{" CHANNELS "\"a\",\"encode\":[\"lif_latency\"],\"window\":8}",
	"{" CHANNELS
	"\"a\",\"encode\":[\"lif\"],\"window\":8,\"input\":{\"mode\":\"mean\",\"on_stale\":\"zero\","
	"\"stale_after\":\"2 ms\"}}",
	"{" CHANNELS "\"a\",\"range\":{\"lo\":-1,\"hi\":3},\"encode\":[\"send_on_delta\"]}",
	"{" CHANNELS
	"\"b\",\"encode\":[{\"population\":{\"out_features\":4}},\"lif\",\"first_spike\"],\"window\":3}",
	"{" CHANNELS "\"b\",\"encode\":[]}",
};
#define STREAMS (sizeof(texts) / sizeof(texts[0]))

static struct conf conf = {
	.path = (char *)"fuzz", .dt_ns = 1000000, .seed = 1, .max_row_bytes = 1 << 20};
static struct snapshot taken[STREAMS];
static float scratch[ROWS_PIECE];

static struct stream *make(const char *text)
{
	struct conf_faults faults = {0};
	json_t *json = json_loads(text, 0, NULL);
	struct conf_stream *cs = conf_stream_from_json(json, &conf, &faults);
	struct stream *s;
	struct fault f;

	promise(cs);
	s = stream_new(cs, &f);
	promise(s);
	json_decref(json);
	conf_faults_fini(&faults);
	return s;
}

static void put(struct stream *s, float value, int64_t now_ns)
{
	const float row[3] = {value, 1 - value, 2};
	struct rows rows;

	promise(rows_decode(&rows, ROW_F32, 3, (const uint8_t *)row, sizeof(row), NULL, NULL) ==
		REJECT_NONE);
	stream_put(s, &rows, scratch, now_ns);
}

static void run(struct stream *s, uint64_t from, uint64_t ticks)
{
	struct frame frame = {0};

	for (uint64_t t = from; t < from + ticks; t++) {
		if (t % 7 < 2)
			put(s, (float)t, (int64_t)t * 1000000);
		stream_tick(s, t, 0, (int64_t)t * 1000000, &frame);
	}
}

static void take(const struct stream *s, struct snapshot *snapshot)
{
	promise(snapshot_init(snapshot, s->conf, s->program) == 0);
	stream_take_copy(s, &snapshot->copy);
	snapshot_describe(snapshot, 77, 123456);
	snapshot_seal(snapshot);
}

static void seal(uint8_t *bytes, size_t size)
{
	uint64_t whole = size, crc;

	if (size < AT_REST)
		return;
	memcpy(bytes + AT_SIZE, &whole, 8);
	crc = crc64(crc64(0, bytes, AT_CRC), bytes + AT_REST, size - AT_REST);
	memcpy(bytes + AT_CRC, &crc, 8);
}

static void check(struct stream *s, const uint8_t *bytes, size_t size)
{
	struct fault f = {0};
	struct snapshot_head head;
	struct stream_copy copy;
	struct snapshot again;

	if (snapshot_check(bytes, size, &head, &f) ||
		snapshot_open(bytes, size, s->conf, s->program, &copy, &f)) {
		promise(f.text[0]);
		return;
	}
	run(s, 0, START);
	stream_put_copy(s, &copy, START * 1000000);
	stream_copy_fini(&copy);
	take(s, &again);
	promise(snapshot_check(again.bytes, again.size, &head, &f) == 0);
	promise(snapshot_open(again.bytes, again.size, s->conf, s->program, &copy, &f) == 0);
	stream_copy_fini(&copy);
	snapshot_fini(&again);
	run(s, START, TICKS);
}

static void start(void)
{
	for (size_t i = 0; i < STREAMS; i++) {
		struct stream *s = make(texts[i]);

		run(s, 0, 13);
		take(s, &taken[i]);
		stream_free(s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	unsigned head, which;
	size_t length;
	uint8_t *bytes;
	struct stream *s;

	if (!taken[0].size)
		start();
	head = (unsigned)input_number(&in, 1);
	which = (head & 15) % STREAMS;
	if (head & 32) {
		size_t writes = input_number(&in, 1) % WRITES;

		length = taken[which].size;
		bytes = input_copy((struct input){taken[which].bytes, length}, length);
		while (writes-- && in.left) {
			size_t at = input_number(&in, 2);

			bytes[at % length] = (uint8_t)input_number(&in, 1);
		}
	} else {
		length = in.left;
		bytes = input_copy(in, length);
	}
	if (head & 48)
		seal(bytes, length);
	s = make(texts[which]);
	check(s, bytes, length);
	stream_free(s);
	free(bytes);
	return 0;
}
