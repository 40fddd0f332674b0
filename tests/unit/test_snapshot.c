/* Snapshots as bytes: a stream goes on from one as if nothing had been, and nothing that is not whole
 * and its own is taken.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "daemon/state/crc.h"
#include "daemon/state/snapshot.h"
#include "spiked/wire.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT_CRC 24 /* the one place that the layout must not move */

static struct conf conf = {
	.path = (char *)"test", .dt_ns = 1000000, .seed = 1, .max_row_bytes = 1 << 20};
static float scratch[ROWS_PIECE];

static struct stream *make(const char *text)
{
	struct conf_faults faults = {0};
	json_t *json = json_loads(text, 0, NULL);
	struct conf_stream *cs;
	struct stream *s;
	struct fault f;

	assert_non_null(json);
	cs = conf_stream_from_json(json, &conf, &faults);
	if (!cs)
		fail_msg("%s: %s", faults.items[0].path, faults.items[0].text);
	conf_faults_fini(&faults);
	json_decref(json);
	s = stream_new(cs, &f);
	assert_non_null(s);
	return s;
}

/* A row that depends on its number alone. */
static void put(struct stream *s, uint64_t number)
{
	float values[8];
	struct rows rows;
	struct spiked_stamp stamp = {.time_ns = 1000 + (int64_t)number};

	for (uint32_t c = 0; c < s->conf->channels; c++)
		values[c] = (float)((number * 7 + c * 3) % 11) / 5.0f;
	if (number % 3 == 1)
		values[0] = NAN;
	assert_int_equal(rows_decode(&rows, ROW_F32, s->conf->channels, (const uint8_t *)values,
				 s->conf->channels * sizeof(float), (const uint8_t *)&stamp, NULL),
		REJECT_NONE);
	stream_put(s, &rows, scratch, 0);
}

static struct snapshot snap(const struct stream *s)
{
	struct snapshot snapshot;

	assert_int_equal(snapshot_init(&snapshot, s->conf, s->program), 0);
	stream_take_copy(s, &snapshot.copy);
	snapshot_describe(&snapshot, 77, 123456);
	snapshot_seal(&snapshot);
	return snapshot;
}

/* 0, and the copy is in force; or what snapshot_open says, and the stream is as it was. */
static int restore(struct stream *s, const uint8_t *bytes, size_t size, struct fault *f)
{
	struct snapshot_head head;
	struct stream_copy copy;
	int ret = snapshot_check(bytes, size, &head, f);

	if (!ret)
		ret = snapshot_open(bytes, size, s->conf, s->program, &copy, f);
	if (ret)
		return ret;
	stream_put_copy(s, &copy, 0);
	stream_copy_fini(&copy);
	return 0;
}

/* Both streams run the tick that is theirs; what they give must be the same. */
static void compare_tick(struct stream *a, struct stream *b, uint16_t more)
{
	struct frame fa, fb;
	size_t words;

	stream_tick(a, a->next_tick, 0, 0, &fa);
	stream_tick(b, b->next_tick, 0, 0, &fb);
	assert_int_equal(fa.flags | more, fb.flags);
	assert_int_equal(fa.source_ns, fb.source_ns);
	assert_int_equal(fa.spikes, fb.spikes);
	assert_memory_equal(fa.out.values, fb.out.values, a->conf->channels * sizeof(float));
	if (fa.out.state)
		assert_memory_equal(fa.out.state, fb.out.state, fa.out.state_lines * sizeof(float));
	words = lines_words(fa.out.last.count) * sizeof(uint64_t);
	if (fa.out.last.on)
		assert_memory_equal(fa.out.last.on, fb.out.last.on, words);
}

static const char *const shapes[] = {
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}]}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"poisson\":{\"f_max\":300}}],\"range\":{\"lo\":"
	"0,\"hi\":2}}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"signed_poisson\":{\"rng\":\"mt19937\"}}]}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}},{\"first_spike\":{}}],\"window\":7}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"window\":5,\"input\":{\"mode\":"
	"\"mean\"}}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"input\":{\"mode\":\"mean\"}}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"input\":{\"mode\":\"queue\"}}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"input\":{\"stale_after\":\"3 "
	"ms\",\"on_stale\":\"zero\"}}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"window\":4,\"input\":{\"stale_"
	"after\":\"6 ms\",\"on_stale\":\"silence\"}}",
	"{\"name\":\"s\",\"channels\":3,\"encode\":[]}",
};

