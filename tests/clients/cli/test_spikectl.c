/* The parts of spikectl that need neither daemon nor terminal: command line, rows of text, WAV files, the
 * host's figures, the raster.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/base64.h"
#include "clients/cli/host.h"
#include "clients/cli/opt.h"
#include "clients/cli/raster.h"
#include "clients/cli/rows.h"
#include "clients/cli/suggest.h"
#include "clients/cli/text.h"
#include "clients/cli/wav.h"

/* ---- command line ---- */

static bool parse(struct opts *opts, char **words, int *n, char *fault, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return opt_parse(opts, argc, argv, words, n, fault, 200);
}

static void test_options_stand_anywhere_and_negative_numbers_are_words(void **state)
{
	char *argv[] = {"spikectl", "--json", "set", "imu", "-e", "tcp://x", "lif", "v_th", "-0.5",
		"--timeout=2", "--", "--state", NULL};
	char *words[16], fault[200];
	struct opts opts;
	int n;

	(void)state;
	assert_true(parse(&opts, words, &n, fault, argv));
	assert_int_equal(n, 6);
	assert_string_equal(words[0], "set");
	assert_string_equal(words[4], "-0.5");
	assert_string_equal(words[5], "--state");
	assert_string_equal(opts.value[OPT_ENDPOINT], "tcp://x");
	assert_string_equal(opts.value[OPT_TIMEOUT], "2");
	assert_non_null(opts.value[OPT_JSON]);
	assert_null(opts.value[OPT_STATE]);
	assert_true(opt_allowed(&opts, OPT(JSON) | OPT(ENDPOINT) | OPT(TIMEOUT), fault, 200));
	assert_false(opt_allowed(&opts, OPT(JSON), fault, 200));
}

static void test_wrong_options_are_explained(void **state)
{
	static char *lines[][4] = {
		{"spikectl", "--cuont", "3", NULL},
		{"spikectl", "--json=1", NULL},
		{"spikectl", "--rate", NULL},
		{"spikectl", "-x", NULL},
	};
	static const char *const texts[] = {"--count", "no value", "needs", "-x"};
	char *words[16], fault[200];
	struct opts opts;
	double number = 7;
	int n;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_false(parse(&opts, words, &n, fault, lines[i]));
		if (!strstr(fault, texts[i]))
			fail_msg("\"%s\" does not say \"%s\"", fault, texts[i]);
	}
	for (int i = 0; i < 5; i++) {
		static const char *const bad[] = {"", "x", "1x", "nan", "101"};
		opts = (struct opts){0};
		opts.value[OPT_RATE] = bad[i];
		assert_false(opt_number(&opts, OPT_RATE, 0, 100, &number, fault, 200));
		assert_true(number == 7);
	}
	opts.value[OPT_RATE] = "1e2";
	assert_true(opt_number(&opts, OPT_RATE, 0, 100, &number, fault, 200));
	assert_true(number == 100);
}

static void test_suggestions(void **state)
{
	static const char *const words[] = {"status", "streams", "stats", "step", "set", NULL};

	(void)state;
	assert_string_equal(suggest("staus", words), "status");
	assert_string_equal(suggest("setp", words), "step");
	assert_string_equal(suggest("stream", words), "streams");
	assert_null(suggest("bogus", words));
	assert_null(suggest("", (const char *const[]){NULL}));
}

/* ---- rows ---- */

