/* What the service manager hears of the daemon, and the watch over the ticking thread.
 *
 * The manager restarts a daemon that gives no sign of life. A sign is given only if the hot loop has
 * made another of its own (hot.beats) since the last one: a stuck tick ends them, although this loop
 * goes on; an idle daemon, a clock that stands still and one that a subscriber holds do not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/control/registry.h"
#include "daemon/core/notify.h"
#include "daemon/flow/hot.h"

struct service {
	struct notify notify;
	uv_timer_t alive, status;
	const struct hot *hot;
	const struct registry *registry;
	uint64_t beats; /* those that were told of */
	bool stuck;     /* there was none in the last interval */
};

/* Main thread, before any other is made. The loop must outlive it; its end closes the timers. */
void service_init(
	struct service *s, uv_loop_t *loop, const struct hot *hot, const struct registry *registry);
void service_fini(struct service *s); /* accepts a zeroed one */

/* Sockets are bound, state is loaded, ticks run: at start, and at the end of each reload. */
void service_ready(struct service *s);
void service_reloading(struct service *s);
void service_stopping(struct service *s);