/* At every tick of forty, with rows now and then, some of them waiting when the copy is taken; into a
 * stream that stands at another tick. */
static void test_it_goes_on_as_if_nothing_had_been(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(shapes) / sizeof(*shapes); k++) {
		for (uint64_t at = 0; at < 40; at++) {
			struct stream *a = make(shapes[k]), *b = make(shapes[k]);
			bool queue = a->conf->mode == INPUT_QUEUE;
			uint64_t row = 0;
			struct snapshot snapshot;
			struct frame frame;

			for (uint64_t t = 0; t < at; t++) {
				if (t % 5 == 2 || t % 7 == 3)
					put(a, row++);
				stream_tick(a, t, 0, 0, &frame);
			}
			if (at % 2 && !queue)
				put(a, row++);
			for (uint64_t t = 0; t < at % 13; t++)
				stream_tick(b, t, 0, 0, &frame);
			snapshot = snap(a);
			assert_int_equal(restore(b, snapshot.bytes, snapshot.size, NULL), 0);
			snapshot_fini(&snapshot);
			for (uint64_t t = 0; t < 40; t++) {
				compare_tick(a, b, t ? 0 : SPIKED_RESTORED);
				if (t % 4 == 1) {
					put(a, row);
					put(b, row++);
				}
			}
			stream_free(a);
			stream_free(b);
		}
	}
}

static void test_a_reset_that_was_asked_for_still_comes(void **state)
{
	struct stream *a = make(shapes[0]), *b = make(shapes[0]);
	struct snapshot snapshot;
	struct frame frame;

	(void)state;
	put(a, 1);
	stream_tick(a, 0, 0, 0, &frame);
	stream_reset(a);
	snapshot = snap(a);
	assert_int_equal(restore(b, snapshot.bytes, snapshot.size, NULL), 0);
	compare_tick(a, b, SPIKED_RESTORED);
	snapshot_fini(&snapshot);
	stream_free(a);
	stream_free(b);
}

static void test_queued_rows_are_counted_and_left_out(void **state)
{
	struct stream *a = make(shapes[6]), *b = make(shapes[6]);
	struct snapshot_head head;
	struct snapshot snapshot;
	struct frame frame;

	(void)state;
	for (uint64_t row = 0; row < 5; row++)
		put(a, row);
	stream_tick(a, 0, 0, 0, &frame);
	snapshot = snap(a);
	assert_int_equal(snapshot_check(snapshot.bytes, snapshot.size, &head, NULL), 0);
	assert_int_equal(head.queued, 4);
	put(b, 9);
	assert_int_equal(restore(b, snapshot.bytes, snapshot.size, NULL), 0);
	stream_tick(b, 0, 0, 0, &frame);
	assert_int_equal(frame.flags, SPIKED_RESTORED); /* what waited in b itself is used */
	stream_tick(b, 1, 0, 0, &frame);
	assert_int_equal(frame.flags, SPIKED_STALE);
	snapshot_fini(&snapshot);
	stream_free(a);
	stream_free(b);
}

static void test_the_head_tells_where_it_came_from(void **state)
{
	struct stream *s = make(shapes[0]);
	struct snapshot_head head;
	struct snapshot snapshot;
	struct frame frame;

	(void)state;
	stream_tick(s, 41, 0, 0, &frame);
	snapshot = snap(s);
	assert_int_equal(snapshot_check(snapshot.bytes, snapshot.size, &head, NULL), 0);
	assert_string_equal(head.name, "s");
	assert_int_equal(head.epoch, 77);
	assert_int_equal(head.tick, 42);
	assert_int_equal(head.state_tick, 42);
	assert_int_equal(head.time_ns, 123456);
	assert_int_equal(head.channels, 3);
	snapshot_fini(&snapshot);
	stream_free(s);
}

/* A small snapshot, a stream that must not change, and what it gives before and after. */
static void refuses(struct stream *s, const uint8_t *bytes, size_t size, int code)
{
	struct pipeline_state *before = s->state;
	struct fault f = {0};
	int ret;

	ret = restore(s, bytes, size, &f);
	if (!ret || (code && ret != code))
		fail_msg("%zu bytes: %d (%s)", size, ret, f.text);
	assert_true(f.code == ret && f.text[0]);
	assert_ptr_equal(s->state, before);
	assert_false(s->restored);
}

