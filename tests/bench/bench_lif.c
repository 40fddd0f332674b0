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

/* In one piece and always laid out alike: loads and stores 4 KiB apart would slow one another, and
 * chance would say whose. */
static struct side side_new(uint32_t lines)
{
	size_t bytes = lines * sizeof(float);
	char *at = bench_alloc(2 * (bytes + 4096) + lines / 8);
	struct side s = {
		.v = (float *)(void *)at,
		.x = (float *)(void *)(at + bytes + 1088),
		.on = (uint64_t *)(void *)(at + 2 * bytes + 2 * 1088),
	};

	bench_spread(s.x, lines, 1.5f); /* a third of the lines fire */
	return s;
}

static void side_free(struct side *s)
{
	free(s->v);
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

/* The kernel against the first loop; *second is what the other one takes. */
static void compare(struct bench_line *line, const struct kernels *k, hand_lif *const hands[2],
	uint32_t lines, double *second)
{
	struct side sides[3] = {side_new(lines), side_new(lines), side_new(lines)};
	double took[3][ROUNDS];
	int steps = (int)(ROUND_NS / STEP_GUESS / lines) + 1;

	for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
		int at = round < 0 ? 0 : round;

		took[0][at] = run_kernel(k, &sides[0], lines, steps);
		took[1][at] = run_hand(hands[0], &sides[1], lines, steps);
		took[2][at] = run_hand(hands[1], &sides[2], lines, steps);
	}
	line->value = bench_median(took[0], ROUNDS);
	line->reference = bench_median(took[1], ROUNDS);
	*second = bench_median(took[2], ROUNDS);
	for (int i = 0; i < 3; i++)
		side_free(&sides[i]);
}

static void print_lif(const struct kernels *k, const struct hand_lifs *hands, uint32_t lines)
{
	struct bench_line line = {
		.bench = "lif",
		.unit = "ns/channel",
		.against = "hand-tuned loop of the same set",
		.aims = {{AIM_RATIO_MOST, 1.25}},
	};
	double fused;

	if (!strcmp(k->name, "avx512")) {
		line.aims[1].kind = AIM_VALUE_MOST;
		line.aims[1].limit = 0.12;
	}
	compare(&line, k, (hand_lif *const[]){hands->exact, hands->fused}, lines, &fused);
	line.more = json_pack(
		"{s:s, s:i, s:f}", "kernels", k->name, "channels", (int)lines, "fused_loop", fused);
	bench_print(&line);
}

void bench_lif(const struct bench_site *site)
{
	static const uint32_t sizes[] = {4096, 65536, 262144};
	size_t count;
	const struct kernels *const *all = kernels_all(&count);

	(void)site;
	for (size_t i = 0; i < count; i++) {
		struct hand_lifs hands = hand_lifs_for(all[i]->name);

		if (!hands.exact || (all[i]->works && !all[i]->works()))
			continue;
		for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++)
			print_lif(all[i], &hands, sizes[n]);
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

	double unchecked;

	(void)site;
	compare(&line, plain_c(), (hand_lif *const[]){hand_lif_obvious, hand_lif_unchecked}, 65536,
		&unchecked);
	line.more = json_pack("{s:s, s:i, s:f, s:f}", "kernels", plain_c()->name, "channels", 65536,
		"times_faster", line.reference / line.value, "unchecked_loop", unchecked);
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
