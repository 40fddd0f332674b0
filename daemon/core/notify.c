/* sd_notify(3)'s protocol: lines of NAME=value, a datagram a call.
 *
 * Each datagram goes to the manager's address anew, so a manager that opens its socket again is heard
 * by it. Reload, ready and stop are waited for, for a while: the manager would otherwise judge us by
 * what it did not hear. Status and signs of life are not; the next ones come soon.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/notify.h"

#include "daemon/core/clock.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define SEND_WAIT_S 5

/* 0 = nobody watches. */
static int64_t read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	long long value;

	if (!usec || (pid && strtoll(pid, NULL, 10) != (long long)getpid()))
		return 0;
	errno = 0;
	value = strtoll(usec, &end, 10);
	if (errno || *end || end == usec || value <= 0 || value > INT64_MAX / 1000)
		return 0;
	return value * 1000;
}

static int read_address(struct notify *n, const char *address)
{
	size_t length = strlen(address);

	if (address[0] != '/' && address[0] != '@')
		return -EAFNOSUPPORT;
	if (length < 2 || length >= sizeof(n->to.sun_path))
		return -EINVAL;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, address, length);
	if (address[0] == '@')
		n->to.sun_path[0] = '\0'; /* the name ends where the address does: no zero behind */
	else
		length++;
	n->to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

int notify_init(struct notify *n)
{
	const struct timeval wait = {.tv_sec = SEND_WAIT_S};
	const char *address = getenv("NOTIFY_SOCKET");
	int ret = 0;

	*n = (struct notify){.fd = -1};
	if (address) {
		ret = read_address(n, address);
		n->watchdog_ns = ret ? 0 : read_watchdog();
	}
	if (address && !ret) {
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (n->fd < 0)
			ret = -errno;
		else
			setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return ret;
}

void notify_fini(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

static void tell(struct notify *n, int flags, const char *text)
{
	if (n->fd < 0)
		return;
	while (sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | flags,
		       (const struct sockaddr *)&n->to, n->to_size) < 0 &&
		errno == EINTR)
		;
}

/* A status of more than a line would be read as further assignments. */
static void tell_status(struct notify *n, int flags, const char *before, const char *status)
{
	char text[512];

	snprintf(text, sizeof(text), "%sSTATUS=%.*s", before, (int)strcspn(status, "\n"), status);
	tell(n, flags, text);
}

void notify_ready(struct notify *n, const char *status)
{
	tell_status(n, 0, "READY=1\n", status);
}

void notify_reloading(struct notify *n)
{
	char text[80];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)(clock_mono_ns() / 1000));
	tell(n, 0, text);
}

void notify_stopping(struct notify *n)
{
	tell(n, 0, "STOPPING=1\nSTATUS=stopping");
}

void notify_status(struct notify *n, const char *status)
{
	tell_status(n, MSG_DONTWAIT, "", status);
}

void notify_alive(struct notify *n)
{
	tell(n, MSG_DONTWAIT, "WATCHDOG=1");
}
