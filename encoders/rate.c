/* Mean spikes a tick, see rate.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/rate.h"

/* Followed by one element a line: spikes of the window so far as a double, which is exact up to 2^53
 * of them, or the average as a float. */
struct rate {
	uint64_t ticks; /* of the window so far */
};

size_t rate_size(const struct stage *st)
{
	return stage_round(sizeof(struct rate)) +
	       stage_float_bytes(st->out_lines) * (st->window > 0 ? 2 : 1);
}

void rate_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL || st->window > 0)
		memset(state, 0, rate_size(st));
}

struct mending rate_mends(const struct stage *st, const struct decoding *by)
{
	if (st->window > 0)
		return (struct mending){.how = MENDS_LATER};
	return (struct mending){.how = MENDS_AVERAGE, .ticks = stage_ticks(MENDED_AT * by->ticks)};
}

float rate_take(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, float *mean)
{
	struct rate *rate = state;
	void *lines = (char *)state + stage_round(sizeof(*rate));
	if (st->window > 0) {
		double *count = lines;
		double ticks = (double)++rate->ticks;
		for (uint32_t i = 0; i < in->count; i++) {
			count[i] += (double)stage_spike(in, i);
			mean[i] = (float)(count[i] / ticks);
		}
		return (float)(1 - 0.5 / ticks);
	}
	float *average = lines;
	for (uint32_t i = 0; i < in->count; i++) {
		average[i] += by->share * (stage_spike(in, i) - average[i]);
		mean[i] = average[i];
	}
	return 1 - by->share / 2;
}
