/* verify: a spiked of one's own runs the recorded ticks with the recorded rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "verify_drive.h"

#define WINDOW   4000    /* frames under way */
#define QUEUE    1000000 /* messages that may wait in a socket; more than WINDOW makes */
#define STUCK_MS 20000
#define WAIT_MS  100

static int no_memory(void)
{
	return ctl_fail("not enough memory");
}

static struct driven *driven_stream(struct drive *d, const char *name)
{
	int64_t number = roll_find(&d->epoch->names, name, strlen(name));

	return number < 0 ? NULL : &d->streams[number];
}

static int take_replayed(struct drive *d, const struct rec_bytes *frames, size_t count)
{
	struct driven *s;
	struct message m;

	message_read(&m, frames, count);
	if (m.kind == MESSAGE_META || m.kind == MESSAGE_STATUS)
		d->heard = true;
	if (m.kind >= MATCH_TOPICS)
		return EXIT_OK;
	s = driven_stream(d, m.stream);
	if (!s)
		return EXIT_OK;
	d->got += m.kind == s->pulse;
	d->progress_ms = d->now_ms;
	d->frames++;
	if (s->plan->recorded[m.kind] && !match_replayed(&s->verdict->match, &m, s->offset))
		return no_memory();
	return EXIT_OK;
}

/* Takes in what has come; waits a moment if nothing has. */
static int receive(struct drive *d)
{
	const struct spiked_bytes *frames;
	size_t count;
	int rc = spiked_recv_raw(d->receiver, &frames, &count, WAIT_MS);

	d->now_ms = ctl_now_ms();
	if (d->now_ms - d->progress_ms > STUCK_MS)
		return ctl_fail("the spiked that was started for this does not go on");
	if (rc == -EAGAIN)
		return private_lives(&d->spiked) ? EXIT_OK : EXIT_FAILED;
	while (rc == 0) {
		if (take_replayed(d, (const struct rec_bytes *)frames, count) != EXIT_OK)
			return EXIT_FAILED;
		rc = spiked_recv_raw(d->receiver, &frames, &count, 0);
	}
	if (rc == -EAGAIN || rc == -EINTR)
		return EXIT_OK;
	return ctl_fail("receiving from the spiked of one's own: %s", spiked_strerror(rc));
}

/* Until no more than so many frames are under way. */
static int settle(struct drive *d, uint64_t under_way)
{
	d->progress_ms = ctl_now_ms();
	while (d->wanted - d->got > under_way) {
		if (ctl_stop)
			return EXIT_FAILED;
		if (receive(d) != EXIT_OK)
			return EXIT_FAILED;
	}
	return EXIT_OK;
}

int drive_sync(struct drive *d)
{
	return settle(d, 0);
}

static int sent(struct drive *d, int rc, uint64_t frames)
{
	if (rc < 0)
		return ctl_stop ? EXIT_FAILED
				: ctl_fail("sending to the spiked of one's own: %s",
					  spiked_strerror(rc));
	d->wanted += frames;
	return d->wanted - d->got > WINDOW ? settle(d, WINDOW / 2) : EXIT_OK;
}

int drive_row(struct drive *d, struct driven *s, const struct spiked_header *h,
	const struct rec_bytes *payload, const struct spiked_stamp *stamp)
{
	int rc = spiked_send_raw(d->sender, s->plan->name, payload->data, payload->size, stamp);
	uint64_t ticks = (uint64_t)h->count * (s->window ? s->window : 1);

	s->ran += ticks;
	s->fed = true;
	return sent(d, rc, d->epoch->data ? ticks : 0);
}

static int step(struct drive *d, uint64_t ticks, uint64_t pass)
{
	d->next += ticks + pass;
	return sent(d, spiked_send_step(d->sender, ticks, pass), ticks * d->present);
}

/* ---- clocks with ticks of their own ---- */

/* The ticks that are skipped next, from the one on that is due. */
static bool coming_skip(struct drive *d, struct skip *skip)
{
	const struct pace *pace = epoch_pace(d->epoch, d->dt_ns);

	for (; pace && d->skip < pace->skip_count; d->skip++) {
		uint64_t end;

		*skip = pace->skips[d->skip];
		end = skip->first + skip->count;
		if (end <= d->next)
			continue;
		if (skip->first < d->next)
			*skip = (struct skip){.first = d->next, .count = end - d->next};
		return true;
	}
	return false;
}

