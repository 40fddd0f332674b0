/* Does in spiked's hot thread what only a fault of ours would, for 91-service-notify.py and
 * 92-privileges.py. To be preloaded. In timerfd_settime, which every tick of the wall clock ends in:
 * while the file $STICK exists the call does not return; the file $TRESPASS is made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void trespass(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old)
{
	const char *stick = getenv("STICK"), *file = getenv("TRESPASS");
	char name[17] = "";

	prctl(PR_GET_NAME, name);
	if (file && !strcmp(name, "spiked-hot"))
		trespass(file);
	while (stick && !strcmp(name, "spiked-hot") && !access(stick, F_OK))
		usleep(1000);
	return (int)syscall(SYS_timerfd_settime, fd, flags, spec, old);
}
