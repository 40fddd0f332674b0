/* Decoders of the library: for every class that has one, what decoder.h gives, tick by tick and at
 * once, in parts, with windows, after a reset.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/library/classes.h"

#include "encoders/decoder.h"

#include <math.h>

/* What decoder.h makes of the pipeline's own output; `first` as in spiked_decoder_reset. */
static void decode_directly(
	const char *text, uint32_t window, const float *rows, const float *first, float *values)
{
	struct fault f;
	struct pipeline *p = make_program(text, window);
	struct pipeline_state *s = pipeline_state_new(p);
	struct decoder *d = decoder_new(p, NULL, &f);
	uint32_t hold = window ? window : 1;
	for (size_t t = 0; t < (size_t)ROWS * hold; t++) {
		struct pipeline_out out;
		if (window && t % hold == 0) {
			pipeline_reset(p, s, RESET_WINDOW);
			decoder_reset(d, RESET_WINDOW);
		}
		if (t == 0 && first)
			assert_int_equal(decoder_start(d, first), 0);
		pipeline_run(p, s, rows + t / hold * CHANNELS, true, &out);
		memcpy(values, decoder_run(d, &out.last), decoder_lines(d) * sizeof(*values));
		values += decoder_lines(d);
	}
	decoder_free(d);
	pipeline_state_free(s);
	pipeline_free(p);
}

static void run_in_parts(struct spiked_decoder *d, const float *lines, size_t n_lines, size_t ticks,
	float *values, uint32_t width)
{
	struct test_random r = {3};
	for (size_t at = 0; at < ticks;) {
		size_t n = 1 + random_below(&r, 11);
		n = n < ticks - at ? n : ticks - at;
		spiked_decoder_run(d, lines + at * n_lines, n, values + at * width);
		at += n;
	}
}

static bool check(const struct encoder_class *class, uint32_t window)
{
	char text[400], why[400];
	class_text(class, text, sizeof(text));
	struct spiked_pipeline *p = make(text, window);
	if (!p)
		return false;
	struct spiked_decoder *d = spiked_decoder_new(p, 0, why, sizeof(why));
	if (!d) {
		assert_true(why[0] != '\0');
		spiked_pipeline_free(p);
		return false;
	}
	struct spiked_pipeline_info info;
	struct test_random r = {11};
	unsigned stage;
	uint32_t width;
	float rows[ROWS * CHANNELS];
	spiked_pipeline_info(p, &info);
	spiked_decoder_info(d, &stage, &width);
	for (size_t i = 0; i < ROWS * CHANNELS; i++)
		rows[i] = (float)random_between(&r, -0.2, 1.2);
	size_t ticks = (size_t)ROWS * info.ticks;
	float *lines = zeroed(ticks * info.lines, sizeof(float)),
	      *wanted = zeroed(ticks * width, sizeof(float));
	float *got = zeroed(ticks * width, sizeof(float));
	spiked_pipeline_run(p, rows, ROWS, &(struct spiked_pipeline_out){.lines = lines});
	spiked_pipeline_free(p); /* a decoder does without */

	decode_directly(text, window, rows, NULL, wanted);
	spiked_decoder_run(d, lines, ticks, got);
	assert_same_floats(got, wanted, ticks * width);
	assert_int_equal(spiked_decoder_reset(d, NULL), 0);
	run_in_parts(d, lines, info.lines, ticks, got, width);
	assert_same_floats(got, wanted, ticks * width);
	assert_int_equal(spiked_decoder_reset(d, NULL), 0);
	for (size_t t = 0; t < ticks; t++)
		spiked_decoder_step(
			d, lines + t * info.lines, t % info.ticks == 0, got + t * width);
	assert_same_floats(got, wanted, ticks * width);

	decode_directly(text, window, rows, rows, wanted);
	assert_int_equal(spiked_decoder_reset(d, rows), 0);
	spiked_decoder_run(d, lines, ticks, got);
	assert_same_floats(got, wanted, ticks * width);
	free(lines);
	free(wanted);
	free(got);
	spiked_decoder_free(d);
	return true;
}

static void test_every_decoder_gives_what_decoder_h_gives(void **unused)
{
	(void)unused;
	size_t n;
	const struct encoder_class *const *all = encoder_classes(&n);
	unsigned checked = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned ways = check(all[i], 0) + (unsigned)check(all[i], WINDOW);
		if (ways)
			print_message("%s: %u of 2\n", all[i]->name, ways);
		checked += ways;
	}
	assert_true(checked >= 2);
}

