/* Whole spike trains, for tests: rows in, -1, 0 or 1 a channel and tick out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/encoders/build.h"

static inline int train_at(const struct lines *l, uint32_t i)
{
	int minus = l->kind == KIND_SIGNED && line_is_on(l->minus, i);
	return (int)line_is_on(l->on, i) - minus;
}

/* x and s are `ticks` rows of one item a line; the pipeline has as many lines as channels. */
static inline void train_of(const char *text, const struct pipeline_site *site, const float *x,
	uint32_t ticks, int8_t *s)
{
	struct pipeline *p = must_build(text, site);
	struct pipeline_state *state = pipeline_state_new(p);
	uint32_t n = site->channels;
	assert_int_equal(p->out_lines, n);
	for (uint32_t t = 0; t < ticks; t++) {
		struct pipeline_out out;
		pipeline_run(p, state, x + (size_t)t * n, true, &out);
		for (uint32_t c = 0; c < n; c++)
			s[(size_t)t * n + c] = (int8_t)train_at(&out.last, c);
	}
	pipeline_state_free(state);
	pipeline_free(p);
}

/* One channel against a train written down by hand. */
static inline void assert_train(
	const char *text, const float *x, uint32_t ticks, const char *expected)
{
	struct pipeline_site site = site_of(1, 0);
	int8_t s[64];
	char got[65] = "";
	assert_true(ticks <= 64 && strlen(expected) == ticks);
	train_of(text, &site, x, ticks, s);
	for (uint32_t t = 0; t < ticks; t++)
		got[t] = "-.+"[s[t] + 1];
	if (strcmp(got, expected) != 0)
		fail_msg("%s gives %s instead of %s", text, got, expected);
}
