/* The hot loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/hot.h"

#include "daemon/core/clock.h"
#include "daemon/core/realtime.h"
#include "daemon/flow/stream_copy.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define STEP_DRAINS  1024         /* bounds what a flood can put in the way of a step */
#define COPY_COST_NS (100 * 1000) /* of a copy, besides its bytes */
#define OVERDUE_NS   NS_PER_S     /* a tick that nobody runs for so long is stuck */
#define RETRY_MS     10 /* safety net: a queue that has room again also wakes the publish socket */

static void arm(struct hot *h)
{
	struct itimerspec spec = {0};
	int64_t due_ns;

	if (h->engine.conf.clock != CLOCK_WALL)
		return;
	due_ns = atomic_load(&h->engine.stopped) ? INT64_MAX : engine_next_due(&h->engine);
	if (due_ns == h->armed_ns)
		return;
	h->armed_ns = due_ns;
	if (due_ns != INT64_MAX)
		spec.it_value = clock_timespec(due_ns);
	timerfd_settime(h->tick_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void on_retry(uv_timer_t *timer)
{
	(void)timer; /* the check hook of this round tries again */
}

static void on_more(uv_idle_t *idle)
{
	(void)idle; /* likewise */
}

static void set_held(struct hot *h, bool held)
{
	if (held == h->held)
		return;
	h->held = held;
	if (held) {
		counter_add(&h->counters.held, 1);
		uv_timer_start(&h->retry, on_retry, RETRY_MS, RETRY_MS);
	} else {
		uv_timer_stop(&h->retry);
	}
}

static void reply_to_steps(struct hot *h)
{
	unsigned done = 0;

	while (done < h->step_count && h->engine.virtual_ns >= h->step_targets[done]) {
		h->steps[done].number = h->engine.start_real_ns + h->step_targets[done];
		mailbox_reply(h->mailbox, &h->steps[done]);
		done++;
	}
	h->step_count -= done;
	for (unsigned i = 0; i < h->step_count; i++) {
		h->steps[i] = h->steps[i + done];
		h->step_targets[i] = h->step_targets[i + done];
	}
}

/* Lets the loop sleep, poll or go on as far as the engine has come. */
static void note_progress(struct hot *h, enum progress progress)
{
	set_held(h, progress == PROGRESS_HELD);
	if (progress == PROGRESS_HELD)
		ingest_pause(
			&h->ingest); /* in mid-tick a row would come too late for some streams */
	if (progress == PROGRESS_MORE)
		uv_idle_start(&h->more, on_more);
	else
		uv_idle_stop(&h->more);
	if (progress == PROGRESS_DONE)
		ingest_resume(&h->ingest); /* also paused when a message was not taken whole */
	reply_to_steps(h);
}

static void on_unfinished(void *arg)
{
	struct hot *h = arg;

	uv_idle_start(&h->more, on_more);
}

/* wall: a copy that might not be done before the next tick is made just after that one instead, where
 * there is most time for it. */
static bool copy_fits(struct hot *h, const struct order *order)
{
	int64_t due_ns, cost_ns = COPY_COST_NS + order->number; /* at a slow 1 GB/s */

	if (h->engine.conf.clock != CLOCK_WALL || atomic_load(&h->engine.stopped))
		return true;
	due_ns = engine_next_due(&h->engine);
	if (h->copy_after_ns ? due_ns > h->copy_after_ns : clock_mono_ns() + cost_ns < due_ns) {
		h->copy_after_ns = 0;
		return true;
	}
	if (!h->copy_after_ns)
		h->copy_after_ns = due_ns;
	return false;
}

static bool can_take(struct hot *h, const struct order *order)
{
	switch (order->kind) {
	case ORDER_SWAP_SET:
	case ORDER_TURN_OVER:
		return engine_between_ticks(&h->engine);
	case ORDER_TAKE_COPY:
	case ORDER_PUT_COPY:
		h->engine.row_end_wanted = !engine_between_rows(&h->engine, order->stream);
		return !h->engine.row_end_wanted && copy_fits(h, order);
	default:
		return true;
	}
}

static void take_order(struct hot *h, struct order *order);

/* In order: while one waits, so does everything behind it. */
static void take_orders(struct hot *h)
{
	for (;;) {
		if (!h->has_waiting)
			h->has_waiting = mailbox_take_order(h->mailbox, &h->waiting);
		if (!h->has_waiting || !can_take(h, &h->waiting))
			return;
		h->has_waiting = false;
		take_order(h, &h->waiting);
	}
}

/* Runs what can be run now and sees to what follows from it. */
static void advance(struct hot *h)
{
	note_progress(h, engine_run(&h->engine));
	if (h->has_waiting) {
		take_orders(h);
		if (!engine_busy(&h->engine)) /* the stream that a message was for may be gone */
			note_progress(h, PROGRESS_DONE);
	}
	arm(h);
}

static void take_step(struct hot *h, struct order *order)
{
	if (h->step_count == HOT_STEPS) {
		order->result = -EBUSY;
		mailbox_reply(h->mailbox, order);
		return;
	}
	order->result = engine_step(&h->engine, order->number);
	if (order->result) {
		mailbox_reply(h->mailbox, order);
		return;
	}
	h->steps[h->step_count] = *order;
	h->step_targets[h->step_count++] = h->engine.target_ns;
}

static void take_program(struct hot *h, struct order *order)
{
	struct stream *s = order->stream;
	struct blob *meta = s->meta;

	if (order->object)
		order->object = stream_swap_program(s, order->object);
	s->meta = order->second;
	order->second = meta;
	publisher_changed(&h->publisher, s);
	mailbox_reply(h->mailbox, order);
}

static struct turnover_site turnover_site(struct hot *h)
{
	return (struct turnover_site){.zloop = &h->zloop,
		.publisher = &h->publisher,
		.ingest = &h->ingest,
		.engine = &h->engine};
}

static void on_turnover_done(void *arg)
{
	struct hot *h = arg;

	mailbox_reply(h->mailbox, &h->changing);
}

static void take_turnover(struct hot *h, const struct order *order)
{
	const struct turnover_site site = turnover_site(h);
	struct turnover *c = order->object;

	h->changing = *order;
	h->prepared = NULL;
	c->on_closed = on_turnover_done;
	c->arg = h;
	if (order->kind == ORDER_PREPARE) {
		h->changing.result = turnover_prepare(c, &site);
		h->prepared = h->changing.result ? NULL : c;
	} else if (order->kind == ORDER_UNDO) {
		turnover_undo(c, &site);
	} else {
		turnover_make(c, &site);
	}
	if (!c->closing)
		on_turnover_done(h);
}

static void take_order(struct hot *h, struct order *order)
{
	struct stream *s = order->stream;

	switch (order->kind) {
	case ORDER_SWAP_SET:
		order->object = engine_swap(&h->engine, order->object);
		mailbox_reply(h->mailbox, order);
		break;
	case ORDER_SWAP_PROGRAM:
		take_program(h, order);
		break;
	case ORDER_RESET:
		stream_reset(s);
		order->number = (int64_t)s->next_tick;
		mailbox_reply(h->mailbox, order);
		break;
	case ORDER_STEP:
		take_step(h, order);
		break;
	case ORDER_STATUS:
		publisher_status(&h->publisher, order->object);
		mailbox_reply(h->mailbox, order);
		break;
	case ORDER_TAKE_COPY:
		stream_take_copy(s, order->object);
		mailbox_reply(h->mailbox, order);
		break;
	case ORDER_PUT_COPY:
		stream_put_copy(s, order->object, clock_mono_ns());
		mailbox_reply(h->mailbox, order);
		break;
	case ORDER_PREPARE:
	case ORDER_UNDO:
	case ORDER_TURN_OVER:
		take_turnover(h, order);
		break;
	}
}

static void on_wake(uv_poll_t *wake, int status, int events)
{
	struct hot *h = wake->data;
	eventfd_t count;

	(void)status;
	(void)events;
	eventfd_read(h->wake_fd, &count);
	if (atomic_load(&h->stopping)) {
		uv_stop(&h->loop);
		return;
	}
	take_orders(h);
	/* Rows that have come in before the order are used by the ticks that it asks for. */
	for (int round = 0; h->step_count && round < STEP_DRAINS; round++)
		if (!zloop_drain(&h->zloop))
			break;
	if (!atomic_load(&h->engine.stopped))
		advance(h);
}

static void on_tick(uv_poll_t *poll, int status, int events)
{
	struct hot *h = poll->data;
	uint64_t expirations;

	(void)status;
	(void)events;
	if (read(h->tick_fd, &expirations, sizeof(expirations)) < 0)
		return; /* armed anew in the meantime */
	h->armed_ns = 0;
	if (!atomic_load(&h->engine.stopped))
		advance(h);
	ingest_after_tick(&h->ingest);
	counter_add(&h->beats, 1);
}

static bool tick_stays_away(const struct hot *h)
{
	return h->engine.conf.clock == CLOCK_WALL && !atomic_load(&h->engine.stopped) &&
	       clock_mono_ns() - OVERDUE_NS > engine_next_due(&h->engine);
}

static void on_meta_timer(uv_timer_t *timer)
{
	struct hot *h = timer->data;

	if (!tick_stays_away(h))
		counter_add(&h->beats, 1);
	ingest_after_tick(&h->ingest); /* the tick that a row waits for may be no more */
	publisher_housekeeping(&h->publisher);
	atomic_store_explicit(&h->status_wanted, h->publisher.status.wanted, memory_order_relaxed);
}

static void on_check(uv_check_t *check)
{
	struct hot *h = check->data;

	if (engine_busy(&h->engine))
		advance(h);
}

int hot_init(struct hot *h, const struct hot_conf *hc)
{
	const struct engine_conf engine = engine_conf_of(hc->conf);
	const struct publisher_conf publish = {
		.socket = hc->publish,
		.epoch = hc->epoch,
		.acl = hc->acl,
		.conns = hc->conns,
		.subscriptions = hc->conf->limits.subscriptions,
	};
	int ret;

	*h = (struct hot){.mailbox = hc->mailbox,
		.ingest.sources = hc->sources,
		.tick_fd = -1,
		.wake_fd = -1,
		.armed_ns = INT64_MAX};
	ret = uv_loop_init(&h->loop);
	if (ret)
		return ret;
	uv_timer_init(&h->loop, &h->meta_timer);
	uv_timer_init(&h->loop, &h->retry);
	uv_check_init(&h->loop, &h->check);
	uv_idle_init(&h->loop, &h->more);
	h->wake.data = h->meta_timer.data = h->check.data = h->tick_poll.data = h;
	h->wake_fd = h->mailbox->wake_hot = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (h->wake_fd < 0)
		return -errno;
	ret = uv_poll_init(&h->loop, &h->wake, h->wake_fd);
	if (ret)
		return ret;
	ret = zloop_init(&h->zloop, &h->loop);
	if (ret)
		return ret;
	h->zloop.may_rest = hc->conf->clock == CLOCK_WALL;
	h->zloop.rests = &h->counters.rests;
	h->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (h->tick_fd < 0)
		return -errno;
	ret = uv_poll_init(&h->loop, &h->tick_poll, h->tick_fd);
	if (ret)
		return ret;
	ret = publisher_init(&h->publisher, &h->zloop, &publish, &h->counters, h->mailbox);
	if (ret)
		return ret;
	engine_init(&h->engine, &engine, &h->publisher, h->mailbox, &h->counters);
	engine_swap(&h->engine, hc->set);
	ret = ingest_init(
		&h->ingest, &h->zloop, hc->sources, hc->conf, &h->engine, &h->counters, h->mailbox);
	h->ingest.conns = hc->conns;
	ingest_use_acl(&h->ingest, hc->acl);
	h->ingest.on_unfinished = on_unfinished;
	h->ingest.arg = h;
	return ret;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void run(void *arg)
{
	struct hot *h = arg;

	pthread_setname_np(pthread_self(), "spiked-hot");
	realtime_settle_thread();
	uv_sem_wait(&h->go);
	uv_poll_start(&h->wake, UV_READABLE, on_wake);
	uv_poll_start(&h->tick_poll, UV_READABLE, on_tick);
	uv_timer_start(&h->meta_timer, on_meta_timer, 100, 100);
	uv_check_start(&h->check, on_check);
	engine_start(&h->engine);
	arm(h);
	uv_run(&h->loop, UV_RUN_DEFAULT);
}

int hot_start(struct hot *h)
{
	sigset_t all, before;
	int ret;

	/* Signals are the cold loop's: here they would only interrupt ZeroMQ's calls. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	uv_sem_init(&h->go, 0);
	ret = uv_thread_create(&h->thread, run, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	h->started = !ret;
	return ret;
}

void hot_go(struct hot *h)
{
	uv_sem_post(&h->go);
}

/* Gives back what is not carried out any more: every order gets its reply. */
static void cancel_orders(struct hot *h)
{
	struct order order;

	for (unsigned i = 0; i < h->step_count; i++) {
		h->steps[i].result = -ECANCELED;
		mailbox_reply(h->mailbox, &h->steps[i]);
	}
	h->step_count = 0;
	if (h->has_waiting) {
		h->waiting.result = -ECANCELED;
		mailbox_reply(h->mailbox, &h->waiting);
		h->has_waiting = false;
	}
	while (mailbox_take_order(h->mailbox, &order)) {
		order.result = -ECANCELED;
		mailbox_reply(h->mailbox, &order);
	}
}

void hot_stop(struct hot *h, int linger_ms)
{
	int64_t deadline_ns = clock_mono_ns() + linger_ms * NS_PER_MS;

	if (h->started) {
		atomic_store(&h->stopping, true);
		hot_go(h); /* or it would wait for that for ever */
		mailbox_wake_hot(h->mailbox);
		uv_thread_join(&h->thread);
		cancel_orders(h);
	}
	ingest_close(&h->ingest);
	for (uint32_t i = 0; h->prepared && i < h->prepared->opened; i++)
		zsock_close(&h->prepared->open[i]->zsock, 0);
	if (!h->publisher.socket)
		return;
	while (h->started && !publisher_flush(&h->publisher) && clock_mono_ns() < deadline_ns)
		usleep(1000);
	publisher_close(&h->publisher, linger_ms);
}

struct stream_set *hot_fini(struct hot *h)
{
	struct stream_set *set = h->engine.set;

	uv_walk(&h->loop, close_handle, NULL);
	uv_run(&h->loop, UV_RUN_DEFAULT);
	uv_loop_close(&h->loop);
	ingest_fini(&h->ingest);
	if (h->tick_fd >= 0)
		close(h->tick_fd);
	if (h->wake_fd >= 0)
		close(h->wake_fd);
	engine_fini(&h->engine);
	return set;
}
