/* Parameters: units, ranges, types, lists; every refusal is a sentence with what would do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/param.h"

#include <errno.h>
#include <float.h>
#include <math.h>

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct param rate = {.name = "rate",
	.type = PARAM_NUMBER,
	.unit = UNIT_HERTZ,
	.flags = PARAM_PER_CHANNEL,
	.preset = "100",
	.min = 0,
	.max = 1000};
static const struct param bands = {
	.name = "bands", .type = PARAM_NUMBER, .unit = UNIT_HERTZ, .flags = PARAM_LIST};
static const struct param tau = {.name = "tau",
	.type = PARAM_NUMBER,
	.unit = UNIT_SECONDS,
	.flags = PARAM_MIN_OPEN,
	.min = 0,
	.max = INFINITY};
static const struct param share = {.name = "share",
	.type = PARAM_NUMBER,
	.flags = PARAM_MAX_OPEN | PARAM_AUTO,
	.min = 0,
	.max = 1};
static const struct param any = {.name = "any", .type = PARAM_NUMBER};
static const struct param ticks = {
	.name = "ticks", .type = PARAM_COUNT, .unit = UNIT_TICKS, .min = 1, .max = 100};
static const struct param seed = {.name = "seed", .type = PARAM_COUNT};
static const struct param flag = {.name = "flag", .type = PARAM_BOOL, .preset = "no"};
static const struct param colour = {
	.name = "colour", .type = PARAM_CHOICE, .preset = "green", .choices = colours};

static int parse(const struct param *row, const char *text, struct param_value *v, struct fault *f)
{
	*v = (struct param_value){0};
	*f = (struct fault){0};
	return param_parse(row, &text, 1, false, v, f);
}

static void assert_says(const struct fault *f, const char *part)
{
	if (!strstr(f->text, part))
		fail_msg("\"%s\" does not say \"%s\"", f->text, part);
}

/* Refused with a sentence that has all the parts, and nothing changed. */
static void assert_refused(const struct param *row, const char *text, const char *part)
{
	struct param_value v = {.present = true, .count = 77, .number = 3};
	struct fault f = {0};
	if (param_parse(row, &text, 1, false, &v, &f) != -EINVAL)
		fail_msg("%s took \"%s\"", row->name, text);
	assert_int_equal(v.count, 77);
	assert_string_equal(f.key, row->name);
	assert_int_equal(f.code, -EINVAL);
	assert_says(&f, row->name);
	assert_says(&f, part);
	assert_null(strchr(f.text, '\n'));
}

static void test_quantities_are_exact_in_every_unit(void **unused)
{
	(void)unused;
	static const struct {
		const char *text;
		enum param_unit unit;
		double value;
	} good[] = {
		{"1 ms", UNIT_SECONDS, 1e-3},
		{"0.1 ms", UNIT_SECONDS, 1e-4},
		{"3ms", UNIT_SECONDS, 3e-3},
		{" 2.5 us ", UNIT_SECONDS, 2.5e-6},
		{"7 µs", UNIT_SECONDS, 7e-6},
		{"1 ns", UNIT_SECONDS, 1e-9},
		{"5 min", UNIT_SECONDS, 300},
		{"2 h", UNIT_SECONDS, 7200},
		{"1e3 ms", UNIT_SECONDS, 1},
		{"10 s", UNIT_SECONDS, 10},
		{"0.25", UNIT_SECONDS, 0.25},
		{"200 Hz", UNIT_HERTZ, 200},
		{"1.5 kHz", UNIT_HERTZ, 1500},
		{"2MHz", UNIT_HERTZ, 2e6},
		{"100 1/s", UNIT_PER_SECOND, 100},
		{"100/s", UNIT_PER_SECOND, 100},
		{"0.1 1/ms", UNIT_PER_SECOND, 100},
		{"0.1/ms", UNIT_PER_SECOND, 100},
		{"5 ticks", UNIT_TICKS, 5},
		{"1 tick", UNIT_TICKS, 1},
		{"64 KiB", UNIT_BYTES, 65536},
		{"1.5 MB", UNIT_BYTES, 1.5e6},
		{"1 MiB", UNIT_BYTES, 1048576},
		{"3 B", UNIT_BYTES, 3},
		{"180 deg", UNIT_RADIANS, 3.14159265358979323846},
		{"1 rad", UNIT_RADIANS, 1},
		{"-1.5e-3", UNIT_NONE, -1.5e-3},
		{"+.5", UNIT_NONE, 0.5},
		{"5.", UNIT_NONE, 5},
		{"0x1.8p+1", UNIT_NONE, 3},
		{"1e-320", UNIT_NONE, 1e-320},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct fault f = {0};
		double value = NAN;
		if (param_quantity(good[i].text, good[i].unit, &value, &f))
			fail_msg("\"%s\": %s", good[i].text, f.text);
		if (value != good[i].value)
			fail_msg("\"%s\": %.17g, not %.17g", good[i].text, value, good[i].value);
	}
}

