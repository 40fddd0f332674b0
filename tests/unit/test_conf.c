/* What a right configuration becomes: every field, every default, the shipped files, JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/conf_text.h"

#include "daemon/conf/keys.h"

#include <float.h>
#include <glob.h>
#include <spiked/wire.h>
#include <time.h>

static const char full[] =
	"clock: wall                       # wall | data | manual\n"
	"dt: 1 ms\n"
	"overrun: catch_up                 # catch_up | skip | stop\n"
	"max_catch_up: 10\n"
	"seed: 1\n"
	"ingest:  [\"tcp://127.0.0.1:7570\"]           # PULL, bound\n"
	"publish: [\"tcp://127.0.0.1:7571\"]           # XPUB, bound\n"
	"control: \"tcp://127.0.0.1:7572\"\n"
	"web: \"127.0.0.1:7573\"\n"
	"state: {dir: /var/lib/spiked, every: 10 s}\n"
	"realtime: {priority: 50, lock_memory: true, cpu: 1}\n"
	"streams:\n"
	"  - name: imu\n"
	"    channels: 6                   # or names: [ax, ay, az, gx, gy, gz]\n"
	"    shape: [2, 3]                 # optional, for viewers\n"
	"    unit: m/s2\n"
	"    dt: 1 ms                      # default: the top-level one\n"
	"    window: 0                     # ticks; 0 = state persists\n"
	"    input: {type: f32, mode: hold, stale_after: 100 ms, on_stale: hold}\n"
	"    range: {lo: -20, hi: 20, signed: false, clamp: true}\n"
	"    encode:\n"
	"      - population: {out_features: 16}\n"
	"      - poisson: {f_max: 200 Hz}\n"
	"    publish: {payload: words, empty: true}\n"
	"    group: body\n";

static void test_the_full_example_is_read_key_by_key(void **state)
{
	struct conf_faults faults = {0};
	struct conf *conf = load_text(full, &faults);

	(void)state;
	assert_non_null(conf);
	assert_int_equal(faults.errors, 0);
	assert_int_equal(faults.count, 0);
	conf_faults_fini(&faults);
	assert_string_equal(conf->web.host, "127.0.0.1");
	assert_int_equal(conf->web.port, 7573);

	assert_int_equal(conf->clock, CLOCK_WALL);
	assert_int_equal(conf->dt_ns, 1000000);
	assert_int_equal(conf->overrun, OVERRUN_CATCH_UP);
	assert_int_equal(conf->max_catch_up, 10);
	assert_string_equal(conf->state.dir, "/var/lib/spiked");
	assert_true(conf->state.every_ns == INT64_C(10000000000));
	assert_int_equal(conf->seed, 1);
	assert_int_equal(conf->ingests, 1);
	assert_false(conf->ingest[0].connect);
	assert_string_equal(conf->ingest[0].endpoint, "tcp://127.0.0.1:7570");
	assert_int_equal(conf->publishes, 1);
	assert_string_equal(conf->publish[0], "tcp://127.0.0.1:7571");
	assert_string_equal(conf->control, "tcp://127.0.0.1:7572");
	assert_true(conf->realtime.wanted && conf->realtime.lock_memory);
	assert_int_equal(conf->realtime.priority, 50);
	assert_int_equal(conf->realtime.cpu, 1);
	assert_int_equal(conf->stream_count, 1);

	const struct conf_stream *s = conf->streams[0];
	assert_string_equal(s->name, "imu");
	assert_int_equal(s->channels, 6);
	assert_null(s->channel_names);
	assert_int_equal(s->dims, 2);
	assert_int_equal(s->shape[0], 2);
	assert_int_equal(s->shape[1], 3);
	assert_string_equal(s->unit, "m/s2");
	assert_int_equal(s->dt_ns, 1000000);
	assert_int_equal(s->window, 0);
	assert_int_equal(s->seed, 1);
	assert_int_equal(s->type, ROW_F32);
	assert_int_equal(s->mode, INPUT_HOLD);
	assert_int_equal(s->stale_ns, 100000000);
	assert_int_equal(s->on_stale, STALE_HOLD);
	assert_int_equal(s->payload, PAYLOAD_WORDS);
	assert_true(s->publish_empty);
	assert_string_equal(s->group, "body");
	assert_int_equal(s->line, 13);

	struct pipeline *p = conf_stream_pipeline(s, NULL);
	assert_non_null(p);
	assert_int_equal(p->count, 3);
	assert_string_equal(p->stages[0].class->name, "range");
	assert_string_equal(p->stages[1].class->name, "population");
	assert_string_equal(p->stages[2].class->name, "poisson");
	assert_int_equal(p->out_lines, 96);
	assert_true(p->site.dt == 1e-3);
	pipeline_free(p);
	conf_free(conf);
}

static void test_defaults_hold_where_nothing_is_said(void **state)
{
	struct conf *conf = load_good("streams: [{name: a, channels: 2, encode: lif}]", false);

	(void)state;
	assert_int_equal(conf->clock, CLOCK_WALL);
	assert_int_equal(conf->dt_ns, 1000000);
	assert_int_equal(conf->overrun, OVERRUN_CATCH_UP);
	assert_int_equal(conf->max_catch_up, 10);
	assert_int_equal(conf->seed, 1);
	assert_int_equal(conf->ingests, 1);
	assert_string_equal(conf->ingest[0].endpoint, SPIKED_INGEST_DEFAULT);
	assert_int_equal(conf->publishes, 1);
	assert_string_equal(conf->publish[0], SPIKED_PUBLISH_DEFAULT);
	assert_string_equal(conf->control, SPIKED_CONTROL_DEFAULT);
	assert_false(conf->insecure);
	assert_int_equal(conf->max_row_bytes, 1 << 20);
	assert_int_equal(conf->send_queue, 1000);
	assert_int_equal(conf->receive_queue, 1000);
	assert_false(conf->realtime.wanted);
	assert_int_equal(conf->realtime.cpu, -1);

	const struct conf_stream *s = conf->streams[0];
	assert_int_equal(s->dt_ns, 1000000);
	assert_int_equal(s->type, ROW_F32);
	assert_int_equal(s->mode, INPUT_HOLD);
	assert_int_equal(s->queue_rows, 1024);
	assert_int_equal(s->stale_ns, 1000000000);
	assert_int_equal(s->on_stale, STALE_HOLD);
	assert_int_equal(s->payload, PAYLOAD_WORDS);
	assert_true(s->publish_empty);
	assert_null(s->group);
	assert_null(s->unit);
	conf_free(conf);
}

static void test_other_forms_of_the_same(void **state)
{
	struct conf *conf = load_good(
		"clock: manual\n"
		"dt: 0.002\n"
		"seed: 18446744073709551615\n"
		"insecure: no\n"
		"max_row_bytes: 64 KiB\n"
		"ingest:\n"
		"  - tcp://localhost:*\n"
		"  - {connect: 'tcp://camera.lab:5556', topic: frames/, stream: b}\n"
		"  - connect: ipc:///run/lab.sock\n"
		"publish: ipc:///run/spikes.sock\n"
		"realtime: {}\n"
		"streams:\n"
		"  - &base\n"
		"    name: a\n"
		"    names: [x, y]\n"
		"    channels: 2\n"
		"    range: {lo: [-1, -3], hi: [5, 2]}\n"
		"    input: {type: pairs, mode: queue, queue_rows: 7, stale_after: never}\n"
		"    encode: [{lif: {v_th: [1, 2]}}, first_spike: ]\n"
		"    window: 25 ticks\n"
		"  - <<: *base\n"
		"    name: b\n"
		"    window: 10\n"
		"    dt: 500 us\n"
		"    seed: 77\n"
		"  - {name: c, channels: 1, encode: {PoissonEncoderStep: {dt: 4 ms}}}\n"
		"  - {name: d, channels: 1, encode: {SpikeLatencyLIFEncoder: {seq_length: 30}}}\n",
		false);

	(void)state;
	assert_int_equal(conf->clock, CLOCK_MANUAL);
	assert_int_equal(conf->dt_ns, 2000000);
	assert_true(conf->seed == UINT64_MAX);
	assert_int_equal(conf->max_row_bytes, 65536);
	assert_int_equal(conf->ingests, 3);
	/* libzmq cannot bind to the name. */
	assert_string_equal(conf->ingest[0].endpoint, "tcp://127.0.0.1:*");
	assert_true(conf->ingest[1].connect);
	assert_string_equal(conf->ingest[1].endpoint, "tcp://camera.lab:5556");
	assert_string_equal(conf->ingest[1].topic, "frames/");
	assert_string_equal(conf->ingest[1].stream, "b");
	assert_string_equal(conf->ingest[2].topic, "");
	assert_null(conf->ingest[2].stream);
	assert_string_equal(conf->publish[0], "ipc:///run/spikes.sock");
	assert_true(conf->realtime.wanted);
	assert_int_equal(conf->realtime.priority, 0);
	assert_int_equal(conf->realtime.cpu, -1);

	const struct conf_stream *a = conf->streams[0], *b = conf->streams[1];
	assert_string_equal(a->channel_names[1], "y");
	assert_int_equal(a->type, ROW_PAIRS);
	assert_int_equal(a->mode, INPUT_QUEUE);
	assert_int_equal(a->queue_rows, 7);
	assert_true(a->stale_ns == INT64_MAX);
	assert_int_equal(a->window, 25);
	assert_int_equal(a->dt_ns, 2000000);
	assert_int_equal(pipeline_spec_count(a->spec), 3);
	assert_string_equal(b->name, "b");
	assert_string_equal(b->channel_names[0], "x");
	assert_int_equal(b->window, 10);
	assert_int_equal(b->dt_ns, 500000);
	assert_true(a->seed == UINT64_MAX);
	assert_int_equal(b->seed, 77);
	assert_int_equal(conf->streams[2]->dt_ns, 4000000);
	assert_int_equal(conf->streams[3]->window, 30);
	conf_free(conf);
}

