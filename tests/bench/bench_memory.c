/* Memory of a LIF channel: resident bytes at two sizes, rows coming in and frames going out, all memory
 * locked as the real-time settings have it; and what is there without any stream.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"

#include <stdio.h>

#define SMALL 1000000
#define LARGE 3000000

static double resident_with(const struct bench_site *site, uint32_t channels)
{
	struct bench_daemon daemon;
	struct bench_listener listener;
	char stream[160];

	bench_start(&daemon, site,
		"clock: wall\ndt: 10 ms\nmax_row_bytes: 64 MiB\n"
		"realtime: {lock_memory: true}\n");
	bench_listen(&listener, daemon.publish, "spikes/s/", 0);
	if (channels) {
		snprintf(stream, sizeof(stream),
			"{\"name\": \"s\", \"channels\": %u, \"encode\": [\"lif\"], "
			"\"publish\": {\"payload\": \"bitmap\"}}",
			channels);
		bench_add(&daemon, stream);
		for (int i = 0; i < 3; i++) {
			bench_feed(&daemon, "s", 0, channels, 1.5f);
			bench_sleep(0.3);
		}
	}
	bench_sleep(0.5);
	double bytes = bench_resident(&daemon);
	bench_unlisten(&listener);
	bench_stop(&daemon);
	return bytes;
}

void bench_memory(const struct bench_site *site)
{
	double none = resident_with(site, 0);
	double small = resident_with(site, SMALL), large = resident_with(site, LARGE);
	double slope = (large - small) / (LARGE - SMALL);

	bench_print(&(struct bench_line){
		.bench = "memory",
		.unit = "bytes/channel",
		.value = slope,
		.aims = {{AIM_VALUE_MOST, 12}},
		.more = json_pack("{s:f, s:f, s:f, s:f, s:b}", "base_mib", none / 1048576,
			"extrapolated_base_mib", (small - slope * SMALL) / 1048576,
			"mib_at_1_million", small / 1048576, "mib_at_3_million", large / 1048576,
			"locked", true),
	});
}
