/* Row payloads: every type, every reason to refuse one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "daemon/flow/rows.h"
#include "spiked/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float scratch[4096];
static float out[64];

static enum reject decode(
	struct rows *rows, enum row_type type, uint32_t channels, const void *bytes, size_t size)
{
	return rows_decode(rows, type, channels, bytes, size, NULL, scratch);
}

static enum reject decode_json(struct rows *rows, uint32_t channels, const char *text)
{
	return decode(rows, ROW_JSON, channels, text, strlen(text));
}

static void test_every_number_type_becomes_float(void **state)
{
	static const struct {
		enum row_type type;
		uint8_t bytes[16];
		size_t size;
		float values[2];
	} cases[] = {
		{ROW_F32, {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, 8, {1, -2}},
		{ROW_F64, {0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0}, 16,
			{1.5f, -2}},
		{ROW_I8, {0x7f, 0x80}, 2, {127, -128}},
		{ROW_U8, {0x7f, 0x80}, 2, {127, 128}},
		{ROW_I16, {1, 0, 0, 0x80}, 4, {1, -32768}},
		{ROW_U16, {1, 0, 0, 0x80}, 4, {1, 32768}},
		{ROW_I32, {1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f}, 8, {1, 2147483648.0f}},
	};
	struct rows rows;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t shifted[17];

		memcpy(shifted + 1, cases[i].bytes, cases[i].size);
		assert_int_equal(
			decode(&rows, cases[i].type, 2, shifted + 1, cases[i].size), REJECT_NONE);
		assert_int_equal(rows.count, 1);
		rows_fetch(&rows, 0, 0, rows.channels, out);
		assert_true(out[0] == cases[i].values[0] && out[1] == cases[i].values[1]);
		assert_int_equal(
			decode(&rows, cases[i].type, 1, shifted + 1, cases[i].size), REJECT_NONE);
		assert_int_equal(rows.count, 2);
		rows_fetch(&rows, 1, 0, rows.channels, out);
		assert_true(out[0] == cases[i].values[1]);
		assert_int_equal(
			decode(&rows, cases[i].type, 2, shifted, cases[i].size + 1), REJECT_LENGTH);
		assert_int_equal(decode(&rows, cases[i].type, 2, shifted, 0), REJECT_EMPTY);
	}
}

static void test_pairs_name_their_channels(void **state)
{
	static const uint8_t good[] = {2, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40};
	static const uint8_t bad[] = {3, 0, 0, 0, 0, 0, 0x80, 0x3f};
	struct rows rows;

	(void)state;
	assert_int_equal(decode(&rows, ROW_PAIRS, 3, good, sizeof(good)), REJECT_NONE);
	rows_fetch(&rows, 0, 0, rows.channels, out);
	assert_true(out[0] == 2 && isnan(out[1]) && out[2] == 1);
	assert_int_equal(decode(&rows, ROW_PAIRS, 3, bad, sizeof(bad)), REJECT_CHANNEL);
	assert_int_equal(decode(&rows, ROW_PAIRS, 3, good, 12), REJECT_LENGTH);
	assert_int_equal(decode(&rows, ROW_PAIRS, 3, good, 0), REJECT_EMPTY);
}

static void test_json_forms(void **state)
{
	struct rows rows;

	(void)state;
	assert_int_equal(decode_json(&rows, 3, " [1, -2.5e1 , null]\n"), REJECT_NONE);
	assert_int_equal(rows.count, 1);
	rows_fetch(&rows, 0, 0, rows.channels, out);
	assert_true(out[0] == 1 && out[1] == -25 && isnan(out[2]));
	assert_int_equal(decode_json(&rows, 1, "[[1],[2],[3]]"), REJECT_NONE);
	assert_int_equal(rows.count, 3);
	rows_fetch(&rows, 2, 0, rows.channels, out);
	assert_true(out[0] == 3);
	assert_int_equal(decode_json(&rows, 2,
				 "{\"time_ns\": 1700000000123456789, \"values\": [[1,2]], \"seq\":"
				 "18446744073709551615}"),
		REJECT_NONE);
	assert_true(rows.source_ns == 1700000000123456789 && rows.has_seq);
	assert_true(rows.seq == UINT64_MAX && rows.count == 1);
	assert_int_equal(decode_json(&rows, 1, "[1e999]"), REJECT_NONE);
	rows_fetch(&rows, 0, 0, rows.channels, out);
	assert_true(isinf(out[0]));
}

static void test_bad_json_is_refused(void **state)
{
	static const char *const texts[] = {"", "x", "[", "[1", "[1,", "[1,]", "[1,2", "[1,2]]",
		"[1,2,3]", "[1]", "[01,2]", "[+1,2]", "[1.,2]", "[.5,2]", "[1e,2]", "[NaN,2]",
		"[Infinity,1]", "[nul,1]", "[true,1]", "[\"1\",2]", "[[1,2],[3]]", "[[1,2],3]",
		"[1,[2]]", "{}", "{\"values\":}", "{\"values\":[1,2]", "{\"values\":[1,2],}",
		"{\"value\":[1,2]}", "{\"values\":[1,2],\"values\":[1,2]}", "{\"time_ns\":1}",
		"{\"values\":[1,2],\"time_ns\":1.5}", "{\"values\":[1,2],\"seq\":-1}",
		"{\"values\":[1,2],\"seq\":18446744073709551616}", "[1,2] x", "[1 2]", "[-,1]",
		"[1,2]{}"};
	struct rows rows;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		enum reject want = *texts[i] ? REJECT_JSON : REJECT_EMPTY;

		if (decode_json(&rows, 2, texts[i]) != want)
			fail_msg("'%s' was not refused as it should be", texts[i]);
	}
	assert_int_equal(decode_json(&rows, 2, "[]"), REJECT_EMPTY);
	assert_int_equal(decode_json(&rows, 2, "{\"values\":[]}"), REJECT_EMPTY);
}

/* Every prefix of a valid text, at the end of its allocation, so that a sanitizer sees overreads. */
static void test_truncated_json_never_reads_past_its_end(void **state)
{
	static const char text[] = "{\"values\": [[1.25, null], [-3e-2, 4]], \"time_ns\": 12}";
	struct rows rows;

	(void)state;
	for (size_t n = 1; n < sizeof(text) - 1; n++) {
		char *copy = malloc(n);

		memcpy(copy, text, n);
		assert_int_equal(rows_decode_json(&rows, copy, n, scratch, 4096) != REJECT_NONE, 1);
		free(copy);
	}
}

static void test_stamp_is_read(void **state)
{
	struct spiked_stamp stamp = {.time_ns = -5, .seq = 9};
	float value = 1;
	struct rows rows;

	(void)state;
	rows_decode(
		&rows, ROW_F32, 1, (const uint8_t *)&value, 4, (const uint8_t *)&stamp, scratch);
	assert_true(rows.source_ns == -5 && rows.has_seq && rows.seq == 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number_type_becomes_float),
		cmocka_unit_test(test_pairs_name_their_channels),
		cmocka_unit_test(test_json_forms),
		cmocka_unit_test(test_bad_json_is_refused),
		cmocka_unit_test(test_truncated_json_never_reads_past_its_end),
		cmocka_unit_test(test_stamp_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