static void test_lines_become_rows(void **state)
{
	static const struct {
		const char *line;
		size_t rows, channels;
		double values[4]; /* NAN = no sample */
	} good[] = {
		{"1,2.5,-3e2", 1, 3, {1, 2.5, -300}},
		{" 1 ,, 3 ", 1, 3, {1, NAN, 3}},
		{"1,2,", 1, 3, {1, 2, NAN}},
		{",", 1, 2, {NAN, NAN}},
		{"1;nan;NULL\n", 1, 3, {1, NAN, NAN}},
		{"1\t 2  3\r\n", 1, 3, {1, 2, 3}},
		{"5", 1, 1, {5}},
		{"[1, null, 3]", 1, 3, {1, NAN, 3}},
		{"[[1,2],[3,4]]", 2, 2, {1, 2, 3, 4}},
		{"{\"values\": [1,2], \"seq\": 3}", 1, 2, {1, 2}},
	};
	static const char *const bad[] = {"1,x", "1 2 3z", "[1,", "[\"a\"]", "{}", "[]",
		"[[1],[2,3]]", "{\"values\":[1],\"seq\":-1}", "{\"values\":[1],\"time_ns\":1.5}",
		"[[1],2]"};
	struct rows rows = {0};
	char fault[200];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (rows_parse(&rows, good[i].line, fault, sizeof(fault)) != 0)
			fail_msg("%s: %s", good[i].line, fault);
		assert_int_equal(rows.n_rows, good[i].rows);
		assert_int_equal(rows.n_channels, good[i].channels);
		for (size_t v = 0; v < rows.count; v++)
			if (!(rows.values[v] == good[i].values[v] ||
				    (isnan(rows.values[v]) && isnan(good[i].values[v]))))
				fail_msg("%s: value %zu is %g", good[i].line, v, rows.values[v]);
	}
	assert_true(rows.has_seq && rows.seq == 3 && !rows.has_time);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fault[0] = '\0';
		if (rows_parse(&rows, bad[i], fault, sizeof(fault)) != -EINVAL || !fault[0])
			fail_msg("%s was not refused", bad[i]);
	}
	assert_int_equal(rows_parse(&rows, "  # 1,2", fault, sizeof(fault)), -ENODATA);
	assert_int_equal(rows_parse(&rows, " \r\n", fault, sizeof(fault)), -ENODATA);
	assert_true(rows_is_head("time,ax,ay"));
	assert_false(rows_is_head("time,1,2"));
	rows_fini(&rows);
}

static void test_pairs(void **state)
{
	static const char *const bad[] = {"1", "1:", ":1", "-1:2", "1:2x", "5000000000:1", "1:2 3"};
	struct spiked_pair pairs[4];
	char fault[200];
	size_t n;

	(void)state;
	assert_int_equal(rows_parse_pairs(" 3:0.5, 7:-1\n", pairs, 4, &n, fault, 200), 0);
	assert_int_equal(n, 2);
	assert_int_equal(pairs[1].channel, 7);
	assert_true(pairs[1].value == -1.0f);
	assert_int_equal(rows_parse_pairs("# x", pairs, 4, &n, fault, 200), -ENODATA);
	assert_int_equal(
		rows_parse_pairs("1:1 2:2 3:3 4:4 5:5", pairs, 4, &n, fault, 200), -EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rows_parse_pairs(bad[i], pairs, 4, &n, fault, 200) != -EINVAL)
			fail_msg("%s was not refused", bad[i]);
}

static void test_values_fit_their_type_or_are_refused(void **state)
{
	static const double edge[] = {-128.4, 127.4}, over[] = {127.6}, none[] = {NAN};
	int8_t i8[2];
	float f32[1];
	char fault[200];

	(void)state;
	assert_int_equal(rows_encode(SPIKED_I8, edge, 2, i8, fault, 200), 0);
	assert_int_equal(i8[0], -128);
	assert_int_equal(i8[1], 127);
	assert_int_equal(rows_encode(SPIKED_I8, over, 1, i8, fault, 200), -EINVAL);
	assert_int_equal(rows_encode(SPIKED_I8, none, 1, i8, fault, 200), -EINVAL);
	assert_int_equal(rows_encode(SPIKED_F32, none, 1, f32, fault, 200), 0);
	assert_true(isnan(f32[0]));
	assert_int_equal(rows_type("i16"), SPIKED_I16);
	assert_int_equal(rows_type("json"), -1);
}

static void test_lines_survive_anything(void **state)
{
	static const char alphabet[] = "0123456789.,;: \t-+eE[]{}\"nul#valuesxq\\";
	struct test_random r = test_random(0xab);
	struct rows rows = {0};
	struct spiked_pair pairs[8];
	char line[64], fault[200];
	size_t n;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		size_t length = random_below(&r, sizeof(line));
		for (size_t i = 0; i < length; i++)
			line[i] = alphabet[random_below(&r, sizeof(alphabet) - 1)];
		line[length] = '\0';
		if (rows_parse(&rows, line, fault, sizeof(fault)) == 0)
			assert_int_equal(rows.count, rows.n_rows * rows.n_channels);
		rows_parse_pairs(line, pairs, 8, &n, fault, sizeof(fault));
		rows_is_head(line);
	}
	rows_fini(&rows);
}

/* ---- WAV ---- */

struct wav_file {
	uint8_t bytes[256];
	size_t size;
};

static void put(struct wav_file *f, const char *text)
{
	memcpy(f->bytes + f->size, text, strlen(text));
	f->size += strlen(text);
}

