/* What a reload finds different: keys of the daemon, and streams that can or cannot go on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/conf_text.h"

#include "daemon/conf/conf_compare.h"

#include <sys/stat.h>

#define STREAMS "streams: [{name: s, channels: 2, encode: [lif]}]\n"

/* Each key with a value that is not its default. */
static const struct {
	const char *text;
	enum top_key key;
} keys[] = {
	{"clock: manual\n", TOP_CLOCK},
	{"dt: 2 ms\n", TOP_DT},
	{"overrun: skip\n", TOP_OVERRUN},
	{"max_catch_up: 3\n", TOP_MAX_CATCH_UP},
	{"seed: 2\n", TOP_SEED},
	{"ingest: [\"tcp://127.0.0.1:9000\"]\n", TOP_INGEST},
	{"ingest: [\"tcp://127.0.0.1:7570\", \"tcp://127.0.0.1:9000\"]\n", TOP_INGEST},
	{"ingest: [{connect: \"tcp://127.0.0.1:9000\"}]\n", TOP_INGEST},
	{"publish: [\"tcp://127.0.0.1:9000\"]\n", TOP_PUBLISH},
	{"publish: [\"tcp://127.0.0.1:7571\", \"tcp://127.0.0.1:9000\"]\n", TOP_PUBLISH},
	{"control: \"tcp://127.0.0.1:9000\"\n", TOP_CONTROL},
	{"control: none\n", TOP_CONTROL},
	{"insecure: true\n", TOP_INSECURE},
	{"max_row_bytes: 2 MiB\n", TOP_MAX_ROW_BYTES},
	{"send_queue: 5\n", TOP_SEND_QUEUE},
	{"receive_queue: 5\n", TOP_RECEIVE_QUEUE},
	{"realtime: {}\n", TOP_REALTIME},
	{"realtime: {priority: 5}\n", TOP_REALTIME},
	{"realtime: {cpu: 0}\n", TOP_REALTIME},
	{"realtime: {lock_memory: true}\n", TOP_REALTIME},
	{"user: nobody\n", TOP_USER},
	{"sandbox: true\n", TOP_SANDBOX},
	{"state: {dir: /tmp/x, every: 5 s}\n", TOP_STATE},
	{"limits: {connections: 5}\n", TOP_LIMITS},
	{"limits: {control_depth: 9}\n", TOP_LIMITS},
	{"security: {key: /proc/self/fd/200, clients: []}\n", TOP_SECURITY},
};

/* The daemon's pair of keys, under a name that the table can have. */
#define KEY_FD 200

static int make_key_file(void **state)
{
	static const char pair[] = "secret: \"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\"\n";
	int fd = memfd_create("key", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(dup2(fd, KEY_FD), KEY_FD);
	close(fd);
	assert_int_equal(fchmod(KEY_FD, 0600), 0);
	assert_int_equal(write(KEY_FD, pair, sizeof(pair) - 1), sizeof(pair) - 1);
	return 0;
}

static struct conf *load_with(const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text), "%s" STREAMS, more);
	return load_good(text, true);
}

static void test_one_changed_key_is_the_one_that_differs(void **state)
{
	struct conf *plain = load_with("");

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct conf *other = load_with(keys[i].text), *again = load_with(keys[i].text);

		for (enum top_key k = 0; k < TOP_KEYS; k++) {
			if (conf_same_key(plain, other, k) != (k != keys[i].key))
				fail_msg("%s: %s", keys[i].text, top_keys[k].row.name);
			assert_true(conf_same_key(other, again, k));
		}
		conf_free(other);
		conf_free(again);
	}
	conf_free(plain);
}

/* A new key must not be forgotten here, and so in conf_compare.c. */
static void test_every_key_is_in_the_table(void **state)
{
	(void)state;
	for (enum top_key k = 0; k < TOP_KEYS; k++) {
		bool found = k == TOP_WEB || k == TOP_STREAMS; /* not kept; compared one by one */

		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			found |= keys[i].key == k;
		if (!found)
			fail_msg("%s: no test changes it", top_keys[k].row.name);
	}
}

static struct conf *reload_text(
	const char *text, const struct conf *running, struct conf_faults *faults)
{
	char path[64];
	int fd = memfd_create("conf", MFD_CLOEXEC);
	struct conf *conf;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	conf = conf_reload(path, running, faults);
	close(fd);
	return conf;
}

static void test_a_key_that_needs_a_restart_is_a_fault_at_its_place(void **state)
{
	struct conf *plain = load_with("");

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct param *row = &top_keys[keys[i].key].row;
		const char *within = keys[i].key == TOP_STATE ? "state.dir" : NULL;
		struct conf_faults faults = {0};
		char text[1000];
		struct conf *conf;

		snprintf(text, sizeof(text), "# one\n%s" STREAMS, keys[i].text);
		conf = reload_text(text, plain, &faults);
		if (!conf != (row->flags & PARAM_RESTART || within))
			fail_msg("%s: %s", keys[i].text, conf ? "was taken" : faults.items[0].text);
		if (!conf) {
			assert_int_equal(faults.errors, 1);
			assert_string_equal(faults.items[0].path, within ? within : row->name);
			assert_int_equal(faults.items[0].line, 2);
			assert_non_null(strstr(faults.items[0].text, "restart"));
		}
		conf_free(conf);
		conf_faults_fini(&faults);
	}
	conf_free(plain);
}

