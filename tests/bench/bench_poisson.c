/* The Poisson stage on Philox, at ticks that hold a row: against a Philox that spends a word of 32
 * bits on every draw and makes its threshold anew.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/hand.h"
#include "tests/bench/stage.h"

#include "encoders/kernels/kernels.h"

#include <stdlib.h>

#define CHANNELS 65536
#define ROUNDS   41
#define TICKS    50

static double run_hand(hand_draw *draw, const struct bench_stage *s, uint64_t *on)
{
	static uint64_t tick;
	int64_t start = bench_now_ns();

	for (int i = 0; i < TICKS; i++) {
		draw(1, tick++, 0.1f, s->values, on, CHANNELS);
		bench_use(on);
	}
	return (double)(bench_now_ns() - start) / TICKS / CHANNELS;
}

void bench_poisson(const struct bench_site *site)
{
	hand_draw *hand = hand_draw_for(kernels_name());
	uint64_t *on = bench_alloc(CHANNELS / 8);
	double run[ROUNDS], reference[ROUNDS];
	struct bench_stage stage;

	(void)site;
	bench_stage_init(&stage, "poisson", CHANNELS, 1.0f);
	for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
		int at = round < 0 ? 0 : round;

		run[at] = bench_stage_run(&stage, TICKS);
		reference[at] = run_hand(hand, &stage, on);
	}
	struct bench_line line = {
		.bench = "poisson",
		.unit = "ns/channel",
		.value = bench_median(run, ROUNDS),
		.reference = bench_median(reference, ROUNDS),
		.against = "straight Philox, 32 bits a draw",
		.aims = {{AIM_VALUE_MOST, 0.30}},
		.more = json_pack("{s:s, s:i}", "kernels", kernels_name(), "channels", CHANNELS),
	};
	bench_print(&line);
	bench_stage_fini(&stage);
	free(on);
}
