/* replay: the rows of a recording into a running spiked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/record/roll.h"

#include "progress.h"
#include "rec_filter.h"
#include "text.h"

#define SEND_MS  10000 /* that a send may be held back */
#define QUIET_MS 2000  /* without news of rows that are under way */

enum clock { CLOCK_WALL, CLOCK_DATA, CLOCK_MANUAL };

struct replay {
	struct ctl *ctl;
	struct rec_filter filter;
	struct spiked_sender *sender;
	enum clock clock;
	double speed;     /* 0 = as fast as possible */
	json_t *streams;  /* of the daemon, by name */
	json_t *before;   /* its counters */
	struct roll told; /* streams that do not fit: said once */

	/* clock manual, in ns of its time */
	int64_t dt_ns, at_ns; /* a step; where the recording's time stands there */
	bool placed;

	int64_t first_ns, start_ns; /* in real time: the first row's, and now */
	uint64_t messages, rows, ticks;
};

static int64_t mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Why the daemon's stream cannot take the rows; NULL = it can. */
static const char *misfit(const struct replay *r, const struct message *m, char *text, size_t size)
{
	static const char *const types[] = {
		"f32", "f64", "i8", "u8", "i16", "u16", "i32", "json", "pairs"};
	unsigned format = m->header.format - SPIKED_FORMAT_ROWS_F32;
	const char *type = format < sizeof(types) / sizeof(types[0]) ? types[format] : "?";
	const json_t *meta = json_object_get(r->streams, m->stream);
	json_int_t channels = json_integer_value(json_object_get(meta, "channels"));

	if (!meta)
		return "the daemon has no such stream";
	if (channels != m->header.lines) {
		snprintf(text, size,
			"the daemon's has %" JSON_INTEGER_FORMAT
			" channels, the recorded one %" PRIu32,
			channels, m->header.lines);
		return text;
	}
	if (strcmp(ctl_text(json_object_get(meta, "input"), "type"), type)) {
		snprintf(text, size, "the daemon's takes %s, the recorded one %s",
			ctl_text(json_object_get(meta, "input"), "type"), type);
		return text;
	}
	return NULL;
}

static bool fits(struct replay *r, const struct message *m)
{
	char text[120];
	const char *why = misfit(r, m, text, sizeof(text));

	if (!why)
		return true;
	if (roll_find(&r->told, m->stream, strlen(m->stream)) < 0) {
		roll_number(&r->told, m->stream, strlen(m->stream));
		ctl_fail("%s: left out: %s", m->stream, why);
	}
	return false;
}

static int sent(struct replay *r, int rc)
{
	if (rc == 0)
		return EXIT_OK;
	if (rc == -EINTR || ctl_stop)
		return EXIT_FAILED;
	if (rc == -EAGAIN)
		return ctl_fail(
			"%s takes no rows for %d s: a subscriber may hold it, or it is away",
			r->ctl->ingest, SEND_MS / 1000);
	return ctl_fail("sending to %s: %s", r->ctl->ingest, spiked_strerror(rc));
}

/* clock manual: runs the ticks before `until_ns` of the recording's time, or passes over them. */
static int step_to(struct replay *r, int64_t until_ns, bool gap)
{
	int64_t ticks = (until_ns - r->at_ns) / r->dt_ns;

	if (ticks <= 0)
		return EXIT_OK;
	r->at_ns += ticks * r->dt_ns;
	r->ticks += gap ? 0 : (uint64_t)ticks;
	return sent(r, gap ? spiked_send_step(r->sender, 0, (uint64_t)ticks)
			   : spiked_send_step(r->sender, (uint64_t)ticks, 0));
}

/* In real time: sleeps until the moment has come. */
static int wait_for(struct replay *r, int64_t time_ns)
{
	int64_t due_ns;

	if (r->speed <= 0)
		return EXIT_OK;
	if (!r->first_ns) {
		r->first_ns = time_ns;
		r->start_ns = mono_ns();
	}
	due_ns = r->start_ns + (int64_t)((double)(time_ns - r->first_ns) / r->speed);
	const struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};

	while (!ctl_stop && due_ns > mono_ns())
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == 0)
			break;
	return ctl_stop ? EXIT_FAILED : EXIT_OK;
}

