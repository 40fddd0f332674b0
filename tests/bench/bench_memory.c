/* Memory of a LIF channel: what the resident size grows by from a stream of a million channels to one of
 * three, all memory locked as the real-time settings have it. Before the first row, which is all that
 * spiked reserves; and with rows and frames on their way, which adds what libzmq and malloc keep of
 * them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"

#include <stdio.h>

#define SMALL 1000000
#define LARGE 3000000
#define MIB   1048576.0

struct sizes {
	double before, after; /* the first rows; resident bytes */
};

static struct sizes sizes_with(const struct bench_site *site, uint32_t channels)
{
	struct bench_daemon daemon;
	struct bench_listener listener;
	struct sizes sizes;
	char stream[160];

	bench_start(&daemon, site,
		"clock: wall\ndt: 10 ms\nmax_row_bytes: 64 MiB\n"
		"realtime: {lock_memory: true}\n");
	bench_listen(&listener, daemon.publish, "spikes/s/", 0);
	bench_sleep(0.2);
	if (channels) {
		snprintf(stream, sizeof(stream),
			"{\"name\": \"s\", \"channels\": %u, \"encode\": [\"lif\"], "
			"\"publish\": {\"payload\": \"bitmap\"}}",
			channels);
		bench_add(&daemon, stream);
		bench_sleep(0.3);
	}
	sizes.before = bench_resident(&daemon);
	for (int i = 0; channels && i < 5; i++) {
		bench_feed(&daemon, "s", 0, channels, 1.5f);
		bench_sleep(0.2);
	}
	sizes.after = bench_resident(&daemon);
	bench_unlisten(&listener);
	bench_stop(&daemon);
	return sizes;
}

void bench_memory(const struct bench_site *site)
{
	struct sizes none = sizes_with(site, 0);
	struct sizes small = sizes_with(site, SMALL), large = sizes_with(site, LARGE);

	bench_print(&(struct bench_line){
		.bench = "memory",
		.unit = "bytes/channel",
		.value = (large.after - small.after) / (LARGE - SMALL),
		.aims = {{AIM_VALUE_MOST, 12}},
		.more = json_pack("{s:f, s:f, s:f, s:f, s:b}", "before_rows",
			(large.before - small.before) / (LARGE - SMALL), "base_mib",
			none.before / MIB, "mib_at_1_million", small.after / MIB,
			"mib_at_3_million", large.after / MIB, "locked", true),
	});
}