static void test_no_control_socket_is_a_word(void **state)
{
	struct conf *conf =
		load_good("control: none\nstreams: [{name: a, channels: 1, encode: lif}]", false);

	(void)state;
	assert_null(conf->control);
	conf_free(conf);
}

static void test_dt_is_exact_in_nanoseconds(void **state)
{
	static const struct {
		const char *text;
		uint32_t ns;
	} cases[] = {{"1 us", 1000}, {"4 s", 4000000000u}, {"0.001", 1000000}, {"62.5 us", 62500},
		{"1e-6", 1000}, {"3.999999999", 3999999999u}, {"0.000000001 h", 3600},
		{"33333333 ns", 33333333}};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text),
			"clock: manual\ndt: %s\nstreams: [{name: a, channels: 1, encode: poisson}]",
			cases[i].text);
		struct conf *conf = load_good(text, false);
		assert_int_equal(conf->dt_ns, cases[i].ns);
		assert_int_equal(conf->streams[0]->dt_ns, cases[i].ns);
		conf_free(conf);
	}
}

static void test_warnings_alone_leave_a_configuration(void **state)
{
	static const struct {
		const char *text, *path, *words;
	} cases[] = {
		{"dt: 1 ms", "", "no streams"},
		{"streams:", "streams", "no streams"},
		{"streams: [{name: a, channels: 1}]", "streams[0]", "no spikes"},
		{"streams: [{name: a, channels: 1, encode: []}]", "streams[0].encode", "no spikes"},
		{"dt: 5 us\nstreams: [{name: a, channels: 1, encode: lif}]", "dt", "late"},
		{"streams: [{name: a, channels: 1, encode: lif, dt: 5 us}]", "streams[0].dt",
			"late"},
		{"clock: data\nstreams: [{name: a, channels: 1, encode: lif, group: g}]",
			"streams[0].group", "subscribe to spikes/"},
		{"clock: data\ningest: [{connect: 'tcp://h:1'}]", "ingest[0]", "PUB drops"},
		{"clock: data\noverrun: skip", "overrun", "no effect"},
		{"overrun: skip\nmax_catch_up: 3", "max_catch_up", "no effect"},
		{"insecure: true\npublish: 'tcp://*:7571'", "publish", "other machines can reach"},
		{"ingest: {connect: 'tcp://h:1', stream: x}", "ingest.stream", "no stream x"},
		{"streams: [{name: a, channels: 1, encode: lif, input: {queue_rows: 3}}]",
			"streams[0].input.queue_rows", "no effect"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct conf_faults faults = {0};
		struct conf *conf = load_text(cases[i].text, &faults);
		bool said = false;
		for (size_t k = 0; k < faults.count; k++)
			said |= faults.items[k].warning &&
				strcmp(faults.items[k].path, cases[i].path) == 0 &&
				strstr(faults.items[k].text, cases[i].words);
		if (!conf || !said) {
			conf_faults_print(stdout, "text", &faults);
			fail_msg("%s: no warning with \"%s\"", cases[i].text, cases[i].words);
		}
		conf_free(conf);
		conf_faults_fini(&faults);
	}
}

static void test_shipped_files_load_without_a_warning(void **state)
{
	glob_t files;

	(void)state;
	assert_int_equal(glob("config/examples/*.yaml", 0, NULL, &files), 0);
	assert_int_equal(glob("config/*.yaml", GLOB_APPEND, NULL, &files), 0);
	assert_true(files.gl_pathc >= 6);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct conf_faults faults = {0};
		struct conf *conf = conf_load(files.gl_pathv[i], &faults);
		conf_faults_print(stdout, files.gl_pathv[i], &faults);
		assert_non_null(conf);
		assert_int_equal(faults.count, 0);
		assert_true(conf->stream_count > 0);
		conf_free(conf);
		conf_faults_fini(&faults);
	}
	globfree(&files);
}

