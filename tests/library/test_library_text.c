/* Texts and what the library says of them, by its header alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <spiked/encoders.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static const struct spiked_pipeline_preset three = {.channels = 3};

static struct spiked_pipeline *must_make(
	const char *text, const struct spiked_pipeline_preset *preset)
{
	char why[400];
	struct spiked_pipeline *p =
		spiked_pipeline_new(text, strlen(text), preset, why, sizeof(why));
	if (!p)
		fail_msg("%s\n%s", text, why);
	assert_string_equal(why, "");
	return p;
}

static struct spiked_pipeline_info info_of(
	const char *text, const struct spiked_pipeline_preset *preset)
{
	struct spiked_pipeline *p = must_make(text, preset);
	struct spiked_pipeline_info info;
	spiked_pipeline_info(p, &info);
	spiked_pipeline_free(p);
	return info;
}

static void test_a_text_is_a_stream_a_list_or_a_name(void **unused)
{
	(void)unused;
	static const char *const texts[] = {
		"{channels: 3, encode: [{lif: {v_th: 0.5}}]}",
		"{\"channels\": 3, \"encode\": {\"lif\": {\"v_th\": 0.5}}}",
		("{name: imu, names: [x, y, z], unit: m, input: {mode: queue, type: i16}, "
		 "publish: {payload: bitmap}, group: body, shape: [3, 1], encode: lif}"),
		"[lif]",
		"- lif: {v_th: 0.5}\n",
		"lif",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct spiked_pipeline_info info = info_of(texts[i], i < 3 ? NULL : &three);
		assert_int_equal(info.output, SPIKED_OUTPUT_SPIKES);
		assert_int_equal(info.channels, 3);
		assert_int_equal(info.lines, 3);
		assert_int_equal(info.state_lines, 3);
		assert_int_equal(info.ticks, 1);
		assert_int_equal(info.window, 0);
		assert_true(info.dt == 0.001);
	}
	assert_int_equal(info_of("channels: 3", NULL).output, SPIKED_OUTPUT_VALUES);
	assert_int_equal(
		info_of("[{signed_poisson: {f_max: 10}}]", &three).output, SPIKED_OUTPUT_SIGNED);
}

static void test_the_text_counts_before_the_preset(void **unused)
{
	(void)unused;
	const struct spiked_pipeline_preset preset = {.channels = 7, .window = 20, .dt = 0.002};
	struct spiked_pipeline_info info =
		info_of("{channels: 2, dt: 3 ms, window: 30, encode: lif_latency}", &preset);
	assert_int_equal(info.channels, 2);
	assert_int_equal(info.window, 30);
	assert_true(info.dt == 0.003);
	info = info_of("lif_latency", &preset);
	assert_int_equal(info.channels, 7);
	assert_int_equal(info.window, 20);
	assert_int_equal(info.ticks, 20);
	assert_true(info.dt == 0.002);
	/* A stage's own word is the text's. */
	info = info_of("[{SpikeLatencyLIFEncoder: {seq_length: 5, dt: 0.004}}]", &preset);
	assert_int_equal(info.window, 5);
	assert_true(info.dt == 0.004);
}