static void test_every_truncation_is_refused(void **state)
{
	struct stream *s = make(shapes[3]);
	struct snapshot snapshot = snap(s);

	(void)state;
	for (size_t size = 0; size < snapshot.size; size++) {
		uint8_t *cut =
			malloc(size + 1); /* of its own, so that a reader past its end is seen */

		memcpy(cut, snapshot.bytes, size);
		refuses(s, cut, size, -EBADMSG);
		memset(cut, 0, size);
		refuses(s, cut, size, -EBADMSG);
		free(cut);
	}
	snapshot_fini(&snapshot);
	stream_free(s);
}

static void test_every_flipped_bit_is_refused(void **state)
{
	struct stream *s = make(shapes[4]);
	struct snapshot snapshot = snap(s);

	(void)state;
	for (size_t at = 0; at < snapshot.size; at++) {
		for (int bit = 0; bit < 8; bit++) {
			snapshot.bytes[at] ^= (uint8_t)(1 << bit);
			refuses(s, snapshot.bytes, snapshot.size, 0);
			snapshot.bytes[at] ^= (uint8_t)(1 << bit);
		}
	}
	assert_int_equal(restore(s, snapshot.bytes, snapshot.size, NULL), 0);
	snapshot_fini(&snapshot);
	stream_free(s);
}

/* Blocks that never reached the disk: zeros from any place on. */
static void test_zeros_at_the_end_are_refused(void **state)
{
	struct stream *s = make(shapes[0]);
	struct snapshot snapshot;
	uint8_t *torn;

	(void)state;
	put(s, 3);
	snapshot = snap(s);
	torn = malloc(snapshot.size);
	for (size_t from = 0; from < snapshot.size; from++) {
		memcpy(torn, snapshot.bytes, from);
		memset(torn + from, 0, snapshot.size - from);
		if (memcmp(torn, snapshot.bytes, snapshot.size) != 0)
			refuses(s, torn, snapshot.size, 0);
	}
	free(torn);
	snapshot_fini(&snapshot);
	stream_free(s);
}

static void test_foreign_bytes_are_refused(void **state)
{
	struct stream *s = make(shapes[0]);
	struct snapshot snapshot = snap(s);
	struct test_random random = test_random(20241124);
	uint8_t noise[600];

	(void)state;
	for (int round = 0; round < 1000; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)random_bits(&random);
		if (round % 2)
			memcpy(noise, snapshot.bytes, 24); /* it only looks like one */
		refuses(s, noise, sizeof(noise), -EBADMSG);
	}
	snapshot_fini(&snapshot);
	stream_free(s);
}

static void seal_again(struct snapshot *s)
{
	uint64_t crc =
		crc64(crc64(0, s->bytes, AT_CRC), s->bytes + AT_CRC + 8, s->size - AT_CRC - 8);

	memcpy(s->bytes + AT_CRC, &crc, sizeof(crc));
}

static void test_another_version_is_said_to_be_one(void **state)
{
	struct stream *s = make(shapes[0]);
	struct snapshot snapshot = snap(s);

	(void)state;
	snapshot.bytes[8]++;
	seal_again(&snapshot);
	refuses(s, snapshot.bytes, snapshot.size, -ENOTSUP);
	snapshot_fini(&snapshot);
	stream_free(s);
}

/* Every byte changed with a checksum that fits: some are harmless, none is unsafe (for the sanitizers). */
static void test_a_forged_snapshot_does_no_harm(void **state)
{
	struct stream *s = make(shapes[4]);
	int taken = 0;

	(void)state;
	for (size_t at = 0; at < 4096; at++) {
		struct snapshot snapshot = snap(s);
		struct frame frame;

		if (at >= snapshot.size) {
			snapshot_fini(&snapshot);
			break;
		}
		snapshot.bytes[at] ^= at % 2 ? 0xff : 0x80;
		seal_again(&snapshot);
		taken += !restore(s, snapshot.bytes, snapshot.size, NULL);
		stream_tick(s, s->next_tick, 0, 0, &frame);
		snapshot_fini(&snapshot);
	}
	assert_true(taken > 0);
	stream_free(s);
}

static void test_impossible_values_are_refused(void **state)
{
	static const float odd[] = {NAN, INFINITY, -INFINITY};
	struct stream *s = make(shapes[0]);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct snapshot snapshot = snap(s);

		memcpy(&snapshot.copy.newest[1], &odd[i], sizeof(*odd));
		seal_again(&snapshot);
		refuses(s, snapshot.bytes, snapshot.size, -EBADMSG);
		snapshot_fini(&snapshot);
	}
	stream_free(s);
}