static void test_what_is_not_a_quantity_is_refused(void **unused)
{
	(void)unused;
	static const struct {
		const char *text;
		enum param_unit unit;
		const char *says;
	} bad[] = {
		{"", UNIT_SECONDS, "not a number"},
		{"fast", UNIT_HERTZ, "in Hz"},
		{"nan", UNIT_NONE, "not a number"},
		{"inf", UNIT_NONE, "not a number"},
		{"-Infinity", UNIT_SECONDS, "not a number"},
		{"1e999", UNIT_NONE, "too large"},
		{"1e99999999999999999999", UNIT_NONE, "too large"},
		{"0x", UNIT_NONE, "unit"},
		{"1 mss", UNIT_SECONDS, "did you mean \"ms\""},
		{"1 Hz", UNIT_SECONDS, "use one of: s, ms"},
		{"5 m", UNIT_NONE, "has no unit"},
		{"1,5", UNIT_NONE, "\",5\""},
		{"1 2", UNIT_NONE, "\"2\""},
		{"--1", UNIT_NONE, "not a number"},
		{".", UNIT_NONE, "not a number"},
		{"ms", UNIT_SECONDS, "not a number"},
		{"0000000000000000000000000000000000000000000000000000000000000000001", UNIT_NONE,
			"too many digits"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fault f = {0};
		double value = 5;
		if (param_quantity(bad[i].text, bad[i].unit, &value, &f) != -EINVAL)
			fail_msg("took \"%s\"", bad[i].text);
		assert_true(value == 5);
		assert_says(&f, bad[i].says);
	}
}

static void test_numbers_keep_to_their_range(void **unused)
{
	(void)unused;
	struct param_value v;
	struct fault f;
	assert_int_equal(parse(&rate, "1 kHz", &v, &f), 0);
	assert_true(v.present && v.given && v.number == 1000 && v.count == 1 && !v.numbers);
	assert_int_equal(parse(&rate, "0", &v, &f), 0);
	assert_refused(&rate, "1001", "from 0 to 1000 Hz");
	assert_refused(&rate, "-1 Hz", "from 0 to 1000 Hz");
	assert_int_equal(parse(&tau, "1 us", &v, &f), 0);
	assert_refused(&tau, "0 ms", "greater than 0 s");
	/* The least float32 is 2^-149 = 1.4e-45; what is nearer to 0 than to it is 0. */
	assert_int_equal(parse(&tau, "1.4e-45", &v, &f), 0);
	assert_int_equal(parse(&tau, "0x1.000001p-150", &v, &f), 0);
	assert_refused(&tau, "0x1p-150", "greater than 0 s, not 0x1p-150, which is 0 as a float32");
	assert_refused(&tau, "1e-50", "0 as a float32");
	assert_int_equal(parse(&share, "1e-50", &v, &f), 0); /* 0 would do */
	assert_int_equal(parse(&share, "0", &v, &f), 0);
	assert_refused(&share, "1", "at least 0 and less than 1");
	assert_refused(&share, "x", "auto");
	assert_int_equal(parse(&any, "-1e300", &v, &f), 0);
	assert_refused(&any, "1e309", "too large");
}

static void test_auto_is_a_word_only_where_it_is_allowed(void **unused)
{
	(void)unused;
	struct param_value v;
	struct fault f;
	assert_int_equal(parse(&share, "auto", &v, &f), 0);
	assert_true(v.automatic && v.present);
	assert_refused(&rate, "auto", "not a number");
}

static void test_counts_are_whole_and_take_64_bits(void **unused)
{
	(void)unused;
	struct param_value v;
	struct fault f;
	assert_int_equal(parse(&ticks, "100 ticks", &v, &f), 0);
	assert_int_equal(v.integer, 100);
	assert_refused(&ticks, "0", "from 1 to 100 ticks");
	assert_refused(&ticks, "101", "from 1 to 100 ticks");
	assert_refused(&ticks, "-1", "from 1 to 100 ticks");
	assert_refused(&ticks, "1.5", "whole number");
	assert_refused(&ticks, "many", "whole number");
	assert_int_equal(parse(&seed, "18446744073709551615", &v, &f), 0);
	assert_true(v.integer == UINT64_MAX);
	assert_refused(&seed, "18446744073709551616", "2^64-1");
	assert_refused(&seed, "-1", "whole number");
	assert_refused(&seed, "1 tick", "no unit");
}

static void test_words_are_read_with_suggestions(void **unused)
{
	(void)unused;
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {
									"false", "no", "off"};
	struct param_value v;
	struct fault f;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(parse(&flag, yes[i], &v, &f), 0);
		assert_int_equal(v.integer, 1);
		assert_int_equal(parse(&flag, no[i], &v, &f), 0);
		assert_int_equal(v.integer, 0);
	}
	assert_refused(&flag, "1", "true or false");
	assert_int_equal(parse(&colour, "blue", &v, &f), 0);
	assert_int_equal(v.integer, 2);
	assert_refused(&colour, "gren", "did you mean \"green\"");
	assert_refused(&colour, "purple", "red, green, blue");
}