/* Does what is to happen before the tick that is due. `end`: how far it goes on from there without more. */
static int happen(struct drive *d, uint64_t *end)
{
	int rc = EXIT_OK;

	for (uint32_t i = 0; i < d->count && rc == EXIT_OK; i++) {
		const struct event *e;

		rc = drive_events(d, &d->streams[i], d->next);
		e = drive_event(d, &d->streams[i]);
		if (e && e->tick < *end)
			*end = e->tick;
	}
	return rc;
}

/* Runs the ticks before `until`, but for those that the daemon skipped, and what is to happen before each. */
static int run_until(struct drive *d, uint64_t until)
{
	int rc = EXIT_OK;

	while (rc == EXIT_OK && d->next < until) {
		uint64_t end = until;
		struct skip skip;

		rc = happen(d, &end);
		if (rc != EXIT_OK)
			break;
		if (!coming_skip(d, &skip) || skip.first >= end)
			rc = step(d, end - d->next, 0);
		else if (skip.first > d->next)
			rc = step(d, skip.first - d->next, 0);
		else
			rc = step(d, 0, end - d->next < skip.count ? end - d->next : skip.count);
	}
	return rc;
}

static int tick_row(struct drive *d, struct driven *s, const struct message *m)
{
	int rc = run_until(d, m->header.tick);

	return rc == EXIT_OK ? drive_events_before_row(d, s, &m->header) : rc;
}

/* ---- records ---- */

/* A frame of the file awaits its like. The first of a topic after a state was put in force is flagged. */
static bool hold_against(struct driven *s, const struct message *m)
{
	bool compare = s->comparing && m->header.tick >= s->start;
	bool first = compare && s->to_come >> m->kind & 1;

	if (!(m->header.flags & SPIKED_STALE))
		s->resting = false;
	if (s->resting && m->kind == MESSAGE_STATE)
		compare = false;
	if (first)
		s->to_come = (uint8_t)(s->to_come & ~(1 << m->kind));
	return match_recorded(
		&s->verdict->match, m, compare, first ? SPIKED_RESTORED | SPIKED_GAP : 0);
}

static int drive_record(struct drive *d, const struct message *m)
{
	struct driven *s = driven_stream(d, m->stream);
	bool rows = m->kind == MESSAGE_ROWS, data = d->epoch->data;
	int rc;

	if (!s || !drive_has(d, s, m))
		return EXIT_OK;
	if (data)
		rc = drive_events(d, s, m->header.tick);
	else if (rows && m->header.tick < d->start)
		rc = EXIT_OK;
	else
		rc = rows ? tick_row(d, s, m) : run_until(d, m->header.tick + 1);
	if (rc != EXIT_OK)
		return rc;
	if (rows) {
		s->next_row = m->header.seq + 1;
		if (!drive_keep(s, m))
			return no_memory();
		if (s->comparing && m->header.seq >= s->row_from)
			return drive_row(d, s, &m->header, &m->payload, m->stamp);
		return EXIT_OK;
	}
	return hold_against(s, m) ? EXIT_OK : no_memory();
}

/* The frames of a tick's other topics come behind that of its pulse; what is asked for now, behind them all. */
static int take_rest(struct drive *d)
{
	int rc;

	if (!d->present)
		return EXIT_OK;
	d->heard = false;
	rc = spiked_subscribe_prefix(d->receiver, "meta");
	if (rc < 0)
		return ctl_fail("cannot subscribe: %s", spiked_strerror(rc));
	d->progress_ms = ctl_now_ms();
	while (!d->heard)
		if (ctl_stop || receive(d) != EXIT_OK)
			return EXIT_FAILED;
	return EXIT_OK;
}

