/* Spikes as words, bitmaps and JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "daemon/flow/payload.h"

#include <math.h>

static uint64_t on[2], minus[2];
static float values[128];

static struct lines lines_of(enum kind kind, uint32_t count)
{
	return (struct lines){
		.kind = kind, .count = count, .on = on, .minus = minus, .values = values};
}

/* Forgets all spikes; what values hold where there is none must not matter. */
static void clear(void)
{
	memset(on, 0, sizeof(on));
	memset(minus, 0, sizeof(minus));
	for (size_t i = 0; i < 128; i++)
		values[i] = NAN;
}

static void spike(uint32_t line, float value)
{
	on[line / 64] |= UINT64_C(1) << line % 64;
	values[line] = value;
}

static void test_words_ascend_and_carry_the_sign(void **state)
{
	struct lines lines = lines_of(KIND_SIGNED, 70);
	uint32_t words[3];

	(void)state;
	clear();
	on[0] = 1u << 3;
	on[1] = 1u << 5;
	minus[0] = UINT64_C(1) << 63;
	minus[1] = 0;
	assert_int_equal(payload_size(SPIKED_FORMAT_WORDS, &lines, 3), 12);
	payload_write(SPIKED_FORMAT_WORDS, &lines, 3, (uint8_t *)words);
	assert_int_equal(words[0], 3);
	assert_int_equal(words[1], 63 | SPIKED_NEGATIVE);
	assert_int_equal(words[2], 69);
}

static void test_bitmap_has_a_plane_for_each_sign(void **state)
{
	struct lines lines = lines_of(KIND_SIGNED, 70);
	uint8_t bytes[18];

	(void)state;
	clear();
	on[0] = 1u << 3;
	on[1] = 1u << 5;
	minus[0] = UINT64_C(1) << 63;
	memset(bytes, 0xee, sizeof(bytes));
	assert_int_equal(payload_size(SPIKED_FORMAT_BITMAP, &lines, 3), 18);
	payload_write(SPIKED_FORMAT_BITMAP, &lines, 3, bytes);
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

static void test_graded_words_carry_their_values(void **state)
{
	struct lines lines = lines_of(KIND_GRADED, 70);
	uint64_t cut;
	struct {
		uint8_t before; /* the payload begins at no multiple of 4 */
		uint8_t bytes[24];
		uint8_t behind;
	} out = {.before = 0xee, .behind = 0xee};
	uint32_t words[3];
	float of[3];

	(void)state;
	clear();
	spike(1, 0.5f);
	spike(63, -2.25f);
	spike(69, 0);
	assert_int_equal(payload_count(&lines, &cut), 3);
	assert_int_equal(cut, 0);
	assert_int_equal(payload_format(PAYLOAD_AUTO, &lines, 3), SPIKED_FORMAT_GRADED);
	assert_int_equal(payload_size(SPIKED_FORMAT_GRADED, &lines, 3), 24);
	payload_write(SPIKED_FORMAT_GRADED, &lines, 3, out.bytes);
	memcpy(words, out.bytes, sizeof(words));
	memcpy(of, out.bytes + sizeof(words), sizeof(of));
	assert_int_equal(words[0], 1);
	assert_int_equal(words[1], 63); /* the value has the sign, bit 31 stays 0 */
	assert_int_equal(words[2], 69);
	assert_true(of[0] == 0.5f && of[1] == -2.25f && of[2] == 0);
	assert_int_equal(out.before, 0xee);
	assert_int_equal(out.behind, 0xee);
}

static void test_counts_repeat_their_words(void **state)
{
	static const uint32_t want[] = {
		0, 4, 4, 4, 9 | SPIKED_NEGATIVE, 9 | SPIKED_NEGATIVE, 64, 69 | SPIKED_NEGATIVE};
	struct lines lines = lines_of(KIND_COUNTS, 70);
	uint32_t words[9];
	uint64_t cut;

	(void)state;
	clear();
	spike(0, 1);
	spike(4, 3);
	spike(9, -2);
	spike(64, 1);
	spike(69, -1);
	words[8] = 0xeeeeeeee;
	assert_int_equal(payload_count(&lines, &cut), 8);
	assert_int_equal(cut, 0);
	assert_int_equal(payload_format(PAYLOAD_AUTO, &lines, 8), SPIKED_FORMAT_WORDS);
	assert_int_equal(payload_size(SPIKED_FORMAT_WORDS, &lines, 8), sizeof(want));
	payload_write(SPIKED_FORMAT_WORDS, &lines, 8, (uint8_t *)words);
	assert_memory_equal(words, want, sizeof(want));
	assert_int_equal(words[8], 0xeeeeeeee);
}

static void test_random_counts(void **state)
{
	struct test_random random = test_random(5);
	struct lines lines = lines_of(KIND_COUNTS, 128);

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint32_t want[128 * 9], count = 0, share = 1 + random_below(&random, 100);
		uint64_t cut;

		clear();
		for (uint32_t i = 0; i < 128; i++) {
			uint32_t n = 1 + random_below(&random, 9);
			uint32_t sign = random_below(&random, 2) ? SPIKED_NEGATIVE : 0;

			if (random_below(&random, 100) >= share)
				continue;
			spike(i, sign ? -(float)n : (float)n);
			while (n--)
				want[count++] = i | sign;
		}
		/* Of its own, so that a byte too far does not stay unseen where that is watched. */
		uint8_t *bytes = malloc(payload_size(SPIKED_FORMAT_WORDS, &lines, count) + 1);
		assert_non_null(bytes);
		bytes[count * sizeof(uint32_t)] = 0xee;
		assert_int_equal(payload_count(&lines, &cut), count);
		payload_write(SPIKED_FORMAT_WORDS, &lines, count, bytes);
		if (memcmp(bytes, want, count * sizeof(uint32_t)) ||
			bytes[count * sizeof(uint32_t)] != 0xee)
			fail_msg("round %d", round);
		free(bytes);
	}
}

