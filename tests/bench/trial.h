/* One daemon of LIF streams, run for a while: what does a tick cost?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/bench.h"

struct bench_trial {
	int streams;       /* named s0, s1 …, in one group g */
	uint32_t channels; /* of each */
	int64_t dt_ns;
	bool bitmap;       /* payload; else words */
	const char *topic; /* what the listeners subscribe to */
	int listeners;
	double seconds;
};

struct bench_outcome {
	double cost_us;  /* of a tick of all streams; mean */
	double cores;    /* processor time of all the daemon's threads, by time */
	double missed;   /* share of the ticks */
	double messages; /* received by the first listener, a tick */
};

void bench_trial(
	const struct bench_site *site, const struct bench_trial *t, struct bench_outcome *out);
