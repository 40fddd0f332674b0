/* Saved pipeline states: whatever is accepted must run.
 *
 * Input: byte 0 = which pipeline (bits 0-6, a list made of every stage class), as it stands (bit 7) or
 * into a real save: then pairs of a 16-bit place and a byte to write there, up to 64 of them, from a
 * run of 5 rows; what is left are rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "encoders/encoder.h"

#include <spiked/encoders.h>

#define CHANNELS  3u
#define PATCHES   64
#define ROWS      24u
#define TEXTS_MAX 128u

FUZZ_OPTIONS

static struct made {
	char text[400];
	struct spiked_pipeline *pipeline;
	struct spiked_pipeline_info info;
	uint8_t *fresh, *used; /* saves: as new, and after some rows */
	size_t size;
} made[TEXTS_MAX];
static unsigned count;

/* The class with the parameters that it cannot do without, and what it needs before it. */
static void class_text(const struct encoder_class *class, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "[%s{%s: {",
		class->in & KIND_VALUES   ? ""
		: class->in & KIND_SPIKES ? "lif, "
					  : "signed_poisson: {f_max: 500}, ",
		class->name);

	for (const struct param *row = class->params; row->name; row++) {
		if (!row->preset && !(row->flags & PARAM_OPTIONAL))
			used += (size_t)snprintf(text + used, size - used, "%s: %s, ", row->name,
				row->type == PARAM_CHOICE ? row->choices[0]
				: row->type == PARAM_BOOL ? "true"
							  : "3");
	}
	snprintf(text + used, size - used, "}}]");
}

static void make(const char *text, uint32_t window)
{
	static const float rows[5 * CHANNELS] = {
		0.3f, 1, 2, -1, 0.5f, 7, 0, 0, 1, 3, 0.1f, 5, 9, -3, 0.2f};
	const struct spiked_pipeline_preset preset = {.channels = CHANNELS, .window = window};
	struct made *m = &made[count];

	snprintf(m->text, sizeof(m->text), "%s", text);
	m->pipeline = spiked_pipeline_new(text, strlen(text), &preset, NULL, 0);
	if (!m->pipeline || count == TEXTS_MAX - 1)
		return;
	spiked_pipeline_info(m->pipeline, &m->info);
	m->size = spiked_pipeline_saved_size(m->pipeline);
	m->fresh = malloc(m->size);
	m->used = malloc(m->size);
	spiked_pipeline_save(m->pipeline, m->fresh);
	spiked_pipeline_run(m->pipeline, rows, 5, NULL);
	spiked_pipeline_save(m->pipeline, m->used);
	count++;
}

static void start(void)
{
	char text[400];
	size_t classes;
	const struct encoder_class *const *all = encoder_classes(&classes);

	for (size_t i = 0; i < classes; i++) {
		class_text(all[i], text, sizeof(text));
		make(text, 0);
		make(text, 8);
	}
	make("{range: {lo: -5, hi: 5}, encode: [{population: {out_features: 4}}, lif, first_spike]}",
		8);
	make("[{poisson: {rng: mt19937}}]", 0);
	make("[{signed_poisson: {rng: mt19937}}]", 0);
}

/* What the pipeline saves it loads. */
static void come_and_go(const struct made *m, uint8_t *saved)
{
	char why[300];

	spiked_pipeline_save(m->pipeline, saved);
	if (spiked_pipeline_load(m->pipeline, saved, m->size, why, sizeof(why)))
		fprintf(stderr, "%s: %s\n", m->text, why);
	promise(!*why);
}

static void run(const struct made *m, struct input in)
{
	uint32_t width = m->info.lines, ticks = ROWS * m->info.ticks;
	float *rows = input_copy(in, ROWS * CHANNELS * sizeof(float));
	float *lines = malloc(ticks * width * sizeof(*lines));
	float *state = malloc((ticks * m->info.state_lines + 1) * sizeof(*state));
	int8_t *spikes = malloc(ticks * width);
	uint64_t *counts = malloc(ticks * sizeof(*counts));
	const struct spiked_pipeline_out out = {
		.lines = lines, .state = state, .spikes = spikes, .counts = counts};
	uint8_t *saved = malloc(m->size);

	/* What came in can go out. */
	come_and_go(m, saved);
	spiked_pipeline_run(m->pipeline, rows, ROWS, &out);
	free(rows);
	free(lines);
	free(state);
	free(spikes);
	free(counts);
	free(saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	char why[300];
	uint8_t *bytes, head;
	struct made *m;
	int err;

	if (!count)
		start();
	head = (uint8_t)input_number(&in, 1);
	m = &made[(head & 0x7f) % count];
	if (head & 0x80) {
		bytes = input_copy(in, in.left);
		err = spiked_pipeline_load(m->pipeline, bytes, in.left, why, sizeof(why));
	} else {
		size_t patches = input_number(&in, 1) % PATCHES;

		bytes = input_copy((struct input){m->used, m->size}, m->size);
		while (patches-- && in.left) {
			size_t at = input_number(&in, 2);

			bytes[at % m->size] = (uint8_t)input_number(&in, 1);
		}
		err = spiked_pipeline_load(m->pipeline, bytes, m->size, why, sizeof(why));
	}
	promise((err == 0) == (why[0] == '\0'));
	if (!err)
		run(m, in);
	free(bytes);
	promise(spiked_pipeline_load(m->pipeline, m->fresh, m->size, NULL, 0) == 0);
	return 0;
}
