/* verify: what the plan notes of one stream, message after message.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verify_plan.h"

#define META_AGAIN_NS 3000000000 /* a second, and time for what waits */

static int no_memory(void)
{
	return ctl_fail("not enough memory");
}

uint32_t plan_dt(const json_t *meta)
{
	return (uint32_t)json_integer_value(json_object_get(meta, "dt_ns"));
}

static struct event *insert_event(struct planned *s, size_t at, enum event_kind kind, uint64_t tick)
{
	struct event *more;

	if (s->event_count == s->event_room) {
		size_t room = s->event_room ? 2 * s->event_room : 8;

		more = realloc(s->events, room * sizeof(*more));
		if (!more)
			return NULL;
		s->events = more;
		s->event_room = room;
	}
	memmove(&s->events[at + 1], &s->events[at], (s->event_count - at) * sizeof(*s->events));
	s->events[at] = (struct event){.kind = kind, .tick = tick};
	s->event_count++;
	return &s->events[at];
}

/* Events stay in the order of their ticks, and at one tick in that in which they were found. */
static struct event *add_event(struct planned *s, enum event_kind kind, uint64_t tick)
{
	size_t at = s->event_count;

	while (at && s->events[at - 1].tick > tick)
		at--;
	return insert_event(s, at, kind, tick);
}

static bool begins(const struct event *e)
{
	return e->kind == EVENT_STATE || e->kind == EVENT_BIRTH;
}

static void drop_event(struct planned *s, size_t at)
{
	struct event *e = &s->events[at];

	free(e->bytes);
	json_decref(e->meta);
	memmove(e, e + 1, (s->event_count - at - 1) * sizeof(*e));
	s->event_count--;
}

/* The newest event before number `before` that begins or ends comparing; -1 = none. */
static int64_t newest_turn(const struct planned *s, size_t before)
{
	for (size_t i = before; i-- > 0;)
		if (begins(&s->events[i]) || s->events[i].kind == EVENT_STOP)
			return (int64_t)i;
	return -1;
}

static bool begins_at(const struct planned *s, int64_t turn)
{
	return turn >= 0 && begins(&s->events[turn]);
}

static bool spoilt(const struct event *e, uint64_t tick, const struct again *again)
{
	return begins(e) && e->tick >= tick &&
	       (e->tick < again->tick || e->rows - e->queued < again->rows);
}

/* A state may have come before the messages that led to it: one that lies behind the place stays. And what
 * shows that something is missing, such as the next row, may come after comparing has ended for another
 * reason, at a later tick. */
int plan_stop(struct planned *s, uint64_t tick, struct again again, const char *why)
{
	struct event *e;
	size_t at;

	for (size_t i = s->event_count; i-- > 0;)
		if (spoilt(&s->events[i], tick, &again))
			drop_event(s, i);
	for (at = 0; at < s->event_count && s->events[at].tick < tick;)
		at++;
	if (begins_at(s, newest_turn(s, at))) {
		e = insert_event(s, at, EVENT_STOP, tick);
		if (!e)
			return no_memory();
		e->why = why;
	}
	s->comparing = begins_at(s, newest_turn(s, s->event_count));
	return EXIT_OK;
}

/* A meta/ that is lost comes again in a second. */
static bool in_doubt(const struct planned *s, int64_t time_ns)
{
	return s->doubt.time_ns && time_ns - s->doubt.time_ns < META_AGAIN_NS;
}

/* With a meta/ that was lost, when it was that the stream changed is not known then. */
static int plan_change(struct planned *s, uint64_t tick, int64_t time_ns)
{
	json_t *sets = NULL;
	struct event *e;
	int rc = EXIT_OK;

	if (in_doubt(s, time_ns))
		rc = plan_stop(s, s->doubt.from, (struct again){.tick = tick},
			"it was changed while messages were lost");

	if (rc != EXIT_OK)
		return rc;
	if (!plan_live_change(s->newest_meta, s->changed_meta, &sets)) {
		rc = plan_stop(s, tick, AGAIN_NEVER, "it was configured anew");
		e = add_event(s, EVENT_ANEW, tick);
	} else {
		e = add_event(s, EVENT_SET, tick);
	}
	if (!e) {
		json_decref(sets);
		return no_memory();
	}
	e->meta = sets ? sets : json_incref(s->changed_meta);
	json_decref(s->newest_meta);
	s->newest_meta = s->changed_meta;
	s->changed_meta = NULL;
	return rc;
}

