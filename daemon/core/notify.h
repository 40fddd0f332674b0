/* Telling the service manager how the daemon is: sd_notify(3)'s protocol, spoken directly.
 *
 * Nothing here fails as far as the daemon is concerned: without a manager, or with one that does not
 * listen any more, the calls do nothing. Cold loop only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1 = nobody is to be told */
	struct sockaddr_un to;
	socklen_t to_size;
	int64_t watchdog_ns; /* the manager wants to hear of us that often; 0 = it does not */
};

/* Reads NOTIFY_SOCKET (a path, or @name in the abstract namespace), WATCHDOG_USEC and WATCHDOG_PID,
 * and takes them out of the environment: they are for this process alone. 0, or negative errno when
 * there is an address that cannot be used. */
int notify_init(struct notify *n);
void notify_fini(struct notify *n);

/* Sockets are bound and state is loaded: at start, and after each reload. The status as below. */
void notify_ready(struct notify *n, const char *status);
/* A reload begins; notify_ready says that it is over, well or not. */
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n);
/* One line for people. */
void notify_status(struct notify *n, const char *status);
/* The daemon is well. To be called more often than every watchdog_ns, and only when that is true. */
void notify_alive(struct notify *n);
