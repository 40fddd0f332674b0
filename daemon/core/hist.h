/* Log-linear histogram of non-negative int64 values (ns): 8 steps an octave, so quantiles are exact
 * to 12.5 %. Fixed memory, one writer, read by copy from the other loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/counters.h"

#include <stdint.h>

#define HIST_STEPS   8
#define HIST_BUCKETS ((64 - 3 + 1) * HIST_STEPS)

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
