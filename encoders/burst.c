/* Burst: a larger value gives more spikes, closer together, from the window's first tick on.
 *
 * With y = x clamped to [0, 1] at the window's first tick:
 *   n   = ceil(n_max y) spikes
 *   gap = ceil(t_max - y (t_max - t_min)) silent ticks between two of them
 * at the window's ticks j (gap + 1), j = 0 … n - 1. Count and interval say the same thing twice, so
 * that a lost or an invented spike does little harm.
 *
 * spikify's burst_coding, which finds out while encoding that a window is too short; here it is
 * refused when the pipeline is built.
 *
 * Saturation: infinities are clamped like large values; NaN is no sample and gives no spike, as 0
 * does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/latch.h"

#include <errno.h>

enum { N_MAX, T_MIN, T_MAX };

#define COUNT_MAX 65536
#define TICKS_MAX 1048576 /* float32 holds such numbers to a 16th */

static const struct param burst_params[] = {
	[N_MAX] =
		{
			.name = "n_max",
			.type = PARAM_COUNT,
			.flags = PARAM_LIVE,
			.preset = "4",
			.min = 1,
			.max = COUNT_MAX,
			.help = "Spikes of the value 1.",
		},
	[T_MIN] =
		{
			.name = "t_min",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.flags = PARAM_LIVE,
			.preset = "0",
			.min = 0,
			.max = TICKS_MAX,
			.help = "Silent ticks between two spikes of the value 1.",
		},
	[T_MAX] =
		{
			.name = "t_max",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.flags = PARAM_LIVE,
			.preset = "4",
			.min = 0,
			.max = TICKS_MAX,
			.help = "Silent ticks between two spikes of the smallest values.",
		},
	{0},
};

struct burst {
	float n_max, t_max, slope; /* slope = t_max - t_min */
};

/* State: a latch (the tick of the next spike), then for each line the interval and how many spikes
 * are left, the next one included. */
struct train {
	uint32_t *next, *interval, *left;
};

static struct train train_of(const struct stage *st, void *state)
{
	size_t stride = stage_stride(st->in_lines);
	uint32_t *next = ((struct latch *)state)->due;
	return (struct train){next, next + stride, next + 2 * stride};
}

static uint64_t ticks_needed(uint64_t n_max, uint64_t t_min, uint64_t t_max)
{
	uint64_t most = 1;
	for (uint64_t n = 2; n <= n_max; n++) {
		/* n spikes mean y > (n-1)/n_max, so a gap of at most this. */
		uint64_t gap = t_max - (n - 1) * (t_max - t_min) / n_max;
		uint64_t ticks = (n - 1) * (gap + 1) + 1;
		most = ticks > most ? ticks : most;
	}
	return most;
}

static int burst_plan(struct stage *st, struct fault *f)
{
	uint64_t n_max = st->values[N_MAX].integer;
	uint64_t t_min = st->values[T_MIN].integer, t_max = st->values[T_MAX].integer;
	int err = latch_plan(st, 1, f);
	if (err)
		return err;
	if (t_min > t_max)
		return stage_fault(f, "t_max",
			"t_max must be at least t_min: they are %llu and %llu",
			(unsigned long long)t_max, (unsigned long long)t_min);
	uint64_t needed = ticks_needed(n_max, t_min, t_max);
	if (needed > st->window)
		return stage_fault(f, "n_max",
			"bursts of up to %llu spikes with gaps of %llu to %llu ticks need a window of "
			"%llu ticks and the stream's has %u",
			(unsigned long long)n_max, (unsigned long long)t_min,
			(unsigned long long)t_max, (unsigned long long)needed, st->window);
	st->const_size = sizeof(struct burst);
	st->state_size = latch_bytes(st->in_lines) +
			 stage_round(2 * stage_stride(st->in_lines) * sizeof(uint32_t));
	return 0;
}

static void burst_prepare(struct stage *st)
{
	*(struct burst *)st->consts = (struct burst){
		.n_max = (float)st->values[N_MAX].integer,
		.t_max = (float)st->values[T_MAX].integer,
		.slope = (float)(st->values[T_MAX].integer - st->values[T_MIN].integer),
	};
}

static void burst_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	struct latch *l = state;
	l->tick = 0;
	if (scope != RESET_ALL)
		return;
	memset(state, 0, st->state_size);
	for (uint32_t i = 0; i < st->in_lines; i++)
		l->due[i] = LATCH_NEVER;
}

