/* Log-linear histogram.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/hist.h"

static unsigned bucket_of(uint64_t value)
{
	unsigned octave;

	if (value < UINT64_C(1) << HIST_FIRST)
		return 0;
	octave = 63u - (unsigned)__builtin_clzll(value);
	if (octave >= HIST_LAST)
		return HIST_BUCKETS - 1;
	return (octave - HIST_FIRST) * HIST_STEPS +
	       (unsigned)(value >> (octave - 3) & (HIST_STEPS - 1));
}

static uint64_t bucket_top(unsigned bucket)
{
	unsigned octave = bucket / HIST_STEPS + HIST_FIRST;
	uint64_t step = bucket % HIST_STEPS;

	if (bucket == HIST_BUCKETS - 1)
		return UINT64_MAX;
	return ((HIST_STEPS + step + 1) << (octave - 3)) - 1;
}

void hist_add(struct hist *h, int64_t value)
{
	uint64_t v = value < 0 ? 0 : (uint64_t)value;

	counter_add(&h->buckets[bucket_of(v)], 1);
	counter_add(&h->count, 1);
	counter_add(&h->sum, v);
	if (v > counter_get(&h->max))
		counter_set(&h->max, v);
}

static uint64_t quantile(const uint64_t *buckets, uint64_t count, uint64_t max, double q)
{
	uint64_t rank = (uint64_t)(q * (double)count), seen = 0;

	for (unsigned b = 0; b < HIST_BUCKETS; b++) {
		seen += buckets[b];
		if (seen > rank)
			return bucket_top(b) < max ? bucket_top(b) : max;
	}
	return max;
}

void hist_summarise(const struct hist *h, struct hist_summary *s)
{
	uint64_t buckets[HIST_BUCKETS], count = 0;

	for (unsigned b = 0; b < HIST_BUCKETS; b++)
		count += buckets[b] = counter_get(&h->buckets[b]);
	*s = (struct hist_summary){.count = count, .max = counter_get(&h->max)};
	if (!count)
		return;
	s->mean = (double)counter_get(&h->sum) / (double)count;
	s->p50 = quantile(buckets, count, s->max, 0.5);
	s->p90 = quantile(buckets, count, s->max, 0.9);
	s->p99 = quantile(buckets, count, s->max, 0.99);
	s->p999 = quantile(buckets, count, s->max, 0.999);
}
