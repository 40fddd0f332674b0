/* Many small streams against one big one: a tick of 1,000 streams of 8 channels that go out as one
 * bundle, against a tick of one stream of 8,000 channels; and what it costs to send them one by one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/trial.h"

#define ROUNDS  3
#define STREAMS 1000

void bench_streams(const struct bench_site *site)
{
	enum { ONE, BUNDLE, SEPARATE, SILENT, WAYS };
	static const struct bench_trial trials[WAYS] = {
		[ONE] = {1, 8 * STREAMS, 10000000, false, "bundle/g/", 1, 1},
		[BUNDLE] = {STREAMS, 8, 10000000, false, "bundle/g/", 1, 1},
		[SEPARATE] = {STREAMS, 8, 10000000, false, "spikes/", 1, 1},
		[SILENT] = {STREAMS, 8, 10000000, false, "", 0, 1},
	};
	double cost[WAYS][ROUNDS], median[WAYS];
	struct bench_outcome outcome;

	for (int round = 0; round < ROUNDS; round++) {
		for (int way = 0; way < WAYS; way++) {
			bench_trial(site, &trials[way], &outcome);
			cost[way][round] = outcome.cost_us;
		}
	}
	for (int way = 0; way < WAYS; way++)
		median[way] = bench_median(cost[way], ROUNDS);
	bench_print(&(struct bench_line){
		.bench = "streams",
		.unit = "us/tick",
		.value = median[BUNDLE],
		.reference = median[ONE],
		.against = "one stream of 8,000 channels",
		.aims = {{AIM_RATIO_MOST, 3}},
		.more = json_pack("{s:f, s:f, s:f, s:f}", "without_subscriber_us", median[SILENT],
			"without_bundle_us", median[SEPARATE], "ns_a_stream",
			median[SILENT] * 1e3 / STREAMS, "ns_a_message",
			(median[SEPARATE] - median[SILENT]) * 1e3 / STREAMS),
	});
}