static void put_number(struct wav_file *f, uint32_t number, int bytes)
{
	for (int i = 0; i < bytes; i++)
		f->bytes[f->size++] = (uint8_t)(number >> 8 * i);
}

static struct wav_file wav_of(uint16_t format, uint16_t channels, uint16_t bits, uint32_t data_size)
{
	struct wav_file f = {.size = 0};

	put(&f, "RIFF");
	put_number(&f, 0, 4);
	put(&f, "WAVELIST");
	put_number(&f, 3, 4); /* odd: a byte of padding follows */
	put(&f, "abc");
	put_number(&f, 0, 1);
	put(&f, "fmt ");
	put_number(&f, 16, 4);
	put_number(&f, format, 2);
	put_number(&f, channels, 2);
	put_number(&f, 16000, 4);
	put_number(&f, 16000u * channels * bits / 8, 4);
	put_number(&f, channels * bits / 8u, 2);
	put_number(&f, bits, 2);
	put(&f, "data");
	put_number(&f, data_size, 4);
	return f;
}

static void test_wav_gives_the_first_channel(void **state)
{
	struct wav_file f = wav_of(1, 2, 16, 12);
	float samples[8];
	char fault[200];
	struct wav wav;

	(void)state;
	for (int i = 0; i < 4; i++) { /* the fourth lies behind the chunk */
		put_number(&f, (uint16_t)(i == 0 ? -32768 : i == 1 ? 32767 : 16384), 2);
		put_number(&f, 0x7777, 2);
	}
	FILE *file = fmemopen(f.bytes, f.size, "rb");
	assert_int_equal(wav_open(&wav, file, fault, sizeof(fault)), 0);
	assert_int_equal(wav.rate, 16000);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(wav_read(&wav, samples, 8), 3);
		assert_true(samples[0] == -1.0f);
		assert_true(samples[1] == 32767.0f / 32768.0f);
		assert_true(samples[2] == 0.5f);
		assert_int_equal(wav_read(&wav, samples, 8), 0);
		assert_int_equal(wav_rewind(&wav), 0);
	}
	fclose(file);
}

static void test_wav_of_8_bits_and_unknown_length(void **state)
{
	struct wav_file f = wav_of(1, 1, 8, UINT32_MAX);
	float samples[8];
	char fault[200];
	struct wav wav;

	(void)state;
	put_number(&f, 0x80ff00, 3);
	FILE *file = fmemopen(f.bytes, f.size, "rb");
	assert_int_equal(wav_open(&wav, file, fault, sizeof(fault)), 0);
	assert_int_equal(wav_read(&wav, samples, 8), 3);
	assert_true(samples[0] == -1.0f && samples[1] == 127.0f / 128.0f && samples[2] == 0.0f);
	fclose(file);
}

static void test_wav_refuses_what_it_cannot_play(void **state)
{
	const struct wav_file files[] = {
		wav_of(3, 1, 32, 4), /* float */
		wav_of(1, 1, 24, 3),
		wav_of(1, 0, 16, 4),
		wav_of(1, 999, 16, 4),
	};
	struct wav_file f = wav_of(1, 1, 16, 4);
	char fault[200];
	struct wav wav;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		FILE *file = fmemopen((void *)files[i].bytes, files[i].size, "rb");
		assert_int_equal(wav_open(&wav, file, fault, sizeof(fault)), -EINVAL);
		assert_true(fault[0]);
		fclose(file);
	}
	for (size_t size = 1; size < f.size; size++) { /* cut off anywhere */
		FILE *file = fmemopen(f.bytes, size, "rb");
		assert_int_equal(wav_open(&wav, file, fault, sizeof(fault)), -EINVAL);
		fclose(file);
	}
}

/* ---- host ---- */

static void write_file(const char *root, const char *path, const char *text)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static float figure(const char *name, const struct host_sample *a, const struct host_sample *b)
{
	size_t count;
	struct host_channel *all = host_channels(b->cores, &count);
	float value = -1;

	assert_non_null(all);
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].name, name) == 0)
			value = host_value(&all[i], a, b);
	free(all);
	return value;
}

#define NET "x\nx\n lo: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0\neth0:%d 0 0 0 0 0 0 0 %d 0 0 0 0 0 0 0\n"
#define DISK \
	" 8 0 sda 1 2 %d 4 5 6 %d 8\n 8 1 sda1 1 2 99 4 5 6 99 8\n 7 0 loop0 1 2 77 4 5 6 77 8\n"

