/* What the files of the pipeline share and nobody else sees.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/pipeline.h"

struct stage_spec {
	const struct encoder_class *class;
	const struct encoder_alias *alias; /* or NULL */
	const char *asked;                 /* the class's or the alias's name */
	struct param_value *values;        /* one a row of class->params */
};

struct pipeline_spec {
	uint32_t count;
	struct stage_spec stages[PIPELINE_MAX_STAGES];
};

/* One stage's share of the state. */
struct slot {
	void *block; /* st->state_size bytes, aligned, then st->scratch_size bytes, aligned */
	struct lines out;
};

/* The state is one allocation: this head, then for each stage its block and its output. It holds
 * no pointer into the program, so that the program may be swapped for one of the same layout. */
struct pipeline_state {
	uint64_t tick;   /* of the next run */
	uint64_t serial; /* program of the last run; 0 = what it left is not to be used again */
	size_t size;     /* bytes of the arena */
	struct slot slots[PIPELINE_MAX_STAGES];
};

/* Bytes that a state of `count` stages needs, or 0 if there are not that many. */
size_t pipeline_state_bytes(const struct stage *stages, uint32_t count);

size_t params_count(const struct param *rows);