static void test_a_key_that_is_gone_is_a_fault_too(void **state)
{
	struct conf *running = load_with("clock: data\nstate: {dir: /tmp/x}\n"), *again;
	struct conf_faults faults = {0};

	(void)state;
	again = reload_text(
		"clock: data\nstate: {dir: /tmp/x, every: 3 s}\n" STREAMS, running, &faults);
	assert_non_null(again);
	assert_false(conf_same_key(again, running, TOP_STATE));
	conf_free(again);
	assert_null(reload_text(STREAMS, running, &faults));
	assert_int_equal(faults.errors, 2);
	assert_string_equal(faults.items[0].path, "clock");
	assert_string_equal(faults.items[1].path, "state");
	conf_faults_fini(&faults);
	conf_free(running);
}

static void test_other_faults_are_found_beside_it(void **state)
{
	struct conf *running = load_with("");
	struct conf_faults faults = {0};

	(void)state;
	assert_null(
		reload_text("clock: data\nmax_catchup: 1\ndt: fast\n" STREAMS, running, &faults));
	assert_int_equal(faults.errors, 3);
	conf_faults_fini(&faults);
	conf_free(running);
}

static const char base[] = "name: s, channels: 2, encode: [lif, {drop: {p: 0.5}}]";

static struct conf *load_stream(const char *stream)
{
	char text[1000];

	snprintf(text, sizeof(text), "streams: [{%s}]\n", stream);
	return load_good(text, true);
}

static enum conf_change compare(const char *from, const char *to, const char **why)
{
	struct conf *a = load_stream(from), *b = load_stream(to);
	enum conf_change change = conf_stream_compare(a->streams[0], b->streams[0], why);

	conf_free(a);
	conf_free(b);
	return change;
}

#define LIF "name: s, channels: 2, encode: [lif]"

static void test_what_becomes_of_a_stream(void **state)
{
	static const struct {
		const char *from, *to;
		enum conf_change change;
		const char *why;
	} cases[] = {
		{base, base, CONF_SAME, NULL},
		{LIF, "encode: {lif: {}}, name: s, dt: 1 ms, channels: 2, seed: 1", CONF_SAME,
			NULL},
		{LIF, LIF ", seed: 5", CONF_LIVE, NULL},
		{LIF, LIF ", unit: V", CONF_LIVE, NULL},
		{LIF, LIF ", names: [a, b]", CONF_LIVE, NULL},
		{LIF ", names: [a, c]", LIF ", names: [a, b]", CONF_LIVE, NULL},
		{LIF, LIF ", shape: [1, 2]", CONF_LIVE, NULL},
		{LIF ", shape: [2, 1]", LIF ", shape: [1, 2]", CONF_LIVE, NULL},
		{LIF, LIF ", group: g", CONF_LIVE, NULL},
		{LIF, LIF ", input: {mode: mean}", CONF_LIVE, NULL},
		{LIF, LIF ", input: {type: f64}", CONF_LIVE, NULL},
		{LIF, LIF ", input: {stale_after: 3 s}", CONF_LIVE, NULL},
		{LIF, LIF ", input: {on_stale: zero}", CONF_LIVE, NULL},
		{LIF, LIF ", publish: {payload: bitmap}", CONF_LIVE, NULL},
		{LIF, LIF ", publish: {empty: false}", CONF_LIVE, NULL},
		{LIF, "name: s, channels: 2, encode: {lif: {v_th: 2}}", CONF_LIVE, NULL},
		{LIF, "name: s, channels: 2, encode: {lif: {v_th: [1, 1]}}", CONF_LIVE, NULL},
		{LIF, "name: s, channels: 2, encode: ConstantCurrentLIFEncoder", CONF_LIVE, NULL},
		{LIF, LIF ", range: {lo: 0, hi: 1}", CONF_CHECK, "encode"},
		{LIF ", range: {lo: 0, hi: 2}", LIF ", range: {lo: 0, hi: 1}", CONF_LIVE, NULL},
		{LIF, "name: s, channels: 2, encode: [lif, {drop: {p: 0.5}}]", CONF_CHECK,
			"encode"},
		{LIF, "name: s, channels: 2, encode: [poisson]", CONF_CHECK, "encode"},
		{LIF, "name: s, channels: 3, encode: [lif]", CONF_ANEW, "channels"},
		{LIF, LIF ", dt: 2 ms", CONF_CHECK, "dt"},
		{LIF, LIF ", window: 4", CONF_ANEW, "window"},
		{LIF ", window: 5", LIF ", window: 4", CONF_CHECK, "window"},
		{base, "name: s, channels: 2, seed: 2, encode: [lif, {drop: {p: 0.5}}]", CONF_LIVE,
			NULL},
		{base, "name: s, channels: 2, encode: [lif, {drop: {p: 0.5, seed: 2}}]", CONF_CHECK,
			"encode"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why;
		enum conf_change change = compare(cases[i].from, cases[i].to, &why);

		if (change != cases[i].change || !why != !cases[i].why)
			fail_msg("%s -> %s: %d, %s", cases[i].from, cases[i].to, (int)change,
				why ? why : "-");
		if (why)
			assert_string_equal(why, cases[i].why);
		change = compare(cases[i].to, cases[i].from, &why);
		assert_int_equal(change, cases[i].change);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_changed_key_is_the_one_that_differs),
		cmocka_unit_test(test_every_key_is_in_the_table),
		cmocka_unit_test(test_a_key_that_needs_a_restart_is_a_fault_at_its_place),
		cmocka_unit_test(test_a_key_that_is_gone_is_a_fault_too),
		cmocka_unit_test(test_other_faults_are_found_beside_it),
		cmocka_unit_test(test_what_becomes_of_a_stream),
	};
	return cmocka_run_group_tests(tests, make_key_file, NULL);
}