/* Each with its place, in the daemon's words. */
static void test_faults_have_places(void **unused)
{
	(void)unused;
	const struct {
		const char *text;
		struct spiked_pipeline_preset preset;
		const char *why;
	} cases[] = {
		{"channels: 3\nencode:\n  - lif: {v_thr: 1}\n", {0},
			"3:11: error: encode[0].lif.v_thr: "},
		{"channels: 3\nencode:\n  - lif: {v_thr: 1}\n", {0}, "v_th"},
		{"- lfi\n", {.channels = 3}, "1:3: error: [0]: "},
		{"- lfi\n", {.channels = 3}, "did you mean \"lif\"?"},
		{"chanels: 3", {0}, "1:1: error: chanels: unknown key; did you mean channels?"},
		{"encode: lif", {0}, "needs channels"},
		{"lif", {0}, "needs channels"},
		{"[lif, lif]", {.channels = 3}, "1:7: error: [1]"},
		{"[lif_latency]", {.channels = 3}, "window"},
		{"channels: 3\ninput: {mode: quue}\n", {0}, "2:15: error: input.mode: "},
		{"channels: 3\nchannels: 3\n", {0}, "2:1: error: channels: written twice"},
		{"channels: [\n", {0}, "not valid YAML"},
		{"", {.channels = 3}, "says nothing"},
		{"channels: 0", {0}, "1:11: error: channels: "},
		{"lif", {.channels = 1u << 25}, "error: preset: at most"},
		{"lif", {.channels = 3, .window = UINT32_MAX}, "error: preset: window"},
		{"lif", {.channels = 3, .dt = 1.0 / 44100}, "whole nanoseconds"},
		{"lif", {.channels = 3, .dt = -1}, "error: preset: dt must be from"},
		{"lif", {.channels = 3, .dt = NAN}, "error: preset: dt must be from"},
		{"lif", {.channels = 3, .name = "a b"}, "is not a name"},
		{"channels: 2\nencode: [{lif: {v_th: [1, 2, 3]}}]", {0}, "2:"},
		{"\xff", {.channels = 3}, "not valid YAML"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char why[400];
		struct spiked_pipeline *p = spiked_pipeline_new(
			cases[i].text, strlen(cases[i].text), &cases[i].preset, why, sizeof(why));
		assert_null(p);
		if (!strstr(why, cases[i].why))
			fail_msg("%s\nsays\n%s\nand not %s", cases[i].text, why, cases[i].why);
		assert_true(why[strlen(why) - 1] != '\n');
	}
}

static void test_no_text_says_nothing(void **unused)
{
	(void)unused;
	for (size_t size = 0; size < 2; size++) {
		char why[400];
		assert_null(spiked_pipeline_new(NULL, size, NULL, why, sizeof(why)));
		assert_non_null(strstr(why, "says nothing"));
	}
}

static void test_every_fault_is_told_and_cut_at_a_character(void **unused)
{
	(void)unused;
	static const char text[] = "channels: 3\nencode: [lfi, {lif: {v_thr: 1}}]\nrnge: {}\n";
	static const char umlaut[] = "channels: 3\nencode: [\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4]";
	char whole[1000], part[1000];
	assert_null(spiked_pipeline_new(text, sizeof(text) - 1, NULL, whole, sizeof(whole)));
	const char *second = strchr(whole, '\n');
	assert_non_null(second);
	assert_true(strncmp(second, "\n2:22: ", 7) == 0);
	assert_true(strncmp(strchr(second + 1, '\n'), "\n3:1: ", 6) == 0);
	assert_null(spiked_pipeline_new(text, sizeof(text) - 1, NULL, NULL, 0));
	assert_null(spiked_pipeline_new(text, sizeof(text) - 1, NULL, whole, 0));
	assert_null(spiked_pipeline_new(umlaut, sizeof(umlaut) - 1, NULL, whole, sizeof(whole)));
	assert_non_null(strstr(whole, "\xc3\xa4"));
	for (size_t size = 1; size < strlen(whole) + 2; size++) {
		memset(part, 'x', sizeof(part));
		spiked_pipeline_new(umlaut, sizeof(umlaut) - 1, NULL, part, size);
		size_t length = strlen(part);
		assert_true(length < size && length + 2 >= size);
		assert_memory_equal(part, whole, length);
		assert_true(length == 0 || (unsigned char)part[length - 1] != 0xc3);
	}
}

static void test_set_changes_what_may_change(void **unused)
{
	(void)unused;
	struct spiked_pipeline *p =
		must_make("{range: {hi: 2}, encode: [{lif: {v_th: 100}}]}", &three);
	const float row[] = {1, 2, 3};
	float state[3], before[3];
	int8_t spikes[3];
	char why[400];
	const struct spiked_pipeline_out out = {.state = state, .spikes = spikes};
	spiked_pipeline_run(p, row, 1, &out);
	memcpy(before, state, sizeof(state));
	assert_true(state[0] > 0 && spikes[2] == 0);
	const struct {
		unsigned stage;
		const char *param, *value, *why;
	} refused[] = {
		{2, "v_th", "1", "there is no stage 2"},
		{1, "v_thr", "1", "did you mean \"v_th\"?"},
		{1, "v_th", "low", "v_th: "},
		{1, "v_th", "[1, 2]", "3"},
		{1, "v_th", "{a: 1}", "v_th: "},
		{1, "v_th", "", "v_th: "},
		{1, "tau_mem", "-1", "tau_mem"},
		{1, "dt", "0.002", "cannot change"},
		{0, "hi", "-1", "hi"},
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		int err = spiked_pipeline_set(
			p, refused[i].stage, refused[i].param, refused[i].value, why, sizeof(why));
		if (err >= 0 || !strstr(why, refused[i].why))
			fail_msg("%s = %s: %d, \"%s\"", refused[i].param, refused[i].value, err,
				why);
	}
	assert_int_equal(spiked_pipeline_set(p, 1, "v_th", "[9, 0.01, 9]", why, sizeof(why)), 0);
	assert_string_equal(why, "");
	spiked_pipeline_run(p, row, 1, &out);
	assert_true(spikes[0] == 0 && spikes[1] == 1 && state[0] > before[0]);
	spiked_pipeline_reset(p);
	spiked_pipeline_run(p, row, 1, &out);
	assert_true(spikes[1] == 1);
	assert_float_equal(state[0], before[0], 0);
	spiked_pipeline_free(p);
}

static void test_foreign_states_change_nothing(void **unused)
{
	(void)unused;
	struct spiked_pipeline *p = must_make("lif", &three);
	struct spiked_pipeline *other = must_make("[{poisson: {f_max: 9}}]", &three);
	const float rows[] = {1, 2, 3, NAN, NAN, NAN};
	char why[400], bytes[1000], foreign[1000];
	float state[3], again[3];
	size_t size = spiked_pipeline_saved_size(p);
	assert_true(size <= sizeof(bytes) && spiked_pipeline_saved_size(other) <= sizeof(foreign));
	const struct spiked_pipeline_out out = {.state = state}, second = {.state = again};
	spiked_pipeline_run(p, rows, 1, NULL);
	spiked_pipeline_save(p, bytes);
	spiked_pipeline_save(other, foreign);
	spiked_pipeline_run(p, rows + 3, 1, &out);
	assert_int_equal(spiked_pipeline_load(p, bytes, size, why, sizeof(why)), 0);
	for (size_t n = 0; n < size; n++)
		assert_true(spiked_pipeline_load(p, bytes, n, why, sizeof(why)) < 0 && why[0]);
	assert_true(spiked_pipeline_load(
			    p, foreign, spiked_pipeline_saved_size(other), why, sizeof(why)) < 0);
	memcpy(foreign, bytes, size);
	const float nan = NAN;
	memcpy(foreign + size - sizeof(nan), &nan, sizeof(nan));
	assert_true(spiked_pipeline_load(p, foreign, size, why, sizeof(why)) < 0);
	spiked_pipeline_run(p, rows + 3, 1, &second);
	assert_same_floats(state, again, 3);
	spiked_pipeline_free(p);
	spiked_pipeline_free(other);
}

/* A host program may have set any of these; torch flushes denormals when asked to. */
static void test_the_callers_thread_does_not_matter(void **unused)
{
	(void)unused;
	static const char text[] = "[{lif: {tau_mem: 100 ms, v_th: 1e-38, v_reset: 0.1}}]";
	const float rows[] = {1e-39f, 2.5e-38f, 0.3f, 1e-40f, 1e-44f, 1, -1e-39f, 3, 0.1f};
	float plain[9], odd[9];
	struct spiked_pipeline *p = must_make(text, &three);
	const struct spiked_pipeline_out first = {.state = plain}, second = {.state = odd};
	spiked_pipeline_run(p, rows, 3, &first);
	spiked_pipeline_free(p);
	assert_true(fpclassify(plain[0]) == FP_SUBNORMAL);

	const char *locale = setlocale(LC_ALL, "de_DE.UTF-8");
	if (!locale)
		print_message("no locale de_DE.UTF-8 here: commas are not tried\n");
	fesetround(FE_UPWARD);
#if defined(__x86_64__)
	_mm_setcsr(_mm_getcsr() | 0x8040);
#endif
	p = must_make(text, &three);
	spiked_pipeline_run(p, rows, 3, &second);
	spiked_pipeline_free(p);
	assert_int_equal(fegetround(), FE_UPWARD);
#if defined(__x86_64__)
	assert_int_equal(_mm_getcsr() & 0x8040, 0x8040);
#endif
	fesetenv(FE_DFL_ENV);
	setlocale(LC_ALL, "C");
	assert_same_floats(plain, odd, 9);
}

static void test_the_version_is_a_version(void **unused)
{
	(void)unused;
	int a, b, c;
	assert_int_equal(sscanf(spiked_encoders_version(), "%d.%d.%d", &a, &b, &c), 3);
	assert_non_null(strstr("c avx2 avx512 neon", spiked_encoders_kernels()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_text_is_a_stream_a_list_or_a_name),
		cmocka_unit_test(test_the_text_counts_before_the_preset),
		cmocka_unit_test(test_faults_have_places),
		cmocka_unit_test(test_no_text_says_nothing),
		cmocka_unit_test(test_every_fault_is_told_and_cut_at_a_character),
		cmocka_unit_test(test_set_changes_what_may_change),
		cmocka_unit_test(test_foreign_states_change_nothing),
		cmocka_unit_test(test_the_callers_thread_does_not_matter),
		cmocka_unit_test(test_the_version_is_a_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
