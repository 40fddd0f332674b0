/* The stages of a stream (`range`, then `encode`) as a pipeline specification.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/pipeline.h"
#include "encoders/text/walk.h"

struct program {
	struct pipeline_spec *spec;                     /* handed on to the stream */
	const struct node *stages[PIPELINE_MAX_STAGES]; /* where each stage is in the file */
	const struct node *whole;                       /* `encode`, or the stream without one */
	bool sound; /* nothing about a stage has been reported yet, so building makes sense */
};

/* Reads both keys (NULL = not there). Faults are reported; `sound` says whether there were any. */
void conf_encode_read(struct walk *w, const struct node *stream, const struct node *range,
	const struct node *encode, struct program *program);

/* Reads one parameter of a stage that is there: a node whose key names it. */
void conf_encode_parameter(
	struct walk *w, struct program *program, unsigned stage, const struct node *at);

/* Where parameter `key` of stage `stage` (-1 = the first that has it) is in the file. */
const struct node *conf_encode_find(const struct program *program, int stage, const char *key);

/* Reports what a function of pipeline.h found, at its place. */
void conf_encode_fault(struct walk *w, struct program *program, const struct fault *f);