static void test_what_differs_is_said(void **state)
{
	static const struct {
		const char *to, *words;
	} cases[] = {
		{"{\"name\":\"t\",\"channels\":3,\"encode\":[{\"lif\":{}}]}", "of stream 's'"},
		{"{\"name\":\"s\",\"channels\":4,\"encode\":[{\"lif\":{}}]}", "3 channels"},
		{"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"poisson\":{}}]}", "poisson"},
		{"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}},{\"drop\":{\"p\":0.3}}]}",
			"stages"},
		{"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"window\":4}",
			"window"},
	};
	struct stream *s = make(shapes[0]);
	struct snapshot snapshot = snap(s);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct stream *other = make(cases[i].to);
		struct fault f = {0};

		assert_int_equal(restore(other, snapshot.bytes, snapshot.size, &f), -EINVAL);
		if (!strstr(f.text, cases[i].words))
			fail_msg("'%s' does not say '%s'", f.text, cases[i].words);
		stream_free(other);
	}
	snapshot_fini(&snapshot);
	stream_free(s);
}

static void test_other_parameters_keep_the_state(void **state)
{
	static const char *const others[] = {
		"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{\"v_th\":3}}]}",
		"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"dt\":0.002}",
		"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"input\":{\"mode\":\"mean\"}}",
		"{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}}],\"input\":{\"mode\":\"queue\"}}",
	};
	struct stream *s = make(shapes[0]);
	struct snapshot snapshot;
	struct frame frame;

	(void)state;
	put(s, 2);
	for (uint64_t t = 0; t < 5; t++)
		stream_tick(s, t, 0, 0, &frame);
	snapshot = snap(s);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct stream *other = make(others[i]);

		assert_int_equal(restore(other, snapshot.bytes, snapshot.size, NULL), 0);
		assert_memory_equal(other->newest, s->newest, 3 * sizeof(float));
		stream_tick(other, 0, 0, 0, &frame);
		assert_true(frame.flags & SPIKED_RESTORED);
		stream_free(other);
	}
	snapshot_fini(&snapshot);
	stream_free(s);
}

static void test_a_window_of_another_length_begins_anew(void **state)
{
	struct stream *s = make(shapes[3]);
	struct stream *other =
		make("{\"name\":\"s\",\"channels\":3,\"encode\":[{\"lif\":{}},{\"first_"
		     "spike\":{}}],\"window\":9}");
	struct snapshot snapshot;
	struct frame frame;

	(void)state;
	put(s, 2);
	for (uint64_t t = 0; t < 3; t++)
		stream_tick(s, t, 0, 0, &frame);
	snapshot = snap(s);
	assert_int_equal(restore(other, snapshot.bytes, snapshot.size, NULL), 0);
	for (uint64_t t = 0; t < 10; t++) {
		stream_tick(other, t, 0, 0, &frame);
		assert_int_equal(!!(frame.flags & SPIKED_WINDOW), t % 9 == 0);
	}
	snapshot_fini(&snapshot);
	stream_free(s);
	stream_free(other);
}

static void test_the_checksum_is_that_of_xz(void **state)
{
	const uint8_t *digits = (const uint8_t *)"123456789";
	uint64_t whole = crc64(0, digits, 9);

	(void)state;
	assert_true(whole == 0x995dc9bbdf1939fau);
	for (size_t cut = 0; cut <= 9; cut++)
		assert_true(crc64(crc64(0, digits, cut), digits + cut, 9 - cut) == whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_goes_on_as_if_nothing_had_been),
		cmocka_unit_test(test_a_reset_that_was_asked_for_still_comes),
		cmocka_unit_test(test_queued_rows_are_counted_and_left_out),
		cmocka_unit_test(test_the_head_tells_where_it_came_from),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_every_flipped_bit_is_refused),
		cmocka_unit_test(test_zeros_at_the_end_are_refused),
		cmocka_unit_test(test_foreign_bytes_are_refused),
		cmocka_unit_test(test_another_version_is_said_to_be_one),
		cmocka_unit_test(test_a_forged_snapshot_does_no_harm),
		cmocka_unit_test(test_impossible_values_are_refused),
		cmocka_unit_test(test_what_differs_is_said),
		cmocka_unit_test(test_other_parameters_keep_the_state),
		cmocka_unit_test(test_a_window_of_another_length_begins_anew),
		cmocka_unit_test(test_the_checksum_is_that_of_xz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
