/* What the files of the library share: a pipeline with its state, and how failures are told.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/bounds.h"
#include "encoders/text/conf_stream.h"

#include <fenv.h>
#include <locale.h>
#include <spiked/encoders.h>

struct spiked_pipeline {
	struct conf_stream *stream; /* what the text said, and the spec that `set` changes */
	struct pipeline *program;
	struct pipeline_state *state;
	struct bounds bounds; /* of the program */
	float *held;          /* channels: each one's newest sample */
};

/* The spikes are the daemon's whatever the caller's thread was told before: to flush denormals, to
 * round otherwise, to write numbers with a comma. Brackets around everything that computes. */
struct surroundings {
	fenv_t floats;
	locale_t plain, before; /* 0 = left alone */
};

void surroundings_enter(struct surroundings *s, bool text); /* text: numbers are read or written */
void surroundings_leave(struct surroundings *s);

/* A sentence that may have to be cut, at a character's end. `why` may be NULL. */
void why_text(char *why, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The errors among the faults, a line each, with line and column. */
void why_faults(char *why, size_t size, struct conf_faults *faults);
