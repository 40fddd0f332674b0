/* Pipelines: from stage specifications to a checked program, and its state.
 *
 * Threads: a spec and everything with _new, _free, _load belongs to the cold loop; a program
 * is immutable and may be read by both; a state belongs to the loop that runs it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/encoder.h"

#define PIPELINE_MAX_STAGES   16
#define PIPELINE_MAX_CHANNELS (1u << 24)
#define PIPELINE_MAX_LINES    0x7fffffffu /* spike words have 31 bits for the line */

/* What was asked for, stage by stage, as text. */
struct pipeline_spec;

struct pipeline_spec *pipeline_spec_new(void); /* NULL = out of memory */
struct pipeline_spec *pipeline_spec_copy(const struct pipeline_spec *spec);
void pipeline_spec_free(struct pipeline_spec *spec); /* accepts NULL */

/* Appends a stage by class name or alias. Index >= 0, or negative errno with `f` filled. */
int pipeline_spec_stage(struct pipeline_spec *spec, const char *name, struct fault *f);

/* Sets a parameter of stage `index` from `n` texts (`list`: the user wrote a list, even of one).
 * 0 or negative errno with `f` filled: unknown names come with a suggestion. */
int pipeline_spec_set(struct pipeline_spec *spec, unsigned index, const char *key,
	const char *const *texts, size_t n, bool list, struct fault *f);

/* What tells two specifications apart. */
enum spec_change {
	SPEC_SAME,
	SPEC_LIVE,  /* values of parameters that may change between two ticks */
	SPEC_OTHER, /* stages, or other parameters: a state may not fit */
};
enum spec_change pipeline_spec_compare(
	const struct pipeline_spec *a, const struct pipeline_spec *b);

size_t pipeline_spec_count(const struct pipeline_spec *spec);
const struct encoder_class *pipeline_spec_class(const struct pipeline_spec *spec, unsigned index);

/* Norse's stages carry dt and seq_length themselves. If a stage was given parameter `key`, *value
 * is it and the result 1; 0 = no stage has it; -EINVAL = two stages disagree (`f` filled). */
int pipeline_spec_asked(
	const struct pipeline_spec *spec, const char *key, double *value, struct fault *f);

/* Where a pipeline stands. `stream` and `seed` are only hashed and copied. */
struct pipeline_site {
	uint32_t channels; /* 1 … PIPELINE_MAX_CHANNELS (0 is allowed for tests) */
	double dt;         /* s */
	uint32_t window;   /* ticks, 0 = state persists */
	uint64_t seed;
	const char *stream; /* name */
};

/* The checked, immutable program. One allocation. */
struct pipeline {
	struct pipeline_site site; /* site.stream is NULL */
	uint32_t count;
	struct stage *stages;
	enum kind out_kind; /* of the last stage; VALUES for an empty pipeline */
	uint32_t out_lines;
	int state_stage;    /* the last stage that has one analogue value a line; -1 = none */
	bool ranged;        /* the first stage is a range: its output is the stream's `values` */
	size_t state_bytes; /* size of the state arena */
	uint64_t serial;    /* which one of all programs since the start */
};

/* NULL with `f` filled (stage, key) when the pipeline cannot work. */
struct pipeline *pipeline_new(
	const struct pipeline_spec *spec, const struct pipeline_site *site, struct fault *f);
void pipeline_free(struct pipeline *p); /* accepts NULL */

/* True if a state of `a` can go on under `b`: same classes, sizes and kinds. */
bool pipeline_same_layout(const struct pipeline *a, const struct pipeline *b);

/* The state arena, already reset. NULL = out of memory. */
struct pipeline_state;
struct pipeline_state *pipeline_state_new(const struct pipeline *p);
void pipeline_state_free(struct pipeline_state *s); /* accepts NULL */

/* Hot. True if a state that was made for a program of the same layout, but with other parameters, is
 * one that this program can live with. Looks at all of it. */
bool pipeline_state_fits(const struct pipeline *p, const struct pipeline_state *s);

/* Hot. Puts all stages into their first condition; RESET_ALL also sets the tick number to 0. */
void pipeline_reset(const struct pipeline *p, struct pipeline_state *s, enum reset_scope scope);

/* Hot. Lets `ticks` ticks pass without running: the tick number goes on, the state does not. */
void pipeline_skip(struct pipeline_state *s, uint64_t ticks);

/* Hot. The next run is tick number `tick`: the counter of the random stages. For a stream that
 * starts, or goes on, in the middle of its daemon's count. */
void pipeline_set_tick(struct pipeline_state *s, uint64_t tick);

/* What one tick gave. Borrowed from the state, valid until the next run. */
struct pipeline_out {
	struct lines last; /* output of the last stage; of no stage: `values` itself */
	const float
		*state; /* one a line: of the state stage, or what a pipeline that ends in values
			     * gives; NULL = none */
	uint32_t state_lines;
	const float *values; /* the channels' values after range mapping */
};

/* Hot. One tick: `values` is channels floats (any alignment; borrowed as long as `out`), meant to
 * be finite: others do no lasting harm, see each stage. Advances the tick number by one.
 * `fresh` may be false only if `values` holds, bit for bit, what it held at this state's last run:
 * then what the stages made of it is used again. A run after pipeline_state_new, pipeline_reset,
 * pipeline_load or pipeline_idle, or under another program than the last one, is fresh anyway. */
void pipeline_run(const struct pipeline *p, struct pipeline_state *s, const float *values,
	bool fresh, struct pipeline_out *out);

/* Hot. Asks the machine to fetch what the next run will touch, for those that run many small
 * pipelines in turns. */
void pipeline_prefetch(const struct pipeline *p, const struct pipeline_state *s);

/* Hot. The output of a tick at which nothing ran: no spikes, state as it stands, and `values` after
 * range mapping. Does not move the tick number; pipeline_skip does. */
void pipeline_idle(const struct pipeline *p, struct pipeline_state *s, const float *values,
	struct pipeline_out *out);

/* State as bytes: little-endian, versioned, self-describing. `size` bytes needed are returned by
 * pipeline_saved_size; save never fails, and only copies: the loop that runs the state may call it. */
size_t pipeline_saved_size(const struct pipeline *p);
void pipeline_save(const struct pipeline *p, const struct pipeline_state *s, uint8_t *bytes);
/* 0, or negative errno with `f` filled and the state unchanged: foreign, truncated, other version,
 * other classes, other sizes, impossible contents. */
int pipeline_load(const struct pipeline *p, struct pipeline_state *s, const uint8_t *bytes,
	size_t size, struct fault *f);
