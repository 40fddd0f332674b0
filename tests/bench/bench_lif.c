/* The LIF kernels: against hand-tuned loops in cache, against memcpy from memory, and the plain C one
 * against the obvious loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/hand.h"

#include "encoders/kernels/kernels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS       41
#define ROUND_NS     2e6 /* how long a figure of a round takes, about */
#define STEP_GUESS   0.1 /* ns a channel */
#define MEMORY_LINES (UINT32_C(4) << 20)

static const struct lif_rule rule = {.a = 0.1f, .leak = 0.0f, .threshold = 1.0f, .reset = 0.0f};

/* Two copies of the same, so that neither side finds what the other left in a cache. */
struct side {
	float *v, *x;
	uint64_t *on;
};

static struct side side_new(uint32_t lines)
{
	struct side s = {
		.v = bench_alloc(lines * sizeof(float)),
		.x = bench_alloc(lines * sizeof(float)),
		.on = bench_alloc(lines / 8),
	};

	for (uint32_t i = 0; i < lines; i++)
		s.x[i] = 1.5f * (float)i / (float)lines; /* a third of the lines fire */
	return s;
}

static void side_free(struct side *s)
{
	free(s->v);
	free(s->x);
	free(s->on);
}

static double run_kernel(const struct kernels *k, struct side *s, uint32_t lines, int steps)
{
	int64_t start = bench_now_ns();

	for (int i = 0; i < steps; i++)
		k->lif(&rule, s->v, s->x, s->on, lines);
	return (double)(bench_now_ns() - start) / steps / lines;
}

static double run_hand(hand_lif *step, struct side *s, uint32_t lines, int steps)
{
	int64_t start = bench_now_ns();

	for (int i = 0; i < steps; i++) {
		step(rule.a, rule.threshold, s->v, s->x, s->on, lines);
		bench_use(s->v);
	}
	return (double)(bench_now_ns() - start) / steps / lines;
}

static void compare(
	struct bench_line *line, const struct kernels *k, hand_lif *hand, uint32_t lines)
{
	struct side ours = side_new(lines), theirs = side_new(lines);
	double run[ROUNDS], reference[ROUNDS];
	int steps = (int)(ROUND_NS / STEP_GUESS / lines) + 1;

	for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
		int at = round < 0 ? 0 : round;

		run[at] = run_kernel(k, &ours, lines, steps);
		reference[at] = run_hand(hand, &theirs, lines, steps);
	}
	line->value = bench_median(run, ROUNDS);
	line->reference = bench_median(reference, ROUNDS);
	side_free(&ours);
	side_free(&theirs);
}

void bench_lif(const struct bench_site *site)
{
	static const uint32_t sizes[] = {4096, 65536, 262144};
	size_t count;
	const struct kernels *const *all = kernels_all(&count);

	(void)site;
	for (size_t i = 0; i < count; i++) {
		hand_lif *hand = hand_lif_for(all[i]->name);

		if (!hand || (all[i]->works && !all[i]->works()))
			continue;
		for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
			struct bench_line line = {
				.bench = "lif",
				.unit = "ns/channel",
				.against = "hand-tuned loop of the same set",
				.aims = {{AIM_RATIO_MOST, 1.25}},
				.more = json_pack("{s:s, s:i}", "kernels", all[i]->name, "channels",
					(int)sizes[n]),
			};

			if (!strcmp(all[i]->name, "avx512")) {
				line.aims[1].kind = AIM_VALUE_MOST;
				line.aims[1].limit = 0.12;
			}
			compare(&line, all[i], hand, sizes[n]);
			bench_print(&line);
		}
	}
}

static const struct kernels *plain_c(void)
{
	size_t count;
	const struct kernels *const *all = kernels_all(&count);

	return all[count - 1];
}

void bench_lif_c(const struct bench_site *site)
{
	struct bench_line line = {
		.bench = "lif_c",
		.unit = "ns/channel",
		.against = "obvious loop",
		.aims = {{AIM_RATIO_MOST, 0.2}},
	};

	(void)site;
	compare(&line, plain_c(), hand_lif_obvious, 65536);
	line.more = json_pack("{s:s, s:i, s:f}", "kernels", plain_c()->name, "channels", 65536,
		"times_faster", line.reference / line.value);
	bench_print(&line);
}

void bench_lif_memory(const struct bench_site *site)
{
	const size_t bytes = MEMORY_LINES * sizeof(float);
	struct side s = side_new(MEMORY_LINES);
	float *from = bench_alloc(bytes), *to = bench_alloc(bytes);
	double run[ROUNDS], reference[ROUNDS];

	(void)site;
	for (int round = -1; round < ROUNDS; round++) {
		int at = round < 0 ? 0 : round;

		run[at] = run_kernel(kernels_get(), &s, MEMORY_LINES, 1);
		int64_t start = bench_now_ns();
		memcpy(to, from, bytes);
		bench_use(to);
		reference[at] = (double)(bench_now_ns() - start) / MEMORY_LINES;
	}
	struct bench_line line = {
		.bench = "lif_memory",
		.unit = "ns/channel",
		.value = bench_median(run, ROUNDS),
		.reference = bench_median(reference, ROUNDS),
		.against = "memcpy of the voltages",
		.aims = {{AIM_RATIO_MOST, 1.15}},
		.more = json_pack(
			"{s:s, s:i}", "kernels", kernels_name(), "channels", (int)MEMORY_LINES),
	};
	bench_print(&line);
	side_free(&s);
	free(from);
	free(to);
}
