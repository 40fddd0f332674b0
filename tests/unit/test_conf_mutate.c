/* Damaged configurations: whatever the bytes are, the answer is a configuration or faults.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/conf_text.h"

#include <time.h>

#define CASES   20000
#define SECONDS 60 /* under valgrind fewer cases have to do */

static const char good[] =
	"clock: wall\n"
	"dt: 1 ms\n"
	"seed: 1\n"
	"ingest:\n"
	"  - tcp://127.0.0.1:7570\n"
	"  - {connect: 'tcp://h:5', topic: a/, stream: b}\n"
	"publish: [\"tcp://127.0.0.1:7571\"]\n"
	"control: \"tcp://127.0.0.1:7572\"\n"
	"web: 127.0.0.1:7573\n"
	"state: {dir: /var/lib/spiked, every: 10 s}\n"
	"realtime: {priority: 50, lock_memory: true, cpu: 1}\n"
	"streams:\n"
	"  - &base\n"
	"    name: imu\n"
	"    names: [a, b, c, d, e, f]\n"
	"    shape: [2, 3]\n"
	"    unit: m/s2\n"
	"    window: 0\n"
	"    input: {type: f32, mode: queue, stale_after: 100 ms, on_stale: hold}\n"
	"    range: {lo: [-2, -1, 0, -4, -5, -6], hi: 20, signed: false}\n"
	"    encode:\n"
	"      - population: {out_features: 3, lo: 0, hi: 1, distance: circular}\n"
	"      - PoissonEncoder: {f_max: 200 Hz, rng: mt19937, dt: 1 ms}\n"
	"    publish: {payload: auto, empty: true}\n"
	"    group: body\n"
	"  - <<: *base\n"
	"    name: b\n"
	"  - {name: c, channels: 4, window: 8, encode: [lif: {tau_mem: 5 ms}, first_spike]}\n";

/* One of the ways in which a text is damaged, at a random place. */
static size_t damage(struct test_random *r, char *text, size_t size, size_t room)
{
	static const char marks[] = "{}[]:,-&*!|>'\"%@`#?~<\n\t 0123456789.eE\\";
	size_t at = random_below(r, (uint32_t)size);
	size_t n = 1 + random_below(r, 8);
	switch (random_below(r, 5)) {
	case 0: /* flip a bit */
		text[at] = (char)(text[at] ^ (1 << random_below(r, 8)));
		return size;
	case 1: /* delete some bytes */
		n = n < size - at ? n : size - at;
		memmove(text + at, text + at + n, size - at - n);
		return size - n;
	case 2: /* another mark */
		text[at] = marks[random_below(r, sizeof(marks) - 1)];
		return size;
	case 3: /* say something twice */
		n = 4 * n < size - at ? 4 * n : size - at;
		if (size + n > room)
			return size;
		memmove(text + at + n, text + at, size - at);
		return size + n;
	default: /* end early */
		return random_below(r, 16) ? size : at + 1;
	}
}

/* What must hold of any answer. */
static bool is_sound(struct conf *conf, const struct conf_faults *faults)
{
	if ((conf == NULL) != (faults->errors > 0) || faults->count > 101)
		return false;
	for (size_t i = 0; i < faults->count; i++) {
		const struct conf_fault *f = &faults->items[i];
		if (!f->text[0] || f->line < 0 || f->column < 0)
			return false;
	}
	for (uint32_t i = 0; conf && i < conf->stream_count; i++) {
		struct fault f;
		struct pipeline *p = conf_stream_pipeline(conf->streams[i], &f);
		if (!p && f.code != -12) /* out of memory is no contradiction */
			return false;
		pipeline_free(p);
	}
	return true;
}

static void test_damaged_files_are_loaded_or_refused(void **state)
{
	struct test_random r = test_random(20240611);
	char text[2 * sizeof(good)];
	unsigned loaded = 0, refused = 0;
	time_t end = time(NULL) + SECONDS;

	(void)state;
	for (int i = 0; i < CASES && time(NULL) < end; i++) {
		struct conf_faults faults = {0};
		size_t size = sizeof(good) - 1;
		memcpy(text, good, sizeof(good));
		for (uint32_t k = 1 + random_below(&r, 6); k > 0 && size > 1; k--)
			size = damage(&r, text, size, sizeof(text));
		struct conf *conf = load_bytes(text, size, &faults);
		if (!is_sound(conf, &faults)) {
			conf_faults_print(stdout, "text", &faults);
			fail_msg("case %d: an unsound answer to:\n%.*s", i, (int)size, text);
		}
		*(conf ? &loaded : &refused) += 1;
		conf_free(conf);
		conf_faults_fini(&faults);
	}
	printf("%u loaded, %u refused\n", loaded, refused);
	/* Otherwise the damage is so small or so great that nothing was tested. */
	assert_true(loaded > 0 && refused > 0);
}

static void test_the_undamaged_text_loads(void **state)
{
	struct conf *conf = load_good(good, true);

	(void)state;
	assert_int_equal(conf->stream_count, 3);
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_undamaged_text_loads),
		cmocka_unit_test(test_damaged_files_are_loaded_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
