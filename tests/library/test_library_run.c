/* What the library's runs give, for every stage class: the pipeline's own lines as arrays, the same
 * in parts, after a save and a load, and after a reset.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/library/classes.h"

#include "encoders/stage.h"

#include <errno.h>
#include <math.h>

/* Everything that a run can write. */
struct arrays {
	size_t ticks, lines, state_lines;
	int8_t *spikes;
	float *lines_f, *state, *values;
	uint64_t *counts;
};

static struct arrays arrays_for(const struct spiked_pipeline *p, size_t rows)
{
	struct spiked_pipeline_info info;
	spiked_pipeline_info(p, &info);
	size_t ticks = rows * info.ticks;
	return (struct arrays){
		.ticks = ticks,
		.lines = info.lines,
		.state_lines = info.state_lines,
		.spikes = zeroed(ticks * info.lines, 1),
		.lines_f = zeroed(ticks * info.lines, sizeof(float)),
		.state = zeroed(ticks * info.state_lines, sizeof(float)),
		.values = zeroed(ticks * info.channels, sizeof(float)),
		.counts = zeroed(ticks, sizeof(uint64_t)),
	};
}

static void arrays_free(struct arrays *a)
{
	free(a->spikes);
	free(a->lines_f);
	free(a->state);
	free(a->values);
	free(a->counts);
}

/* From tick `from` on. */
static struct spiked_pipeline_out out_at(const struct arrays *a, size_t from)
{
	return (struct spiked_pipeline_out){
		.spikes = a->spikes + from * a->lines,
		.lines = a->lines_f + from * a->lines,
		.state = a->state + from * a->state_lines,
		.values = a->values + from * CHANNELS,
		.counts = a->counts + from,
	};
}

static void assert_same_arrays(const struct arrays *a, const struct arrays *b)
{
	assert_int_equal(a->ticks, b->ticks);
	assert_memory_equal(a->spikes, b->spikes, a->ticks * a->lines);
	assert_memory_equal(a->lines_f, b->lines_f, a->ticks * a->lines * sizeof(float));
	assert_memory_equal(a->values, b->values, a->ticks * CHANNELS * sizeof(float));
	assert_memory_equal(a->counts, b->counts, a->ticks * sizeof(uint64_t));
	if (a->state_lines)
		assert_memory_equal(a->state, b->state, a->ticks * a->state_lines * sizeof(float));
}

/* Numbers, and now and then no sample or an infinity. */
static float *random_rows(struct test_random *r, size_t rows)
{
	static const float odd[] = {NAN, INFINITY, -INFINITY};
	float *x = zeroed(rows * CHANNELS, sizeof(*x));
	for (size_t i = 0; i < rows * CHANNELS; i++)
		x[i] = random_below(r, 12) ? (float)random_between(r, -1.5, 2.5)
					   : odd[random_below(r, 3)];
	return x;
}

/* The same computed from pipeline.h, one line at a time. */
static void check_against_pipeline(
	const char *text, uint32_t window, const float *rows, const struct arrays *got)
{
	struct pipeline *program = make_program(text, window);
	struct pipeline_state *state = pipeline_state_new(program);
	float held[CHANNELS] = {0};
	uint32_t hold = window ? window : 1;
	for (size_t t = 0; t < got->ticks; t++) {
		struct pipeline_out out;
		uint64_t count = 0;
		const float *row = rows + t / hold * CHANNELS;
		for (uint32_t c = 0; c < CHANNELS && t % hold == 0; c++) {
			if (!isnan(row[c]))
				held[c] = fminf(fmaxf(row[c], -FLT_MAX), FLT_MAX);
		}
		if (window && t % hold == 0)
			pipeline_reset(program, state, RESET_WINDOW);
		pipeline_run(program, state, held, true, &out);
		assert_int_equal(out.last.count, got->lines);
		for (uint32_t i = 0; i < got->lines; i++) {
			float value = out.last.kind == KIND_VALUES ? out.last.values[i]
								   : stage_spike(&out.last, i);
			int spike = out.last.kind == KIND_VALUES ? 0
				    : out.last.kind == KIND_GRADED
					    ? (value > 0) - (value < 0)
					    : (int)fminf(fmaxf(value, -128), 127);
			assert_int_equal(
				float_bits(value), float_bits(got->lines_f[t * got->lines + i]));
			assert_int_equal(spike, got->spikes[t * got->lines + i]);
			if (out.last.kind == KIND_COUNTS)
				count += (uint64_t)fabsf(value);
			else
				count += spike != 0;
		}
		assert_int_equal(count, got->counts[t]);
		assert_memory_equal(out.values, got->values + t * CHANNELS, sizeof(held));
		if (out.state)
			assert_memory_equal(out.state, got->state + t * got->state_lines,
				got->state_lines * sizeof(float));
	}
	pipeline_state_free(state);
	pipeline_free(program);
}

