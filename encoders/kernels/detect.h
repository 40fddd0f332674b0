/* Change detectors and cheap rate coders, as plain loops of which a compiler makes good vectors. A
 * file that includes this compiles them for its instruction set; it has `pack` before: 64 bytes of
 * 0 or 1 -> bit i = byte i.
 *
 * One rounding an operation, in the order written. Comparisons are written so that a NaN fires
 * nothing; what it leaves behind is said at each.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/bits.h"
#include "encoders/kernels/kernels.h"

#include <float.h>
#include <math.h>

/* Constants at the calls make of one function a loop without a choice; not if it stays a call. */
#define FLAT static inline __attribute__((always_inline))

/* Runs the statement for every word of lines: `at` is its first line and `n` how many it has, a
 * constant in all but the last. */
#define EACH_WORD(at, n, count, statement)                              \
	do {                                                            \
		const size_t full_ = (count) / WORD_LINES * WORD_LINES; \
		for (size_t at = 0; at < full_; at += WORD_LINES) {     \
			enum { n = WORD_LINES };                        \
			statement;                                      \
		}                                                       \
		if ((count) > full_) {                                  \
			const size_t at = full_;                        \
			const unsigned n = (unsigned)((count)-full_);   \
			statement;                                      \
		}                                                       \
	} while (0)

/* A byte a line. */
struct marks {
	uint8_t up[WORD_LINES], down[WORD_LINES];
};

static inline bool is_finite(float x)
{
	return fabsf(x) <= FLT_MAX;
}

/* Of a word's floats: which are above 0, below it, neither. */
static inline uint64_t pack_above(const float *x)
{
	uint8_t marks[WORD_LINES];
	for (size_t i = 0; i < WORD_LINES; i++)
		marks[i] = x[i] > 0.0f;
	return pack(marks);
}

static inline uint64_t pack_below(const float *x)
{
	uint8_t marks[WORD_LINES];
	for (size_t i = 0; i < WORD_LINES; i++)
		marks[i] = x[i] < 0.0f;
	return pack(marks);
}

static inline uint64_t pack_counts(const float *x, unsigned n)
{
	uint8_t marks[WORD_LINES] = {0};
	for (size_t i = 0; i < n; i++)
		marks[i] = x[i] != 0.0f;
	return pack(marks);
}

static inline float within(float x, float low, float high)
{
	x = x > high ? high : x;
	return x < low ? low : x;
}

/* Ticks that a line is still silent after this one. */
static inline uint32_t next_wait(uint32_t wait, bool fired, uint32_t refractory)
{
	return fired ? refractory : wait - (wait != 0);
}

/* each and waits are constants at every call, as in the functions below. */
FLAT void stairs_word(const struct stairs *rule, size_t at, float *restrict base,
	uint32_t *restrict wait, const float *restrict x, uint64_t *on, uint64_t *minus, unsigned n,
	bool each, bool waits)
{
	const struct stairs r = *rule;
	struct marks marks = {{0}, {0}};
	for (size_t i = 0; i < n; i++) {
		float b = base[at + i] * r.keep;
		float high = b + stairs_step(b, each ? r.ups[at + i] : r.up);
		float low = b - stairs_step(b, each ? r.downs[at + i] : r.down);
		bool sample = is_finite(x[at + i]);
		bool rises = sample & (x[at + i] > high), falls = sample & (x[at + i] < low);
		if (waits) {
			rises &= wait[at + i] == 0;
			falls &= wait[at + i] == 0;
			wait[at + i] = next_wait(wait[at + i], rises | falls, r.refractory);
		}
		float next = rises ? high : b;
		base[at + i] = falls ? low : next;
		marks.up[i] = rises;
		marks.down[i] = falls;
	}
	on[at / WORD_LINES] = pack(marks.up);
	minus[at / WORD_LINES] = pack(marks.down);
}

