/* Windowed encoders in tests: a pipeline with its state and its decoder, and one window of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/decoder.h"
#include "tests/encoders/build.h"

struct windows {
	struct pipeline *p;
	struct pipeline_state *s;
	struct decoder *d;    /* or NULL */
	const float *decoded; /* what it said at the last tick */
};

/* Decodable pipelines only, unless `with_decoder` is false. */
static inline struct windows windows_of(
	const char *text, uint32_t channels, uint32_t window, bool with_decoder)
{
	struct pipeline_site site = site_of(channels, window);
	struct windows w = {.p = must_build(text, &site)};
	struct fault f = {0};
	w.s = pipeline_state_new(w.p);
	if (with_decoder) {
		w.d = decoder_new(w.p, NULL, &f);
		if (!w.d)
			fail_msg("\"%s\": %s", text, f.text);
	}
	return w;
}

static inline void windows_close(struct windows *w)
{
	decoder_free(w->d);
	pipeline_state_free(w->s);
	pipeline_free(w->p);
}

static inline void windows_restart(struct windows *w)
{
	pipeline_reset(w->p, w->s, RESET_WINDOW);
	if (w->d)
		decoder_reset(w->d, RESET_WINDOW);
}

/* One tick; returns the plane of spikes. */
static inline const uint64_t *windows_tick(struct windows *w, const float *values)
{
	struct pipeline_out out;
	pipeline_run(w->p, w->s, values, true, &out);
	if (w->d)
		w->decoded = decoder_run(w->d, &out.last);
	return out.last.on;
}

/* One whole window: train[t * lines + i] = line i fires at tick t. */
static inline void windows_train(struct windows *w, const float *values, bool *train)
{
	windows_restart(w);
	for (uint32_t t = 0; t < w->p->site.window; t++) {
		const uint64_t *on = windows_tick(w, values);
		for (uint32_t i = 0; i < w->p->out_lines; i++)
			train[(size_t)t * w->p->out_lines + i] = line_is_on(on, i);
	}
}

/* The larger error of two; a NaN is the largest. */
static inline double worse(double a, double b)
{
	return b <= a || a != a ? a : b;
}

#define WINDOWS_NONE UINT32_MAX

/* One whole window: the tick of each line's spike, of which it may have one. */
static inline void windows_ticks(struct windows *w, const float *values, uint32_t *ticks)
{
	memset(ticks, 0xff, w->p->out_lines * sizeof(*ticks));
	windows_restart(w);
	for (uint32_t t = 0; t < w->p->site.window; t++) {
		const uint64_t *on = windows_tick(w, values);
		for (uint32_t i = 0; i < w->p->out_lines; i++) {
			if (!line_is_on(on, i))
				continue;
			assert_int_equal(ticks[i], WINDOWS_NONE);
			ticks[i] = t;
		}
	}
}
