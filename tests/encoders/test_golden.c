/* Every file of tests/golden, bit for bit: spikes, voltages, population values. The files' format
 * is told in tests/golden/README.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/build.h"

#include <dirent.h>

#define GOLDEN      "tests/golden"
#define WORDS_MAX   1024
#define FILES_LEAST 13

struct golden {
	char encoder[64], tau_mem_inv[64], v_leak[64], v_th[64], v_reset[64], dt[64], f_max[64];
	char rng[64], seed[64], out_features[64], scale[64], sigma[64];
	uint32_t channels, rows, hold_ticks;
};

/* What has been compared in a file, so that a file that says nothing fails. */
struct tally {
	unsigned rows, ticks, voltages, outputs, spikes;
};

static void read_header(struct golden *g, const char *line)
{
	char key[32], value[160];
	if (sscanf(line, "# %31s %159[^\n]", key, value) != 2)
		return;
	const struct {
		const char *key;
		char *to;
		size_t size;
	} texts[] = {
#define TEXT(name) {#name, g->name, sizeof(g->name)}
		TEXT(encoder),
		TEXT(tau_mem_inv),
		TEXT(v_leak),
		TEXT(v_th),
		TEXT(v_reset),
		TEXT(dt),
		TEXT(f_max),
		TEXT(rng),
		TEXT(seed),
		TEXT(out_features),
		TEXT(scale),
		TEXT(sigma),
#undef TEXT
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(key, texts[i].key) == 0)
			snprintf(texts[i].to, texts[i].size, "%.63s", value);
	}
	if (strcmp(key, "channels") == 0)
		g->channels = (uint32_t)atoi(value);
	if (strcmp(key, "rows") == 0)
		g->rows = (uint32_t)atoi(value);
	if (strcmp(key, "hold_ticks") == 0)
		g->hold_ticks = (uint32_t)atoi(value);
}

/* The pipeline that a file speaks of; *windowed says whether each row is a window. */
static struct pipeline *golden_pipeline(const struct golden *g, bool *windowed)
{
	char text[1024];
	const char *e = g->encoder;
	bool latency = strcmp(e, "spike_latency_lif") == 0;
	bool filtered = strcmp(e, "constant_current_lif | spike_latency") == 0;
	*windowed = latency || filtered;
	if (latency || filtered || strcmp(e, "constant_current_lif") == 0)
		snprintf(text, sizeof(text),
			"%s_encode tau_mem_inv=%s v_leak=%s v_th=%s v_reset=%s%s",
			latency ? "spike_latency_lif" : "constant_current_lif", g->tau_mem_inv,
			g->v_leak, g->v_th, g->v_reset, filtered ? " | spike_latency_encode" : "");
	else if (strcmp(e, "population") == 0)
		snprintf(text, sizeof(text), "PopulationEncoder out_features=%s scale=%s sigma=%s",
			g->out_features, strcmp(g->scale, "max") == 0 ? "auto" : g->scale,
			g->sigma);
	else if (strcmp(e, "poisson") == 0 || strcmp(e, "signed_poisson") == 0)
		snprintf(text, sizeof(text), "%s f_max=%s rng=%s seed=%s dt=%s", e, g->f_max,
			g->rng, g->seed, g->dt);
	else
		fail_msg("unknown encoder %s", e);
	struct pipeline_site site = site_of(g->channels, *windowed ? g->hold_ticks : 0);
	if (g->dt[0])
		site.dt = strtod(g->dt, NULL);
	return must_build(text, &site);
}

static size_t read_floats(char *text, float *values)
{
	size_t n = 0;
	char *rest = NULL;
	for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		assert_true(n < WORDS_MAX);
		values[n++] = strtof(word, NULL);
	}
	return n;
}

static void compare_spikes(
	char *text, const struct pipeline_out *out, unsigned tick, struct tally *tally)
{
	uint64_t on[WORDS_MAX / 64] = {0}, minus[WORDS_MAX / 64] = {0};
	char *rest = NULL;
	char *word = strtok_r(text, " \n", &rest);
	assert_int_equal(strtoul(word, NULL, 10), tick);
	while ((word = strtok_r(NULL, " \n", &rest))) {
		uint64_t *plane = word[0] == '-' ? minus : on;
		unsigned long line = strtoul(word + (word[0] == '-'), NULL, 10);
		assert_true(line < out->last.count);
		plane[line / 64] |= (uint64_t)1 << line % 64;
		tally->spikes++;
	}
	size_t bytes = lines_words(out->last.count) * sizeof(uint64_t);
	assert_memory_equal(out->last.on, on, bytes);
	if (out->last.kind == KIND_SIGNED)
		assert_memory_equal(out->last.minus, minus, bytes);
}

static struct tally check_file(const char *path)
{
	struct golden g = {0};
	struct tally tally = {0};
	struct pipeline *p = NULL;
	struct pipeline_state *s = NULL;
	struct pipeline_out out = {0};
	float values[WORDS_MAX], expected[WORDS_MAX];
	bool windowed = false;
	unsigned tick = 0;
	char *line = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (getline(&line, &size, file) > 0) {
		if (line[0] == '#') {
			read_header(&g, line);
		} else if (strncmp(line, "input ", 6) == 0) {
			if (!p) {
				p = golden_pipeline(&g, &windowed);
				s = pipeline_state_new(p);
			}
			assert_int_equal(read_floats(line + 6, values), g.channels);
			if (windowed)
				pipeline_reset(p, s, RESET_WINDOW);
			tally.rows++;
		} else if (strncmp(line, "spikes ", 7) == 0) {
			pipeline_run(p, s, values, true, &out);
			compare_spikes(line + 7, &out, tick, &tally);
			tick++;
			tally.ticks++;
		} else if (strncmp(line, "voltage ", 8) == 0) {
			size_t n = read_floats(line + 8, expected);
			assert_int_equal(n, out.state_lines);
			assert_same_floats(out.state, expected, n);
			tally.voltages++;
		} else if (strncmp(line, "output ", 7) == 0) {
			size_t n = read_floats(line + 7, expected);
			pipeline_run(p, s, values, true, &out);
			assert_int_equal(n, out.state_lines);
			assert_ptr_equal(out.state, out.last.values);
			assert_same_floats(out.state, expected, n);
			tally.outputs++;
		}
	}
	assert_int_equal(tally.rows, g.rows);
	assert_int_equal(tally.ticks, g.rows * g.hold_ticks);
	assert_true(tally.outputs == g.rows || tally.spikes > 0);
	free(line);
	fclose(file);
	pipeline_state_free(s);
	pipeline_free(p);
	return tally;
}

static void test_golden_vectors_match_bit_for_bit(void **unused)
{
	(void)unused;
	unsigned files = 0, voltages = 0;
	DIR *dir = opendir(GOLDEN);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		const char *dot = strrchr(entry->d_name, '.');
		if (!dot || strcmp(dot, ".txt") != 0)
			continue;
		char path[sizeof(entry->d_name) + sizeof(GOLDEN) + 1];
		snprintf(path, sizeof(path), GOLDEN "/%s", entry->d_name);
		print_message("%s\n", entry->d_name);
		struct tally tally = check_file(path);
		print_message("  %u rows, %u ticks, %u spikes, %u voltage rows, %u output rows\n",
			tally.rows, tally.ticks, tally.spikes, tally.voltages, tally.outputs);
		voltages += tally.voltages;
		files++;
	}
	closedir(dir);
	assert_true(files >= FILES_LEAST);
	assert_true(voltages > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_vectors_match_bit_for_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