/* Part by part; half way the state moves to another pipeline by its bytes. */
static void run_in_parts(struct spiked_pipeline *p, struct spiked_pipeline *other,
	struct test_random *r, const float *rows, const struct arrays *to)
{
	uint32_t hold = (uint32_t)(to->ticks / ROWS);
	bool moved = false;
	for (size_t at = 0; at < ROWS;) {
		size_t n = 1 + random_below(r, 7);
		n = n < ROWS - at ? n : ROWS - at;
		struct spiked_pipeline_out out = out_at(to, at * hold);
		spiked_pipeline_run(moved ? other : p, rows + at * CHANNELS, n, &out);
		at += n;
		if (moved || at < ROWS / 2)
			continue;
		size_t size = spiked_pipeline_saved_size(p);
		void *bytes = zeroed(size, 1);
		spiked_pipeline_save(p, bytes);
		assert_int_equal(spiked_pipeline_load(other, bytes, size, NULL, 0), 0);
		free(bytes);
		moved = true;
	}
}

static void check(const struct encoder_class *class, uint32_t window, unsigned *checked)
{
	char text[400];
	class_text(class, text, sizeof(text));
	struct spiked_pipeline *p = make(text, window);
	if (!p)
		return;
	struct spiked_pipeline *other = make(text, window);
	struct test_random r = {7};
	float *rows = random_rows(&r, ROWS), *noise = random_rows(&r, 3);
	struct arrays once = arrays_for(p, ROWS), again = arrays_for(p, ROWS);
	struct spiked_pipeline_out out = out_at(&once, 0);
	assert_int_equal(spiked_pipeline_run(p, rows, ROWS, &out), once.ticks);
	check_against_pipeline(text, window, rows, &once);
	spiked_pipeline_reset(p);
	spiked_pipeline_run(other, noise, 3, NULL);
	run_in_parts(p, other, &r, rows, &again);
	assert_same_arrays(&once, &again);
	arrays_free(&once);
	arrays_free(&again);
	free(rows);
	free(noise);
	spiked_pipeline_free(p);
	spiked_pipeline_free(other);
	++*checked;
}

static void test_every_class_runs_as_its_pipeline_and_in_parts(void **unused)
{
	(void)unused;
	size_t n;
	const struct encoder_class *const *all = encoder_classes(&n);
	unsigned checked = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned before = checked;
		check(all[i], 0, &checked);
		check(all[i], WINDOW, &checked);
		print_message("%s: %u of 2\n", all[i]->name, checked - before);
	}
	assert_true(checked >= n);
}

