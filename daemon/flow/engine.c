/* The clock of the streams.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/engine.h"

#include "daemon/core/clock.h"
#include "spiked/wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define SHARE_NS (2 * NS_PER_MS) /* of one call in a clock without due times */

void engine_init(struct engine *e, const struct engine_conf *conf, struct publisher *publisher,
	struct mailbox *mailbox, struct daemon_counters *counters)
{
	*e = (struct engine){
		.conf = *conf, .publisher = publisher, .mailbox = mailbox, .counters = counters};
	zmq_msg_init(&e->payload);
}

void engine_fini(struct engine *e)
{
	zmq_msg_close(&e->payload);
}

void engine_start(struct engine *e)
{
	e->start_mono_ns = clock_mono_ns();
	e->start_real_ns = clock_real_ns();
}

static int64_t due_ns(const struct engine *e, const struct cadence *c)
{
	return e->start_mono_ns + (int64_t)(c->next * c->dt_ns);
}

/* The first tick that has not passed yet. */
static uint64_t start_tick(void *ctx, uint32_t dt_ns)
{
	struct engine *e = ctx;

	switch (e->conf.clock) {
	case CLOCK_WALL:
		if (!e->start_mono_ns)
			return 0;
		return (uint64_t)(clock_mono_ns() - e->start_mono_ns) / dt_ns + 1;
	case CLOCK_MANUAL:
		return ((uint64_t)e->virtual_ns + dt_ns - 1) / dt_ns;
	case CLOCK_DATA:
		break;
	}
	return 0;
}

bool engine_between_ticks(const struct engine *e)
{
	return !e->running && !e->publisher->outbox_count;
}

/* A stream that comes back, or comes from another dt, ticks with those that have its dt, even if that
 * is at a time that it has ticked at before. */
static void join_cadences(const struct stream_set *set)
{
	for (uint32_t i = 0; i < set->cadence_count; i++) {
		const struct cadence *c = &set->cadences[i];

		for (uint32_t k = 0; k < c->count; k++)
			stream_join(c->streams[k], c->next);
	}
}

bool engine_between_rows(const struct engine *e, const struct stream *s)
{
	return e->feeding != s || !e->row_ticks;
}

struct stream_set *engine_swap(struct engine *e, struct stream_set *set)
{
	struct stream_set *old = e->set;

	assert(engine_between_ticks(e));
	stream_set_adopt(set, old, start_tick, e);
	if (e->conf.clock != CLOCK_DATA)
		join_cadences(set);
	e->set = set;
	publisher_use(e->publisher, set);
	if (e->feeding) {
		const struct conf_stream *conf = e->feeding->conf;

		/* Removed or made anew: the rest of its message goes with it. */
		if (stream_set_find(set, conf->name, strlen(conf->name)) != e->feeding ||
			conf->channels != e->rows.channels)
			e->feeding = NULL;
	}
	return old;
}

/* Returns when it was done, CLOCK_MONOTONIC, which is when the next one begins. */
static int64_t run_stream(struct engine *e, struct stream *s, uint64_t tick, uint16_t flags,
	bool alone, int64_t now_ns)
{
	int64_t done_ns;
	int was = atomic_load_explicit(&s->liveness, memory_order_relaxed);
	struct frame frame;

	frame.time_ns = e->start_real_ns + (int64_t)(tick * s->conf->dt_ns);
	stream_tick(s, tick, flags, now_ns, &frame);
	publisher_frame(e->publisher, s, &frame, alone);
	if (atomic_load_explicit(&s->liveness, memory_order_relaxed) != was)
		e->liveness_changed = true;
	done_ns = clock_mono_ns();
	hist_add(&s->tick_cost, done_ns - now_ns);
	return done_ns;
}

static void begin_tick(struct engine *e, struct cadence *c, int64_t late_ns)
{
	e->running = c;
	e->at = 0;
	e->flags = 0;
	if (c->gap)
		e->flags |= SPIKED_GAP;
	if (late_ns >= (int64_t)c->dt_ns) {
		e->flags |= SPIKED_LATE;
		counter_add(&e->counters->late_ticks, 1);
	}
	c->gap = false;
}