static int replay_rows(struct replay *r, const struct message *m)
{
	struct spiked_stamp stamp;
	int rc;

	if (!fits(r, m))
		return EXIT_OK;
	rc = wait_for(r, m->header.time_ns);
	if (rc == EXIT_OK && r->clock == CLOCK_MANUAL)
		/* The stream's tick before: at a longer dt, others may tick before its next one. */
		rc = step_to(r, ((int64_t)m->header.tick - 1) * m->header.dt_ns + r->dt_ns, false);
	if (rc != EXIT_OK)
		return rc;
	if (m->stamp)
		memcpy(&stamp, m->stamp, sizeof(stamp));
	rc = sent(r, spiked_send_raw(r->sender, m->stream, m->payload.data, m->payload.size,
			     m->stamp ? &stamp : NULL));
	r->messages += rc == EXIT_OK;
	r->rows += rc == EXIT_OK ? m->header.count : 0;
	return rc;
}

static int replay_record(struct replay *r, const struct rec_record *record)
{
	struct message m;
	int64_t tick_ns;
	int rc = EXIT_OK;

	message_read(&m, record->frames, record->count);
	if (!message_has_header(&m) || !rec_filter_takes(&r->filter, record->time_ns, &m))
		return EXIT_OK;
	tick_ns = (int64_t)m.header.tick * m.header.dt_ns;
	if (!r->placed) {
		r->placed = true;
		r->at_ns = tick_ns;
	}
	if (m.kind == MESSAGE_ROWS)
		return replay_rows(r, &m);
	if (r->clock != CLOCK_MANUAL)
		return EXIT_OK;
	if (m.header.flags & SPIKED_GAP)
		rc = step_to(r, tick_ns, true);
	return rc == EXIT_OK ? step_to(r, tick_ns + r->dt_ns, false) : rc;
}

static int replay_file(struct replay *r, struct rec_reader *reader)
{
	struct progress progress;
	struct rec_record record;
	int rc = EXIT_OK, more = 0;

	progress_begin(&progress, !r->ctl->json);
	while (rc == EXIT_OK && !ctl_stop && (more = rec_next(reader, &record)) > 0) {
		rc = replay_record(r, &record);
		if (progress_due(&progress))
			progress_line(&progress,
				(double)rec_offset(reader) / (double)rec_size(reader),
				"%" PRIu64 " rows", r->rows);
	}
	progress_end(&progress);
	if (more < 0)
		return ctl_fail("%s: cannot read: %s", r->ctl->words[0], strerror(-more));
	return rc;
}

/* Rows and refusals that the daemon counts, of the streams of the recording. */
static int64_t counted(const struct replay *r, const json_t *stats, int64_t *refused)
{
	const json_t *streams = json_object_get(stats, "streams");
	const char *name;
	json_t *counters;
	int64_t rows = 0;

	*refused = ctl_refused(json_object_get(json_object_get(stats, "daemon"), "counters"));
	json_object_foreach((json_t *)(uintptr_t)streams, name, counters)
	{
		if (!json_object_get(r->streams, name))
			continue;
		rows += json_integer_value(json_object_get(counters, "rows"));
		*refused += ctl_refused(counters);
	}
	return rows;
}

/* Rows are under way when the last send returns. Waits for the daemon to have counted them. */
static void arrive(struct replay *r, int64_t *rows, int64_t *refused)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	int64_t quiet_ms = ctl_now_ms() + QUIET_MS, was = -1, was_refused, rows_before;

	rows_before = counted(r, r->before, &was_refused);
	*rows = *refused = 0;
	while (ctl_now_ms() < quiet_ms) {
		json_t *stats = ctl_try(r->ctl, "stats", NULL, NULL);

		*rows = counted(r, stats, refused) - rows_before;
		*refused -= was_refused;
		json_decref(stats);
		if (*rows + *refused >= (int64_t)r->rows)
			return;
		if (*rows != was)
			quiet_ms = ctl_now_ms() + QUIET_MS;
		was = *rows;
		nanosleep(&pause, NULL);
	}
}

