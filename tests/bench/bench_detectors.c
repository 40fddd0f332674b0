/* The change detectors and cheap rate coders as pipelines, with new values at every tick, against
 * memcpy of the same floats.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/stage.h"

#include "encoders/kernels/kernels.h"

#include <stdlib.h>
#include <string.h>

#define CHANNELS 65536
#define ROUNDS   41
#define TICKS    20

static const char *const encoders[] = {
	"step_forward", "send_on_delta", "derivative", "threshold", "lif_bipolar", "if"};

#define ENCODERS (sizeof(encoders) / sizeof(encoders[0]))

/* Two rows in turn, so that there are changes to detect. */
struct rows {
	float *first, *second, *copy;
};

static double run_encoder(struct bench_stage *s, const struct rows *rows)
{
	struct pipeline_out out;
	int64_t start = bench_now_ns();

	for (int i = 0; i < TICKS; i++)
		pipeline_run(s->program, s->state, i % 2 ? rows->first : rows->second, true, &out);
	return (double)(bench_now_ns() - start) / TICKS / CHANNELS;
}

static double run_copy(const struct rows *rows)
{
	int64_t start = bench_now_ns();

	for (int i = 0; i < TICKS; i++) {
		memcpy(rows->copy, i % 2 ? rows->first : rows->second, CHANNELS * sizeof(float));
		bench_use(rows->copy);
	}
	return (double)(bench_now_ns() - start) / TICKS / CHANNELS;
}

void bench_detectors(const struct bench_site *site)
{
	static double run[ENCODERS][ROUNDS], reference[ENCODERS][ROUNDS];
	struct bench_stage stages[ENCODERS];
	struct rows rows = {
		.first = bench_alloc(CHANNELS * sizeof(float)),
		.second = bench_alloc(CHANNELS * sizeof(float)),
		.copy = bench_alloc(CHANNELS * sizeof(float)),
	};

	(void)site;
	bench_spread(rows.first, CHANNELS, 1.0f);
	for (size_t i = 0; i < CHANNELS; i++)
		rows.second[i] = rows.first[CHANNELS - 1 - i];
	for (size_t e = 0; e < ENCODERS; e++)
		bench_stage_init(&stages[e], encoders[e], CHANNELS, 1.0f);
	for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
		int at = round < 0 ? 0 : round;

		for (size_t e = 0; e < ENCODERS; e++) {
			run[e][at] = run_encoder(&stages[e], &rows);
			reference[e][at] = run_copy(&rows);
		}
	}
	for (size_t e = 0; e < ENCODERS; e++) {
		struct bench_line line = {
			.bench = "detectors",
			.unit = "ns/channel",
			.value = bench_median(run[e], ROUNDS),
			.reference = bench_median(reference[e], ROUNDS),
			.against = "memcpy of the row",
			.aims = {{AIM_VALUE_MOST, 1.0}},
			.more = json_pack("{s:s, s:s, s:i}", "encoder", encoders[e], "kernels",
				kernels_name(), "channels", CHANNELS),
		};
		bench_print(&line);
		bench_stage_fini(&stages[e]);
	}
	free(rows.first);
	free(rows.second);
	free(rows.copy);
}