static inline void stairs_lines(const struct stairs *r, float *base, uint32_t *wait, const float *x,
	uint64_t *on, uint64_t *minus, uint32_t count)
{
	if (wait)
		EACH_WORD(
			at, n, count, stairs_word(r, at, base, wait, x, on, minus, n, true, true));
	else if (r->ups)
		EACH_WORD(
			at, n, count, stairs_word(r, at, base, NULL, x, on, minus, n, true, false));
	else
		EACH_WORD(at, n, count,
			stairs_word(r, at, base, NULL, x, on, minus, n, false, false));
}

/* How many steps lead up from b to x, or past it by a rounding: ceil((x - b) / step) - 1, and one
 * more where rounding made that too few. x is above b + step. */
FLAT float stairs_between(float b, float x, float step, float most)
{
	float q = fabsf(x - b) / step; /* without a sign, so that a line at rest is a number too */
	q = q < most + 1.0f ? q : most + 1.0f;
	float whole = (float)(int32_t)q;
	float n = whole - (whole < q ? 0.0f : 1.0f);
	float there = b + n * step;
	n = n + (x > there + step ? 1.0f : 0.0f);
	return within(n, 1.0f, most);
}

FLAT void stairs_counts_word(const struct stairs *rule, size_t at, float *restrict base,
	uint32_t *restrict wait, const float *restrict x, uint64_t *on, float *restrict counts,
	unsigned n, bool each, bool waits)
{
	const struct stairs r = *rule;
	for (size_t i = 0; i < n; i++) {
		float b = base[at + i] * r.keep;
		float up = stairs_step(b, each ? r.ups[at + i] : r.up);
		float down = stairs_step(b, each ? r.downs[at + i] : r.down);
		bool sample = is_finite(x[at + i]);
		bool rises = sample & (x[at + i] > b + up), falls = sample & (x[at + i] < b - down);
		if (waits) {
			rises &= wait[at + i] == 0;
			falls &= wait[at + i] == 0;
			wait[at + i] = next_wait(wait[at + i], rises | falls, r.refractory);
		}
		float sign = rises ? 1.0f : -1.0f, step = rises ? up : down;
		float from = sign * b;
		float steps = stairs_between(from, sign * x[at + i], step, r.most);
		float moved = sign * within(from + steps * step, -FLT_MAX, FLT_MAX);
		moved = moved + 0.0f; /* as b - steps * step, which is never -0 */
		base[at + i] = (rises | falls) ? moved : b;
		counts[at + i] = (rises | falls) ? sign * steps : 0.0f;
	}
	on[at / WORD_LINES] = pack_counts(counts + at, n);
}

static inline void stairs_counts_lines(const struct stairs *r, float *base, uint32_t *wait,
	const float *x, uint64_t *on, float *counts, uint32_t count)
{
	if (wait)
		EACH_WORD(at, n, count,
			stairs_counts_word(r, at, base, wait, x, on, counts, n, true, true));
	else if (r->ups)
		EACH_WORD(at, n, count,
			stairs_counts_word(r, at, base, NULL, x, on, counts, n, true, false));
	else
		EACH_WORD(at, n, count,
			stairs_counts_word(r, at, base, NULL, x, on, counts, n, false, false));
}

FLAT void send_word(const struct change *rule, size_t at, float *restrict sent,
	const float *restrict x, uint64_t *on, uint64_t *minus, unsigned n, bool each)
{
	const struct change r = *rule;
	struct marks marks = {{0}, {0}};
	for (size_t i = 0; i < n; i++) {
		float theta = each ? r.thetas[at + i] : r.theta;
		float d = x[at + i] - sent[at + i];
		bool sample = is_finite(x[at + i]);
		bool rises = sample & (d > theta), falls = sample & (d < -theta);
		sent[at + i] = (rises | falls) ? x[at + i] : sent[at + i];
		marks.up[i] = rises;
		marks.down[i] = falls;
	}
	on[at / WORD_LINES] = pack(marks.up);
	minus[at / WORD_LINES] = pack(marks.down);
}

static inline void send_lines(const struct change *r, float *sent, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	if (r->thetas)
		EACH_WORD(at, n, count, send_word(r, at, sent, x, on, minus, n, true));
	else
		EACH_WORD(at, n, count, send_word(r, at, sent, x, on, minus, n, false));
}

