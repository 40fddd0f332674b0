/* Keeps the streams' state in files: the requests, and saving.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state/keeper.h"

#include "daemon/core/clock.h"
#include "daemon/core/log.h"
#include "daemon/state/errand.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRANDS_MAX  64
#define LOG_PAUSE_NS (60 * NS_PER_S) /* between two lines about the same trouble */

bool keeper_is_on(const struct keeper *k)
{
	return k->state.dir;
}

static void note_error(struct keeper *k, const struct fault *f)
{
	snprintf(k->error, sizeof(k->error), "%s", f->text);
}

static int open_folder(struct keeper *k, struct fault *f)
{
	bool writable;
	int ret;

	if (k->files.fd >= 0)
		return 0;
	ret = files_open(&k->files, k->state.dir, &writable, f);
	if (ret)
		return ret;
	if (writable)
		return 0;
	note_error(k, f);
	log_warning("state: %s; spiked runs, but keeps no state until that has changed", f->text);
	return 0;
}

static void on_timer(uv_timer_t *timer)
{
	struct keeper *k = timer->data;

	if (!k->first) /* a slow disk makes rounds longer, not more */
		keeper_save(k, NULL, NULL);
}

void keeper_init(struct keeper *k, const struct keeper_conf *conf)
{
	struct fault f;

	*k = (struct keeper){.conf = *conf, .files.fd = -1};
	k->conf.state = &k->state;
	k->state.every_ns = conf->state->every_ns;
	if (conf->state->dir) {
		k->state.dir = strdup(conf->state->dir);
		if (!k->state.dir)
			log_error("state: not enough memory; none is kept");
	}
	for (int i = 0; i < KEEPER_JOBS; i++)
		k->jobs[i].keeper = k;
	uv_timer_init(conf->loop, &k->timer);
	k->timer.data = k;
	if (!keeper_is_on(k) || !open_folder(k, &f))
		return;
	note_error(k, &f);
	log_warning("state: %s; spiked runs, but keeps no state until that has changed", f.text);
}

void keeper_start(struct keeper *k)
{
	uint64_t every_ms = (uint64_t)(k->state.every_ns / NS_PER_MS);

	if (keeper_is_on(k))
		uv_timer_start(&k->timer, on_timer, every_ms, every_ms);
}

void keeper_change(struct keeper *k, const struct conf_state *state)
{
	if (state->every_ns == k->state.every_ns)
		return;
	k->state.every_ns = state->every_ns;
	keeper_start(k);
}

static int add_errand(
	struct keeper *k, enum errand_kind kind, const char *name, const struct keeper_asker *asker)
{
	struct errand **at = &k->first, *e;
	int n = 0;

	for (; *at; at = &(*at)->next)
		n++;
	if (n >= ERRANDS_MAX)
		return -EBUSY;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->kind = kind;
	e->round = ++k->round;
	if (name)
		snprintf(e->name, sizeof(e->name), "%s", name);
	if (asker)
		e->asker = *asker;
	*at = e;
	return 0;
}

/* Runs in the loop's next turn: an asker is not told from within its call. */
static int ask(
	struct keeper *k, enum errand_kind kind, const char *name, const struct keeper_asker *asker)
{
	int ret = add_errand(k, kind, name, asker);

	if (!ret)
		uv_async_send(k->conf.mailbox->wake_cold);
	return ret;
}

int keeper_save(struct keeper *k, const char *name, const struct keeper_asker *asker)
{
	return ask(k, ERRAND_SAVE, name, asker);
}

int keeper_restore(struct keeper *k, const char *name, const struct keeper_asker *asker)
{
	return ask(k, ERRAND_RESTORE, name, asker);
}

void errand_tell(struct errand *e, const char *stream, uint64_t tick, const char *why)
{
	if (why)
		e->failed++;
	else
		e->succeeded++;
	if (e->asker.each)
		e->asker.each(e->asker.arg, stream, tick, why);
}

/* One line for a round's faults, and none while they stay the same; one when they are over. */
static void log_round(struct keeper *k, const struct errand *e)
{
	int64_t now_ns = clock_mono_ns();

	if (!e->failed) {
		if (k->failing)
			log_info("state: snapshots are written again");
		k->failing = false;
		k->error[0] = '\0';
		return;
	}
	if (!k->failing || now_ns - k->logged_ns >= LOG_PAUSE_NS) {
		log_warning("state: %u of %u snapshots were not written: %s; the old ones stay, "
			    "and spiked tries again every %g s",
			e->failed, e->failed + e->succeeded, k->error,
			(double)k->state.every_ns / 1e9);
		k->logged_ns = now_ns;
	}
	k->failing = true;
}