static void test_too_many_spikes_are_cut(void **state)
{
	struct lines lines = lines_of(KIND_COUNTS, 70);
	uint32_t spikes, fair = PAYLOAD_SPIKES_MAX / 4;
	uint32_t *words;
	uint64_t cut;

	(void)state;
	clear();
	spike(3, 5);
	spike(5, -INFINITY);
	spike(6, 2e9f);
	spike(66, (float)fair);
	spikes = payload_count(&lines, &cut);
	assert_int_equal(spikes, 5 + 3 * fair);
	assert_true(cut == UINT64_C(2147483647) + 2000000000 - 2 * fair);
	assert_int_equal(payload_count(&lines, &cut), spikes);
	assert_int_equal(cut, 0);
	words = malloc(payload_size(SPIKED_FORMAT_WORDS, &lines, spikes));
	assert_non_null(words);
	payload_write(SPIKED_FORMAT_WORDS, &lines, spikes, (uint8_t *)words);
	assert_int_equal(words[4], 3);
	assert_int_equal(words[5], 5 | SPIKED_NEGATIVE);
	assert_int_equal(words[5 + fair], 6);
	assert_int_equal(words[spikes - 1], 66);
	free(words);
}

/* The list that follows "key":[ in the frame's JSON; "" if there is none. */
static const char *json_list(const struct lines *lines, const char *key)
{
	static char text[2048];
	struct json_site site = {.stream = "s"};
	struct frame frame = {.out.last = *lines};
	size_t size = payload_json(&site, &frame, NULL);
	char *from, *to;

	assert_true(size < sizeof(text));
	assert_int_equal(payload_json(&site, &frame, text), size);
	text[size] = '\0';
	from = strstr(text, key);
	if (!from)
		return "";
	from = strchr(from, '[') + 1;
	to = strchr(from, ']');
	*to = '\0';
	return from;
}

static void test_json_of_counts_and_values(void **state)
{
	struct lines lines = lines_of(KIND_COUNTS, 70);

	(void)state;
	clear();
	spike(4, 3);
	spike(9, -2);
	spike(69, 1);
	assert_string_equal(json_list(&lines, "spikes"), "4,4,4,69");
	assert_string_equal(json_list(&lines, "negative"), "9,9");
	assert_string_equal(json_list(&lines, "values"), "");
	lines.kind = KIND_GRADED;
	values[69] = 0.1f;
	assert_string_equal(json_list(&lines, "spikes"), "4,9,69");
	assert_string_equal(json_list(&lines, "negative"), "");
	assert_string_equal(json_list(&lines, "values"), "3,-2,0.100000001");
	lines.kind = KIND_SPIKES;
	assert_string_equal(json_list(&lines, "negative"), "");
	assert_string_equal(json_list(&lines, "values"), "");
}

static void test_json_numbers(void **state)
{
	static const struct {
		float value;
		const char *text;
	} rows[] = {
		{0, "0"},
		{-0.0f, "-0"},
		{1, "1"},
		{-1.5f, "-1.5"},
		{123456, "123456"},
		{100000000, "100000000"},
		{999999999.0f, "1e9"},
		{16777217.0f, "16777216"},
		{0.001f, "0.00100000005"},
		{0.0001f, "9.99999975e-5"},
		{0.00001f, "9.99999975e-6"},
		{3.40282347e38f, "3.40282347e38"},
		{-1.17549435e-38f, "-1.17549435e-38"},
		{1e-45f, "1.40129846e-45"},
		{NAN, "null"},
		{-INFINITY, "null"},
	};
	struct lines lines = lines_of(KIND_GRADED, 1);
	struct test_random random = test_random(4);
	uint64_t bad = 0;

	(void)state;
	clear();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spike(0, rows[i].value);
		assert_string_equal(json_list(&lines, "values"), rows[i].text);
	}
	for (int i = 0; i < 200000; i++) {
		float value = bits_float((uint32_t)random_bits(&random));

		if (!isfinite(value))
			continue;
		spike(0, value);
		bad += !same_float(strtof(json_list(&lines, "values"), NULL), value);
	}
	assert_int_equal(bad, 0);
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
	clear();
	on[0] = 1u << 3;
	on[1] = 1u << 5;
	minus[0] = UINT64_C(1) << 63;
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
		cmocka_unit_test(test_graded_words_carry_their_values),
		cmocka_unit_test(test_counts_repeat_their_words),
		cmocka_unit_test(test_random_counts),
		cmocka_unit_test(test_too_many_spikes_are_cut),
		cmocka_unit_test(test_json_is_measured_exactly),
		cmocka_unit_test(test_json_of_counts_and_values),
		cmocka_unit_test(test_json_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
