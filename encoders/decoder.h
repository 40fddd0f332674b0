/* Decoders: the way back through a pipeline, from its spikes to values, tick by tick.
 *
 * A decoder begins at the pipeline's last stage and goes back as far as stages can be inverted. It
 * never invents the rest: decoder_stage says how far it came. The filter bank in front of an
 * integrate-and-fire, say, gives its bands.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/pipeline.h"

struct decoder_options {
	/* s; the time constant over which decoders of rates average. 0 = ten ticks, or within a
	 * window from its first tick on. */
	double smooth;
};

struct decoder;

/* `p` is borrowed and must outlive the decoder. NULL with `f` filled: what the last stage gives
 * cannot be decoded, or there is no memory. Cold code only. */
struct decoder *decoder_new(
	const struct pipeline *p, const struct decoder_options *options, struct fault *f);
void decoder_free(struct decoder *d); /* accepts NULL */

/* The values are those that came into this stage: 0 = into the pipeline. */
uint32_t decoder_stage(const struct decoder *d);
uint32_t decoder_lines(const struct decoder *d); /* of them: how many */

/* True if a stage that it inverts only tells of changes: a lost tick leaves an error behind that does
 * not go by itself. */
bool decoder_follows(const struct decoder *d);

/* True if it begins right with decoder_start alone. */
bool decoder_needs_start(const struct decoder *d);

/* True if decoder_resume can make up for what was missed. */
bool decoder_resumes(const struct decoder *d);

/* As the pipeline was reset: RESET_ALL when its state was cleared, RESET_WINDOW before the first
 * tick of each window. */
void decoder_reset(struct decoder *d, enum reset_scope scope);

/* What the pipeline was fed at the first tick after a reset, one float a channel: stages that only
 * tell of changes begin from there instead of from 0. 0 or -ENOMEM. Cold code only. */
int decoder_start(struct decoder *d, const float *values);

/* One tick: `last` is what the pipeline gave (pipeline_out.last). Returns decoder_lines floats,
 * borrowed until the next run; NaN = not known, since something was missed. Neither allocates nor
 * fails. */
const float *decoder_run(struct decoder *d, const struct lines *last);

/* `ticks` ticks ran that the decoder did not see; not `exact`: or fewer. */
void decoder_miss(struct decoder *d, uint64_t ticks, bool exact);

/* `ticks` ticks without a spike ran that the decoder is not given; not `exact`: or fewer. */
void decoder_idle(struct decoder *d, uint64_t ticks, bool exact);

/* The pipeline was fed `values` at the tick that was decoded last, of which `last` are the spikes:
 * lines that add up changes go on from there if they are near enough to it. 0 or -ENOMEM. Cold code
 * only. */
int decoder_resume(struct decoder *d, const struct lines *last, const float *values);

/* `to` goes on from where `from` has come to; it is of the same pipeline with other values of
 * parameters that may change live. */
void decoder_carry(struct decoder *to, const struct decoder *from);

/* What the values that are not known wait for, the last of it to come. */
enum decoder_waits {
	WAITS_NOTHING,
	WAITS_TICKS,  /* some more ticks */
	WAITS_SPIKES, /* spikes of the lines that are not known */
	WAITS_VALUE,  /* decoder_resume */
	WAITS_WINDOW, /* the next window */
	WAITS_RESET,  /* RESET_ALL: nothing else tells where the encoder is */
};
enum decoder_waits decoder_waits(const struct decoder *d);
