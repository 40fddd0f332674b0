/* Benches of one stage: a pipeline's tick against a copy of as many floats.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/bench.h"
#include "encoders/pipeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS 65536
#define STEPS    50 /* in a round */
#define ROUNDS   61

static struct pipeline *bench_pipeline(const char *stage)
{
	const struct pipeline_site site = {
		.channels = CHANNELS, .dt = 0.001, .seed = 1, .stream = "bench"};
	struct pipeline_spec *spec = pipeline_spec_new();
	struct fault fault = {0};
	struct pipeline *p = NULL;

	if (spec && pipeline_spec_stage(spec, stage, &fault) >= 0)
		p = pipeline_new(spec, &site, &fault);
	pipeline_spec_free(spec);
	if (!p)
		bench_die(stage);
	return p;
}

/* Prints nanoseconds a channel and tick, against memcpy of CHANNELS floats. */
static void bench_stage(const char *stage)
{
	struct pipeline *p = bench_pipeline(stage);
	struct pipeline_state *state = pipeline_state_new(p);
	float *values = malloc(CHANNELS * sizeof(float)), *copy = malloc(CHANNELS * sizeof(float));
	double run[ROUNDS], reference[ROUNDS];
	struct pipeline_out out;

	if (!state || !values || !copy)
		bench_die("memory");
	for (size_t i = 0; i < CHANNELS; i++)
		values[i] = 1.5f * (float)i / CHANNELS;
	for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
		int64_t start = bench_now_ns();
		for (int i = 0; i < STEPS; i++)
			pipeline_run(p, state, values, i % 16 == 0, &out); /* rows at 60 Hz */
		int64_t middle = bench_now_ns();
		for (int i = 0; i < STEPS; i++) {
			memcpy(copy, values, CHANNELS * sizeof(float));
			/* The compiler must believe that somebody reads the copy. */
			__asm__ volatile("" : : "r"(copy) : "memory");
		}
		int64_t end = bench_now_ns();
		if (round >= 0) {
			run[round] = (double)(middle - start) / STEPS / CHANNELS;
			reference[round] = (double)(end - middle) / STEPS / CHANNELS;
		}
	}
	bench_print(stage, bench_quantile(run, ROUNDS, 0.5), "ns/channel/tick",
		bench_quantile(reference, ROUNDS, 0.5), "memcpy of 65536 floats");
	free(values);
	free(copy);
	pipeline_state_free(state);
	pipeline_free(p);
}
