/* What a wrong configuration is told: place, path and what would do, for each kind of fault.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/conf_text.h"

#include <sys/stat.h>

struct fault_case {
	const char *text;
	int line, column;
	const char *path, *words;
};

/* A stream with one line of its own at line 4, column 5. */
#define STREAM(line)  "streams:\n  - name: a\n    channels: 2\n    " line "\n"
#define ENCODED(line) STREAM(line) "    encode: lif\n"

static const struct fault_case cases[] = {
	/* The top level. */
	{"clok: wall", 1, 1, "clok", "did you mean clock?"},
	{"\n  colour: red", 2, 3, "colour", "it can be clock, dt, "},
	{"clock: walls", 1, 8, "clock", "did you mean \"wall\"?"},
	{"clock: [wall]", 1, 8, "clock", "not a list"},
	{"clock:", 1, 1, "clock", "has no value"},
	{"dt: 0", 1, 5, "dt", "1 us to 4 s"},
	{"dt: -1 ms", 1, 5, "dt", "1 us to 4 s"},
	{"dt: 1 ns", 1, 5, "dt", "32 bits"},
	{"dt: 24 h", 1, 5, "dt", "1 us to 4 s"},
	{"dt: 4.000000001", 1, 5, "dt", "1 us to 4 s"},
	{"dt: 1 day", 1, 5, "dt", "unknown unit"},
	{"dt: nan", 1, 5, "dt", ""},
	{"dt: 22.6757369 us", 1, 5, "dt", "write 22676 ns"},
	{"overrun: ctach_up", 1, 10, "overrun", "did you mean \"catch_up\"?"},
	{"max_catch_up: 0", 1, 15, "max_catch_up", "from 1 to"},
	{"seed: -1", 1, 7, "seed", "whole number"},
	{"seed: 18446744073709551616", 1, 7, "seed", ""},
	{"insecure: maybe", 1, 11, "insecure", "true or false"},
	{"max_row_bytes: 100", 1, 16, "max_row_bytes", "from 512"},
	{"send_queue: 0", 1, 13, "send_queue", "from 1"},
	{"receive_queue: 1e9", 1, 16, "receive_queue", "to 1000000"},
	{"realtime: yes", 1, 11, "realtime", "takes a map"},
	{"realtime: {priority: 0}", 1, 22, "realtime.priority", "from 1 to 99"},
	{"realtime: {prio: 3}", 1, 12, "realtime.prio", ""},
	{"realtime: {cpu: -1}", 1, 17, "realtime.cpu", ""},
	{"web: 127.0.0.1", 1, 6, "web", "port is missing"},
	{"web: http://127.0.0.1:80", 1, 6, "web", "host:port alone"},
	{"web: 0.0.0.0:80", 1, 6, "web", "insecure: true"},
	{"state: {every: 1}", 1, 8, "state", "needs dir"},
	{"state: {dir: /x, every: 0}", 1, 25, "state.every", "from 0.1"},
	{"streams: 3", 1, 10, "streams", "takes a list"},
	{"streams: {name: a}", 1, 10, "streams", "\"- name: …\""},
	{"streams: [3]", 1, 11, "streams[0]", "takes a map"},
	{"clock: wall\ndt: 1 ms\nclock: data", 3, 1, "clock", "first in line 1"},

	/* Endpoints. */
	{"ingest: 127.0.0.1:7570", 1, 9, "ingest", "tcp://HOST:PORT"},
	{"ingest: [tpc://127.0.0.1:1]", 1, 10, "ingest[0]", "did you mean tcp://?"},
	{"ingest: udp://127.0.0.1:1", 1, 9, "ingest", "write tcp:// or ipc://"},
	{"control: inproc://x", 1, 10, "control", "nobody outside"},
	{"ingest: tcp://127.0.0.1", 1, 9, "ingest", "port is missing"},
	{"ingest: tcp://127.0.0.1:0", 1, 9, "ingest", "* for any free one"},
	{"ingest: tcp://127.0.0.1:70000", 1, 9, "ingest", "1 to 65535"},
	{"ingest: tcp://127.0.0.1:7x", 1, 9, "ingest", "1 to 65535"},
	{"ingest: tcp://:7570", 1, 9, "ingest", "host is missing"},
	{"ingest: tcp://127.0.0:7570", 1, 9, "ingest", "not an IPv4 address"},
	{"ingest: tcp://::1:7570", 1, 9, "ingest", "[::1]:7570"},
	{"ingest: 'tcp://[::1:7570'", 1, 9, "ingest", "[address]:port"},
	{"ingest: tcp://a b:7570", 1, 9, "ingest", "not a host"},
	{"ingest: tcp://sensors.example.com:7570", 1, 9, "ingest",
		"not an address of this machine"},
	{"ingest: ipc://", 1, 9, "ingest", "needs a path"},
	{"ingest: []", 1, 9, "ingest", "no row could ever arrive"},
	{"ingest: [[a]]", 1, 10, "ingest[0]", "not a list"},
	{"publish: []", 1, 10, "publish", "nobody could subscribe"},
	{"publish: {a: 1}", 1, 10, "publish", "not a map"},
	{"publish: tcp://0.0.0.0:7571", 1, 10, "publish", "insecure: true"},
	{"control: 'tcp://*:7572'", 1, 10, "control", "insecure: true"},
	{"ingest: tcp://192.168.1.2:7570", 1, 9, "ingest", "write 127.0.0.1"},
	{"ingest: 'tcp://[::]:7570'", 1, 9, "ingest", "insecure: true"},
	{"ingest: tcp://128.0.0.1:7570", 1, 9, "ingest", "insecure: true"},
	{"ingest: tcp://127.0.0.1:7571", 1, 9, "ingest", "the default of publish"},
	{"ingest:\n  - ipc:///a\n  - tcp://127.0.0.1:5\n  - ipc:///a", 4, 5, "ingest[2]",
		"ipc:///a is taken by ingest[0] (line 2)"},
	{"publish: tcp://localhost:9\ncontrol: tcp://127.0.0.1:9", 2, 10, "control",
		"is taken by publish (line 1)"},
	{"insecure: true\npublish: 'tcp://*:9'\ncontrol: tcp://127.0.0.1:9", 3, 10, "control",
		"is taken by publish (line 2)"},
	{"ingest: {topic: x}", 1, 9, "ingest", "needs connect"},
	{"ingest: {connect: 'tcp://*:5'}", 1, 19, "ingest.connect", "no host to connect to"},
	{"ingest: {connect: 'tcp://h:*'}", 1, 19, "ingest.connect", "no port to connect to"},
	{"ingest: {conect: 'tcp://h:5'}", 1, 10, "ingest.conect", "did you mean connect?"},
	{"ingest: {connect: 'tcp://h:5', stream: a b}", 1, 40, "ingest.stream", "not a name"},
	{"ingest:\n  - {connect: 'tcp://h:5', topic: a}\n  - {connect: 'tcp://h:5', topic: a}", 3,
		15, "ingest[1].connect", "is taken by ingest[0].connect (line 2)"},
	{"clock: manual\ncontrol: none", 2, 10, "control", "needs the socket"},

	/* Streams. */
	{"streams:\n  - channels: 2\n    encode: lif", 2, 5, "streams[0]", "needs a name"},
	{"streams:\n  - name: a b\n    channels: 2\n    encode: lif", 2, 11, "streams[0].name",
		"1 to 64 of"},
	{"streams:\n  - name: ''\n    channels: 2", 2, 11, "streams[0].name", "not a name"},
	{"streams:\n  - name:\n    channels: 2", 2, 5, "streams[0].name", "has no value"},
	{"streams:\n  - name: a\n    encode: lif", 2, 5, "streams[0]", "needs channels"},
	{"streams:\n  - {name: a, channels: 2, encode: lif}\n  - {name: b, channels: 2}\n"
	 "  - {name: a, channels: 2}",
		4, 12, "streams[2].name", "already, in line 2"},
	{"streams: [{name: a, channels: 0}]", 1, 31, "streams[0].channels", "from 1 to 16777216"},
	{"streams: [{name: a, channels: 16777217}]", 1, 31, "streams[0].channels", "16777216"},
	{"streams: [{name: a, channels: 2.5}]", 1, 31, "streams[0].channels", ""},
	{ENCODED("chanels: 3"), 4, 5, "streams[0].chanels", "did you mean channels?"},
	{ENCODED("names: [x, y, z]"), 4, 12, "streams[0].names", "3 names, but channels says 2"},
	{ENCODED("names: [x, x]"), 4, 16, "streams[0].names[1]", "channel 0 already"},
	{ENCODED("names: [x, [y]]"), 4, 16, "streams[0].names[1]", "not a list"},
	{ENCODED("names: []"), 4, 12, "streams[0].names", "list of channel names"},
	{ENCODED("shape: [2, 2]"), 4, 12, "streams[0].shape", "must be the 2 channels, not 4"},
	{ENCODED("shape: [2, 0]"), 4, 16, "streams[0].shape[1]", "from 1"},
	{ENCODED("shape: [16777216, 16777216, 16777216]"), 4, 12, "streams[0].shape", "product"},
	{ENCODED("unit: 123456789012345678901234567890123"), 4, 11, "streams[0].unit", "32"},
	{ENCODED("dt: 0"), 4, 9, "streams[0].dt", "1 us to 4 s"},
	{ENCODED("window: -1"), 4, 13, "streams[0].window", "2147483647"},
	{ENCODED("window: 2147483648"), 4, 13, "streams[0].window", "2147483647"},
	{ENCODED("window: 1 s"), 4, 13, "streams[0].window", "ticks"},
	{ENCODED("input: f32"), 4, 12, "streams[0].input", "takes a map"},
	{ENCODED("input: {type: f31}"), 4, 19, "streams[0].input.type", "did you mean \"f32\"?"},
	{ENCODED("input: {mode: queu}"), 4, 19, "streams[0].input.mode", "did you mean \"queue\"?"},
	{ENCODED("input: {stale_after: 0}"), 4, 26, "streams[0].input.stale_after",
		"or write never"},
	{ENCODED("input: {on_stale: hol}"), 4, 23, "streams[0].input.on_stale", "\"hold\""},
	{ENCODED("input: {queue_rows: 0}"), 4, 25, "streams[0].input.queue_rows", "from 1"},
	{"streams:\n  - name: a\n    channels: 1000000\n    input: {mode: queue}\n    encode: lif",
		4, 12, "streams[0].input", "lower queue_rows"},
	{ENCODED("publish: words"), 4, 14, "streams[0].publish", "takes a map"},
	{ENCODED("publish: {payload: bits}"), 4, 24, "streams[0].publish.payload", "bitmap"},
	{ENCODED("publish: {empty: 2}"), 4, 22, "streams[0].publish.empty", "true or false"},
	{ENCODED("group: a/b"), 4, 12, "streams[0].group", "not a name"},
	{"streams:\n  - {name: a, channels: 1, encode: lif, group: g}\n"
	 "  - {name: b, channels: 1, encode: lif, group: g, dt: 2 ms}",
		3, 48, "streams[1].group", "a (line 2) has 1000000 ns"},
	{"max_row_bytes: 4 KiB\n"
	 "streams: [{name: a, channels: 1025, encode: lif}]",
		2, 31, "streams[0].channels", "max_row_bytes (4096)"},

	/* Range and stages. */
	{ENCODED("range: 5"), 4, 5, "streams[0].range", "{lo: -1, hi: 1}"},
	{ENCODED("range: {low: 1}"), 4, 13, "streams[0].range.low", "did you mean \"lo\"?"},
	{ENCODED("range: {lo: 3, hi: 1}"), 4, 24, "streams[0].range.hi", "greater than lo"},
	{ENCODED("range: {hi: -3}"), 4, 17, "streams[0].range.hi", "greater than lo"},
	{ENCODED("range: {lo: 3}"), 4, 12, "streams[0].range.hi", "greater than lo"},
	{ENCODED("range: {lo: [1, x]}"), 4, 21, "streams[0].range.lo[1]", "not a number"},
	{ENCODED("range: {lo: [1, [2]]}"), 4, 21, "streams[0].range.lo[1]", "one a channel"},
	{ENCODED("range: {lo: [1, 2, 3], hi: 9}"), 4, 17, "streams[0].range.lo", "2"},
	{STREAM("encode:"), 4, 5, "streams[0].encode", "list of stages"},
	{STREAM("encode: liff"), 4, 13, "streams[0].encode", "did you mean \"lif\"?"},
	{STREAM("encode: [poison]"), 4, 14, "streams[0].encode[0]", "did you mean \"poisson\"?"},
	{STREAM("encode: [PoissonEncodr: {}]"), 4, 14, "streams[0].encode[0].PoissonEncodr",
		"did you mean \"PoissonEncoder\"?"},
	{STREAM("encode: [lif: {v_thr: 1}]"), 4, 20, "streams[0].encode[0].lif.v_thr",
		"did you mean \"v_th\"?"},
	{STREAM("encode: [lif: {v_th: x}]"), 4, 26, "streams[0].encode[0].lif.v_th", "number"},
	{STREAM("encode: [lif: {v_th: {a: 1}}]"), 4, 26, "streams[0].encode[0].lif.v_th",
		"takes a value"},
	{STREAM("encode: [lif: {v_th: }]"), 4, 20, "streams[0].encode[0].lif.v_th", "no value"},
	{STREAM("encode: [lif: 3]"), 4, 19, "streams[0].encode[0].lif", "map of parameters"},
	{STREAM("encode: [[lif]]"), 4, 14, "streams[0].encode[0]", "a stage is a name"},
	{STREAM("encode: [{}]"), 4, 14, "streams[0].encode[0]", "names no stage"},
	{STREAM("encode:\n    - poisson:\n      f_max: 3"), 6, 7, "streams[0].encode[0].f_max",
		"belongs under poisson: indent it further"},
	{STREAM("encode:\n    - poisson: {}\n      first_spike:"), 6, 7,
		"streams[0].encode[0].first_spike", "\"- first_spike\""},
	{STREAM("encode: [lif, lif]"), 4, 19, "streams[0].encode[1]", ""},
	{STREAM("encode: [range, range, range, range, range, range, range, range, range, range, "
		"range, range, range, range, range, lif]"),
		4, 119, "streams[0].encode[15]", "at most 15"},
	{STREAM("encode: [lif: {dt: 2 ms}, lif: {dt: 3 ms}]"), 4, 41, "streams[0].encode[1].lif.dt",
		"one stream has one"},
	{"streams:\n  - {name: a, channels: 1, dt: 2 ms, encode: [lif: {dt: 3 ms}]}", 2, 57,
		"streams[0].encode[0].lif.dt", "the stream's dt (line 2) is 2000000 ns"},
	{"streams:\n  - {name: a, channels: 1, window: 2, encode: [lif: {seq_length: 3}]}", 2, 66,
		"streams[0].encode[0].lif.seq_length", "window (line 2) is 2"},

	/* Texts that are no configuration. */
	{"hello", 1, 1, "", "a map of keys, not a single value"},
	{"- 1\n- 2", 1, 1, "", "not a list"},
	{"# nothing\n", 0, 0, "", "says nothing"},
	{"a: [1, 2", 2, 1, "", "not valid YAML"},
	{"clock: wall\n\tdt: 1", 2, 1, "", "not tabs"},
	{"dt: 1 ms\n---\ndt: 2 ms", 2, 1, "", "second document"},
	{"streams: *x", 1, 10, "", "undefined alias"},
	{"streams: &x [*x]", 1, 10, "", "alias to itself"},
	{"<<: 3", 1, 5, "", "takes a map"},
	{"<<: &x {<<: *x}", 1, 5, "", "alias to itself"},
	{"[1]: 2", 1, 1, "", "a key must be a word"},
	{"clock: !robot wall", 1, 8, "clock", "tag !robot"},
	{"clock: \"wa\\0ll\"", 1, 8, "clock", "zero byte"},
	{"dt: 1\x01", 1, 6, "", "0x01"},
	{"\ndt: \xe9", 2, 5, "", "not UTF-8"},
	{"dt: \xed\xa0\x80", 1, 5, "", "not UTF-8"},
	{"\xff\xfe"
	 "d",
		0, 0, "", "UTF-16"},
};