static void test_host_figures(void **state)
{
	static struct host_sample a, b;
	char root[] = "/tmp/spiked-test-XXXXXX", text[512], command[64];

	(void)state;
	assert_non_null(mkdtemp(root));
	write_file(root, "sys/block/sda", "");
	write_file(root, "sys/block/loop0", "");
	write_file(
		root, "proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n");
	write_file(root, "proc/loadavg", "1.00 2 3 1/2 3\n");
	write_file(root, "proc/stat",
		"cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 50 0 50 500 0 0 0 0 0 0\n"
		"cpu1 50 0 50 500 0 0 0 0 0 0\nctxt 1000\n");
	snprintf(text, sizeof(text), NET, 0, 0);
	write_file(root, "proc/net/dev", text);
	snprintf(text, sizeof(text), DISK, 0, 0);
	write_file(root, "proc/diskstats", text);
	host_read(&a, root, 0);
	write_file(root, "proc/stat",
		"cpu  120 10 110 1050 10 0 0 0 0 0\ncpu0 50 0 50 600 0 0 0 0 0 0\n"
		"cpu1 140 0 60 500 0 0 0 0 0 0\nctxt 11000\n");
	snprintf(text, sizeof(text), NET, 1000000, 1000);
	write_file(root, "proc/net/dev", text);
	snprintf(text, sizeof(text), DISK, 1000000, 0);
	write_file(root, "proc/diskstats", text);
	host_read(&b, root, 1000000000);
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);

	assert_int_equal(b.cores, 2);
	assert_true(fabsf(figure("cpu_user", &a, &b) - 0.30f) < 1e-6f);
	assert_true(fabsf(figure("cpu_system", &a, &b) - 0.10f) < 1e-6f);
	assert_true(fabsf(figure("cpu_iowait", &a, &b) - 0.10f) < 1e-6f);
	assert_true(fabsf(figure("cpu_busy", &a, &b) - 0.40f) < 1e-6f);
	assert_true(figure("core0", &a, &b) == 0.0f);
	assert_true(figure("core1", &a, &b) == 1.0f);
	assert_true(fabsf(figure("mem_used", &a, &b) - 0.75f) < 1e-6f);
	assert_true(figure("load1", &a, &b) == 0.5f);
	assert_true(fabsf(figure("net_rx", &a, &b) - 0.5f) < 1e-6f); /* 1 MB/s */
	assert_true(figure("net_tx", &a, &b) == 0.0f);               /* 1 kB/s */
	assert_true(fabsf(figure("disk_io", &a, &b) - (float)(log(512e3) / log(1e6))) < 1e-6f);
	assert_true(figure("disk_write", &a, &b) == 0.0f);
	assert_true(fabsf(figure("switches", &a, &b) - 0.5f) < 1e-6f); /* 10,000/s */
	/* Counters that go back, and no time between: still within 0…1. */
	assert_true(figure("net_rx", &b, &a) == 0.0f);
	assert_true(figure("net_rx", &a, &a) == 0.0f);
}

static void test_host_sends_eight_channels_unless_told(void **state)
{
	static const char *const names[] = {"cpu_user", "cpu_system", "cpu_iowait", "mem_used",
		"load1", "net_rx", "net_tx", "disk_io"};
	size_t count, preset = 0;
	struct host_channel *all = host_channels(3, &count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		if (!all[i].preset)
			continue;
		assert_in_range(preset, 0, 7);
		assert_string_equal(all[i].name, names[preset++]);
	}
	assert_int_equal(preset, 8);
	assert_string_equal(all[count - 1].name, "core2");
	free(all);
}

/* ---- raster ---- */

static void test_raster_divides_lines_over_columns(void **state)
{
	static const struct {
		uint32_t lines, columns, per_cell, cells;
	} rows[] = {
		{96, 96, 1, 96},
		{96, 200, 1, 96},
		{96, 70, 2, 48},
		{97, 96, 2, 49},
		{1, 1, 1, 1},
		{0, 80, 1, 0},
		{UINT32_MAX, 80, 53687092, 80},
	};
	struct raster raster = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(raster_fit(&raster, rows[i].lines, rows[i].columns), 0);
		assert_int_equal(raster.per_cell, rows[i].per_cell);
		assert_int_equal(raster.cells, rows[i].cells);
	}
	raster_fini(&raster);
}

