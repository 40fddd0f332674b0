/* What `hsa`, `mhsa` and `bsa` share: taps, the window of the last inputs, taking spikes out of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

/* Rows in this order; theta is only of those that have it. */
enum { DECONVOLVE_TAPS, DECONVOLVE_F, DECONVOLVE_CUTOFF, DECONVOLVE_THETA };

#define DECONVOLVE_F_MAX 4096

#define DECONVOLVE_TAP_ROWS                                                                        \
	[DECONVOLVE_TAPS] =                                                                        \
		{                                                                                  \
			.name = "taps",                                                            \
			.type = PARAM_NUMBER,                                                      \
			.flags = PARAM_LIST | PARAM_LIVE | PARAM_OPTIONAL,                         \
			.min = -FLT_MAX,                                                           \
			.max = FLT_MAX,                                                            \
			.help = "The filter that turns spikes back into values, first tap first, " \
				"instead of f and cutoff.",                                        \
	},                                                                                         \
	[DECONVOLVE_F] =                                                                           \
		{                                                                                  \
			.name = "f",                                                               \
			.type = PARAM_COUNT,                                                       \
			.unit = UNIT_TICKS,                                                        \
			.preset = "16",                                                            \
			.min = 3,                                                                  \
			.max = DECONVOLVE_F_MAX,                                                   \
			.help = "Taps of a low-pass filter: Hann window, sum 1.",                  \
	},                                                                                         \
	[DECONVOLVE_CUTOFF] = {                                                                    \
		.name = "cutoff",                                                                  \
		.type = PARAM_NUMBER,                                                              \
		.flags = PARAM_LIVE | PARAM_MIN_OPEN | PARAM_MAX_OPEN,                             \
		.preset = "0.1",                                                                   \
		.min = 0,                                                                          \
		.max = 1,                                                                          \
		.help = "Its cutoff as a share of the Nyquist frequency.",                         \
	}

int deconvolve_plan(struct stage *st, struct fault *f);
int deconvolve_refuse_negative(const struct stage *st, struct fault *f); /* taps */
/* A theta of no more than the sum of |taps|, or of less; `else_` is what would come of another. */
int deconvolve_check_theta(const struct stage *st, bool less, const char *else_, struct fault *f);
void deconvolve_prepare(struct stage *st);
void deconvolve_reset(const struct stage *st, void *state, enum reset_scope scope);
int deconvolve_check(const struct stage *st, const void *state);

/* One tick. `fits` tells for which lines of a word the taps fit into the trace: they fire and have
 * the taps taken out. Hot. */
void deconvolve_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	uint64_t (*fits)(const struct trace *t));

/* The causal filter that is the way back. */
#define DECONVOLVE_HELP "x = sum of taps[j] s[k-j], f-1 ticks late; "
size_t deconvolve_undo_size(const struct stage *st);
void deconvolve_undo_reset(const struct stage *st, void *state, enum reset_scope scope);
struct mending deconvolve_mends(const struct stage *st, const struct decoding *by);
void deconvolve_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out);