static void check_case(const struct fault_case *c)
{
	struct conf_faults faults = {0};
	struct conf *conf = load_text(c->text, &faults);
	bool said = false;
	for (size_t i = 0; i < faults.count; i++) {
		const struct conf_fault *f = &faults.items[i];
		said |= !f->warning && f->line == c->line && f->column == c->column &&
			strcmp(f->path, c->path) == 0 && strstr(f->text, c->words) != NULL;
	}
	if (conf || !said) {
		conf_faults_print(stdout, "text", &faults);
		fail_msg("no error at %d:%d %s with \"%s\" in:\n%s", c->line, c->column, c->path,
			c->words, c->text);
	}
	conf_free(conf);
	conf_faults_fini(&faults);
}

static void test_every_fault_has_place_path_and_advice(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_case(&cases[i]);
}

static void test_all_faults_come_in_the_order_of_the_file(void **state)
{
	struct conf_faults faults = {0};

	(void)state;
	assert_null(load_text("streams:\n"
			      "  - name: a\n"
			      "    encode: [liff, {lif: {v_thr: 1}}]\n"
			      "    channels: 0\n"
			      "web: x\n"
			      "dt: 0\n"
			      "clok: wall\n"
			      "ingest: x\n",
		&faults));
	static const int lines[] = {3, 3, 4, 5, 6, 7, 8};
	assert_int_equal(faults.count, 7);
	assert_int_equal(faults.errors, 7);
	for (size_t i = 0; i < faults.count; i++)
		assert_int_equal(faults.items[i].line, lines[i]);
	conf_faults_fini(&faults);
}

