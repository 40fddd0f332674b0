/* How late the ticks of the wall clock at 1 ms run: spiked's own histogram against that of a bare loop
 * of timerfd and epoll in the same scheduling class, in turns.
 *
 * Argument: the path of spiked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "daemon/core/hist.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define ROUNDS    5
#define ROUND_S   2
#define PERIOD_NS 1000000

static const char config[] = "clock: wall\n"
			     "dt: 1 ms\n"
			     "streams:\n"
			     "  - name: s\n"
			     "    channels: 16\n"
			     "    encode: [lif]\n";

static double member_us(const json_t *hist, const char *key)
{
	return json_number_value(json_object_get(hist, key)) / 1e3;
}

static void measure_spiked(const char *binary, double *p50, double *p99)
{
	struct bench_daemon daemon;

	bench_start(&daemon, binary, config);
	bench_sleep_until(bench_now_ns() + (int64_t)ROUND_S * 1000000000);
	json_t *stats = bench_call(&daemon, "stats");
	const json_t *hist = json_object_get(json_object_get(stats, "daemon"), "lateness_ns");
	if (!json_is_object(hist) || member_us(hist, "count") <= 0)
		bench_die("stats has no lateness");
	*p50 = member_us(hist, "p50");
	*p99 = member_us(hist, "p99");
	json_decref(stats);
	bench_stop(&daemon);
}

static void measure_bare(double *p50, double *p99)
{
	static struct hist hist;
	struct hist_summary summary;
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), loop = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	int64_t due = bench_now_ns(), end = due + (int64_t)ROUND_S * 1000000000;
	uint64_t expirations;

	memset(&hist, 0, sizeof(hist));
	if (timer < 0 || loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, timer, &event))
		bench_die("timerfd");
	while (due < end) {
		due += PERIOD_NS;
		struct itimerspec at = {
			.it_value = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000}};
		timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
		if (epoll_wait(loop, &event, 1, -1) < 0 && errno != EINTR)
			bench_die("epoll_wait");
		hist_add(&hist, bench_now_ns() - due);
		if (read(timer, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
			bench_die("timerfd");
	}
	close(timer);
	close(loop);
	hist_summarise(&hist, &summary);
	*p50 = (double)summary.p50 / 1e3;
	*p99 = (double)summary.p99 / 1e3;
}

int main(int argc, char **argv)
{
	double p50[2][ROUNDS], p99[2][ROUNDS];

	if (argc != 2)
		bench_die("usage: bench_lateness SPIKED");
	for (int round = 0; round < ROUNDS; round++) {
		measure_spiked(argv[1], &p50[0][round], &p99[0][round]);
		measure_bare(&p50[1][round], &p99[1][round]);
	}
	bench_print("lateness_p50", bench_quantile(p50[0], ROUNDS, 0.5), "us",
		bench_quantile(p50[1], ROUNDS, 0.5), "timerfd and epoll");
	bench_print("lateness_p99", bench_quantile(p99[0], ROUNDS, 0.5), "us",
		bench_quantile(p99[1], ROUNDS, 0.5), "timerfd and epoll");
	return 0;
}