static void end_errand(struct keeper *k)
{
	struct errand *e = k->first;

	k->first = e->next;
	if (e->kind == ERRAND_SAVE) {
		log_round(k, e);
		if (!e->failed && !e->name[0])
			k->round_real_ns = clock_real_ns();
	}
	if (e->asker.done)
		e->asker.done(e->asker.arg, 0);
	free(e);
}

/* One of the same name, which has been removed since, say: two writers would share a file. */
static bool is_under_way(const struct keeper *k, const char *name)
{
	for (int i = 0; i < KEEPER_JOBS; i++)
		if (k->jobs[i].state != JOB_FREE && !strcmp(k->jobs[i].name, name))
			return true;
	return false;
}

/* The next stream that the errand has not looked at yet. Streams may have moved since: once at the
 * end, it begins again. */
static bool next_stream(struct keeper *k, struct errand *e, struct kept_stream *out)
{
	for (;;) {
		if (!k->conf.stream_at(k->conf.arg, e->at, out)) {
			if (e->again)
				return false;
			e->again = true;
			e->at = 0;
			continue;
		}
		e->at++;
		if (out->stream->kept.round == e->round ||
			(e->name[0] && strcmp(e->name, out->conf->name) != 0) ||
			is_under_way(k, out->conf->name))
			continue;
		out->stream->kept.round = e->round;
		return true;
	}
}

static struct job *free_job(struct keeper *k)
{
	for (int i = 0; i < KEEPER_JOBS; i++)
		if (k->jobs[i].state == JOB_FREE)
			return &k->jobs[i];
	return NULL;
}

static bool has_jobs(const struct keeper *k)
{
	for (int i = 0; i < KEEPER_JOBS; i++)
		if (k->jobs[i].state != JOB_FREE)
			return true;
	return false;
}

static void job_failed(struct job *j)
{
	struct keeper *k = j->keeper;

	counter_add(&k->conf.counters->state_errors, 1);
	note_error(k, &j->fault);
	errand_tell(k->first, j->name, 0, j->fault.text);
	snapshot_fini(&j->snapshot);
	j->state = JOB_FREE;
}

static void on_work(uv_work_t *work)
{
	struct job *j = work->data;

	if (j->state == JOB_SYNCING) {
		j->result = files_sync(&j->keeper->files, &j->fault);
		return;
	}
	snapshot_seal(&j->snapshot);
	j->result = files_write(
		&j->keeper->files, j->name, j->snapshot.bytes, j->snapshot.size, &j->fault);
}

static void note_saved(struct keeper *k, const struct job *j)
{
	struct kept_stream kept;

	/* It may have gone, or moved, in the meantime. */
	if (k->conf.stream_at(k->conf.arg, j->index, &kept) && !strcmp(kept.conf->name, j->name))
		kept.stream->kept.saved_real_ns = j->time_ns;
}

static void on_worked(uv_work_t *work, int status)
{
	struct job *j = work->data;
	struct keeper *k = j->keeper;

	(void)status; /* never cancelled */
	if (j->state == JOB_SYNCING) {
		j->state = JOB_FREE;
		if (j->result) {
			counter_add(&k->conf.counters->state_errors, 1);
			note_error(k, &j->fault);
			k->first->failed++;
		}
	} else if (j->result) {
		job_failed(j);
	} else {
		counter_add(&k->conf.counters->state_saved, 1);
		if (j->forget)
			files_remove(&k->files, j->name);
		else
			note_saved(k, j);
		errand_tell(k->first, j->name, j->snapshot.copy.tick, NULL);
		snapshot_fini(&j->snapshot);
		j->state = JOB_FREE;
	}
	keeper_go_on(k);
}

static void queue_work(struct job *j)
{
	j->work.data = j;
	j->fault = (struct fault){0};
	uv_queue_work(j->keeper->conf.loop, &j->work, on_work, on_worked);
}

static void begin_writing(struct job *j)
{
	j->time_ns = clock_real_ns();
	snapshot_describe(&j->snapshot, j->keeper->conf.epoch, j->time_ns);
	j->state = JOB_WRITING;
	queue_work(j);
}