/* A difference beyond the largest float is sent in parts. */
FLAT void send_graded_word(const struct change *rule, size_t at, float *restrict sent,
	const float *restrict x, uint64_t *on, float *restrict values, unsigned n, bool each)
{
	const struct change r = *rule;
	struct marks marks = {{0}, {0}};
	for (size_t i = 0; i < n; i++) {
		float theta = each ? r.thetas[at + i] : r.theta;
		float d = within(x[at + i] - sent[at + i], -FLT_MAX, FLT_MAX);
		bool fires = is_finite(x[at + i]) & (fabsf(d) > theta);
		float moved = within(sent[at + i] + d, -FLT_MAX, FLT_MAX);
		sent[at + i] = fires ? moved : sent[at + i];
		values[at + i] = d;
		marks.up[i] = fires;
	}
	on[at / WORD_LINES] = pack(marks.up);
}

static inline void send_graded_lines(const struct change *r, float *sent, const float *x,
	uint64_t *on, float *values, uint32_t count)
{
	if (r->thetas)
		EACH_WORD(at, n, count, send_graded_word(r, at, sent, x, on, values, n, true));
	else
		EACH_WORD(at, n, count, send_graded_word(r, at, sent, x, on, values, n, false));
}

FLAT void derive_word(const struct change *rule, size_t at, float *restrict before,
	const float *restrict x, uint64_t *on, uint64_t *minus, unsigned n, bool each)
{
	const struct change r = *rule;
	struct marks marks = {{0}, {0}};
	for (size_t i = 0; i < n; i++) {
		float theta = each ? r.thetas[at + i] : r.theta;
		float d = x[at + i] - before[at + i];
		bool sample = is_finite(x[at + i]);
		before[at + i] = sample ? x[at + i] : before[at + i];
		marks.up[i] = sample & (d >= theta);
		marks.down[i] = sample & (d <= -theta) & !(d >= theta); /* theta 0 is both */
	}
	on[at / WORD_LINES] = pack(marks.up);
	if (minus)
		minus[at / WORD_LINES] = pack(marks.down);
}

static inline void derive_lines(const struct change *r, float *before, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	if (r->thetas)
		EACH_WORD(at, n, count, derive_word(r, at, before, x, on, minus, n, true));
	else
		EACH_WORD(at, n, count, derive_word(r, at, before, x, on, minus, n, false));
}

static inline uint64_t told(enum edge edge, uint64_t was, uint64_t is)
{
	return edge == EDGE_LEVEL ? is : edge == EDGE_FALL ? was & ~is : is & ~was;
}

FLAT void cross_word(const struct crossing *rule, size_t at, uint64_t *high,
	const float *restrict x, uint64_t *on, uint64_t *minus, unsigned n, bool each)
{
	const struct crossing r = *rule;
	struct marks marks = {{0}, {0}};
	for (size_t i = 0; i < n; i++) {
		marks.up[i] = x[at + i] > (each ? r.rises[at + i] : r.rise);
		marks.down[i] = x[at + i] <= (each ? r.falls[at + i] : r.fall);
	}
	uint64_t was = high[at / WORD_LINES];
	uint64_t is = (was | pack(marks.up)) & ~pack(marks.down);
	high[at / WORD_LINES] = is;
	on[at / WORD_LINES] = told(r.edge, was, is);
	if (minus)
		minus[at / WORD_LINES] = told(EDGE_FALL, was, is);
}

static inline void cross_lines(const struct crossing *r, uint64_t *high, const float *x,
	uint64_t *on, uint64_t *minus, uint32_t count)
{
	if (r->rises)
		EACH_WORD(at, n, count, cross_word(r, at, high, x, on, minus, n, true));
	else
		EACH_WORD(at, n, count, cross_word(r, at, high, x, on, minus, n, false));
}