static void test_a_hundred_faults_are_enough(void **state)
{
	char *text = malloc(1 << 20);
	size_t used = 0;
	struct conf_faults faults = {0};

	(void)state;
	for (int i = 0; i < 5000; i++)
		used += (size_t)snprintf(text + used, (1 << 20) - used, "unknown_%d: 1\n", i);
	assert_null(load_text(text, &faults));
	assert_int_equal(faults.count, 101);
	assert_int_equal(faults.items[0].line, 1);
	assert_int_equal(faults.items[99].line, 100);
	assert_string_equal(faults.items[100].text, "… and 4901 more");
	conf_faults_fini(&faults);
	free(text);
}

static void test_warnings_do_not_hide_an_error(void **state)
{
	char *text = malloc(1 << 20);
	size_t used = (size_t)snprintf(text, 1 << 20, "streams:\n");
	struct conf_faults faults = {0};

	(void)state;
	for (int i = 0; i < 5000; i++)
		used += (size_t)snprintf(
			text + used, (1 << 20) - used, "- {name: s%d, channels: 1}\n", i);
	snprintf(text + used, (1 << 20) - used, "- {name: s0, channels: 1}\n");
	assert_null(load_text(text, &faults));
	assert_int_equal(faults.count, 101);
	assert_int_equal(faults.items[99].line, 5002);
	assert_false(faults.items[99].warning);
	assert_string_equal(faults.items[99].path, "streams[5000].name");
	conf_faults_fini(&faults);
	free(text);
}

