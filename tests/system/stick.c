/* Makes a tick stick, for 91-service-notify.py. To be preloaded: on the thread named spiked-hot,
 * timerfd_settime, which every tick of the wall clock ends in, does not return while the file that
 * $STICK names exists.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old)
{
	const char *path = getenv("STICK");
	char name[17] = "";

	prctl(PR_GET_NAME, name);
	while (path && !strcmp(name, "spiked-hot") && !access(path, F_OK))
		usleep(1000);
	return (int)syscall(SYS_timerfd_settime, fd, flags, spec, old);
}
