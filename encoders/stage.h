/* What most stage classes need: sizes of padded arrays, values of parameters, shared rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/encoder.h"
#include "encoders/kernels/bits.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define STAGE_ALIGN 64u

static inline size_t stage_round(size_t bytes)
{
	return (bytes + STAGE_ALIGN - 1) / STAGE_ALIGN * STAGE_ALIGN;
}

/* Elements of an array of one a line, padded as struct lines says: from one such array to the next. */
static inline size_t stage_stride(uint32_t lines)
{
	return lines_words(lines) * WORD_LINES;
}

/* Bytes of an array of one float a line, and of one bit a line, padded in the same way. */
static inline size_t stage_float_bytes(uint32_t lines)
{
	return stage_stride(lines) * sizeof(float);
}

static inline size_t stage_plane_bytes(uint32_t lines)
{
	return stage_round(lines_words(lines) * sizeof(uint64_t));
}

/* What a stage makes of its input while that is fresh, for the ticks at which it is not. It lies
 * behind the state block, is neither saved nor reset, and is undefined until the first run. */
static inline void *stage_scratch(const struct stage *st, void *state)
{
	return (char *)state + stage_round(st->state_size);
}

/* The channel that an input line came from: lines of a population are channel-major. */
static inline uint32_t stage_channel(const struct stage *st, uint32_t line)
{
	return line / (st->in_lines / st->channels);
}

static inline float stage_float(const struct stage *st, unsigned row, uint32_t line)
{
	return (float)param_number(&st->values[row], stage_channel(st, line));
}

static inline bool stage_listed(const struct stage *st, unsigned row)
{
	return st->values[row].numbers != NULL;
}

static inline bool stage_given(const struct stage *st, unsigned row)
{
	return st->values[row].given;
}

/* For prepare: a preset that says nothing beside what else was given. It is not shown, since who
 * writes down all that is shown would give it. */
static inline void stage_unset(struct stage *st, unsigned row)
{
	st->values[row].present = false;
}

/* For prepare: writes each line's value of a parameter to a padded array, and returns it. */
static inline const float *stage_fill(const struct stage *st, unsigned row, float *to)
{
	for (uint32_t i = 0; i < st->in_lines; i++)
		to[i] = stage_float(st, row, i);
	return to;
}

/* For plan: a fault of one parameter, `key`. Returns its code. */
#define stage_fault(f, name, ...)            \
	(fault_set(f, -EINVAL, __VA_ARGS__), \
		(f) ? (void)snprintf((f)->key, sizeof(f)->key, "%s", name) : (void)0, -EINVAL)

/* For plan: 0 if the rows named lo and hi are a span of each channel that float32 holds, else its
 * fault. */
int stage_check_spans(const struct stage *st, unsigned lo, unsigned hi, struct fault *f);

/* For plan: n lines for each that comes in, `key` being what says so. 0 or -EINVAL. */
int stage_fan_out(struct stage *st, uint64_t n, const char *key, struct fault *f);

/* Sets bit `line` of a plane that was zero there. */
static inline void stage_put(uint64_t *plane, uint32_t line, bool fires)
{
	plane[line / WORD_LINES] |= (uint64_t)fires << line % WORD_LINES;
}

static inline bool stage_bit(const uint64_t *plane, uint32_t line)
{
	return plane[line / WORD_LINES] >> line % WORD_LINES & 1;
}

/* What line `i` of any kind of spikes carries: how many spikes, or their value; 0 = none. */
static inline float stage_spike(const struct lines *l, uint32_t i)
{
	if (l->kind == KIND_SIGNED && stage_bit(l->minus, i))
		return -1;
	if (!stage_bit(l->on, i))
		return 0;
	return l->kind & KIND_VALUED ? l->values[i] : 1;
}

/* For stages that let some spikes pass, once `out` has its planes: what the spikes carry. */
static inline void stage_pass_values(const struct lines *in, struct lines *out)
{
	for (size_t w = 0; in->kind & KIND_VALUED && w < lines_words(in->count); w++) {
		if (out->on[w])
			memcpy(out->values + w * WORD_LINES, in->values + w * WORD_LINES,
				WORD_LINES * sizeof(*out->values));
	}
}

/* All spikes of `in`, whatever their kind. */
static inline void stage_pass(const struct lines *in, struct lines *out)
{
	size_t bytes = lines_words(in->count) * sizeof(*in->on);
	memcpy(out->on, in->on, bytes);
	if (in->kind == KIND_SIGNED)
		memcpy(out->minus, in->minus, bytes);
	stage_pass_values(in, out);
}

/* The lines of word `w` that have a spike. */
static inline uint64_t stage_fired(const struct lines *l, size_t w)
{
	return l->kind == KIND_SIGNED ? l->on[w] | l->minus[w] : l->on[w];
}

/* The nearest finite number to one that may be infinite. */
static inline float stage_clamp(float x)
{
	return fminf(fmaxf(x, -FLT_MAX), FLT_MAX);
}

/* Share of the way to its goal that a first-order average of time constant tau goes in dt. */
static inline float stage_share(double dt, double tau)
{
	return (float)-expm1(-dt / tau);
}

/* For check. */
static inline bool stage_floats_sane(const float *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(values[i]))
			return false;
	}
	return true;
}

/* A number of ticks that may be anything, rounded up, for a mending. */
static inline uint64_t stage_ticks(double ticks)
{
	return ticks < 0x1p63 ? (uint64_t)ceil(ticks) : MENDS_NOT;
}

/* True if no bit at or past `lines` is set. For check. */
static inline bool stage_plane_sane(const uint64_t *plane, uint32_t lines)
{
	return lines % WORD_LINES == 0 || plane[lines / WORD_LINES] >> lines % WORD_LINES == 0;
}

#define STAGE_SEED_ROW                                                                         \
	{                                                                                      \
		.name = "seed", .type = PARAM_COUNT, .flags = PARAM_OPTIONAL,                  \
		.help = "Seed of this stage; by default it comes from the top-level seed and " \
			"the stream's name.",                                                  \
	}

/* Rows that Norse's stages share; the pipeline reads them, see pipeline_spec_asked. */
#define STAGE_SEQ_LENGTH_ROW                                                                       \
	{                                                                                          \
		.name = "seq_length", .type = PARAM_COUNT, .unit = UNIT_TICKS,                     \
		.flags = PARAM_OPTIONAL, .min = 0, .max = 2147483647.0,                            \
		.help = "Norse's name for the stream's window: ticks that a row is held with the " \
			"state cleared at the first, 0 = the state persists.",                     \
	}
#define STAGE_DT_ROW                                                                 \
	{                                                                            \
		.name = "dt", .type = PARAM_NUMBER, .unit = UNIT_SECONDS,            \
		.flags = PARAM_OPTIONAL | PARAM_MIN_OPEN, .min = 0, .max = INFINITY, \
		.help = "Norse's time step: the stream's dt.",                       \
	}