/* Each channel has its own ends, and those that `set` changes count at once. */
static void test_infinities_end_at_their_own_channels_range(void **unused)
{
	(void)unused;
	static const char text[] = "channels: 2\nrange: {lo: [-1, -3], hi: [5, 2], clamp: false}";
	static const float rows[] = {INFINITY, -INFINITY, -INFINITY, INFINITY, NAN, 2};
	char why[200];
	float values[6], lines[6];
	struct spiked_pipeline *p =
		spiked_pipeline_new(text, sizeof(text) - 1, NULL, why, sizeof(why));
	assert_non_null(p);
	const struct spiked_pipeline_out out = {.values = values, .lines = lines};
	spiked_pipeline_run(p, rows, 3, &out);
	assert_same_floats(values, ((const float[]){1, 0, 0, 1, 0, 1}), 6);
	assert_memory_equal(values, lines, sizeof(values));
	assert_int_equal(spiked_pipeline_set(p, 0, "hi", "[11, 2]", why, sizeof(why)), 0);
	spiked_pipeline_run(p, rows, 1, &out);
	assert_same_floats(values, ((const float[]){1, 0}), 2);
	assert_int_equal(spiked_pipeline_set(p, 0, "clamp", "yes", why, sizeof(why)), 0);
	assert_int_equal(spiked_pipeline_set(p, 0, "lo", "10", why, sizeof(why)), -EINVAL);
	assert_true(why[0]);
	spiked_pipeline_free(p);
}

static void test_a_missing_sample_is_the_last_one_or_zero(void **unused)
{
	(void)unused;
	const float rows[] = {NAN, 3, NAN, NAN, 4, NAN, INFINITY, -INFINITY};
	char why[200];
	float values[8];
	const struct spiked_pipeline_preset preset = {.channels = 2};
	struct spiked_pipeline *p = spiked_pipeline_new("lif", 3, &preset, why, sizeof(why));
	assert_non_null(p);
	const struct spiked_pipeline_out out = {.values = values};
	spiked_pipeline_run(p, rows, 4, &out);
	assert_same_floats(values, ((const float[]){0, 3, 0, 3, 4, 3, FLT_MAX, -FLT_MAX}), 8);
	spiked_pipeline_free(p);
}

/* Compared in the order of the random stages' key: seed, name. */
static void test_random_spikes_follow_seed_and_name(void **unused)
{
	(void)unused;
	const struct {
		const char *stream;
		struct spiked_pipeline_preset preset;
		unsigned same_as;
	} cases[] = {
		{"encode: [{poisson: {f_max: 400}}]", {.channels = CHANNELS}, 0},
		{"encode: [{poisson: {f_max: 400}}]\nseed: 1\nname: stream", {.channels = CHANNELS},
			0},
		{"encode: [{poisson: {f_max: 400}}]\nseed: 1",
			{.channels = CHANNELS, .seed = 9, .has_seed = true, .name = "stream"}, 0},
		{"encode: [{poisson: {f_max: 400}}]",
			{.channels = CHANNELS, .seed = 0, .has_seed = true}, 3},
		{"encode: [{poisson: {f_max: 400}}]\nseed: 0", {.channels = CHANNELS}, 3},
		{"encode: [{poisson: {f_max: 400}}]", {.channels = CHANNELS, .name = "x"}, 5},
	};
	int8_t spikes[6][ROWS * CHANNELS];
	float rows[ROWS * CHANNELS];
	for (size_t i = 0; i < ROWS * CHANNELS; i++)
		rows[i] = 1;
	for (unsigned i = 0; i < 6; i++) {
		struct spiked_pipeline *p = spiked_pipeline_new(
			cases[i].stream, strlen(cases[i].stream), &cases[i].preset, NULL, 0);
		assert_non_null(p);
		const struct spiked_pipeline_out out = {.spikes = spikes[i]};
		spiked_pipeline_run(p, rows, ROWS, &out);
		spiked_pipeline_free(p);
		for (unsigned k = 0; k < i; k++) {
			bool same = memcmp(spikes[i], spikes[k], sizeof(spikes[i])) == 0;
			assert_int_equal(same, cases[i].same_as == cases[k].same_as);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_class_runs_as_its_pipeline_and_in_parts),
		cmocka_unit_test(test_infinities_end_at_their_own_channels_range),
		cmocka_unit_test(test_a_missing_sample_is_the_last_one_or_zero),
		cmocka_unit_test(test_random_spikes_follow_seed_and_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
