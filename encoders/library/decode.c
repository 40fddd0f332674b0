/* Decoders of the library: arrays of spikes to arrays of values.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/library/library.h"

#include "encoders/decoder.h"
#include "encoders/stage.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct spiked_decoder {
	struct pipeline *program; /* its own, so that the pipeline's may change or go */
	struct decoder *decoder;
	struct lines in; /* one tick's spikes, packed; owned */
	uint32_t tick;   /* of the window */
	bool untouched;  /* nothing has been decoded since the last reset */
};

static void *reserve(size_t bytes)
{
	void *memory = aligned_alloc(STAGE_ALIGN, bytes ? bytes : STAGE_ALIGN);
	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

static bool reserve_lines(struct spiked_decoder *d)
{
	const struct pipeline *p = d->program;
	d->in = (struct lines){.kind = p->out_kind, .count = p->out_lines};
	if (p->out_kind & (KIND_VALUES | KIND_VALUED)) {
		d->in.values = reserve(stage_float_bytes(p->out_lines));
		if (!d->in.values)
			return false;
	}
	if (p->out_kind == KIND_VALUES)
		return true;
	d->in.on = reserve(stage_plane_bytes(p->out_lines));
	d->in.minus = p->out_kind == KIND_SIGNED ? reserve(stage_plane_bytes(p->out_lines)) : NULL;
	return d->in.on && (d->in.minus || p->out_kind != KIND_SIGNED);
}

static void begin_window(struct spiked_decoder *d)
{
	if (d->program->site.window)
		decoder_reset(d->decoder, RESET_WINDOW);
}

/* NULL members for what failed; `f` filled. */
static void build(
	struct spiked_decoder *d, const struct spiked_pipeline *p, double smooth, struct fault *f)
{
	const struct decoder_options options = {.smooth = smooth};
	d->program = conf_stream_pipeline(p->stream, f);
	if (!d->program)
		return;
	d->decoder = decoder_new(d->program, &options, f);
	if (!d->decoder)
		return;
	if (reserve_lines(d)) {
		begin_window(d);
		return;
	}
	fault_set(f, -ENOMEM, "not enough memory for the decoder");
	decoder_free(d->decoder);
	d->decoder = NULL;
}

struct spiked_decoder *spiked_decoder_new(
	const struct spiked_pipeline *p, double smooth, char *why, size_t why_size)
{
	struct surroundings around;
	struct fault f = {0};
	why_text(why, why_size, "%s", "");
	if (!(smooth >= 0) || isinf(smooth)) {
		why_text(why, why_size, "smooth takes seconds, 0 = ten ticks");
		return NULL;
	}
	struct spiked_decoder *d = calloc(1, sizeof(*d));
	if (!d) {
		why_text(why, why_size, "not enough memory for the decoder");
		return NULL;
	}
	d->untouched = true;
	surroundings_enter(&around, true);
	build(d, p, smooth, &f);
	surroundings_leave(&around);
	if (d->decoder)
		return d;
	why_text(why, why_size, "%s", f.text);
	spiked_decoder_free(d);
	return NULL;
}

void spiked_decoder_free(struct spiked_decoder *d)
{
	if (!d)
		return;
	decoder_free(d->decoder);
	pipeline_free(d->program);
	free(d->in.values);
	free(d->in.on);
	free(d->in.minus);
	free(d);
}

void spiked_decoder_info(const struct spiked_decoder *d, unsigned *stage, uint32_t *width)
{
	if (stage)
		*stage = decoder_stage(d->decoder);
	if (width)
		*width = decoder_lines(d->decoder);
}

bool spiked_decoder_follows(const struct spiked_decoder *d)
{
	return decoder_follows(d->decoder);
}

/* The first row, as a run would have taken it in. */
static int start(struct spiked_decoder *d, const float *first)
{
	uint32_t channels = d->program->site.channels;
	struct bounds bounds = bounds_of(d->program);
	struct merged met = {0};
	float *held = calloc(channels, sizeof(*held));
	if (!held)
		return -ENOMEM;
	bounds_merge(&bounds, first, held, 0, channels, &met);
	int err = decoder_start(d->decoder, held);
	free(held);
	return err;
}

int spiked_decoder_reset(struct spiked_decoder *d, const float *first)
{
	struct surroundings around;
	surroundings_enter(&around, false);
	decoder_reset(d->decoder, RESET_ALL);
	begin_window(d);
	d->tick = 0;
	d->untouched = true;
	int err = first ? start(d, first) : 0;
	surroundings_leave(&around);
	return err;
}

/* Arrays to planes. What a run cannot have given is no spike. */
static void pack(struct lines *in, const float *from)
{
	if (in->kind == KIND_VALUES) {
		memcpy(in->values, from, in->count * sizeof(*from));
		return;
	}
	bool valued = in->kind & KIND_VALUED;
	for (uint32_t at = 0; at < in->count; at += WORD_LINES) {
		uint32_t n = in->count - at < WORD_LINES ? in->count - at : WORD_LINES;
		uint64_t on = 0, minus = 0;
		for (uint32_t i = 0; i < n; i++) {
			float x = isfinite(from[at + i]) ? from[at + i] : 0;
			on |= (uint64_t)(x > 0) << i;
			minus |= (uint64_t)(x < 0) << i;
			if (valued)
				in->values[at + i] = x;
		}
		in->on[at / WORD_LINES] = valued ? on | minus : on;
		if (in->minus)
			in->minus[at / WORD_LINES] = minus;
	}
}

static void step(struct spiked_decoder *d, const float *lines, bool window_begins, float *values)
{
	if (window_begins) {
		/* A reset has begun the first one, and may have been told how. */
		if (!d->untouched)
			begin_window(d);
		d->tick = 0;
	}
	d->untouched = false;
	d->tick++;
	pack(&d->in, lines);
	const float *decoded = decoder_run(d->decoder, &d->in);
	memcpy(values, decoded, decoder_lines(d->decoder) * sizeof(*values));
}

void spiked_decoder_run(struct spiked_decoder *d, const float *lines, size_t ticks, float *values)
{
	uint32_t window = d->program->site.window, width = decoder_lines(d->decoder);
	struct surroundings around;
	surroundings_enter(&around, false);
	for (size_t t = 0; t < ticks; t++) {
		bool begins = window && (d->untouched || d->tick >= window);
		step(d, lines, begins, values);
		lines += d->in.count;
		values += width;
	}
	surroundings_leave(&around);
}

void spiked_decoder_step(
	struct spiked_decoder *d, const float *lines, bool window_begins, float *values)
{
	struct surroundings around;
	surroundings_enter(&around, false);
	step(d, lines, window_begins, values);
	surroundings_leave(&around);
}
