/* Keeps the streams' state in files: putting it back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/clock.h"
#include "daemon/core/log.h"
#include "daemon/state/errand.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LINES_MAX 20 /* log lines about single streams at a start */

/* More than another pipeline would make of as many channels. */
static size_t size_limit(const struct kept_stream *kept)
{
	return ((size_t)64 << 20) + 64 * pipeline_saved_size(kept->program);
}

/* 0, -ENOENT, or negative errno with `f` filled. */
static int read_snapshot(const struct keeper *k, const struct kept_stream *kept,
	struct stream_copy *copy, struct snapshot_head *head, struct fault *f)
{
	const struct conf_stream *conf = kept->conf;
	uint8_t *bytes;
	size_t size;
	int ret = files_read(&k->files, conf->name, size_limit(kept), &bytes, &size, f);

	if (ret)
		return ret;
	ret = snapshot_check(bytes, size, head, f);
	if (!ret)
		ret = snapshot_open(bytes, size, conf, kept->program, copy, f);
	free(bytes);
	return ret;
}

static void note_restored(struct keeper *k, struct stream *s, const struct snapshot_head *head)
{
	s->kept.restored_real_ns = head->time_ns;
	s->kept.restored_epoch = head->epoch;
	s->kept.restored_tick = head->tick;
	s->kept.restored_state_tick = head->state_tick;
	counter_add(&k->conf.counters->state_restored, 1);
	if (head->queued)
		counter_add(&k->conf.counters->state_queued_lost, head->queued);
}

/* What differs, but does not keep the state from going on. */
static void log_differences(const struct conf_stream *conf, const struct snapshot_head *head)
{
	if (head->dt_ns != conf->dt_ns)
		log_info("state of '%s': goes on although dt was %g ms and is %g ms", conf->name,
			head->dt_ns / 1e6, conf->dt_ns / 1e6);
	if (head->window != conf->window)
		log_info("state of '%s': goes on with a new window, since they had %u ticks and "
			 "have %u",
			conf->name, head->window, conf->window);
	if (head->queued)
		log_info("state of '%s': %u rows waited in its queue and were not kept", conf->name,
			head->queued);
}

/* Renames the file. Returns what to say of that. */
static const char *set_aside(struct keeper *k, const char *stream, char text[420])
{
	char name[FILES_NAME_MAX];
	struct fault f;

	if (files_aside(&k->files, stream, name, &f))
		snprintf(text, 420, "the next snapshot replaces the file (%s)", f.text);
	else
		snprintf(text, 420, "the file is kept as %s", name);
	return text;
}

void keeper_restore_at_start(struct keeper *k)
{
	uint32_t restored = 0, refused = 0, none = 0;
	int64_t now_ns = clock_real_ns(), oldest_ns = now_ns;
	struct kept_stream kept;
	char text[420];

	if (!keeper_is_on(k) || k->files.fd < 0)
		return;
	for (uint32_t i = 0; k->conf.stream_at(k->conf.arg, i, &kept); i++) {
		struct stream *s = kept.stream;
		struct stream_copy copy = {0};
		struct snapshot_head head;
		struct fault f;
		int ret = read_snapshot(k, &kept, &copy, &head, &f);

		if (ret == -ENOENT) {
			none++;
			continue;
		}
		if (ret) {
			counter_add(&k->conf.counters->state_refused, 1);
			set_aside(k, kept.conf->name, text);
			if (refused++ < LINES_MAX)
				log_warning("state of '%s': begins anew: %s; %s", kept.conf->name,
					f.text, text);
			continue;
		}
		stream_put_copy(s, &copy, clock_mono_ns());
		stream_copy_fini(&copy);
		note_restored(k, s, &head);
		log_differences(kept.conf, &head);
		oldest_ns = head.time_ns < oldest_ns ? head.time_ns : oldest_ns;
		restored++;
	}
	if (refused > LINES_MAX)
		log_warning(
			"state: %u more streams begin anew for such reasons", refused - LINES_MAX);
	if (restored)
		log_info("state: %u stream(s) go on from snapshots of up to %.1f s ago; %u begin "
			 "anew",
			restored, (double)(now_ns - oldest_ns) / 1e9, refused + none);
	else
		log_info("state: no stream goes on from a snapshot in %s", k->state.dir);
}

static void refuse(struct job *j, int code)
{
	struct keeper *k = j->keeper;
	char aside[420], text[800];

	if (code != -ENOENT)
		counter_add(&k->conf.counters->state_refused, 1);
	if (code == -EBADMSG || code == -ENOTSUP)
		snprintf(text, sizeof(text), "%s; %s", j->fault.text, set_aside(k, j->name, aside));
	else
		snprintf(text, sizeof(text), "%s",
			code == -ENOENT ? "there is no snapshot of it" : j->fault.text);
	log_warning("state of '%s' was not restored: %s", j->name, text);
	errand_tell(k->first, j->name, 0, text);
	j->state = JOB_FREE;
}

void job_restore(struct job *j, const struct kept_stream *kept)
{
	struct keeper *k = j->keeper;
	struct order order = {
		.kind = ORDER_PUT_COPY, .stream = kept->stream, .object = &j->copy, .token = j};
	int ret = read_snapshot(k, kept, &j->copy, &j->head, &j->fault);

	if (ret) {
		refuse(j, ret);
		return;
	}
	log_differences(kept->conf, &j->head);
	j->state = JOB_PUTTING;
	if (mailbox_order(k->conf.mailbox, &order))
		assert(0 && "the mailbox had room");
}

void job_restored(struct job *j, struct stream *s, int result)
{
	struct keeper *k = j->keeper;

	if (!result) {
		note_restored(k, s, &j->head);
		errand_tell(k->first, j->name, j->copy.tick, NULL);
	}
	stream_copy_fini(&j->copy);
	j->state = JOB_FREE;
}