static void begin_saving(struct job *j, const struct kept_stream *kept)
{
	struct keeper *k = j->keeper;
	struct stream *s = kept->stream;
	struct order order = {
		.kind = ORDER_TAKE_COPY, .stream = s, .object = &j->snapshot.copy, .token = j};

	if (snapshot_init(&j->snapshot, kept->conf, kept->program)) {
		fault_set(&j->fault, -ENOMEM, "not enough memory for a snapshot of '%s'", j->name);
		job_failed(j);
		return;
	}
	if (k->ending) {
		stream_take_copy(s, &j->snapshot.copy);
		begin_writing(j);
		return;
	}
	order.number = (int64_t)j->snapshot.size;
	j->state = JOB_COPYING;
	if (mailbox_order(k->conf.mailbox, &order))
		assert(0 && "the mailbox had room");
}

static void begin_job(struct job *j, const struct errand *e, const struct kept_stream *kept)
{
	snprintf(j->name, sizeof(j->name), "%s", kept->conf->name);
	j->index = e->at - 1;
	j->forget = false;
	if (e->kind == ERRAND_SAVE)
		begin_saving(j, kept);
	else
		job_restore(j, kept);
}

/* Without a folder the whole errand has failed. */
static bool can_begin(struct keeper *k, struct errand *e)
{
	struct kept_stream kept;
	struct fault f;

	if (!open_folder(k, &f))
		return true;
	note_error(k, &f);
	while (next_stream(k, e, &kept)) {
		counter_add(&k->conf.counters->state_errors, e->kind == ERRAND_SAVE);
		errand_tell(e, kept.conf->name, 0, f.text);
	}
	return false;
}

void keeper_go_on(struct keeper *k)
{
	struct kept_stream kept;
	struct job *j;

	while (k->first) {
		struct errand *e = k->first;
		bool more = can_begin(k, e);

		while (more && (j = free_job(k))) {
			if (!k->ending && !mailbox_has_room(k->conf.mailbox))
				return; /* a reply will call again */
			more = next_stream(k, e, &kept);
			if (more)
				begin_job(j, e, &kept);
		}
		if (has_jobs(k))
			return;
		if (e->kind == ERRAND_SAVE && e->succeeded && !e->synced) {
			e->synced = true;
			j = free_job(k);
			j->state = JOB_SYNCING;
			queue_work(j);
			return;
		}
		end_errand(k);
	}
}

bool keeper_on_reply(struct keeper *k, const struct order *reply)
{
	uintptr_t jobs = (uintptr_t)k->jobs, token = (uintptr_t)reply->token;
	struct job *j = reply->token;
	struct stream *s = reply->stream;

	if (token < jobs || token >= jobs + sizeof(k->jobs))
		return false;
	if (j->state == JOB_PUTTING) {
		job_restored(j, s, reply->result);
	} else if (reply->result) { /* the hot loop has ended */
		snapshot_fini(&j->snapshot);
		j->state = JOB_FREE;
	} else {
		begin_writing(j);
	}
	return true;
}

void keeper_forget(struct keeper *k, const char *name)
{
	if (!keeper_is_on(k) || k->files.fd < 0)
		return;
	for (int i = 0; i < KEEPER_JOBS; i++)
		if (k->jobs[i].state != JOB_FREE && !strcmp(k->jobs[i].name, name))
			k->jobs[i].forget = true;
	files_remove(&k->files, name);
}

void keeper_cancel(struct keeper *k)
{
	uv_timer_stop(&k->timer);
	for (struct errand *e = k->first; e; e = e->next) {
		if (e->asker.done)
			e->asker.done(e->asker.arg, -ECANCELED);
		e->asker = (struct keeper_asker){0};
	}
}

void keeper_finish(struct keeper *k)
{
	uint64_t saved;

	if (!keeper_is_on(k))
		return;
	k->ending = true;
	for (struct errand *e = k->first; e;
		e = e->next) { /* what is under way ends, no more begins */
		e->at = UINT32_MAX;
		e->again = true;
	}
	while (has_jobs(k))
		uv_run(k->conf.loop, UV_RUN_ONCE);
	while (k->first) {
		struct errand *e = k->first;

		k->first = e->next;
		free(e);
	}
	saved = counter_get(&k->conf.counters->state_saved);
	k->logged_ns = 0; /* of the last round, all is said */
	k->failing = false;
	add_errand(k, ERRAND_SAVE, NULL, NULL);
	keeper_go_on(k);
	while (k->first)
		uv_run(k->conf.loop, UV_RUN_ONCE);
	log_info("state: %llu snapshot(s) written to %s",
		(unsigned long long)(counter_get(&k->conf.counters->state_saved) - saved),
		k->state.dir);
}

void keeper_fini(struct keeper *k)
{
	if (!k->conf.loop)
		return;
	files_close(&k->files);
	free(k->state.dir);
	k->state.dir = NULL;
}
