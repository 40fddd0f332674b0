/* How cost grows: one series each over channels, streams, subscribers and dt. No references; the tables
 * of docs/PERFORMANCE.md come from here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/trial.h"

#define SECONDS 1.0

static void measure(const struct bench_site *site, const char *series, const struct bench_trial *t)
{
	struct bench_outcome out;

	bench_trial(site, t, &out);
	bench_print(&(struct bench_line){
		.bench = series,
		.unit = "us/tick",
		.value = out.cost_us,
		.more = json_pack("{s:i, s:i, s:i, s:f, s:s, s:f, s:f, s:f}", "streams", t->streams,
			"channels", (int)t->channels, "subscribers", t->listeners, "dt_us",
			(double)t->dt_ns / 1e3, "topic", t->topic, "share_of_dt",
			out.cost_us * 1e3 / (double)t->dt_ns, "cores", out.cores, "missed_share",
			out.missed),
	});
}

void bench_growth(const struct bench_site *site)
{
	static const uint32_t channels[] = {8, 64, 1024, 16384, 262144, 1048576, 4194304};
	static const int streams[] = {1, 10, 100, 1000};
	static const int listeners[] = {0, 1, 4, 16, 64};
	static const int64_t dts[] = {50000, 100000, 250000, 1000000, 10000000};

	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		measure(site, "growth_channels",
			&(struct bench_trial){1, channels[i],
				channels[i] > 2000000 ? 4000000 : 1000000, true, "spikes/", 1,
				SECONDS});
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		measure(site, "growth_streams",
			&(struct bench_trial){
				streams[i], 64, 10000000, true, "spikes/", 1, SECONDS});
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		measure(site, "growth_bundle",
			&(struct bench_trial){
				streams[i], 64, 10000000, true, "bundle/g/", 1, SECONDS});
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++)
		measure(site, "growth_subscribers",
			&(struct bench_trial){
				1, 64, 1000000, true, "spikes/", listeners[i], SECONDS});
	for (size_t i = 0; i < sizeof(dts) / sizeof(dts[0]); i++)
		measure(site, "growth_dt",
			&(struct bench_trial){1, 64, dts[i], true, "spikes/", 1, SECONDS});
}
