/* Reading golden files, and saying them as the configuration would.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/library/golden.h"

#define KEYS_MAX 32

struct header {
	struct {
		char key[32], value[96];
	} pairs[KEYS_MAX];
	size_t count;
};

static void read_pair(struct header *h, const char *line)
{
	assert_true(h->count < KEYS_MAX);
	if (sscanf(line, "# %31s %95[^\n]", h->pairs[h->count].key, h->pairs[h->count].value) == 2)
		h->count++;
}

static const char *value_of(const struct header *h, const char *key)
{
	for (size_t i = 0; i < h->count; i++) {
		if (strcmp(h->pairs[i].key, key) == 0)
			return h->pairs[i].value;
	}
	return NULL;
}

static uint32_t number_of(const struct header *h, const char *key)
{
	const char *value = value_of(h, key);
	assert_non_null(value);
	return (uint32_t)strtoul(value, NULL, 10);
}

/* "name: {key: value, …}" of the keys that the file gives. */
static void put_stage(
	char *to, size_t size, const struct header *h, const char *name, const char *const *keys)
{
	size_t used = (size_t)snprintf(to, size, "{%s: {", name);
	for (size_t i = 0; keys[i]; i++) {
		const char *value = value_of(h, keys[i]);
		if (value)
			used += (size_t)snprintf(to + used, size - used, "%s: %s, ", keys[i],
				strcmp(value, "max") == 0 ? "auto" : value);
	}
	snprintf(to + used, size - used, "}}");
}

static void write_text(struct golden *g, const struct header *h)
{
	static const char *const lif[] = {"tau_mem_inv", "v_leak", "v_th", "v_reset", NULL};
	static const char *const draws[] = {"f_max", "rng", "seed", NULL};
	static const char *const bells[] = {"out_features", "scale", "sigma", NULL};
	const char *e = value_of(h, "encoder"), *dt = value_of(h, "dt");
	bool latency = strcmp(e, "spike_latency_lif") == 0;
	bool filtered = strstr(e, "| spike_latency") != NULL;
	char stage[512];
	g->windowed = latency || filtered;
	if (strcmp(e, "population") == 0)
		put_stage(stage, sizeof(stage), h, "PopulationEncoder", bells);
	else if (strstr(e, "poisson"))
		put_stage(stage, sizeof(stage), h, e, draws);
	else
		put_stage(stage, sizeof(stage), h,
			latency ? "spike_latency_lif_encode" : "constant_current_lif_encode", lif);
	snprintf(g->text, sizeof(g->text), "channels: %u\nwindow: %u\n%s%s\nencode: [%s%s]\n",
		g->channels, g->windowed ? g->hold : 0, dt ? "dt: " : "", dt ? dt : "", stage,
		filtered ? ", spike_latency_encode" : "");
}

static void prepare(struct golden *g, const struct header *h)
{
	g->channels = number_of(h, "channels");
	g->rows = number_of(h, "rows");
	g->hold = value_of(h, "hold_ticks") ? number_of(h, "hold_ticks") : 1;
	g->ticks = (size_t)g->rows * g->hold;
	write_text(g, h);
	bool values = strcmp(value_of(h, "encoder"), "population") == 0;
	g->lines = values ? g->channels * number_of(h, "out_features") : g->channels;
	g->input = calloc(g->ticks * g->channels, sizeof(*g->input));
	g->spikes = values ? NULL : calloc(g->ticks * g->lines, 1);
	g->output = values ? calloc((size_t)g->rows * g->lines, sizeof(*g->output)) : NULL;
	assert_true(g->input && (g->spikes || g->output));
}

static void read_floats(const char *text, float *to, size_t n)
{
	char *end = (char *)(uintptr_t)text;
	for (size_t i = 0; i < n; i++)
		to[i] = strtof(end, &end);
	assert_int_equal(end[strspn(end, " \n")], 0);
}

static void read_spikes(struct golden *g, char *text)
{
	char *rest = NULL, *word = strtok_r(text, " \n", &rest);
	size_t tick = strtoul(word, NULL, 10);
	assert_true(tick < g->ticks);
	while ((word = strtok_r(NULL, " \n", &rest))) {
		unsigned long line = strtoul(word + (word[0] == '-'), NULL, 10);
		assert_true(line < g->lines);
		g->spikes[tick * g->lines + line] = word[0] == '-' ? -1 : 1;
	}
}

void golden_read(struct golden *g, const char *path)
{
	struct header header = {0};
	char *line = NULL;
	size_t size = 0, row = 0, voltages = 0, outputs = 0;
	FILE *file = fopen(path, "r");
	*g = (struct golden){0};
	assert_non_null(file);
	while (getline(&line, &size, file) > 0) {
		if (line[0] == '#') {
			read_pair(&header, line);
		} else if (strncmp(line, "input ", 6) == 0) {
			if (!g->input)
				prepare(g, &header);
			uint32_t copies = g->windowed ? 1 : g->hold;
			float *at = g->input + row++ * copies * g->channels;
			for (uint32_t i = 0; i < copies; i++)
				read_floats(line + 6, at + (size_t)i * g->channels, g->channels);
		} else if (strncmp(line, "spikes ", 7) == 0) {
			read_spikes(g, line + 7);
		} else if (strncmp(line, "voltage ", 8) == 0) {
			if (!g->voltages)
				g->voltages =
					calloc((size_t)g->rows * g->lines, sizeof(*g->voltages));
			assert_non_null(g->voltages);
			read_floats(line + 8, g->voltages + voltages++ * g->lines, g->lines);
		} else if (strncmp(line, "output ", 7) == 0) {
			read_floats(line + 7, g->output + outputs++ * g->lines, g->lines);
		}
	}
	assert_int_equal(row, g->rows);
	assert_true(voltages == 0 || voltages == g->rows);
	free(line);
	fclose(file);
}

void golden_fini(struct golden *g)
{
	free(g->input);
	free(g->spikes);
	free(g->voltages);
	free(g->output);
}
