/* Every file of tests/golden through the library's text, bit for bit.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/library/golden.h"

#include <dirent.h>
#include <spiked/encoders.h>

#define FILES_LEAST 13

static struct spiked_pipeline *must_make(const char *text)
{
	char why[400];
	struct spiked_pipeline *p = spiked_pipeline_new(text, strlen(text), NULL, why, sizeof(why));
	if (!p)
		fail_msg("%s\n%s", text, why);
	return p;
}

static void compare(const struct golden *g)
{
	struct spiked_pipeline *p = must_make(g->text);
	struct spiked_pipeline_info info;
	spiked_pipeline_info(p, &info);
	assert_int_equal(info.channels, g->channels);
	assert_int_equal(info.lines, g->lines);
	assert_int_equal(info.ticks, g->windowed ? g->hold : 1);
	int8_t *spikes = calloc(g->ticks * g->lines, 1);
	float *state = calloc(g->ticks * g->lines, sizeof(*state));
	float *lines = calloc(g->ticks * g->lines, sizeof(*lines));
	uint64_t *counts = calloc(g->ticks, sizeof(*counts)), all = 0, expected = 0;
	struct spiked_pipeline_out out = {.spikes = spikes, .lines = lines, .counts = counts};
	out.state = info.state_lines ? state : NULL;
	size_t rows = g->windowed ? g->rows : g->ticks;
	assert_int_equal(spiked_pipeline_run(p, g->input, rows, &out), g->ticks);
	if (g->spikes)
		assert_memory_equal(spikes, g->spikes, g->ticks * g->lines);
	for (size_t i = 0; i < g->ticks * g->lines; i++) {
		if (g->spikes)
			assert_true(lines[i] == (float)g->spikes[i]);
		expected += g->spikes && g->spikes[i];
	}
	for (size_t t = 0; t < g->ticks; t++)
		all += counts[t];
	assert_int_equal(all, expected);
	for (size_t r = 0; r < g->rows; r++) {
		const float *last = state + ((r + 1) * g->hold - 1) * g->lines;
		if (g->voltages)
			assert_same_floats(last, g->voltages + r * g->lines, g->lines);
		if (g->output)
			assert_same_floats(last, g->output + r * g->lines, g->lines);
	}
	print_message("  %zu ticks, %llu spikes\n", g->ticks, (unsigned long long)all);
	free(spikes);
	free(state);
	free(lines);
	free(counts);
	spiked_pipeline_free(p);
}

static void test_golden_vectors_match_through_the_text(void **unused)
{
	(void)unused;
	unsigned files = 0;
	DIR *dir = opendir(GOLDEN_DIR);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		const char *dot = strrchr(entry->d_name, '.');
		if (!dot || strcmp(dot, ".txt") != 0)
			continue;
		char path[sizeof(entry->d_name) + sizeof(GOLDEN_DIR) + 1];
		struct golden g;
		snprintf(path, sizeof(path), GOLDEN_DIR "/%s", entry->d_name);
		print_message("%s\n", entry->d_name);
		golden_read(&g, path);
		compare(&g);
		golden_fini(&g);
		files++;
	}
	closedir(dir);
	assert_true(files >= FILES_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_vectors_match_through_the_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
