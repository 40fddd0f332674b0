/* One encoder as a pipeline, run without the daemon.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/pipeline.h"

struct bench_stage {
	struct pipeline *program;
	struct pipeline_state *state;
	float *values;
	uint32_t channels;
};

/* `encoder` at dt = 1 ms with its defaults, on values from 0 to `top`. */
void bench_stage_init(struct bench_stage *s, const char *encoder, uint32_t channels, float top);
void bench_stage_fini(struct bench_stage *s);

/* Nanoseconds a channel over so many ticks of the same row. */
double bench_stage_run(struct bench_stage *s, int ticks);