FLAT void leak_word(const struct leaky *rule, size_t at, float *restrict v, const float *restrict x,
	uint64_t *on, uint64_t *minus, unsigned n, bool each)
{
	const struct leaky r = *rule;
	struct marks marks = {{0}, {0}};
	for (size_t i = 0; i < n; i++) {
		float theta = each ? r.thetas[at + i] : r.theta;
		float w = (each ? r.betas[at + i] : r.beta) * v[at + i] + x[at + i];
		bool rises = w > theta, falls = w < -theta;
		float next = w == w ? w : v[at + i];
		v[at + i] = (rises | falls) ? 0.0f : next;
		marks.up[i] = rises;
		marks.down[i] = falls;
	}
	on[at / WORD_LINES] = pack(marks.up);
	minus[at / WORD_LINES] = pack(marks.down);
}

static inline void leak_lines(const struct leaky *r, float *v, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	if (r->thetas)
		EACH_WORD(at, n, count, leak_word(r, at, v, x, on, minus, n, true));
	else
		EACH_WORD(at, n, count, leak_word(r, at, v, x, on, minus, n, false));
}

/* What a line's sum is worth in whole spikes; they are taken from it. *rest is what *v, a float,
 * cannot hold of the sum: Knuth's sum of two and what it lost. */
FLAT float take_spikes(const struct meter *r, float gain, float x, float *v, float *rest)
{
	const float most = r->most - r->least + 2.0f * r->carry; /* more makes no difference */
	float a = gain * x;
	float flipped = a * r->flip;
	a = a > flipped ? a : flipped;
	a = within(a, -most, most);
	a = a == a ? a : 0.0f;
	float before = *v, sum = before + a, got = sum - before;
	float lost = (before - (sum - got)) + (a - got) + *rest;
	float all = sum + lost;
	lost = lost - (all - sum);
	float spikes = within((float)(int32_t)all, r->least, r->most);
	float left = all - spikes;
	*v = within(left, -r->carry, r->carry);
	*rest = fabsf(left) <= r->carry ? lost : 0.0f;
	return spikes;
}

/* `spikes` has room for the word. */
FLAT void take_word(const struct meter *rule, size_t at, float *restrict v, float *restrict rest,
	const float *restrict x, float *restrict spikes, unsigned n, bool each)
{
	const struct meter r = *rule;
	for (size_t i = 0; i < n; i++) {
		float gain = each ? r.gains[at + i] : r.gain;
		spikes[i] = take_spikes(&r, gain, x[at + i], &v[at + i], &rest[at + i]);
	}
}

FLAT void meter_word(const struct meter *r, size_t at, float *restrict v, float *restrict rest,
	const float *restrict x, uint64_t *on, uint64_t *minus, unsigned n, bool each)
{
	float spikes[WORD_LINES] = {0};
	take_word(r, at, v, rest, x, spikes, n, each);
	on[at / WORD_LINES] = pack_above(spikes);
	if (minus)
		minus[at / WORD_LINES] = pack_below(spikes);
}

static inline void meter_lines(const struct meter *r, float *v, float *rest, const float *x,
	uint64_t *on, uint64_t *minus, uint32_t count)
{
	if (r->gains)
		EACH_WORD(at, n, count, meter_word(r, at, v, rest, x, on, minus, n, true));
	else
		EACH_WORD(at, n, count, meter_word(r, at, v, rest, x, on, minus, n, false));
}

FLAT void meter_counts_word(const struct meter *r, size_t at, float *v, float *rest, const float *x,
	uint64_t *on, float *counts, unsigned n, bool each)
{
	take_word(r, at, v, rest, x, counts + at, n, each);
	on[at / WORD_LINES] = pack_counts(counts + at, n);
}

static inline void meter_counts_lines(const struct meter *r, float *v, float *rest, const float *x,
	uint64_t *on, float *counts, uint32_t count)
{
	if (r->gains)
		EACH_WORD(at, n, count, meter_counts_word(r, at, v, rest, x, on, counts, n, true));
	else
		EACH_WORD(at, n, count, meter_counts_word(r, at, v, rest, x, on, counts, n, false));
}