static void skip_ticks(struct engine *e, struct cadence *c, uint64_t ticks, int64_t late_ns)
{
	struct note note = {.kind = NOTE_OVERRUN};

	c->next += ticks;
	c->gap = true;
	counter_add(&e->counters->skipped_ticks, ticks);
	for (uint32_t i = 0; i < c->count; i++)
		counter_add(&c->streams[i]->counters.skipped_ticks, ticks);
	note.number = late_ns;
	note.count = (int64_t)ticks;
	memcpy(note.text, c->streams[0]->conf->name, strlen(c->streams[0]->conf->name));
	mailbox_note(e->mailbox, &note);
}

/* A tick of the wall clock that is due, treated as `overrun` says. False: the daemon stops. */
static bool begin_wall_tick(struct engine *e, struct cadence *c, int64_t now_ns)
{
	int64_t late_ns = now_ns - due_ns(e, c);
	uint64_t behind = (uint64_t)late_ns / c->dt_ns; /* ticks due after this one */

	if (!behind) {
		c->caught_up = 0;
	} else if (e->conf.overrun == OVERRUN_STOP) {
		e->stopped_late_ns = late_ns;
		atomic_store(&e->stopped, true);
		mailbox_note(e->mailbox, &(struct note){.kind = NOTE_WAKE});
		return false;
	} else if (e->conf.overrun == OVERRUN_SKIP || c->caught_up >= e->conf.max_catch_up) {
		skip_ticks(e, c, behind, late_ns);
		c->caught_up = 0;
	} else {
		c->caught_up++;
	}
	begin_tick(e, c, now_ns - due_ns(e, c));
	/* The histogram hears of the oldest tick that was due, also when it is never run. */
	e->began_ns = now_ns;
	hist_add(&e->lateness, late_ns);
	hist_add(c->lateness, late_ns);
	return true;
}

static struct cadence *earliest(const struct engine *e)
{
	struct cadence *first = NULL;

	for (uint32_t i = 0; e->set && i < e->set->cadence_count; i++) {
		struct cadence *c = &e->set->cadences[i];

		if (c->count && (!first || c->next * c->dt_ns < first->next * first->dt_ns))
			first = c;
	}
	return first;
}

int64_t engine_next_due(const struct engine *e)
{
	struct cadence *c = earliest(e);

	return c ? due_ns(e, c) : INT64_MAX;
}

/* Picks the next cadence tick that was due at `now_ns`. False: nothing to do. */
static bool begin_next(struct engine *e, int64_t now_ns)
{
	struct cadence *c = earliest(e);

	if (!c)
		return false;
	if (e->conf.clock == CLOCK_WALL)
		return now_ns >= due_ns(e, c) && begin_wall_tick(e, c, clock_mono_ns());
	if ((int64_t)(c->next * c->dt_ns) >= e->target_ns)
		return false;
	e->virtual_ns = (int64_t)(c->next * c->dt_ns);
	begin_tick(e, c, 0);
	e->began_ns = now_ns;
	return true;
}

/* manual: there is no due time that would bound a call. */
static bool share_is_used(const struct engine *e, int64_t called_ns, int64_t now_ns)
{
	return e->conf.clock != CLOCK_WALL && now_ns - called_ns > SHARE_NS;
}

/* Thousands of small streams are more than the caches hold from tick to tick. */
static void foresee(const struct cadence *c, uint32_t at)
{
	if (at + STREAM_AHEAD < c->count)
		stream_prefetch(c->streams[at + STREAM_AHEAD]);
	if (at + STREAM_AHEAD_PARTS < c->count)
		stream_prefetch_parts(c->streams[at + STREAM_AHEAD_PARTS]);
}

/* manual: the clock jumps, as that of a machine that was too busy would. */
static void pass_over(struct engine *e, int64_t until_ns)
{
	for (uint32_t i = 0; e->set && i < e->set->cadence_count; i++) {
		struct cadence *c = &e->set->cadences[i];
		uint64_t next = ((uint64_t)until_ns + c->dt_ns - 1) / c->dt_ns;

		if (!c->count || next <= c->next)
			continue;
		counter_add(&e->counters->skipped_ticks, next - c->next);
		for (uint32_t k = 0; k < c->count; k++)
			counter_add(&c->streams[k]->counters.skipped_ticks, next - c->next);
		c->next = next;
		c->gap = true;
	}
	e->virtual_ns = until_ns;
}

/* False: no step waits. */
static bool begin_waiting_step(struct engine *e)
{
	if (!e->step_waits)
		return false;
	e->step_waits = false;
	if (e->pass_ns)
		pass_over(e, e->target_ns + e->pass_ns);
	e->target_ns += e->pass_ns + e->step_ns;
	return true;
}