static void test_lists_give_one_value_a_channel(void **unused)
{
	(void)unused;
	const char *const three[] = {"1", "2 Hz", "0.003 kHz"}, *const bad[] = {"1", "2", "2 s"};
	struct param_value v = {0};
	struct fault f = {0};
	assert_int_equal(param_parse(&rate, three, 3, true, &v, &f), 0);
	assert_int_equal(v.count, 3);
	for (uint32_t c = 0; c < 3; c++)
		assert_true(param_number(&v, c) == c + 1);
	assert_int_equal(param_parse(&rate, bad, 3, true, &v, &f), -EINVAL);
	assert_int_equal(f.item, 2);
	assert_string_equal(f.key, "rate");
	assert_int_equal(v.count, 3); /* unchanged */
	assert_int_equal(param_parse(&rate, bad, 0, true, &v, &f), -EINVAL);
	assert_says(&f, "empty");
	assert_int_equal(param_parse(&tau, three, 1, true, &v, &f), -EINVAL);
	assert_says(&f, "not a list");
	struct param_value copy;
	assert_int_equal(param_copy(&v, &copy), 0);
	assert_true(copy.numbers != v.numbers && copy.numbers[2] == 3);
	param_fini(&v);
	param_fini(&copy);
	assert_int_equal(param_parse(&rate, three, 1, true, &v, &f), 0);
	assert_true(v.numbers && v.count == 1); /* a list of one is a list */
	assert_int_equal(param_parse(&bands, three, 2, true, &v, &f), 0);
	assert_true(v.count == 2 && v.numbers[1] == 2);
	param_fini(&v);
}

