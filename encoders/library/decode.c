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

/* So many numbers of silent ticks are decoded one by one; what was before them hardly matters. */
#define SILENCE_MAX (UINT64_C(1) << 26)

struct spiked_decoder {
	struct pipeline *program;   /* its own, so that the pipeline's may change or go */
	struct pipeline_spec *spec; /* that it was made of */
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
	d->spec = pipeline_spec_copy(p->stream->spec);
	if (!d->spec) {
		fault_set(f, -ENOMEM, "not enough memory for the decoder");
		return;
	}
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
	pipeline_spec_free(d->spec);
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

bool spiked_decoder_needs_first(const struct spiked_decoder *d)
{
	return decoder_needs_start(d->decoder);
}

/* A row as a run would have taken it in, with `missing` where it has no sample; NULL = out of
 * memory. */
static float *taken_in(const struct spiked_decoder *d, const float *row, float missing)
{
	uint32_t channels = d->program->site.channels;
	struct bounds bounds = bounds_of(d->program);
	struct merged met = {0};
	float *held = malloc(channels * sizeof(*held));
	if (!held)
		return NULL;
	for (uint32_t c = 0; c < channels; c++)
		held[c] = missing;
	bounds_merge(&bounds, row, held, 0, channels, &met);
	return held;
}

static int start(struct spiked_decoder *d, const float *first)
{
	float *held = taken_in(d, first, 0);
	int err = held ? decoder_start(d->decoder, held) : -ENOMEM;
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

void spiked_decoder_miss(struct spiked_decoder *d, uint64_t ticks, bool exact)
{
	d->untouched = false;
	decoder_miss(d->decoder, ticks, exact);
}

static void clear(struct lines *in)
{
	if (in->kind == KIND_VALUES)
		memset(in->values, 0, in->count * sizeof(*in->values));
	if (in->on)
		memset(in->on, 0, stage_plane_bytes(in->count));
	if (in->minus)
		memset(in->minus, 0, stage_plane_bytes(in->count));
}

void spiked_decoder_silence(struct spiked_decoder *d, uint64_t ticks, bool exact)
{
	struct surroundings around;
	uint64_t most = SILENCE_MAX / (d->in.count + UINT64_C(1)),
		 run = ticks < most ? ticks : most;
	if (ticks == 0)
		return;
	d->untouched = false;
	surroundings_enter(&around, false);
	clear(&d->in);
	run = exact ? run : 0;
	if (run < ticks)
		decoder_idle(d->decoder, ticks - run, exact);
	d->tick += (uint32_t)ticks;
	while (run--)
		decoder_run(d->decoder, &d->in);
	surroundings_leave(&around);
}

int spiked_decoder_resume(struct spiked_decoder *d, const float *row)
{
	struct surroundings around;
	surroundings_enter(&around, false);
	float *held = taken_in(d, row, NAN);
	int err = held ? decoder_resume(d->decoder, &d->in, held) : -ENOMEM;
	free(held);
	surroundings_leave(&around);
	return err;
}

bool spiked_decoder_carry(struct spiked_decoder *d, const struct spiked_decoder *before)
{
	const struct pipeline_site *a = &d->program->site, *b = &before->program->site;
	if (a->window != b->window || a->dt != b->dt ||
		!pipeline_same_layout(d->program, before->program) ||
		decoder_stage(d->decoder) != decoder_stage(before->decoder) ||
		pipeline_spec_compare(d->spec, before->spec) == SPEC_OTHER)
		return false;
	decoder_carry(d->decoder, before->decoder);
	d->tick = before->tick;
	d->untouched = before->untouched;
	return true;
}

enum spiked_unknown spiked_decoder_unknown(const struct spiked_decoder *d)
{
	static const enum spiked_unknown names[] = {
		[WAITS_NOTHING] = SPIKED_UNKNOWN_NOTHING,
		[WAITS_TICKS] = SPIKED_UNKNOWN_TICKS,
		[WAITS_SPIKES] = SPIKED_UNKNOWN_SPIKES,
		[WAITS_VALUE] = SPIKED_UNKNOWN_VALUE,
		[WAITS_WINDOW] = SPIKED_UNKNOWN_WINDOW,
		[WAITS_RESET] = SPIKED_UNKNOWN_RESET,
	};
	return names[decoder_waits(d->decoder)];
}
