/* See loop.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/loop.h"

#include "daemon/core/hist.h"
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Memory first: what it takes to lock it is not to be done above others. */
static bool settle(int priority)
{
	const struct sched_param param = {.sched_priority = priority};
	cpu_set_t set;

	mlockall(MCL_CURRENT | MCL_FUTURE);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	CPU_ZERO(&set);
	CPU_SET((unsigned)bench_cpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	return !sched_setscheduler(0, SCHED_FIFO, &param);
}

/* The end of a process with locked memory is a system call of several milliseconds. On the ticks' CPU, and
 * above their priority, it would make those late that are measured at the same time. */
static void step_aside(const cpu_set_t *others)
{
	struct sched_param param = {0};

	sched_setscheduler(0, SCHED_OTHER, &param);
	sched_setaffinity(0, sizeof(*others), others);
}

static struct itimerspec every(int64_t period_ns, int64_t first_ns)
{
	return (struct itimerspec){
		.it_interval = {.tv_sec = period_ns / NS_A_SECOND,
			.tv_nsec = period_ns % NS_A_SECOND},
		.it_value = {.tv_sec = first_ns / NS_A_SECOND, .tv_nsec = first_ns % NS_A_SECOND},
	};
}

static void run(int64_t period_ns, double seconds, int priority, struct bench_loop *result)
{
	static struct hist hist;
	struct hist_summary summary;
	struct epoll_event event = {.events = EPOLLIN};
	uint64_t total = (uint64_t)(seconds * 1e9) / (uint64_t)period_ns, expirations;
	int timer, loop;

	result->realtime = settle(priority);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	loop = epoll_create1(0);
	if (timer < 0 || loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, timer, &event))
		bench_die("timerfd");
	int64_t due_ns = bench_now_ns() + 10 * period_ns;
	struct itimerspec spec = every(period_ns, due_ns);
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL);
	for (uint64_t n = 0; n < total; n += expirations) {
		if (epoll_wait(loop, &event, 1, -1) < 0 && errno != EINTR)
			bench_die("epoll_wait");
		int64_t now_ns = bench_now_ns();
		if (read(timer, &expirations, sizeof(expirations)) < 0)
			bench_die("timerfd");
		hist_add(&hist, now_ns - due_ns);
		result->missed += (double)(expirations - 1);
		due_ns += (int64_t)expirations * period_ns;
	}
	hist_summarise(&hist, &summary);
	result->p50 = (double)summary.p50 / 1e3;
	result->p99 = (double)summary.p99 / 1e3;
	result->p999 = (double)summary.p999 / 1e3;
	result->max = (double)summary.max / 1e3;
	result->ticks = (double)total;
}

void bench_loop(int64_t period_ns, double seconds, int above, struct bench_loop *result)
{
	struct bench_loop *shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (shared == MAP_FAILED)
		bench_die("mmap");
	pid_t pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (pid == 0) {
		cpu_set_t others;

		sched_getaffinity(0, sizeof(others), &others);
		run(period_ns, seconds, BENCH_PRIORITY + above, shared);
		step_aside(&others);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0 || status)
		bench_die("bare loop");
	*result = *shared;
	munmap(shared, sizeof(*shared));
}
