/* READY, STATUS, WATCHDOG, STOPPING: when each is told.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/service.h"

#include "daemon/core/clock.h"
#include "daemon/core/log.h"

#include <stdio.h>
#include <string.h>

#define STATUS_MS       10000
#define SIGNS_A_TIMEOUT 4 /* one may be late, and one be left out because the beat was */
#define SIGN_MS_LEAST   25

static void word_status(const struct service *s, char *text, size_t size)
{
	const struct daemon_counters *c = &s->hot->counters;
	uint64_t ticks = 0;

	for (uint32_t i = 0; i < s->registry->count; i++)
		ticks += counter_get(&s->registry->entries[i].stream->counters.ticks);
	snprintf(text, size, "%u stream(s), %llu ticks, %llu late, %llu skipped",
		s->registry->count, (unsigned long long)ticks,
		(unsigned long long)counter_get(&c->late_ticks),
		(unsigned long long)counter_get(&c->skipped_ticks));
}

static void on_status(uv_timer_t *timer)
{
	struct service *s = timer->data;
	char text[120];

	word_status(s, text, sizeof(text));
	notify_status(&s->notify, text);
}

static void on_alive(uv_timer_t *timer)
{
	struct service *s = timer->data;
	uint64_t beats = counter_get(&s->hot->beats);

	if (beats != s->beats) {
		notify_alive(&s->notify);
		if (s->stuck)
			log_warning("ticks go on");
	} else if (!s->stuck) {
		log_error("no tick for %.3g s: the ticking thread is stuck; the service manager "
			  "ends this process after %.3g s",
			(double)uv_timer_get_repeat(timer) / 1e3,
			(double)s->notify.watchdog_ns / (double)NS_PER_S);
	}
	s->stuck = beats == s->beats;
	s->beats = beats;
}

void service_init(
	struct service *s, uv_loop_t *loop, const struct hot *hot, const struct registry *registry)
{
	int ret;

	*s = (struct service){.hot = hot, .registry = registry};
	uv_timer_init(loop, &s->alive);
	uv_timer_init(loop, &s->status);
	s->alive.data = s->status.data = s;
	ret = notify_init(&s->notify);
	if (ret)
		log_warning("NOTIFY_SOCKET cannot be used (%s): it takes /path or @name; the "
			    "service manager hears nothing",
			strerror(-ret));
}

void service_fini(struct service *s)
{
	if (s->hot)
		notify_fini(&s->notify);
}

void service_ready(struct service *s)
{
	char text[120];
	uint64_t sign_ms = (uint64_t)(s->notify.watchdog_ns / NS_PER_MS / SIGNS_A_TIMEOUT);

	word_status(s, text, sizeof(text));
	notify_ready(&s->notify, text);
	if (s->notify.fd < 0 || uv_is_active((uv_handle_t *)&s->status))
		return;
	uv_timer_start(&s->status, on_status, STATUS_MS, STATUS_MS);
	if (!s->notify.watchdog_ns)
		return;
	if (sign_ms < SIGN_MS_LEAST)
		sign_ms = SIGN_MS_LEAST;
	uv_timer_start(&s->alive, on_alive, sign_ms, sign_ms);
}

void service_reloading(struct service *s)
{
	notify_reloading(&s->notify);
}

void service_stopping(struct service *s)
{
	notify_stopping(&s->notify);
}
