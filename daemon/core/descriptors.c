/* Descriptors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
	setrlimit(RLIMIT_NOFILE, &limit); /* a refusal leaves what there was */
}

uint64_t descriptors_limit(void)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

uint32_t descriptors_web(void)
{
	uint64_t share = descriptors_limit() / 8;

	return share < DESCRIPTORS_WEB_MAX ? (uint32_t)share : DESCRIPTORS_WEB_MAX;
}

bool descriptors_left(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != EMFILE;
}