static char *slurp(const char *path)
{
	char *text = calloc(1, 1 << 16);
	FILE *file = fopen(path, "r");
	assert_non_null(text);
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
	fclose(file);
	return text;
}

/* The key is in spiked.yaml, commented out or not, with the default of its row behind it. */
static int find_in_file(const char *path, const struct key *key, void *arg)
{
	char wanted[160];
	const char *text = arg;
	bool scalar = key->kind == KEY_SCALAR;
	bool shown = scalar && key->row.preset && strncmp(path, "state.", 6) != 0;
	snprintf(wanted, sizeof(wanted), "%s:%s%s", key->row.name, shown ? " " : "",
		shown ? key->row.preset : "");
	if (!strstr(text, wanted))
		fail_msg("config/spiked.yaml has no \"%s\" (%s)", wanted, path);
	return 0;
}

static void test_the_commented_file_has_every_key_with_its_default(void **state)
{
	char *text = slurp("config/spiked.yaml");

	(void)state;
	assert_int_equal(keys_each(find_in_file, text), 0);
	free(text);
}

static int count_key(const char *path, const struct key *key, void *arg)
{
	assert_true(path[0] && key->row.help && key->row.help[0]);
	++*(int *)arg;
	return 0;
}

static void test_every_key_has_a_path_and_help(void **state)
{
	int count = 0;

	(void)state;
	assert_int_equal(keys_each(count_key, &count), 0);
	assert_true(count > 40);
}