static void test_raster_rows(void **state)
{
	static const uint32_t words[] = {0, 3, 4 | SPIKED_NEGATIVE};
	struct spiked_header h = {
		.magic = {'S', 'P', 'K', '1'},
		.kind = SPIKED_KIND_SPIKES,
		.format = SPIKED_FORMAT_WORDS,
		.epoch = 1,
		.dt_ns = 1,
		.lines = 5,
		.count = 3,
	};
	struct raster raster = {0};
	struct spiked_frame frame;
	bool negative[8];
	char text[8];

	(void)state;
	assert_int_equal(spiked_decode(&h, 64, words, sizeof(words), &frame, NULL), 0);
	raster_fit(&raster, 5, 5);
	raster_add(&raster, &frame);
	raster_row(&raster, text, negative);
	assert_string_equal(text, "#  #=");
	assert_true(negative[4] && !negative[0]);
	raster_add(&raster, &frame); /* the row before has left nothing behind */
	for (int i = 0; i < 9; i++)
		raster.ticks++;
	raster_row(&raster, text, NULL);
	assert_string_equal(text, ":  :;");
	raster_fit(&raster, 5, 3); /* the last column is one line wide */
	raster_add(&raster, &frame);
	raster_row(&raster, text, NULL);
	assert_string_equal(text, "**=");
	raster_fini(&raster);

	assert_int_equal(raster_mark(0, 100, false), ' ');
	assert_int_equal(raster_mark(1, 1000000, false), '.');
	assert_int_equal(raster_mark(15, 100, false), ':');
	assert_int_equal(raster_mark(35, 100, true), '-');
	assert_int_equal(raster_mark(64, 100, false), '#');
	assert_int_equal(raster_mark(200, 100, false), '#');
}

/* ---- text ---- */

static void test_text_is_harmless_and_aligned(void **state)
{
	struct text_table table = {.align = "lr"};
	char buffer[256] = "", ns[32];
	FILE *out = fmemopen(buffer, sizeof(buffer), "w");

	(void)state;
	text_print(out, "a\033[31mb\r\xc2\x9b"
			"c\xc3\xa9\n");
	text_table_add(&table, "x");
	text_table_add(&table, "10");
	text_table_add(&table, "l\xc3\xa4nger");
	text_table_add(&table, "7");
	text_table_print(&table, out);
	text_table_fini(&table);
	fclose(out);
	assert_string_equal(buffer, "a?[31mb??c\xc3\xa9?x       10\nl\xc3\xa4nger   7\n");
	assert_string_equal(text_ns(1e6, ns, sizeof(ns)), "1 ms");
	assert_string_equal(text_ns(62500, ns, sizeof(ns)), "62.5 us");
	assert_string_equal(text_ns(0, ns, sizeof(ns)), "0 ns");
	assert_string_equal(text_uptime(12, ns, sizeof(ns)), "12 s");
	assert_string_equal(text_uptime(273600, ns, sizeof(ns)), "3 d 4 h");
}

/* ---- base64 ---- */

static void test_base64_is_read_and_nothing_else(void **state)
{
	static const char *const good[][2] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"},
		{"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"+/+/", "\xfb\xff\xbf"}};
	static const char *const bad[] = {"Z", "Zg=", "Zg", "Z===", "Zm 9", "Zm9v\n", "=Zm9"};
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint8_t *bytes = base64_decode(good[i][0], &size);

		assert_non_null(bytes);
		assert_int_equal(size, strlen(good[i][1]));
		assert_memory_equal(bytes, good[i][1], size);
		free(bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(base64_decode(bad[i], &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_stand_anywhere_and_negative_numbers_are_words),
		cmocka_unit_test(test_wrong_options_are_explained),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_lines_become_rows),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_values_fit_their_type_or_are_refused),
		cmocka_unit_test(test_lines_survive_anything),
		cmocka_unit_test(test_wav_gives_the_first_channel),
		cmocka_unit_test(test_wav_of_8_bits_and_unknown_length),
		cmocka_unit_test(test_wav_refuses_what_it_cannot_play),
		cmocka_unit_test(test_host_figures),
		cmocka_unit_test(test_host_sends_eight_channels_unless_told),
		cmocka_unit_test(test_raster_divides_lines_over_columns),
		cmocka_unit_test(test_raster_rows),
		cmocka_unit_test(test_text_is_harmless_and_aligned),
		cmocka_unit_test(test_base64_is_read_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
