/* Stage texts, run on any floats, and the way back.
 *
 * Input: the text up to a NUL byte; one byte: channels 1-8 for texts that do not say it (bits 0-2),
 * window 16 (bit 3), a parameter is set half-way (bit 4); with bit 4 stage, name and value up to a NUL
 * byte each; then float32 rows.
 *
 * Promised: a run that is saved half-way and goes on elsewhere gives the same bits; a reset is as new;
 * decoders take whatever came out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <spiked/encoders.h>

#define LINES_MAX  4096u
#define TICKS_MAX  512u
#define FLOATS_MAX 65536u /* lines x ticks */

FUZZ_OPTIONS

struct run {
	int8_t *spikes;
	float *lines, *state, *values;
	uint64_t *counts;
	size_t ticks;
};

static struct spiked_pipeline_info info;

static struct run run_rows(struct spiked_pipeline *p, const float *rows, size_t count)
{
	size_t ticks = count * info.ticks;
	struct run r = {
		.spikes = malloc(ticks * info.lines + 1),
		.lines = malloc((ticks * info.lines + 1) * sizeof(float)),
		.state = malloc((ticks * info.state_lines + 1) * sizeof(float)),
		.values = malloc((ticks * info.channels + 1) * sizeof(float)),
		.counts = malloc((ticks + 1) * sizeof(uint64_t)),
		.ticks = ticks,
	};
	const struct spiked_pipeline_out out = {
		.spikes = r.spikes,
		.lines = r.lines,
		.state = r.state,
		.values = r.values,
		.counts = r.counts,
	};

	promise(spiked_pipeline_run(p, rows, count, &out) == ticks);
	return r;
}

static void free_run(struct run *r)
{
	free(r->spikes);
	free(r->lines);
	free(r->state);
	free(r->values);
	free(r->counts);
}

static bool same(const struct run *a, const struct run *b)
{
	size_t n = a->ticks;

	return n == b->ticks && !memcmp(a->spikes, b->spikes, n * info.lines) &&
	       !memcmp(a->lines, b->lines, n * info.lines * sizeof(float)) &&
	       !memcmp(a->state, b->state, n * info.state_lines * sizeof(float)) &&
	       !memcmp(a->values, b->values, n * info.channels * sizeof(float)) &&
	       !memcmp(a->counts, b->counts, n * sizeof(uint64_t));
}

static void check_tick(const struct run *r, size_t tick)
{
	const int8_t *spikes = r->spikes + tick * info.lines;
	const float *lines = r->lines + tick * info.lines;
	uint64_t count = 0;

	for (uint32_t i = 0; i < info.lines; i++) {
		count += spikes[i] != 0;
		if (info.output == SPIKED_OUTPUT_SPIKES)
			promise((spikes[i] == 0 || spikes[i] == 1) && lines[i] == spikes[i]);
		if (info.output == SPIKED_OUTPUT_SIGNED)
			promise(spikes[i] >= -1 && spikes[i] <= 1 && lines[i] == spikes[i]);
	}
	for (uint32_t i = 0; i < info.channels; i++)
		promise(isfinite(r->values[tick * info.channels + i]));
	if (info.output == SPIKED_OUTPUT_COUNTS)
		promise(r->counts[tick] >= count);
	else
		promise(r->counts[tick] == count);
}

static void decode(
	const struct spiked_pipeline *p, const struct run *r, const float *rows, size_t count)
{
	struct spiked_decoder *d = spiked_decoder_new(p, 0, NULL, 0);
	uint32_t width;
	float *values;

	if (!d)
		return;
	spiked_decoder_info(d, NULL, &width);
	if (width <= LINES_MAX) {
		values = malloc((r->ticks * width + 1) * sizeof(*values));
		spiked_decoder_run(d, r->lines, r->ticks, values);
		spiked_decoder_reset(d, count ? rows : NULL);
		spiked_decoder_run(d, r->lines, r->ticks, values);
		/* No pipeline gave these. */
		spiked_decoder_run(d, rows,
			count * info.channels / info.lines < r->ticks
				? count * info.channels / info.lines
				: r->ticks,
			values);
		free(values);
	}
	spiked_decoder_free(d);
}

static struct spiked_pipeline *twin(struct input text, const struct spiked_pipeline_preset *preset)
{
	return spiked_pipeline_new((const char *)text.at, text.left, preset, NULL, 0);
}

static void run_all(struct spiked_pipeline *p, struct input text,
	const struct spiked_pipeline_preset *preset, const float *rows, size_t count)
{
	size_t half = count / 2, size = spiked_pipeline_saved_size(p);
	struct run first = run_rows(p, rows, half);
	uint8_t *saved = malloc(size);
	struct spiked_pipeline *other;

	spiked_pipeline_save(p, saved);
	struct run second = run_rows(p, rows + half * info.channels, count - half);
	for (size_t t = 0; t < second.ticks; t++)
		check_tick(&second, t);
	other = twin(text, preset);
	if (other) { /* memory may be short */
		promise(spiked_pipeline_load(other, saved, size, NULL, 0) == 0);
		struct run again = run_rows(other, rows + half * info.channels, count - half);
		promise(same(&second, &again));
		free_run(&again);
		spiked_pipeline_reset(other);
		again = run_rows(other, rows, half);
		promise(same(&first, &again));
		free_run(&again);
		spiked_pipeline_free(other);
	}
	decode(p, &second, rows + half * info.channels, count - half);
	free(saved);
	free_run(&first);
	free_run(&second);
}

static void set_parameter(struct spiked_pipeline *p, unsigned stage, struct input *in)
{
	struct input name = input_until(in, 0), value = input_until(in, 0);
	char *name_text = input_copy(name, name.left + 1),
	     *value_text = input_copy(value, value.left + 1);
	char why[200];
	int err = spiked_pipeline_set(p, stage, name_text, value_text, why, sizeof(why));

	promise((err == 0) == (why[0] == '\0'));
	free(name_text);
	free(value_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size}, text = input_until(&in, 0);
	unsigned head = (unsigned)input_number(&in, 1);
	const struct spiked_pipeline_preset preset = {
		.channels = (head & 7) + 1, .window = head & 8 ? 16 : 0};
	char why[300];
	struct spiked_pipeline *p =
		spiked_pipeline_new((const char *)text.at, text.left, &preset, why, sizeof(why));

	promise((p == NULL) == (why[0] != '\0'));
	if (!p)
		return 0;
	spiked_pipeline_info(p, &info);
	if (info.lines <= LINES_MAX && info.channels <= LINES_MAX && info.ticks <= TICKS_MAX) {
		unsigned stage = head & 16 ? (unsigned)input_number(&in, 1) : 0;

		if (head & 16)
			set_parameter(p, stage, &in);
		size_t rows = in.left / (info.channels * sizeof(float));
		size_t most = FLOATS_MAX / ((info.lines + info.channels) * (size_t)info.ticks);
		if (rows > most)
			rows = most;
		float *values = input_copy(in, rows * info.channels * sizeof(float));
		if (head & 16) {
			struct run r = run_rows(p, values, rows);
			free_run(&r);
		} else {
			run_all(p, text, &preset, values, rows);
		}
		free(values);
	}
	spiked_pipeline_free(p);
	return 0;
}