static void take_row(const struct stage *st, struct train t, const float *x)
{
	const struct burst *b = st->consts;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		float y = x[i] > 0 ? x[i] : 0; /* NaN too */
		y = y < 1 ? y : 1;
		t.left[i] = (uint32_t)ceilf(b->n_max * y);
		t.interval[i] = (uint32_t)ceilf(b->t_max - y * b->slope) + 1;
		t.next[i] = t.left[i] ? 0 : LATCH_NEVER;
	}
}

/* Those that fired get their next tick. */
static void move_on(struct train t, uint64_t *on, size_t words)
{
	for (size_t w = 0; w < words; w++) {
		for (uint64_t fired = on[w]; fired; fired &= fired - 1) {
			size_t i = w * WORD_LINES + (size_t)__builtin_ctzll(fired);
			t.next[i] = --t.left[i] ? t.next[i] + t.interval[i] : LATCH_NEVER;
		}
	}
}

static void burst_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)tick;
	struct latch *l = state;
	struct train t = train_of(st, state);
	if (l->tick == 0)
		take_row(st, t, in->values);
	latch_run(st, l, out->on);
	move_on(t, out->on, lines_words(out->count));
}

/* Each line's last spike is within the window, its next one is still to come. */
static int burst_check(const struct stage *st, const void *state)
{
	const struct latch *l = state;
	struct train t = train_of(st, (void *)state);
	if (!latch_sane(st, l, st->in_lines))
		return -EINVAL;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if ((t.left[i] == 0) != (t.next[i] == LATCH_NEVER))
			return -EINVAL;
		if (t.left[i] == 0)
			continue;
		uint64_t end = t.next[i] + (t.left[i] - 1) * (uint64_t)t.interval[i];
		if (t.next[i] < l->tick || t.interval[i] == 0 || end >= st->window)
			return -EINVAL;
	}
	return 0;
}

/* Of a decoder, behind a reading's values: each line's spikes, and the tick of its second. */
static struct train heard_of(const struct stage *st, struct reading *r)
{
	size_t stride = stage_stride(st->out_lines);
	uint32_t *count = (uint32_t *)((char *)r->values + stage_float_bytes(st->out_lines));
	return (struct train){.left = count, .interval = count + stride};
}

static size_t burst_reading_size(const struct stage *st)
{
	return sizeof(struct reading) + 3 * stage_float_bytes(st->out_lines);
}

static void burst_reading_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	struct reading *r = state;
	if (scope == RESET_ALL)
		memset(r, 0, burst_reading_size(st));
	memset(heard_of(st, r).left, 0, 2 * stage_float_bytes(st->out_lines));
	r->tick = 0;
}

/* The middle of what both the count and the interval allow. */
static float middle(const struct burst *b, uint32_t count, uint32_t interval)
{
	if (count == 0)
		return 0;
	float lo = (float)(count - 1) / b->n_max, hi = (float)count / b->n_max;
	if (count > 1 && b->slope > 0) {
		float over = b->t_max + 1 - (float)interval;
		lo = fmaxf(lo, over / b->slope);
		hi = fminf(hi, (over + 1) / b->slope);
	}
	return (lo + hi) / 2;
}

static struct mending burst_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = st->window};
}

static void burst_read(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	struct reading *r = state;
	struct train heard = heard_of(st, r);
	for (uint32_t i = 0; i < in->count; i++) {
		heard.left[i] += stage_bit(in->on, i);
		if (heard.left[i] == 2 && heard.interval[i] == 0)
			heard.interval[i] = r->tick;
		if (r->tick + 1 == st->window)
			r->values[i] = middle(st->consts, heard.left[i], heard.interval[i]);
		out->values[i] = r->values[i];
	}
	if (r->tick < st->window)
		r->tick++;
}

static const struct encoder_decoder burst_decoder = {
	.help = "x = the middle of what the count, (n-1)/n_max < x <= n/n_max, and from two spikes on "
		"the interval, (t_max+1-interval)/(t_max-t_min) and as much more as 1/(t_max-t_min), "
		"allow: off by half the narrower of the two at most; 0 without a spike. It comes with "
		"the window's last tick, the last window's value is held until then.",
	.size = burst_reading_size,
	.mends = burst_mends,
	.reset = burst_reading_reset,
	.run = burst_read,
};

const struct encoder_class encoder_burst = {
	.name = "burst",
	.summary =
		"A burst a window: larger values give more spikes, closer together; for links that "
		"lose or invent spikes.",
	.source = "spikify burst_coding",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = burst_params,
	.plan = burst_plan,
	.prepare = burst_prepare,
	.reset = burst_reset,
	.run = burst_run,
	.check = burst_check,
	.decoder = &burst_decoder,
};
