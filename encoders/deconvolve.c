/* Encoders that ask of each tick whether a spike there, seen through a filter, would explain the
 * signal: with taps h[0 ... f-1] and r[0 ... f-1] the last f inputs, oldest first,
 *
 *   if the class's test of r and h holds: s = 1, r[j] -= h[j] for all j
 *
 * A spike belongs to the window's oldest input, which is f - 1 ticks old when it is sent: that is
 * the delay. The first f - 1 ticks give none. The spikes are those of the definition over a whole
 * signal (spikify's, without its windows that shrink at the signal's end), f - 1 ticks later.
 *
 * Taps are listed, or those of a low-pass filter: h[m] ~ sinc(c (m - (f-1)/2)) times a Hann window
 * that is 0 at both ends, sum 1, made in double and rounded to float32; as scipy's firwin gives
 * them. Inputs are meant to lie between 0 and the sum of the taps: more cannot be said in spikes.
 * Float32, one rounding an operation; sums run from j = 0 up.
 *
 * Saturation: above the sum of the taps a line fires at every tick; below 0 it does not fire. What
 * is beyond twice the sum of |h| on either side is held there: what spikes can take out of it
 * leaves it beyond every tap, so that nothing else changes, and float32 still sees a tap beside it.
 * A value that is not finite is no sample: the last one counts again. At a window's first tick r is
 * empty again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/deconvolve.h"

#include <errno.h>

struct deconvolution {
	uint32_t f;
	const float *taps;
	const float *theta; /* one a line, or NULL */
	float most;         /* of an input's size */
};

/* State: this head; the last inputs that were numbers, one a line; for each word a ring of f rows. */
struct head {
	uint32_t next;   /* row that the next input goes to */
	uint32_t filled; /* rows, up to f */
};

static inline float *held_of(void *state)
{
	return (float *)((char *)state + stage_round(sizeof(struct head)));
}

static bool is_listed(const struct stage *st)
{
	return st->values[DECONVOLVE_TAPS].present;
}

static bool has_theta(const struct stage *st)
{
	return st->class->params[DECONVOLVE_THETA].name != NULL;
}

static uint32_t taps_count(const struct stage *st)
{
	return is_listed(st) ? st->values[DECONVOLVE_TAPS].count
			     : (uint32_t)st->values[DECONVOLVE_F].integer;
}

static void make_taps(const struct stage *st, float *taps)
{
	uint32_t f = taps_count(st);
	if (is_listed(st)) {
		for (uint32_t m = 0; m < f; m++)
			taps[m] = (float)param_number(&st->values[DECONVOLVE_TAPS], m);
		return;
	}
	double made[DECONVOLVE_F_MAX], sum = 0, cutoff = st->values[DECONVOLVE_CUTOFF].number;
	for (uint32_t m = 0; m < f; m++) {
		double t = M_PI * cutoff * (m - (f - 1) / 2.0);
		double hann = 0.5 - 0.5 * cos(2 * M_PI * m / (f - 1));
		made[m] = hann * (t == 0 ? 1 : sin(t) / t);
		sum += made[m];
	}
	for (uint32_t m = 0; m < f; m++)
		taps[m] = (float)(made[m] / sum);
}

/* Sum of |taps|, as a run would add it up. */
static float area_of(const struct stage *st)
{
	float taps[DECONVOLVE_F_MAX], area = 0;
	make_taps(st, taps);
	for (uint32_t m = 0; m < taps_count(st); m++)
		area += fabsf(taps[m]);
	return area;
}

static const char *key_of(const struct stage *st)
{
	return is_listed(st) ? "taps" : "f";
}

int deconvolve_plan(struct stage *st, struct fault *f)
{
	if (is_listed(st) && stage_given(st, DECONVOLVE_F))
		return stage_fault(f, "f", "taps say how many they are; leave f out");
	if (is_listed(st) && stage_given(st, DECONVOLVE_CUTOFF))
		return stage_fault(f, "cutoff", "taps are the filter; leave cutoff out");
	uint32_t count = taps_count(st);
	if (count < 2 || count > DECONVOLVE_F_MAX)
		return stage_fault(f, "taps", "taps must be from 2 to %d numbers, not %u",
			DECONVOLVE_F_MAX, count);
	if (!(area_of(st) > 0))
		return stage_fault(f, "taps", "one tap at least must not be 0");
	if (st->window > 0 && st->window < count)
		return stage_fault(f, key_of(st),
			"%s looks at %u ticks at a time and the stream's window has %u; give fewer "
			"taps or a longer window",
			st->asked, count, st->window);
	size_t line_bytes = stage_float_bytes(st->in_lines);
	st->const_size = stage_round(sizeof(struct deconvolution)) +
			 stage_round(count * sizeof(float)) + (has_theta(st) ? line_bytes : 0);
	st->state_size = stage_round(sizeof(struct head)) + (1 + (size_t)count) * line_bytes;
	return 0;
}