static void test_aliases_cannot_explode(void **state)
{
	struct conf_faults faults = {0};
	char text[4096];
	size_t used = (size_t)snprintf(text, sizeof(text), "a0: &a0 [x,x,x,x,x,x,x,x]\n");

	(void)state;
	for (int i = 1; i < 30; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_null(load_text(text, &faults));
	assert_int_equal(faults.errors, 1);
	assert_non_null(strstr(faults.items[0].text, "more than 4194304 values"));
	conf_faults_fini(&faults);

	/* The same with merges of maps that hold nothing. */
	used = (size_t)snprintf(text, sizeof(text), "a0: &a0 {}\n");
	for (int i = 1; i < 40; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"a%d: &a%d {<<: [*a%d, *a%d]}\n", i, i, i - 1, i - 1);
	assert_null(load_text(text, &faults));
	assert_non_null(strstr(faults.items[0].text, "more than 4194304 values"));
	conf_faults_fini(&faults);
}

static void test_deep_nesting_is_refused(void **state)
{
	struct conf_faults faults = {0};
	char text[40100];

	(void)state;
	for (int depth = 60; depth <= 20000; depth *= 7) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = '\0';
		assert_null(load_text(text, &faults));
		assert_true(faults.errors > 0);
		conf_faults_fini(&faults);
	}
}

