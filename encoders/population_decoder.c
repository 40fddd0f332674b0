/* The way back from a population's activities: the centres' mean, each as heavy as its line is
 * active.
 *
 *   x = sum c_i A_i / sum A_i
 *   on a circle the direction of  sum A_i z^i  with z = e^(2 pi i s / period), s the centres'
 *   spacing, counted from c_0
 *
 * in float32. Activities below 0, which no population gives but a decoder behind it may, count as 0.
 * Without any the last value stands.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/population.h"

#include <errno.h>

static int decoder_plan(const struct stage *st, struct fault *f)
{
	const struct population *p = st->consts;
	if (!p->tunings[0].centres)
		return fault_set(f, -EINVAL,
			"%s cannot be decoded with `scale: auto`: its centres move with every row; "
			"give scale, or lo and hi",
			st->asked);
	if (p->n < 2)
		return fault_set(f, -EINVAL, "%s cannot be decoded: one line has only one centre",
			st->asked);
	return 0;
}

static size_t decoder_size(const struct stage *st)
{
	return stage_float_bytes(st->in_lines);
}

/* The estimates are of the signal and outlive a window. */
static void restart(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		memset(state, 0, decoder_size(st));
}

static inline float weight(float activity)
{
	return activity > 0 ? activity : 0;
}

static float mean_centre(const struct tuning *t, const float *activities, uint32_t n, float before)
{
	float sum = 0, all = 0;
	for (uint32_t i = 0; i < n; i++) {
		sum += t->centres[i] * weight(activities[i]);
		all += weight(activities[i]);
	}
	float x = sum / all;
	return isfinite(x) ? x : before;
}

/* The sum as a polynomial in z, its highest power first. */
static float mean_direction(
	const struct tuning *t, const float *activities, uint32_t n, float before)
{
	const float turn = (float)(2 * M_PI);
	float step = (t->centres[1] - t->centres[0]) / t->period * turn;
	float c = cosf(step), s = sinf(step), re = 0, im = 0, all = 0;
	for (uint32_t i = n; i-- > 0;) {
		float next = re * c - im * s + weight(activities[i]);
		im = re * s + im * c;
		re = next;
		all += weight(activities[i]);
	}
	float share = atan2f(im, re) / turn;
	float x = t->centres[0] + (share < 0 ? share + 1 : share) * t->period;
	return all > 0 && isfinite(x) ? x : before;
}

/* What it holds while there is no activity may be of before. */
static struct mending held_mends(const struct stage *st, const struct decoding *by)
{
	(void)st;
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = MENDS_NOT, .spikes = 1, .idle = true};
}

static void decode(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const struct population *p = st->consts;
	float *held = state;
	uint32_t fan = p->each ? out->count / st->channels : out->count;
	for (uint32_t i = 0; i < out->count; i++) {
		const struct tuning *t = &p->tunings[i / fan];
		const float *activities = in->values + (size_t)i * p->n;
		held[i] = p->distance == DISTANCE_CIRCULAR
				  ? mean_direction(t, activities, p->n, held[i])
				  : mean_centre(t, activities, p->n, held[i]);
		out->values[i] = held[i];
	}
}

const struct encoder_decoder population_decoder = {
	.help = "x = sum c_i A_i / sum A_i, on a circle the direction of that sum; without delay. Of "
		"exact activities, in the natural form with its own sigma, off by 0.53 of the centres' "
		"spacing at the ends and by 0.01 of it from the fourth centre on, on a circle closed "
		"at hi by 0.02 (of three lines 0.05). Wider curves, such as Norse's with scale 1, draw "
		"it to the middle.",
	.plan = decoder_plan,
	.size = decoder_size,
	.mends = held_mends,
	.reset = restart,
	.run = decode,
};