/* The topic's numbers begin anew: the stream was removed and added, perhaps as another. */
static int plan_anew(struct planned *s, uint64_t tick, bool first, int64_t time_ns)
{
	bool born = first && s->described && !in_doubt(s, time_ns);
	struct event *e;
	int rc = plan_stop(s, tick, AGAIN_NEVER, "it was removed");

	if (s->changed_meta) {
		json_decref(s->newest_meta);
		s->newest_meta = s->changed_meta;
		s->changed_meta = NULL;
	}
	e = rc == EXIT_OK ? add_event(s, EVENT_ANEW, tick) : NULL;
	if (!e)
		return EXIT_FAILED;
	e->meta = json_incref(s->newest_meta);
	if (born && !add_event(s, EVENT_BIRTH, tick))
		return no_memory();
	s->comparing = born;
	s->restored = s->seen_rows = false;
	s->lost_row = 0;
	memset(s->frames, 0, sizeof(s->frames));
	return EXIT_OK;
}

static bool has_reset(const struct planned *s, uint64_t tick)
{
	for (size_t i = s->event_count; i-- > 0 && s->events[i].tick >= tick;)
		if (s->events[i].kind == EVENT_RESET && s->events[i].tick == tick)
			return true;
	return false;
}

struct pace *plan_pace(struct epoch *epoch, uint32_t dt_ns)
{
	struct pace *more = epoch_pace(epoch, dt_ns);

