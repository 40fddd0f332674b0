/* Rank order: in each window the lines fire in the order of their values, the largest first.
 *
 * The row is taken at the window's first tick and sorted, larger values first and of equal ones the
 * lower line; the line of rank r fires at the window's tick r * stride if that is within the window
 * and its value is above `floor`. Only the order is in the spikes, so nothing decodes them. A line
 * depends on all channels of the stream.
 *
 * S. Thorpe, J. Gautrais, 1998: Rank order coding. BindsNET's rank_order is an inverse latency, not
 * this.
 *
 * Saturation: infinities have their rank; NaN is no sample and has none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/latch.h"

#include <errno.h>

enum { STRIDE, FLOOR };

static const struct param rank_params[] = {
	[STRIDE] =
		{
			.name = "stride",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.flags = PARAM_LIVE,
			.preset = "1",
			.min = 1,
			.max = INT32_MAX,
			.help = "Ticks from one rank's spike to the next one's.",
		},
	[FLOOR] =
		{
			.name = "floor",
			.type = PARAM_NUMBER,
			.flags = PARAM_LIVE,
			.preset = "0",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "Values that are not above it never fire.",
		},
	{0},
};

/* The state: who fires next, and when. */
struct ranking {
	uint32_t tick; /* of the window, the next one to run; stays at the window's length */
	uint32_t due;  /* of the next rank */
	uint32_t rank; /* the next to fire */
	uint32_t ranks;
	_Alignas(STAGE_ALIGN) uint32_t lines[]; /* that have the ranks */
};

/* What is sorted, ascending by key. */
struct entry {
	uint32_t key, line;
};

static int rank_plan(struct stage *st, struct fault *f)
{
	int err = latch_plan(st, 2, f);
	if (err)
		return err;
	st->state_size = sizeof(struct ranking) + stage_round(st->in_lines * sizeof(uint32_t));
	st->scratch_size = 2 * stage_round(st->in_lines * sizeof(struct entry));
	return 0;
}

static void rank_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	struct ranking *r = state;
	if (scope == RESET_ALL)
		memset(r, 0, st->state_size);
	r->tick = r->due = r->rank = r->ranks = 0;
}

/* The smaller the larger x; the same for both zeros. */
static uint32_t key_of(float x)
{
	float y = x + 0.0f;
	uint32_t bits;
	memcpy(&bits, &y, sizeof(bits));
	return bits >> 31 ? bits : ~bits & 0x7fffffffu;
}

/* One pass of a radix sort: by the byte of the key that `shift` says, equal ones as they were. */
static void sort_by(unsigned shift, const struct entry *from, struct entry *to, uint32_t n)
{
	uint32_t ends[256] = {0};
	for (uint32_t i = 0; i < n; i++)
		ends[from[i].key >> shift & 0xff]++;
	for (unsigned b = 1; b < 256; b++)
		ends[b] += ends[b - 1];
	for (uint32_t i = n; i-- > 0;)
		to[--ends[from[i].key >> shift & 0xff]] = from[i];
}

/* The time is the same for every row. */
static void rank_row(const struct stage *st, struct ranking *r, const float *x)
{
	float floor = (float)st->values[FLOOR].number;
	struct entry *a = stage_scratch(st, r);
	struct entry *b = a + stage_round(st->in_lines * sizeof(*a)) / sizeof(*a);
	uint32_t n = 0;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (x[i] > floor)
			a[n++] = (struct entry){key_of(x[i]), i};
	}
	sort_by(0, a, b, n);
	sort_by(8, b, a, n);
	sort_by(16, a, b, n);
	sort_by(24, b, a, n);
	for (uint32_t i = 0; i < n; i++)
		r->lines[i] = a[i].line;
	r->ranks = n;
}

static void rank_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	struct ranking *r = state;
	if (r->tick == 0)
		rank_row(st, r, in->values);
	if (out->count)
		memset(out->on, 0, lines_words(out->count) * sizeof(uint64_t));
	if (r->tick == st->window)
		return;
	if (r->rank < r->ranks && r->tick == r->due) {
		stage_put(out->on, r->lines[r->rank], true);
		r->rank++;
		r->due += (uint32_t)st->values[STRIDE].integer;
	}
	r->tick++;
}

static int rank_check(const struct stage *st, const void *state)
{
	const struct ranking *r = state;
	if (r->tick > st->window || r->ranks > st->in_lines || r->rank > r->ranks)
		return -EINVAL;
	if (r->rank < r->ranks && r->due < r->tick)
		return -EINVAL;
	for (uint32_t i = 0; i < r->ranks; i++) {
		if (r->lines[i] >= st->in_lines)
			return -EINVAL;
	}
	return 0;
}

const struct encoder_class encoder_rank_order = {
	.name = "rank_order",
	.summary = "In each window the lines fire one by one in the order of their values, the "
		   "largest first; for arrays of touch or proximity.",
	.source = "Thorpe and Gautrais 1998",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = rank_params,
	.joint = true,
	.plan = rank_plan,
	.reset = rank_reset,
	.run = rank_run,
	.check = rank_check,
};