static int report(struct replay *r, double seconds)
{
	char text[32];
	int64_t rows, refused;

	arrive(r, &rows, &refused);
	if (r->ctl->json)
		printf("{\"messages\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"ticks\":%" PRIu64
		       ",\"taken\":%" PRId64 ",\"refused\":%" PRId64 ",\"seconds\":%.6g}\n",
			r->messages, r->rows, r->ticks, rows, refused, seconds);
	else
		printf("%" PRIu64 " rows in %s; spiked took %" PRId64 " and refused %" PRId64
		       " messages\n",
			r->rows, text_uptime(seconds, text, sizeof(text)), rows, refused);
	if (refused)
		return ctl_fail("\"spikectl stats\" says why messages were refused");
	return r->rows ? EXIT_OK : ctl_fail("%s: there was no row to replay", r->ctl->words[0]);
}

static int ask_daemon(struct replay *r)
{
	static const char *const clocks[] = {
		[CLOCK_WALL] = "wall", [CLOCK_DATA] = "data", [CLOCK_MANUAL] = "manual"};
	json_t *info = NULL, *streams = NULL, *stream;
	size_t i;
	int rc = ctl_ask(r->ctl, "info", NULL, &info);

	if (rc == EXIT_OK)
		rc = ctl_ask(r->ctl, "streams", NULL, &streams);
	if (rc == EXIT_OK)
		rc = ctl_ask(r->ctl, "stats", NULL, &r->before);
	for (int k = 0; k <= CLOCK_MANUAL; k++)
		if (!strcmp(ctl_text(info, "clock"), clocks[k]))
			r->clock = (enum clock)k;
	r->dt_ns = json_integer_value(json_object_get(info, "dt_ns"));
	json_array_foreach(streams, i, stream)
	{
		json_object_set(r->streams, ctl_text(stream, "stream"), stream);
	}
	json_decref(info);
	json_decref(streams);
	if (rc == EXIT_OK && r->dt_ns <= 0)
		rc = ctl_fail("the daemon does not say its dt");
	return rc;
}

int cmd_replay(struct ctl *ctl)
{
	struct replay r = {.ctl = ctl, .streams = json_object()};
	struct rec_reader *reader = rec_open_word(ctl);
	int64_t start_ms;
	int rc = reader ? rec_filter_read(&r.filter, ctl, reader) : EXIT_FAILED;

	if (rc == EXIT_OK && !ctl_number(ctl, OPT_SPEED, 1e-3, 1e6, &r.speed))
		rc = EXIT_USAGE;
	if (rc == EXIT_OK)
		rc = rec_filter_seek(&r.filter, ctl, reader);
	if (rc == EXIT_OK)
		rc = ask_daemon(&r);
	if (rc == EXIT_OK && r.clock == CLOCK_WALL && r.speed <= 0)
		r.speed = 1;
	if (rc == EXIT_OK) {
		ctl->options.timeout_ms = SEND_MS;
		ctl->options.linger_ms = SEND_MS;
		r.sender = spiked_sender_new(ctl->ingest, &ctl->options);
		if (!r.sender)
			rc = ctl_fail("cannot use the ingest endpoint \"%s\": %s", ctl->ingest,
				spiked_strerror(-errno));
	}
	if (rc == EXIT_OK) {
		start_ms = ctl_now_ms();
		rc = replay_file(&r, reader);
		if (rc == EXIT_OK)
			rc = report(&r, (double)(ctl_now_ms() - start_ms) / 1e3);
		if (rec_tell_damage(ctl, reader))
			rc = EXIT_FAILED;
	}
	spiked_sender_close(r.sender);
	json_decref(r.streams);
	json_decref(r.before);
	roll_fini(&r.told);
	rec_close(reader);
	return rc;
}