static void test_a_stream_from_json_is_one_from_yaml(void **state)
{
	struct conf *conf = load_good("dt: 2 ms\nseed: 9\n"
				      "streams: [{name: a, channels: 1, encode: lif, group: g}]",
		false);
	struct conf_faults faults = {0};
	json_t *json = json_loads(
		"{\"name\": \"b\", \"channels\": 3, \"window\": 5, \"range\": {\"lo\": -1.5, "
		"\"hi\": 2, \"signed\": true}, \"encode\": [{\"signed_poisson\": {\"f_max\": "
		"\"200 Hz\", \"seed\": null}}], \"group\": \"g\"}",
		0, NULL);

	(void)state;
	/* null is no value in JSON either */
	assert_null(conf_stream_from_json(json, conf, &faults));
	assert_int_equal(faults.errors, 1);
	assert_string_equal(faults.items[0].path, "stream.encode[0].signed_poisson.seed");
	assert_int_equal(faults.items[0].line, 0);
	conf_faults_fini(&faults);

	json_t *stage = json_array_get(json_object_get(json, "encode"), 0);
	json_object_del(json_object_get(stage, "signed_poisson"), "seed");
	struct conf_stream *s = conf_stream_from_json(json, conf, &faults);
	assert_non_null(s);
	assert_int_equal(faults.count, 0);
	assert_int_equal(s->channels, 3);
	assert_int_equal(s->dt_ns, 2000000);
	assert_int_equal(s->seed, 9);
	assert_int_equal(s->window, 5);
	assert_int_equal(s->line, 0);
	conf_stream_free(s);

	json_decref(json);

	json = json_loads("[1]", 0, NULL);
	assert_null(conf_stream_from_json(json, conf, &faults));
	assert_string_equal(faults.items[0].path, "stream");
	conf_faults_fini(&faults);
	json_decref(json);
	conf_free(conf);
}

