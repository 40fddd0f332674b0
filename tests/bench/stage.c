/* See stage.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/stage.h"

#include "tests/bench/bench.h"

#include <stdlib.h>

void bench_stage_init(struct bench_stage *s, const char *encoder, uint32_t channels, float top)
{
	const struct pipeline_site site = {
		.channels = channels, .dt = 0.001, .seed = 1, .stream = "bench"};
	struct pipeline_spec *spec = pipeline_spec_new();
	struct fault fault = {0};

	*s = (struct bench_stage){.channels = channels};
	if (spec && pipeline_spec_stage(spec, encoder, &fault) >= 0)
		s->program = pipeline_new(spec, &site, &fault);
	pipeline_spec_free(spec);
	if (s->program)
		s->state = pipeline_state_new(s->program);
	if (!s->state)
		bench_die(encoder);
	s->values = bench_alloc(channels * sizeof(float));
	bench_spread(s->values, channels, top);
}

void bench_stage_fini(struct bench_stage *s)
{
	free(s->values);
	pipeline_state_free(s->state);
	pipeline_free(s->program);
}

double bench_stage_run(struct bench_stage *s, int ticks)
{
	struct pipeline_out out;
	int64_t start = bench_now_ns();

	for (int i = 0; i < ticks; i++)
		pipeline_run(s->program, s->state, s->values, false, &out);
	return (double)(bench_now_ns() - start) / ticks / s->channels;
}
