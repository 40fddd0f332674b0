/* Real-time set-up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/realtime.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define STACK_PREFAULT (256 * 1024)

/* What the guard's signal handler needs and leaves. The kernel's limit counts each thread by itself,
 * but does not say which one struck: all that have a real-time priority lose it. */
#define GUARDED_MAX 16
static pid_t guarded[GUARDED_MAX];
static int guarded_count;
static volatile sig_atomic_t struck;

static void on_cpu_limit(int signum)
{
	const struct sched_param normal = {0};

	(void)signum;
	for (int i = 0; i < guarded_count; i++)
		sched_setscheduler(guarded[i], SCHED_OTHER, &normal);
	struck = 1;
}

/* Tries the priority on the calling thread, which then goes back to normal. */
static int try_priority(int priority)
{
	const struct sched_param wanted = {.sched_priority = priority}, normal = {0};
	int ret = pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted);

	if (!ret)
		pthread_setschedparam(pthread_self(), SCHED_OTHER, &normal);
	return ret;
}

/* All threads that this one will start, and itself, leave the ticks' CPU alone: where the kernel does not
 * preempt system calls, a long one of theirs (memory for a new stream, say) would make ticks late. */
static void keep_off(int cpu)
{
	cpu_set_t set;

	if (cpu < 0 || sched_getaffinity(0, sizeof(set), &set) || !CPU_ISSET((unsigned)cpu, &set))
		return;
	CPU_CLR((unsigned)cpu, &set);
	if (CPU_COUNT(&set))
		sched_setaffinity(0, sizeof(set), &set);
}

void realtime_prepare(const struct realtime_wish *wish, struct realtime_grant *grant)
{
	int ret;

	*grant = (struct realtime_grant){.cpu = -1};
	keep_off(wish->cpu);
	if (wish->priority) {
		ret = try_priority(wish->priority);
		if (!ret) {
			grant->priority = wish->priority;
			grant->io_priority = wish->priority > 1 ? wish->priority - 1 : 1;
		} else {
			snprintf(grant->notes[NOTE_PRIORITY], sizeof(grant->notes[0]),
				"SCHED_FIFO %d was refused (%s): give the service LimitRTPRIO=%d or "
				"CAP_SYS_NICE, and no CPU quota without a real-time budget",
				wish->priority, strerror(ret), wish->priority);
		}
	}
	if (!wish->lock_memory)
		return;
	grant->locked_memory = !mlockall(MCL_CURRENT | MCL_FUTURE);
	if (!grant->locked_memory)
		snprintf(grant->notes[NOTE_MEMORY], sizeof(grant->notes[0]),
			"locking memory was refused (%s): give the service "
			"LimitMEMLOCK=infinity or CAP_IPC_LOCK",
			strerror(errno));
}

/* All threads of the process that run at a real-time priority. */
static void list_guarded(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;

	guarded_count = 0;
	while (tasks && guarded_count < GUARDED_MAX && (task = readdir(tasks))) {
		pid_t tid = (pid_t)strtol(task->d_name, NULL, 10);

		if (tid > 0 && sched_getscheduler(tid) == SCHED_FIFO)
			guarded[guarded_count++] = tid;
	}
	if (tasks)
		closedir(tasks);
}

static void arm_guard(struct realtime_grant *grant)
{
	struct rlimit limit;
	struct sigaction action = {.sa_handler = on_cpu_limit};

	list_guarded();
	sigaction(SIGXCPU, &action, NULL);
	getrlimit(RLIMIT_RTTIME, &limit);
	limit.rlim_cur = REALTIME_GUARD_MS * 1000;
	if (setrlimit(RLIMIT_RTTIME, &limit))
		snprintf(grant->notes[NOTE_GUARD], sizeof(grant->notes[0]),
			"the guard against a runaway tick could not be set (%s)", strerror(errno));
}

void realtime_apply(pthread_t hot, const struct realtime_wish *wish, struct realtime_grant *grant)
{
	const struct sched_param param = {.sched_priority = grant->priority};
	cpu_set_t set;
	int ret;

	if (grant->priority) {
		pthread_setschedparam(hot, SCHED_FIFO, &param);
		arm_guard(grant);
	}
	if (wish->cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned)wish->cpu, &set);
	ret = pthread_setaffinity_np(hot, sizeof(set), &set);
	if (!ret)
		grant->cpu = wish->cpu;
	else
		snprintf(grant->notes[NOTE_CPU], sizeof(grant->notes[0]),
			"running on cpu %d was refused (%s): choose a cpu that this machine and "
			"its cpuset have",
			wish->cpu, strerror(ret));
}

bool realtime_guard_struck(struct realtime_grant *grant)
{
	if (!struck)
		return false;
	struck = 0;
	grant->priority = grant->io_priority = 0;
	snprintf(grant->notes[NOTE_GUARD], sizeof(grant->notes[0]),
		"ticks or sockets took %d ms of cpu without a pause and go on at normal priority: "
		"encode less, raise dt, or find out who floods; a restart gives the priority back",
		REALTIME_GUARD_MS);
	return true;
}

static void __attribute__((noinline)) touch_stack(void)
{
	volatile char stack[STACK_PREFAULT];

	for (size_t i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 0;
}

void realtime_settle_thread(void)
{
	touch_stack();
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}