static void test_presets_and_texts_go_back_and_forth(void **unused)
{
	(void)unused;
	struct param_value v;
	struct fault f;
	char text[64];
	param_preset(&rate, &v);
	assert_true(v.present && !v.given && v.number == 100);
	assert_string_equal(param_text(&rate, &v, 0, text, sizeof(text)), "100");
	param_preset(&tau, &v);
	assert_true(!v.present);
	assert_string_equal(param_text(&tau, &v, 0, text, sizeof(text)), "");
	param_preset(&colour, &v);
	assert_string_equal(param_text(&colour, &v, 0, text, sizeof(text)), "green");
	param_preset(&flag, &v);
	assert_string_equal(param_text(&flag, &v, 0, text, sizeof(text)), "false");
	parse(&share, "auto", &v, &f);
	assert_string_equal(param_text(&share, &v, 0, text, sizeof(text)), "auto");
	parse(&seed, "18446744073709551615", &v, &f);
	assert_string_equal(param_text(&seed, &v, 0, text, sizeof(text)), "18446744073709551615");
	struct test_random r = test_random(1);
	for (int i = 0; i < 20000; i++) {
		double number;
		uint64_t bits = random_bits(&r);
		memcpy(&number, &bits, sizeof(number));
		if (!isfinite(number))
			continue;
		struct param_value there = {.present = true, .number = number}, back;
		assert_int_equal(
			parse(&any, param_text(&any, &there, 0, text, sizeof(text)), &back, &f), 0);
		assert_true(back.number == number);
	}
}

static void test_nearest_name_is_near(void **unused)
{
	(void)unused;
	static const char *const names[] = {"tau_mem_inv", "tau_mem", "v_th", "v_leak", "lo"};
	assert_string_equal(fault_nearest("tau_men", names, 5), "tau_mem");
	assert_string_equal(fault_nearest("tau_mem_in", names, 5), "tau_mem_inv");
	assert_string_equal(fault_nearest("V_TH", names, 5), "v_th");
	assert_string_equal(fault_nearest("vt_h", names, 5), "v_th");
	assert_string_equal(fault_nearest("l", names, 5), "lo");
	assert_null(fault_nearest("frequency", names, 5));
	assert_null(fault_nearest("", names, 5));
	char longest[300];
	memset(longest, 'v', sizeof(longest));
	longest[299] = '\0';
	assert_null(fault_nearest(longest, names, 5));
}

/* Any bytes are a value or a fault, never anything else. */
static void test_random_text_does_no_harm(void **unused)
{
	(void)unused;
	static const char alphabet[] = "0123456789.eExX+-/ smhuHzkµnaif\t\x80\xff";
	static const struct param *const rows[] = {
		&rate, &tau, &share, &any, &ticks, &seed, &flag, &colour};
	struct test_random r = test_random(2);
	unsigned taken = 0;
	for (int i = 0; i < 200000; i++) {
		char text[90];
		uint32_t n = random_below(&r, random_below(&r, 8) ? 8 : sizeof(text));
		for (uint32_t k = 0; k < n; k++)
			text[k] = alphabet[random_below(&r, sizeof(alphabet) - 1)];
		text[n] = '\0';
		struct param_value v;
		struct fault f;
		if (parse(rows[i % 8], text, &v, &f) == 0) {
			taken++;
			assert_true(isfinite(v.number));
		} else {
			assert_true(f.code == -EINVAL && f.text[0]);
		}
	}
	assert_true(taken > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantities_are_exact_in_every_unit),
		cmocka_unit_test(test_what_is_not_a_quantity_is_refused),
		cmocka_unit_test(test_numbers_keep_to_their_range),
		cmocka_unit_test(test_auto_is_a_word_only_where_it_is_allowed),
		cmocka_unit_test(test_counts_are_whole_and_take_64_bits),
		cmocka_unit_test(test_words_are_read_with_suggestions),
		cmocka_unit_test(test_lists_give_one_value_a_channel),
		cmocka_unit_test(test_presets_and_texts_go_back_and_forth),
		cmocka_unit_test(test_nearest_name_is_near),
		cmocka_unit_test(test_random_text_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
