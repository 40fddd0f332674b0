/* Lateness of the wall clock's ticks while snapshots are taken ten times a second, against the same
 * without any, in turns: of many middling streams, and of one whose copy takes as long as its tick.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 5 };

struct shape {
	const char *name;
	int streams;
	uint32_t channels;
	bool aimed; /* the other shows where copies begin to be felt */
};

static void run(const struct bench_site *site, const struct shape *shape, const char *folder,
	double seconds, struct bench_ticks *out, double *saved)
{
	struct bench_daemon daemon;
	char config[512], stream[160], state[128] = "";
	json_t *stats;

	if (folder)
		snprintf(state, sizeof(state), "state: {dir: %s, every: 0.1 s}\n", folder);
	snprintf(config, sizeof(config), "clock: wall\ndt: 1 ms\nmax_row_bytes: 16 MiB\n%s%s",
		bench_realtime(), state);
	bench_start(&daemon, site, config);
	for (int i = 0; i < shape->streams; i++) {
		snprintf(stream, sizeof(stream),
			"{\"name\": \"s%d\", \"channels\": %u, \"encode\": [\"lif\"]}", i,
			shape->channels);
		bench_add(&daemon, stream);
	}
	bench_feed(&daemon, "s", shape->streams, shape->channels, 1.5f);
	bench_sleep(seconds);
	bench_stats(&daemon, out);
	stats = bench_call(&daemon, "stats", NULL);
	*saved = (double)json_integer_value(json_object_get(
		json_object_get(json_object_get(stats, "daemon"), "counters"), "state_saved"));
	json_decref(stats);
	bench_stop(&daemon);
}

static void clear(const char *folder, int streams)
{
	char path[128];

	for (int i = 0; i < streams; i++) {
		snprintf(path, sizeof(path), "%s/s%d.state", folder, i);
		unlink(path);
	}
	rmdir(folder);
}

static void measure(const struct bench_site *site, const struct shape *shape)
{
	static const char *const names[] = {"p50", "p99", "p999"};
	double with[3][ROUNDS], without[3][ROUNDS], saved = 0, none;
	double seconds = site->full ? 20 : 4;
	char folder[] = "/tmp/spiked-bench-state-XXXXXX";
	bool fifo = true;

	if (!mkdtemp(folder))
		bench_die(folder);
	for (int round = 0; round < ROUNDS; round++) {
		struct bench_ticks a, b;

		run(site, shape, folder, seconds, &a, &saved);
		run(site, shape, NULL, seconds, &b, &none);
		fifo &= a.realtime && b.realtime;
		for (int k = 0; k < 3; k++) {
			with[k][round] = k == 0 ? a.p50 : k == 1 ? a.p99 : a.p999;
			without[k][round] = k == 0 ? b.p50 : k == 1 ? b.p99 : b.p999;
		}
	}
	clear(folder, shape->streams);
	for (int k = 0; k < 3; k++)
		bench_print(&(struct bench_line){
			.bench = "snapshots",
			.unit = "us late",
			.value = bench_median(with[k], ROUNDS),
			.reference = bench_median(without[k], ROUNDS),
			.against = "the same without snapshots",
			.aims = {{shape->aimed ? AIM_RATIO_MOST : AIM_NONE, 1.1}},
			.more = json_pack("{s:s, s:s, s:b, s:f, s:f}", "case", shape->name,
				"quantile", names[k], "fifo", fifo, "saved_a_second",
				saved / seconds, "seconds_a_round", seconds),
		});
}

void bench_snapshots(const struct bench_site *site)
{
	static const struct shape shapes[] = {
		{"64 x 1,024", 64, 1024, true},
		{"1 x 1,048,576", 1, 1 << 20, false},
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		measure(site, &shapes[i]);
}
