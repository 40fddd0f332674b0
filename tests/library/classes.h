/* Streams of every stage class, as texts and as what the library makes of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/test.h"

#include "encoders/text/conf_stream.h"

#include <spiked/encoders.h>

#define CHANNELS 67u
#define ROWS     40u
#define WINDOW   8u

/* The class with the parameters that it cannot do without, and what it needs before it. */
static inline void class_text(const struct encoder_class *class, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "[%s{%s: {",
		class->in & KIND_VALUES   ? ""
		: class->in & KIND_SPIKES ? "lif, "
					  : "signed_poisson: {f_max: 500}, ",
		class->name);
	for (const struct param *row = class->params; row->name; row++) {
		if (!row->preset && !(row->flags & PARAM_OPTIONAL))
			used += (size_t)snprintf(text + used, size - used, "%s: %s, ", row->name,
				row->type == PARAM_CHOICE ? row->choices[0]
				: row->type == PARAM_BOOL ? "true"
							  : "3");
	}
	snprintf(text + used, size - used, "}}]");
}

/* NULL = it does not work with this window. */
static inline struct spiked_pipeline *make(const char *text, uint32_t window)
{
	const struct spiked_pipeline_preset preset = {
		.channels = CHANNELS, .window = window, .name = "test"};
	char why[400];
	struct spiked_pipeline *p =
		spiked_pipeline_new(text, strlen(text), &preset, why, sizeof(why));
	assert_true((p == NULL) == (why[0] != '\0'));
	return p;
}

/* The program of the same, from below the library. */
static inline struct pipeline *make_program(const char *text, uint32_t window)
{
	struct conf_faults faults = {0};
	struct walk w = {.faults = &faults};
	struct fault f;
	const struct conf_preset preset = {.name = "test",
		.channels = CHANNELS,
		.dt_ns = 1000000,
		.seed = 1,
		.window = window};
	struct tree *tree = tree_from_yaml(text, strlen(text), &faults);
	struct conf_stream *stream = conf_stages_read(&w, tree_root(tree), &preset);
	struct pipeline *program = conf_stream_pipeline(stream, &f);
	assert_non_null(program);
	conf_stream_free(stream);
	tree_free(tree);
	conf_faults_fini(&faults);
	return program;
}

static inline void *zeroed(size_t n, size_t size)
{
	void *memory = calloc(n ? n : 1, size);
	assert_non_null(memory);
	return memory;
}