int deconvolve_refuse_negative(const struct stage *st, struct fault *f)
{
	float taps[DECONVOLVE_F_MAX];
	uint32_t count = taps_count(st);
	make_taps(st, taps);
	for (uint32_t m = 0; m < count; m++) {
		if (taps[m] >= 0)
			continue;
		if (is_listed(st))
			return stage_fault(f, "taps",
				"%s needs taps of at least 0, and tap %u is %.9g", st->asked, m,
				(double)taps[m]);
		return stage_fault(f, "cutoff",
			"%s needs taps of at least 0, and cutoff %.9g with %u taps makes tap %u %.3g; "
			"%.3g would do",
			st->asked, st->values[DECONVOLVE_CUTOFF].number, count, m, (double)taps[m],
			2.0 / (count - 1));
	}
	return 0;
}

int deconvolve_check_theta(const struct stage *st, bool less, const char *else_, struct fault *f)
{
	const struct param_value *theta = &st->values[DECONVOLVE_THETA];
	float area = area_of(st);
	for (uint32_t c = 0; c < theta->count; c++) {
		float here = (float)param_number(theta, c);
		if (less ? here < area : here <= area)
			continue;
		int err = stage_fault(f, "theta", "theta %.9g is %s the taps' sum of %.9g, so %s",
			param_number(theta, c), less ? "not below" : "above", (double)area, else_);
		if (f && theta->numbers)
			f->item = (int)c;
		return err;
	}
	return 0;
}

void deconvolve_prepare(struct stage *st)
{
	struct deconvolution *d = st->consts;
	uint32_t count = taps_count(st);
	float *taps = (float *)((char *)st->consts + stage_round(sizeof(*d)));
	make_taps(st, taps);
	*d = (struct deconvolution){
		.f = count, .taps = taps, .most = fminf(2 * area_of(st), FLT_MAX)};
	if (is_listed(st)) {
		stage_unset(st, DECONVOLVE_F);
		stage_unset(st, DECONVOLVE_CUTOFF);
	}
	if (!has_theta(st))
		return;
	float *theta = (float *)((char *)taps + stage_round(count * sizeof(*taps)));
	for (uint32_t i = 0; i < st->in_lines; i++)
		theta[i] = stage_float(st, DECONVOLVE_THETA, i);
	d->theta = theta;
}

void deconvolve_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

/* The input of one word, n lines of it. */
static void push(const struct deconvolution *d, float *restrict row, float *restrict held,
	const float *restrict x, uint32_t n)
{
	float most = d->most;
	for (uint32_t i = 0; i < n; i++) {
		held[i] = fabsf(x[i]) <= FLT_MAX ? x[i] : held[i];
		float low = held[i] < most ? held[i] : most;
		row[i] = low > -most ? low : -most;
	}
}

void deconvolve_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	uint64_t (*fits)(const struct trace *t))
{
	const struct deconvolution *d = st->consts;
	struct head *head = state;
	float *held = held_of(state);
	float *ring = held + stage_stride(in->count);
	uint32_t row = head->next, next = row + 1 < d->f ? row + 1 : 0;
	head->filled += head->filled < d->f;
	for (uint32_t at = 0; at < in->count; at += WORD_LINES, ring += d->f * (size_t)WORD_LINES) {
		uint32_t n = in->count - at < WORD_LINES ? in->count - at : WORD_LINES;
		const struct trace t = {
			.ring = ring,
			.oldest = next,
			.f = d->f,
			.taps = d->taps,
			.theta = d->theta ? d->theta + at : NULL,
		};
		push(d, ring + (size_t)row * WORD_LINES, held + at, in->values + at, n);
		uint64_t fired = head->filled == d->f ? fits(&t) & bits_below(n) : 0;
		if (fired)
			kernels_get()->take_out(&t, fired);
		out->on[at / WORD_LINES] = fired;
	}
	head->next = next;
}

int deconvolve_check(const struct stage *st, const void *state)
{
	const struct deconvolution *d = st->consts;
	const struct head *head = state;
	const float *held = held_of((void *)state); /* only read */
	size_t count = (1 + (size_t)d->f) * stage_stride(st->in_lines);
	if (head->next >= d->f || head->filled > d->f)
		return -EINVAL;
	return stage_floats_sane(held, count) ? 0 : -EINVAL;
}

/* State of the way back: the place of the newest plane, then a ring of f planes. */
size_t deconvolve_undo_size(const struct stage *st)
{
	return STAGE_ALIGN + taps_count(st) * stage_plane_bytes(st->in_lines);
}

void deconvolve_undo_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, deconvolve_undo_size(st));
}

struct mending deconvolve_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = st->window > 0 ? 0 : taps_count(st)};
}

void deconvolve_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const struct deconvolution *d = st->consts;
	uint32_t *newest = state;
	size_t words = lines_words(in->count), stride = stage_plane_bytes(in->count);
	char *planes = (char *)state + STAGE_ALIGN;
	*newest = *newest + 1 < d->f ? *newest + 1 : 0;
	memcpy(planes + *newest * stride, in->on, words * sizeof(*in->on));
	memset(out->values, 0, in->count * sizeof(*out->values));
	for (uint32_t j = 0; j < d->f; j++) {
		uint32_t at = *newest >= j ? *newest - j : *newest + d->f - j;
		const uint64_t *plane = (const uint64_t *)(planes + at * stride);
		for (size_t w = 0; w < words; w++) {
			for (uint64_t rest = plane[w]; rest; rest &= rest - 1)
				out->values[w * WORD_LINES + (unsigned)__builtin_ctzll(rest)] +=
					d->taps[j];
		}
	}
}
