/* How late the ticks of the wall clock run: spiked against a bare loop with the same scheduling, in
 * turns. spiked has a LIF of 64 channels and a subscriber; the bare loop has nothing to do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"
#include "tests/bench/loop.h"

#include <stdio.h>

static const char stream[] = "{\"name\": \"s\", \"channels\": 64, \"encode\": [\"lif\"]}";

static void measure(const struct bench_site *site, const char *dt, double seconds, int rounds,
	int64_t dt_ns, struct bench_ticks *ours, struct bench_loop *bare)
{
	char config[256];

	snprintf(config, sizeof(config), "clock: wall\ndt: %s\n%s", dt, bench_realtime());
	for (int round = 0; round < rounds; round++) {
		struct bench_daemon daemon;
		struct bench_listener listener;

		bench_start(&daemon, site, config);
		bench_listen(&listener, daemon.publish, "spikes/s/", 0);
		bench_sleep(0.2); /* the subscription arrives */
		bench_add(&daemon, stream);
		bench_feed(&daemon, "s", 0, 64, 1.5f);
		bench_sleep(seconds);
		bench_stats(&daemon, &ours[round]);
		bench_unlisten(&listener);
		bench_stop(&daemon);
		bench_loop(dt_ns, seconds, 0, &bare[round]);
	}
}

void bench_lateness(const struct bench_site *site)
{
	enum { ROUNDS = 7 };
	struct bench_ticks ours[ROUNDS];
	struct bench_loop bare[ROUNDS];
	const char *const names[] = {"lateness_p50", "lateness_p99", "lateness_p999"};
	double seconds = site->full ? 10 : 3;

	measure(site, "1 ms", seconds, ROUNDS, 1000000, ours, bare);
	for (int k = 0; k < 3; k++) {
		double value[ROUNDS], reference[ROUNDS];

		for (int i = 0; i < ROUNDS; i++) {
			value[i] = k == 0 ? ours[i].p50 : k == 1 ? ours[i].p99 : ours[i].p999;
			reference[i] = k == 0 ? bare[i].p50 : k == 1 ? bare[i].p99 : bare[i].p999;
		}
		bench_print(&(struct bench_line){
			.bench = names[k],
			.unit = "us",
			.value = bench_median(value, ROUNDS),
			.reference = bench_median(reference, ROUNDS),
			.against = "bare timerfd and epoll loop",
			.aims = {{AIM_RATIO_MOST, 1.15}},
			.more = json_pack("{s:b, s:i, s:f}", "fifo",
				ours[0].realtime && bare[0].realtime, "rounds", ROUNDS,
				"seconds_a_round", seconds),
		});
	}
}

void bench_lateness_100us(const struct bench_site *site)
{
	enum { ROUNDS = 6 };
	const double seconds = 0.5; /* of 30,000 ticks in all */
	struct bench_ticks ours[ROUNDS];
	struct bench_loop bare[ROUNDS];
	bool fifo = true;
	double ticks = 0, missed = 0, bare_ticks = 0, bare_missed = 0;

	measure(site, "0.1 ms", seconds, ROUNDS, 100000, ours, bare);
	for (int i = 0; i < ROUNDS; i++) {
		fifo &= ours[i].realtime && bare[i].realtime;
		ticks += ours[i].ticks;
		missed += ours[i].missed;
		bare_ticks += bare[i].ticks;
		bare_missed += bare[i].missed;
	}
	missed *= 30000 / ticks;
	bare_missed *= 30000 / bare_ticks;
	bench_print(&(struct bench_line){
		.bench = "lateness_100us",
		.unit = "missed of 30,000",
		.value = missed,
		.reference = bare_missed,
		.against = "bare timerfd and epoll loop",
		.aims = {{AIM_VALUE_MOST, 1.2 * bare_missed + 5}},
		.more = json_pack("{s:b, s:f, s:f}", "fifo", fifo, "ticks", ticks, "tick_cost_us",
			ours[0].cost),
	});
}
