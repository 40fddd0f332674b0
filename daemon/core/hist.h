/* Log-linear histogram of times in ns: 8 steps an octave, so quantiles are exact to 12.5 %; what is
 * below 64 ns or above 17 s goes to the first or last bucket. Fixed memory (2 KiB), one writer, read
 * by copy from the other loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/counters.h"

#include <stdint.h>

#define HIST_STEPS   8
#define HIST_FIRST   6 /* log2 of the first octave */
#define HIST_LAST    34
#define HIST_BUCKETS ((HIST_LAST - HIST_FIRST) * HIST_STEPS)

struct hist {
	counter_t buckets[HIST_BUCKETS];
	counter_t count, sum, max;
};

struct hist_summary {
	uint64_t count, max, p50, p90, p99, p999;
	double mean;
};

/* Hot. Negative values count as 0. */
void hist_add(struct hist *h, int64_t value);

/* Any loop: quantiles are upper bounds of their bucket, never more than max. */
void hist_summarise(const struct hist *h, struct hist_summary *summary);