static void test_a_range_comes_back_and_says_where_from(void **unused)
{
	(void)unused;
	static const char text[] = "names: [x, y]\nrange: {lo: [-1, 10], hi: [1, 30], signed: yes}";
	const float rows[] = {-0.5f, 12, 0.25f, 30};
	float lines[4], values[4];
	unsigned stage = 7;
	uint32_t width = 0;
	struct spiked_pipeline *p = spiked_pipeline_new(text, sizeof(text) - 1, NULL, NULL, 0);
	assert_non_null(p);
	struct spiked_decoder *d = spiked_decoder_new(p, 0.1, NULL, 0);
	assert_non_null(d);
	spiked_decoder_info(d, &stage, &width);
	spiked_decoder_info(d, NULL, NULL);
	assert_int_equal(stage, 0);
	assert_int_equal(width, 2);
	spiked_pipeline_run(p, rows, 2, &(struct spiked_pipeline_out){.lines = lines});
	/* Decoders go on as they began. */
	assert_int_equal(spiked_pipeline_set(p, 0, "hi", "[5, 50]", NULL, 0), 0);
	spiked_decoder_run(d, lines, 2, values);
	for (unsigned i = 0; i < 4; i++)
		assert_true(fabsf(values[i] - rows[i]) < 1e-5f);
	spiked_pipeline_free(p);
	spiked_decoder_free(d);
}

/* encoders.h: no spike of any kind, and no trace of them. */
static void test_what_is_not_finite_is_no_spike(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"[{derivative: {pad: zero}}]", "[{if: {f_max: 500}}]",
		"[{send_on_delta: {payload: graded}}]",
		"[{step_forward: {start: zero, max_steps: 9}}]"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct spiked_pipeline *p = make(texts[i], 0);
		struct spiked_decoder *d = spiked_decoder_new(p, 0, NULL, 0);
		float with[4 * CHANNELS] = {1, 0, 1}, without[4 * CHANNELS] = {1, 0, 1};
		float decoded[4 * CHANNELS], expected[4 * CHANNELS];
		with[CHANNELS] = INFINITY;
		with[CHANNELS + 1] = -INFINITY;
		with[CHANNELS + 2] = NAN;
		spiked_decoder_run(d, with, 4, decoded);
		spiked_decoder_reset(d, NULL);
		spiked_decoder_run(d, without, 4, expected);
		assert_same_floats(decoded, expected, 4 * CHANNELS);
		spiked_decoder_free(d);
		spiked_pipeline_free(p);
	}
}

static void test_what_cannot_be_decoded_is_refused(void **unused)
{
	(void)unused;
	char why[200];
	struct spiked_pipeline *p = make("[lif, {population: {out_features: 3}}]", 0);
	assert_null(p);
	p = make("[{population: {out_features: 3}}]", 0);
	assert_null(spiked_decoder_new(p, 0, why, sizeof(why)));
	assert_non_null(strstr(why, "population cannot be decoded"));
	spiked_pipeline_free(p);
	p = make("[]", 0);
	const double wrong[] = {-1, NAN, INFINITY};
	for (size_t i = 0; i < 3; i++) {
		assert_null(spiked_decoder_new(p, wrong[i], why, sizeof(why)));
		assert_non_null(strstr(why, "smooth"));
	}
	struct spiked_decoder *d = spiked_decoder_new(p, 0, why, sizeof(why));
	float row[CHANNELS] = {1, 2, 3}, values[CHANNELS];
	spiked_decoder_run(d, row, 1, values);
	assert_same_floats(row, values, CHANNELS);
	spiked_decoder_free(d);
	spiked_decoder_free(NULL);
	spiked_pipeline_free(p);
}

/* Many silent ticks at once are so many one by one. */
static void test_silence_is_so_many_steps(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"[if]", "[lif]", "[{pwm: {f: 7}}]", "[asdm]",
		"[{step_forward: {start: zero, leak: 0.1}}]",
		"[{send_on_delta: {payload: graded}}]"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct spiked_pipeline *p = make(texts[i], 0);
		struct spiked_decoder *d = spiked_decoder_new(p, 0, NULL, 0);
		struct spiked_decoder *e = spiked_decoder_new(p, 0, NULL, 0);
		const float none[CHANNELS] = {0};
		float some[CHANNELS], x[CHANNELS], y[CHANNELS];
		for (uint32_t c = 0; c < CHANNELS; c++)
			some[c] = (float)(c % 2);
		spiked_decoder_step(d, some, false, x);
		spiked_decoder_step(e, some, false, y);
		for (unsigned t = 0; t < 37; t++)
			spiked_decoder_step(d, none, false, x);
		spiked_decoder_silence(e, 0, true);
		spiked_decoder_silence(e, 37, true);
		spiked_decoder_step(d, some, false, x);
		spiked_decoder_step(e, some, false, y);
		assert_same_floats(x, y, CHANNELS);
		/* Of more than anyone waits for it takes the end alone. */
		spiked_decoder_silence(e, UINT64_MAX / 2, true);
		spiked_decoder_free(d);
		spiked_decoder_free(e);
		spiked_pipeline_free(p);
	}
}