	if (more)
		return more;
	more = realloc(epoch->paces, (epoch->pace_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	epoch->paces = more;
	more[epoch->pace_count] = (struct pace){.dt_ns = dt_ns, .strand = 1};
	return &more[epoch->pace_count++];
}

static int add_skip(struct pace *pace, uint64_t first, uint64_t count)
{
	struct skip *more;

	if (pace->skip_count == pace->skip_room) {
		size_t room = pace->skip_room ? 2 * pace->skip_room : 8;

		more = realloc(pace->skips, room * sizeof(*more));
		if (!more)
			return no_memory();
		pace->skips = more;
		pace->skip_room = room;
	}
	pace->skips[pace->skip_count++] = (struct skip){.first = first, .count = count};
	return EXIT_OK;
}

/* Which of the `ticks` ticks before that of the frame ran, by the frames of its topic that are missing: one
 * for each that did. False: it does not tell. *skipped: how many did not, which are the first of them. */
static bool tells(const struct pace *pace, const struct heard *heard, const struct message *m,
	uint64_t lost, uint64_t ticks, uint64_t *skipped)
{
	bool gap = m->header.flags & SPIKED_GAP;
	uint64_t known = pace->ran - heard->ran, ran = lost - known;

	if (heard->strand != pace->strand || lost < known || ran > ticks)
		return false;
	*skipped = ticks - ran;
	if (gap) /* the ticks just before it were skipped: then the first of them ran, or none did */
		return !ran && ticks;
	/* Otherwise the tick just before it ran; the others that did may have been anywhere. */
	return ran == ticks || ran == 1;
}

/* Nobody knows which ticks ran from the one that is due up to `tick`. */
static int plan_unknown(struct epoch *epoch, struct pace *pace, uint64_t tick)
{
	int rc = EXIT_OK;

	pace->strand++;
	pace->dense = false;
	for (uint32_t i = 0; i < epoch->names.count && rc == EXIT_OK; i++) {
		struct planned *s = &epoch->streams[i];

		if (plan_dt(s->newest_meta) != pace->dt_ns)
			continue;
		rc = plan_stop(s, pace->next, (struct again){.tick = tick},
			"ticks are missing, and which of them ran is not known");
		s->known_from = tick;
	}
	return rc;
}

/* The tick is the first that is heard of after a place where nothing is known. */
static void plan_known(struct epoch *epoch, const struct pace *pace, uint64_t tick)
{
	for (uint32_t i = 0; i < epoch->names.count; i++) {
		struct planned *s = &epoch->streams[i];

		if (s->known_from == UINT64_MAX && plan_dt(s->newest_meta) == pace->dt_ns)
			s->known_from = tick;
	}
}

void plan_doubt(struct epoch *epoch, const struct message *m, int64_t time_ns)
{
	for (uint32_t i = 0; i < epoch->names.count; i++) {
		struct planned *s = &epoch->streams[i];
		const struct pace *pace = epoch_pace(epoch, plan_dt(s->newest_meta));
		uint64_t next = epoch->data ? s->row_end : pace ? pace->next : 0;

		if (!s->doubt.row)
			s->doubt.row_tick = next;
		if (!in_doubt(s, time_ns))
			s->doubt.from = next;
		s->doubt.to = next;
		if (plan_dt(s->newest_meta) == m->header.dt_ns && m->header.tick > next)
			s->doubt.to = m->header.tick;
		s->doubt.time_ns = time_ns;
		s->doubt.row = true;
	}
}

int plan_end(struct epoch *epoch)
{
	int rc = EXIT_OK;

	for (uint32_t i = 0; i < epoch->names.count && rc == EXIT_OK; i++) {
		struct planned *s = &epoch->streams[i];

		if (s->doubt.row)
			rc = plan_stop(s, s->doubt.row_tick, (struct again){.tick = s->doubt.to},
				"messages are missing, and whether rows were among them is not known");
	}
	return rc;
}

/* Streams of one dt tick together: the first that has a tick tells of it for all. One that speaks only when
 * it has spikes leaves that to others, if there are any. */
static int plan_tick(struct epoch *epoch, const struct planned *s, struct heard *heard,
	const struct message *m, uint64_t lost)
{
	const struct spiked_header *h = &m->header;
	bool sparse = m->kind == MESSAGE_SPIKES &&
		      json_is_false(json_object_get(s->newest_meta, "empty"));
	struct pace *pace = plan_pace(epoch, h->dt_ns);
	uint64_t ticks, skipped = 0;
	int rc = EXIT_OK;
	bool told;

	if (!pace)
		return no_memory();
	if (sparse && pace->dense)
		return EXIT_OK;
	if (h->tick >= pace->next) {
		ticks = h->tick - pace->next;
		told = sparse ? !lost && !(h->flags & SPIKED_GAP)
			      : tells(pace, heard, m, lost, ticks, &skipped);
		if (!pace->next)
			plan_known(epoch, pace, h->tick);
		else if (ticks && !told)
			rc = plan_unknown(epoch, pace, h->tick);
		else if (skipped)
			rc = add_skip(pace, pace->next, skipped);
		pace->next = h->tick + 1;
		pace->ran += ticks - skipped + 1;
	}
	pace->dense |= !sparse;
	*heard = (struct heard){.place = heard->place,
		.ran = pace->ran,
		.strand = !sparse && h->tick + 1 == pace->next ? pace->strand : 0};
	return rc;
}

/* Clock data: at that tick of the newest row message, rows of it had been used, and not all of them. */
static bool within_rows(const struct planned *s, uint64_t tick)
{
	return tick > s->row_tick && tick < s->row_end;
}

int plan_frame(struct epoch *epoch, struct planned *s, const struct message *m, int64_t time_ns)
{
	const struct spiked_header *h = &m->header;
	struct heard *heard = &s->frames[m->kind];
	uint64_t lost;
	int rc = EXIT_OK;

	if (!s->seen_frames && !s->seen_rows)
		s->first_tick = h->tick;
	s->seen_frames = s->recorded[m->kind] = true;
	if (heard->place.epoch && h->seq <= heard->place.seq)
		rc = plan_anew(s, h->tick, !h->seq, time_ns);
	lost = message_missing(&heard->place, m);
	if (lost)
		plan_doubt(epoch, m, time_ns);
	if (rc == EXIT_OK && !epoch->data)
		rc = plan_tick(epoch, s, heard, m, lost);
	if (rc == EXIT_OK && (s->changed_meta || h->flags & SPIKED_RESET) &&
		within_rows(s, h->tick))
		rc = plan_stop(s, h->tick, (struct again){.tick = s->row_end},
			"it was changed between two rows of one message");
	if (rc == EXIT_OK && s->changed_meta)
		rc = plan_change(s, h->tick, time_ns);
	if (rc == EXIT_OK && h->flags & SPIKED_RESTORED) {
		s->restored = true;
		rc = plan_stop(s, h->tick, (struct again){.tick = h->tick + 1},
			"a snapshot was put in force");
	}
	if (rc != EXIT_OK || !(h->flags & SPIKED_RESET) || has_reset(s, h->tick))
		return rc;
	return add_event(s, EVENT_RESET, h->tick) ? EXIT_OK : no_memory();
}

/* A stream that has not had a row stands as it was made. */
static int plan_birth(struct planned *s, uint64_t tick, int64_t time_ns)
{
	if (!s->seen_frames)
		s->first_tick = tick;
	if (s->comparing || s->restored || !s->described || in_doubt(s, time_ns))
		return EXIT_OK;
	s->comparing = true;
	return add_event(s, EVENT_BIRTH, s->first_tick) ? EXIT_OK : no_memory();
}

/* The numbers of its rows begin anew: another stream, whose first tick may be known from its meta. */
static int plan_first_row(struct planned *s, uint64_t tick, uint64_t number, int64_t time_ns)
{
	const struct event *newest = s->event_count ? &s->events[s->event_count - 1] : NULL;

	s->seen_rows = s->restored = false;
	s->lost_row = 0;
	if (!newest || newest->kind != EVENT_ANEW)
		return plan_anew(s, tick, !number, time_ns);
	s->first_tick = newest->tick;
	return EXIT_OK;
}

/* Clock data: a state that was taken before all rows of the message before this one had been used is none to
 * begin from, for that message is not sent again. */
static void drop_state_within(struct planned *s, const struct spiked_header *row)
{
	int64_t newest = newest_turn(s, s->event_count);
	const struct event *e = newest < 0 ? NULL : &s->events[newest];

	if (!e || e->kind != EVENT_STATE || e->rows != row->seq || e->tick == row->tick)
		return;
	drop_event(s, (size_t)newest);
	s->comparing = begins_at(s, newest_turn(s, s->event_count));
}

int plan_rows(struct epoch *epoch, struct planned *s, const struct message *m, int64_t time_ns)
{
	const struct spiked_header *h = &m->header;
	json_int_t window = json_integer_value(json_object_get(s->newest_meta, "window"));
	int rc = EXIT_OK;

	if (s->seen_rows && h->seq < s->next_row)
		rc = plan_first_row(s, h->tick, h->seq, time_ns);
	if (s->seen_rows ? h->seq > s->next_row : s->awaited_row && h->seq >= s->awaited_row) {
		s->lost_row = h->seq;
		plan_doubt(epoch, m, time_ns);
		rc = plan_stop(s, epoch->data ? s->row_end : s->row_tick,
			(struct again){.rows = h->seq}, "rows are missing");
	} else if (!s->seen_rows && !h->seq && rc == EXIT_OK) {
		rc = plan_birth(s, h->tick, time_ns);
	}
	if (!s->seen_rows && !s->seen_frames)
		s->first_tick = h->tick;
	if (!s->seen_rows)
		s->first_row = h->seq;
	s->seen_rows = true;
	s->doubt.row = false;
	s->next_row = h->seq + 1;
	s->row_tick = h->tick;
	if (!epoch->data)
		return rc;
	s->row_end = h->tick + (uint64_t)h->count * (uint64_t)(window ? window : 1);
	drop_state_within(s, h);
	return rc;
}

/* A state is of use if all rows behind it are there, those that waited in its queue too. */
static bool rows_follow(const struct planned *s, uint64_t rows, uint64_t queued)
{
	if (s->lost_row > rows || (s->seen_rows && s->first_row > rows))
		return false;
	return !queued || (s->seen_rows && rows >= queued && s->first_row <= rows - queued &&
				  s->lost_row <= rows - queued);
}

/* While a stream is compared, one more state is kept, for what may turn out to be missing before it. */
static void drop_spare(struct planned *s)
{
	int64_t newest = newest_turn(s, s->event_count);

	if (begins_at(s, newest) && begins_at(s, newest_turn(s, (size_t)newest)))
		drop_event(s, (size_t)newest);
}

/* It tells of a tick that lies before where the file has come to: control and messages have ways of their
 * own. */
int plan_state(struct planned *s, const json_t *json, const struct message *m)
{
	uint64_t rows = (uint64_t)json_integer_value(json_object_get(json, "rows")),
		 tick = (uint64_t)json_integer_value(json_object_get(json, "tick")),
		 queued = (uint64_t)json_integer_value(json_object_get(json, "queued"));
	struct event *e;

	if (!s->described || tick < s->known_from || !rows_follow(s, rows, queued))
		return EXIT_OK;
	drop_spare(s);
	e = add_event(s, EVENT_STATE, tick);
	if (!e)
		return no_memory();
	e->rows = rows;
	e->queued = (uint32_t)queued;
	e->size = m->payload.size;
	e->bytes = malloc(e->size ? e->size : 1);
	if (!e->bytes)
		return no_memory();
	memcpy(e->bytes, m->payload.data, e->size);
	s->comparing = true;
	if (!s->seen_rows)
		s->awaited_row = rows + 1;
	return EXIT_OK;
}