static void expect_unreadable(const char *path, const char *words)
{
	struct conf_faults faults = {0};
	assert_null(conf_load(path, &faults));
	assert_int_equal(faults.errors, 1);
	if (!strstr(faults.items[0].text, words))
		fail_msg("%s: \"%s\" lacks \"%s\"", path, faults.items[0].text, words);
	conf_faults_fini(&faults);
}

static void test_what_cannot_be_read_is_said_plainly(void **state)
{
	char path[] = "/tmp/spiked-conf-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	expect_unreadable(path, "is empty");
	expect_unreadable("/tmp", "a folder");
	expect_unreadable("/tmp/spiked-there-is-no-such-file.yaml", "No such file");
	expect_unreadable("/dev/zero", "larger than 16 MiB");
	if (geteuid() != 0) { /* root reads everything */
		fchmod(fd, 0);
		expect_unreadable(path, "denied");
	}
	close(fd);
	unlink(path);
}

static void test_standard_input_is_a_dash(void **state)
{
	int pipes[2], kept = dup(STDIN_FILENO);
	static const char text[] = "streams: [{name: a, channels: 1, encode: lif}]\n";
	struct conf_faults faults = {0};

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_true(write(pipes[1], text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
	close(pipes[1]);
	dup2(pipes[0], STDIN_FILENO);
	struct conf *conf = conf_load("-", &faults);
	dup2(kept, STDIN_FILENO);
	close(pipes[0]);
	close(kept);
	assert_non_null(conf);
	assert_string_equal(conf->path, "-");
	conf_free(conf);
	conf_faults_fini(&faults);
}

static void test_a_fault_prints_as_compilers_do(void **state)
{
	struct conf_faults faults = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_null(load_text(
		"insecure: true\nweb: 0.0.0.0:80\n" STREAM("encode: [lif: {v_thr: 1}]"), &faults));
	assert_int_equal(conf_faults_print(out, "spiked.yaml", &faults), 0);
	fclose(out);
	assert_non_null(strstr(text, "spiked.yaml:2:6: warning: web: other machines can reach"));
	assert_non_null(
		strstr(text, "\nspiked.yaml:6:20: error: streams[0].encode[0].lif.v_thr: "));
	free(text);
	conf_faults_fini(&faults);
}

/* Texts of the file come back in faults: they must not steer a terminal or break JSON. */
static void test_quoted_text_is_made_harmless(void **state)
{
	struct conf_faults faults = {0};
	char text[1200];

	(void)state;
	assert_null(load_text("\"a\\e[31m\\nb\": 1", &faults));
	assert_string_equal(faults.items[0].path, "a?[31m?b");
	conf_faults_fini(&faults);

	/* A key of 3-byte letters that is cut at each of the three places. */
	for (int lead = 0; lead < 3; lead++) {
		size_t used = (size_t)snprintf(text, sizeof(text), "%.*s", lead, "xx");
		for (int i = 0; i < 100; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "\xe2\x82\xac");
		snprintf(text + used, sizeof(text) - used, ": 1");
		assert_null(load_text(text, &faults));
		json_t *json = json_string(faults.items[0].path);
		assert_non_null(json);
		json_decref(json);
		conf_faults_fini(&faults);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_fault_has_place_path_and_advice),
		cmocka_unit_test(test_all_faults_come_in_the_order_of_the_file),
		cmocka_unit_test(test_a_hundred_faults_are_enough),
		cmocka_unit_test(test_warnings_do_not_hide_an_error),
		cmocka_unit_test(test_aliases_cannot_explode),
		cmocka_unit_test(test_deep_nesting_is_refused),
		cmocka_unit_test(test_what_cannot_be_read_is_said_plainly),
		cmocka_unit_test(test_standard_input_is_a_dash),
		cmocka_unit_test(test_a_fault_prints_as_compilers_do),
		cmocka_unit_test(test_quoted_text_is_made_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