static enum progress run_ticks(struct engine *e, int64_t called_ns)
{
	/* What falls due meanwhile waits for the next call, so that rows and orders get their turn
	 * however far behind the ticks are. */
	int64_t now_ns = called_ns;

	for (;;) {
		struct stream *s;
		struct cadence *c;

		if (!publisher_flush(e->publisher))
			return PROGRESS_HELD;
		if (!e->running && share_is_used(e, called_ns, now_ns))
			return PROGRESS_MORE;
		if (!e->running && !begin_next(e, called_ns)) {
			if (begin_waiting_step(e))
				continue;
			break;
		}
		c = e->running;
		if (!e->at)
			now_ns = e->began_ns;
		foresee(c, e->at);
		s = c->streams[e->at++];
		now_ns = run_stream(e, s, c->next, e->flags, false, now_ns);
		if (e->at < c->count)
			continue;
		c->next++;
		e->running = NULL;
		hist_add(&e->tick_cost, now_ns - e->began_ns);
	}
	if (e->conf.clock == CLOCK_MANUAL)
		e->virtual_ns = e->target_ns;
	return PROGRESS_DONE;
}

static enum progress run_rows(struct engine *e, int64_t called_ns)
{
	int64_t now_ns = called_ns;

	for (;;) {
		struct stream *s = e->feeding;

		if (!publisher_flush(e->publisher))
			return PROGRESS_HELD;
		if (!s)
			break;
		if (share_is_used(e, called_ns, now_ns) || (e->row_end_wanted && !e->row_ticks))
			return PROGRESS_MORE;
		if (!e->row_ticks) {
			if (e->row == e->rows.count)
				break;
			stream_put_row(s, &e->rows, e->row++, e->set->scratch, e->arrival_ns);
			e->row_ticks = s->conf->window ? s->conf->window : 1;
		}
		e->row_ticks--;
		now_ns = run_stream(e, s, s->next_tick, 0, true, now_ns);
	}
	e->feeding = NULL;
	zmq_msg_close(&e->payload);
	zmq_msg_init(&e->payload);
	return PROGRESS_DONE;
}

static enum progress run(struct engine *e, int64_t now_ns)
{
	enum progress progress =
		e->conf.clock == CLOCK_DATA ? run_rows(e, now_ns) : run_ticks(e, now_ns);

	if (e->liveness_changed)
		mailbox_note(e->mailbox, &(struct note){.kind = NOTE_LIVENESS});
	e->liveness_changed = false;
	return progress;
}

enum progress engine_run(struct engine *e)
{
	return run(e, clock_mono_ns());
}

bool engine_busy(const struct engine *e)
{
	return e->publisher->outbox_count || e->running || e->feeding ||
	       e->virtual_ns < e->target_ns || e->step_waits;
}

int engine_step(struct engine *e, int64_t ticks)
{
	int64_t target_ns, end_ns;

	if (__builtin_mul_overflow(ticks, (int64_t)e->conf.dt_ns, &target_ns) ||
		__builtin_add_overflow(e->target_ns, target_ns, &target_ns) ||
		__builtin_add_overflow(e->start_real_ns, target_ns, &end_ns))
		return -ERANGE;
	e->target_ns = target_ns;
	return 0;
}

int engine_step_after(struct engine *e, uint64_t pass, uint64_t ticks)
{
	int64_t end_ns;

	assert(!e->step_waits);
	if (__builtin_mul_overflow(pass, e->conf.dt_ns, &e->pass_ns) ||
		__builtin_mul_overflow(ticks, e->conf.dt_ns, &e->step_ns) ||
		__builtin_add_overflow(e->target_ns, e->pass_ns, &end_ns) ||
		__builtin_add_overflow(end_ns, e->step_ns, &end_ns) ||
		__builtin_add_overflow(end_ns, e->start_real_ns, &end_ns))
		return -ERANGE;
	e->step_waits = true;
	return 0;
}

enum progress engine_feed(struct engine *e, struct stream *s, const struct rows *rows,
	zmq_msg_t *payload, int64_t now_ns)
{
	bool borrowed = rows->data == zmq_msg_data(payload);

	assert(!e->feeding);
	e->feeding = s;
	e->rows = *rows;
	e->row = 0;
	e->row_ticks = 0;
	e->arrival_ns = now_ns;
	zmq_msg_move(&e->payload, payload);
	if (borrowed)
		e->rows.data =
			zmq_msg_data(&e->payload); /* short messages move with their struct */
	return run(e, now_ns);
}