/* A sample that a row does not have is none to go on from. */
static void test_a_decoder_is_told_where_its_encoder_is(void **unused)
{
	(void)unused;
	static const char text[] = "{channels: 2, range: {lo: 0, hi: 10}, "
				   "encode: [{step_forward: {theta: 0.1}}]}";
	struct spiked_pipeline *p = spiked_pipeline_new(text, sizeof(text) - 1, NULL, NULL, 0);
	struct spiked_decoder *d = spiked_decoder_new(p, 0, NULL, 0);
	const float none[2] = {0}, up[2] = {1, -1};
	float x[2];
	assert_true(spiked_decoder_follows(d) && spiked_decoder_needs_first(d));
	assert_int_equal(spiked_decoder_reset(d, (const float[2]){5, 6}), 0);
	spiked_decoder_step(d, up, false, x);
	assert_true(fabsf(x[0] - 6) < 1e-5f && fabsf(x[1] - 5) < 1e-5f);
	spiked_decoder_miss(d, UINT64_MAX, false);
	spiked_decoder_step(d, none, false, x);
	assert_true(isnan(x[0]) && isnan(x[1]));
	assert_int_equal(spiked_decoder_unknown(d), SPIKED_UNKNOWN_VALUE);
	assert_int_equal(spiked_decoder_resume(d, (const float[2]){NAN, 3}), 0);
	spiked_decoder_step(d, none, false, x);
	assert_true(isnan(x[0]) && fabsf(x[1] - 3) < 1e-5f);
	assert_int_equal(spiked_decoder_resume(d, (const float[2]){INFINITY, 9}), 0);
	assert_int_equal(spiked_decoder_unknown(d), SPIKED_UNKNOWN_NOTHING);
	spiked_decoder_step(d, none, false, x);
	assert_true(fabsf(x[0] - 10) < 1e-5f && fabsf(x[1] - 3) < 1e-5f);
	spiked_decoder_free(d);
	spiked_pipeline_free(p);
}

/* Changes go on through a changed parameter, and what holds its old values begins anew. */
static void test_a_changed_parameter(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"[{step_forward: {start: zero}}]", "[lif]", "[if]"};
	static const char *const params[] = {"theta", "v_th", "f_max"};
	static const enum spiked_unknown then[] = {
		SPIKED_UNKNOWN_NOTHING, SPIKED_UNKNOWN_TICKS, SPIKED_UNKNOWN_TICKS};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct spiked_pipeline *p = make(texts[i], 0), *q = make("[pwm]", 0);
		struct spiked_decoder *d = spiked_decoder_new(p, 0, NULL, 0);
		struct spiked_decoder *other = spiked_decoder_new(q, 0, NULL, 0);
		float some[CHANNELS], x[CHANNELS], y[CHANNELS];
		for (uint32_t c = 0; c < CHANNELS; c++)
			some[c] = 1;
		spiked_decoder_step(d, some, false, x);
		assert_int_equal(spiked_pipeline_set(p, 0, params[i], "0.5", NULL, 0), 0);
		struct spiked_decoder *e = spiked_decoder_new(p, 0, NULL, 0);
		assert_false(spiked_decoder_carry(e, other));
		assert_true(spiked_decoder_carry(e, d));
		assert_int_equal(spiked_decoder_unknown(e), then[i]);
		spiked_decoder_step(e, some, false, y);
		assert_true(then[i] ? isnan(y[0]) : fabsf(y[0] - x[0] - 0.5f) < 1e-6f);
		spiked_decoder_free(d);
		spiked_decoder_free(e);
		spiked_decoder_free(other);
		spiked_pipeline_free(p);
		spiked_pipeline_free(q);
	}
	struct spiked_pipeline *p = make("[{step_forward: {start: zero}}]", 0);
	struct spiked_pipeline *q = make("[{step_forward: {start: sample}}]", 0);
	struct spiked_decoder *d = spiked_decoder_new(p, 0, NULL, 0);
	struct spiked_decoder *e = spiked_decoder_new(q, 0, NULL, 0);
	assert_false(spiked_decoder_carry(e, d)); /* what cannot change live */
	spiked_decoder_free(d);
	spiked_decoder_free(e);
	spiked_pipeline_free(p);
	spiked_pipeline_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_decoder_gives_what_decoder_h_gives),
		cmocka_unit_test(test_a_range_comes_back_and_says_where_from),
		cmocka_unit_test(test_what_is_not_finite_is_no_spike),
		cmocka_unit_test(test_what_cannot_be_decoded_is_refused),
		cmocka_unit_test(test_silence_is_so_many_steps),
		cmocka_unit_test(test_a_decoder_is_told_where_its_encoder_is),
		cmocka_unit_test(test_a_changed_parameter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
