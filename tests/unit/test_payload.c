/* Spikes as words, bitmaps and JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "daemon/flow/payload.h"

#include <string.h>

static uint64_t on[2], minus[2];

static struct lines lines_of(enum kind kind, uint32_t count)
{
	return (struct lines){.kind = kind, .count = count, .on = on, .minus = minus};
}

static void test_words_ascend_and_carry_the_sign(void **state)
{
	struct lines lines = lines_of(KIND_SIGNED, 70);
	uint32_t words[3];

	(void)state;
	on[0] = 1u << 3;
	on[1] = 1u << 5;
	minus[0] = UINT64_C(1) << 63;
	minus[1] = 0;
	assert_int_equal(payload_size(SPIKED_FORMAT_WORDS, &lines, 3), 12);
	payload_write(SPIKED_FORMAT_WORDS, &lines, (uint8_t *)words);
	assert_int_equal(words[0], 3);
	assert_int_equal(words[1], 63 | SPIKED_NEGATIVE);
	assert_int_equal(words[2], 69);
}

static void test_bitmap_has_a_plane_for_each_sign(void **state)
{
	struct lines lines = lines_of(KIND_SIGNED, 70);
	uint8_t bytes[18];

	(void)state;
	memset(bytes, 0xee, sizeof(bytes));
	assert_int_equal(payload_size(SPIKED_FORMAT_BITMAP, &lines, 3), 18);
	payload_write(SPIKED_FORMAT_BITMAP, &lines, bytes);
	assert_int_equal(bytes[0], 8);
	assert_int_equal(bytes[8], 1 << 5);
	assert_int_equal(bytes[9 + 7], 0x80);
	assert_int_equal(bytes[9 + 8], 0);
	lines.kind = KIND_SPIKES;
	assert_int_equal(payload_size(SPIKED_FORMAT_BITMAP, &lines, 3), 9);
}

static void test_auto_takes_the_smaller(void **state)
{
	struct lines lines = lines_of(KIND_SPIKES, 64);

	(void)state;
	assert_int_equal(payload_format(PAYLOAD_AUTO, &lines, 2), SPIKED_FORMAT_WORDS);
	assert_int_equal(payload_format(PAYLOAD_AUTO, &lines, 3), SPIKED_FORMAT_BITMAP);
	assert_int_equal(payload_format(PAYLOAD_WORDS, &lines, 60), SPIKED_FORMAT_WORDS);
	assert_int_equal(payload_format(PAYLOAD_BITMAP, &lines, 0), SPIKED_FORMAT_BITMAP);
}

static void test_json_is_measured_exactly(void **state)
{
	struct json_site site = {.stream = "imu", .epoch = 0xabc, .seq = 7, .dt_ns = 1000000};
	struct frame frame = {.tick = 7, .flags = SPIKED_LATE | SPIKED_WINDOW, .time_ns = -1};
	static const char want[] =
		"{\"stream\":\"imu\",\"epoch\":\"0000000000000abc\",\"tick\":7,\"seq\":7,"
		"\"time_ns\":-1,\"source_ns\":0,\"dt_ns\":1000000,\"lines\":70,"
		"\"flags\":[\"late\",\"window\"],\"spikes\":[3,69],\"negative\":[63]}";
	char text[512];

	(void)state;
	frame.out.last = lines_of(KIND_SIGNED, 70);
	assert_int_equal(payload_json(&site, &frame, NULL), sizeof(want) - 1);
	assert_int_equal(payload_json(&site, &frame, text), sizeof(want) - 1);
	assert_memory_equal(text, want, sizeof(want) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_ascend_and_carry_the_sign),
		cmocka_unit_test(test_bitmap_has_a_plane_for_each_sign),
		cmocka_unit_test(test_auto_takes_the_smaller),
		cmocka_unit_test(test_json_is_measured_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