static void test_ten_thousand_streams_load_at_once(void **state)
{
	const size_t room = 4 << 20;
	char *text = malloc(room);
	size_t used = (size_t)snprintf(text, room, "streams:\n");
	struct timespec begin, end;

	(void)state;
	for (int i = 0; i < 10000; i++)
		used += (size_t)snprintf(text + used, room - used,
			"  - name: s%d\n    channels: 8\n    range: {lo: -1, hi: 1}\n    encode:\n"
			"      - population: {out_features: 4, lo: 0, hi: 1}\n"
			"      - poisson: {f_max: 200 Hz}\n    group: g%d\n",
			i, i / 10);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	struct conf *conf = load_good(text, false);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("10000 streams, %zu bytes: %.3f s\n", used,
		(double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
	assert_int_equal(conf->stream_count, 10000);
	assert_string_equal(conf->streams[9999]->name, "s9999");
	conf_free(conf);
	free(text);
}

static void test_names_are_plain(void **state)
{
	char longest[66];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_true(walk_name_ok("a", 1));
	assert_true(walk_name_ok("A-z_0.9", 7));
	assert_true(walk_name_ok(longest, 64));
	assert_false(walk_name_ok(longest, 65));
	assert_false(walk_name_ok("", 0));
	assert_false(walk_name_ok("a/b", 3));
	assert_false(walk_name_ok("a b", 3));
	assert_false(walk_name_ok("\xc3\xbc", 2));
	assert_false(walk_name_ok("a\0b", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_full_example_is_read_key_by_key),
		cmocka_unit_test(test_defaults_hold_where_nothing_is_said),
		cmocka_unit_test(test_other_forms_of_the_same),
		cmocka_unit_test(test_no_control_socket_is_a_word),
		cmocka_unit_test(test_dt_is_exact_in_nanoseconds),
		cmocka_unit_test(test_warnings_alone_leave_a_configuration),
		cmocka_unit_test(test_shipped_files_load_without_a_warning),
		cmocka_unit_test(test_the_commented_file_has_every_key_with_its_default),
		cmocka_unit_test(test_every_key_has_a_path_and_help),
		cmocka_unit_test(test_a_stream_from_json_is_one_from_yaml),
		cmocka_unit_test(test_ten_thousand_streams_load_at_once),
		cmocka_unit_test(test_names_are_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