static int drive_file(struct drive *d)
{
	struct rec_reader *reader = d->reader;
	struct progress progress;
	struct rec_record record;
	struct message m;
	int rc = EXIT_OK, more = 0;

	rec_rewind(reader);
	progress_begin(&progress, !d->ctl->json);
	while (rc == EXIT_OK && !ctl_stop && (more = rec_next(reader, &record)) > 0) {
		message_read(&m, record.frames, record.count);
		if (message_has_header(&m) && m.header.epoch == d->epoch->epoch)
			rc = drive_record(d, &m);
		if (progress_due(&progress))
			progress_line(&progress,
				(double)rec_offset(reader) / (double)rec_size(reader),
				"replaying, %" PRIu64 " frames", d->frames);
	}
	if (rc == EXIT_OK && !ctl_stop && more == 0)
		rc = drive_sync(d);
	if (rc == EXIT_OK && !ctl_stop && more == 0)
		rc = take_rest(d);
	progress_end(&progress);
	if (more < 0)
		return ctl_fail("%s: cannot read: %s", d->ctl->words[0], strerror(-more));
	return ctl_stop ? EXIT_FAILED : rc;
}

/* ---- beginning and end ---- */

/* The first tick from which anything is known; false: there is none. */
static bool find_start(struct drive *d)
{
	bool any = false;

	for (uint32_t i = 0; i < d->count; i++) {
		struct driven *s = &d->streams[i];

		for (const struct event *e; (e = drive_event(d, s)); s->event++) {
			if (e->kind != EVENT_STATE && e->kind != EVENT_BIRTH)
				continue;
			if (!any || e->tick < d->start)
				d->start = e->tick;
			any = true;
		}
		s->event = 0;
	}
	return any;
}

static int connect_to(struct drive *d)
{
	static const enum spiked_topic topics[MATCH_TOPICS] = {
		SPIKED_TOPIC_SPIKES, SPIKED_TOPIC_STATE, SPIKED_TOPIC_VALUES};
	struct spiked_options options = SPIKED_OPTIONS_INIT;
	int rc = 0;

	options.queue = QUEUE;
	options.timeout_ms = STUCK_MS;
	options.max_frame_bytes = REC_CHUNK_MAX;
	d->sender = spiked_sender_new(d->spiked.ingest, &options);
	d->receiver = spiked_receiver_new(d->spiked.publish, &options);
	if (!d->sender || !d->receiver)
		return ctl_fail("cannot connect: %s", spiked_strerror(-errno));
	for (uint32_t i = 0; i < d->count; i++)
		for (int k = 0; k < MATCH_TOPICS && rc == 0; k++)
			if (d->streams[i].plan->recorded[k] ||
				d->streams[i].pulse == (enum message_kind)k)
				rc = spiked_subscribe(
					d->receiver, topics[k], d->streams[i].plan->name);
	if (rc == 0)
		rc = spiked_subscribe_prefix(d->receiver, d->present ? "meta/" : "status/");
	if (rc < 0)
		return ctl_fail("cannot subscribe: %s", spiked_strerror(rc));
	/* What was asked for last is heard: so was all before. */
	d->progress_ms = ctl_now_ms();
	while (!d->heard)
		if (ctl_stop || receive(d) != EXIT_OK)
			return EXIT_FAILED;
	return EXIT_OK;
}

static int begin(struct drive *d)
{
	if (d->epoch->data)
		return EXIT_OK;
	/* The tick before the first one takes the jump to itself. */
	if (d->start > 0 && step(d, 1, d->start - 1) != EXIT_OK)
		return EXIT_FAILED;
	return EXIT_OK;
}

int drive_run(const struct ctl *ctl, struct rec_reader *reader, const struct plan *plan,
	const struct epoch *epoch, uint32_t dt_ns, struct verdict *verdicts)
{
	struct drive d = {.ctl = ctl,
		.reader = reader,
		.epoch = epoch,
		.dt_ns = dt_ns,
		.count = epoch->names.count};
	int rc = drive_prepare(&d, verdicts);

	if (rc == EXIT_OK && find_start(&d)) {
		rc = drive_start(&d, plan);
		if (rc == EXIT_OK)
			rc = connect_to(&d);
		if (rc == EXIT_OK)
			rc = begin(&d);
		if (rc == EXIT_OK)
			rc = drive_file(&d);
	}
	for (uint32_t i = 0; i < d.count && d.streams; i++) {
		if (rc == EXIT_OK && drive_in_run(&d, &d.streams[i]))
			match_end(&verdicts[i].match);
	}
	spiked_sender_close(d.sender);
	spiked_receiver_close(d.receiver);
	private_stop(&d.spiked);
	drive_fini(&d);
	return rc;
}
