/* Real-time set-up of the hot thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/realtime.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void set_priority(pthread_t hot, int priority, struct realtime_grant *grant)
{
	struct sched_param param = {.sched_priority = priority};
	int ret = pthread_setschedparam(hot, SCHED_FIFO, &param);

	if (!ret) {
		grant->priority = priority;
		return;
	}
	snprintf(grant->notes[0], sizeof(grant->notes[0]),
		"SCHED_FIFO %d was refused (%s): give the service LimitRTPRIO=%d or CAP_SYS_NICE%s",
		priority, strerror(ret), priority,
		ret == EPERM ? ", and no CPU quota without a real-time budget" : "");
}

static void lock_memory(struct realtime_grant *grant)
{
	if (!mlockall(MCL_CURRENT | MCL_FUTURE)) {
		grant->locked_memory = true;
		return;
	}
	snprintf(grant->notes[1], sizeof(grant->notes[1]),
		"locking memory was refused (%s): give the service LimitMEMLOCK=infinity or "
		"CAP_IPC_LOCK",
		strerror(errno));
}

static void set_cpu(pthread_t hot, int cpu, struct realtime_grant *grant)
{
	cpu_set_t set;
	int ret;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	ret = pthread_setaffinity_np(hot, sizeof(set), &set);
	if (!ret) {
		grant->cpu = cpu;
		return;
	}
	snprintf(grant->notes[2], sizeof(grant->notes[2]),
		"running on cpu %d was refused (%s): choose a cpu that this machine and its cpuset "
		"have",
		cpu, strerror(ret));
}

void realtime_apply(pthread_t hot, const struct realtime_wish *wish, struct realtime_grant *grant)
{
	*grant = (struct realtime_grant){.cpu = -1};
	if (wish->priority)
		set_priority(hot, wish->priority, grant);
	if (wish->lock_memory)
		lock_memory(grant);
	if (wish->cpu >= 0)
		set_cpu(hot, wish->cpu, grant);
}
