/* Moves CLOCK_REALTIME of one process, and of nothing else: preloaded by 11-clock-steps.py.
 *
 * The file that CLOCK_SHIFT names is mapped; its first int64 is added to whatever the process reads
 * of real time, its second counts these readings, its third the waits that were asked to end at a
 * point of real time. The kernel's own clock is not touched.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

struct shift {
	_Atomic int64_t ns;
	_Atomic int64_t readings, waits;
};

static struct shift none, *shift = &none;

__attribute__((constructor)) static void map_shift(void)
{
	const char *path = getenv("CLOCK_SHIFT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*shift), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		shift = map;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*next)(clockid_t, struct timespec *);
	int64_t ns;
	int ret;

	if (!next)
		next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	ret = next(id, ts);
	if (ret || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
		return ret;
	atomic_fetch_add(&shift->readings, 1);
	ns = ts->tv_sec * NS_PER_S + ts->tv_nsec + atomic_load(&shift->ns);
	ts->tv_sec = ns / NS_PER_S;
	ts->tv_nsec = ns % NS_PER_S;
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int timerfd_create(int id, int flags)
{
	if (id == CLOCK_REALTIME)
		atomic_fetch_add(&shift->waits, 1);
	return (int)syscall(SYS_timerfd_create, id, flags);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *wait, struct timespec *left)
{
	if (id == CLOCK_REALTIME && flags & TIMER_ABSTIME)
		atomic_fetch_add(&shift->waits, 1);
	return syscall(SYS_clock_nanosleep, id, flags, wait, left) ? errno : 0;
}
