/* verify: what the plan notes of one stream, message after message.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verify_plan.h"

static int no_memory(void)
{
	return ctl_fail("not enough memory");
}

uint32_t plan_dt(const json_t *meta)
{
	return (uint32_t)json_integer_value(json_object_get(meta, "dt_ns"));
}

/* Events stay in the order of their ticks, and at one tick in that in which they were found. */
static struct event *add_event(struct planned *s, enum event_kind kind, uint64_t tick)
{
	size_t at = s->event_count;
	struct event *more;

	if (s->event_count == s->event_room) {
		size_t room = s->event_room ? 2 * s->event_room : 8;

		more = realloc(s->events, room * sizeof(*more));
		if (!more)
			return NULL;
		s->events = more;
		s->event_room = room;
	}
	while (at && s->events[at - 1].tick > tick) {
		s->events[at] = s->events[at - 1];
		at--;
	}
	s->events[at] = (struct event){.kind = kind, .tick = tick};
	s->event_count++;
	return &s->events[at];
}

static bool begins(const struct event *e)
{
	return e->kind == EVENT_STATE || e->kind == EVENT_BIRTH;
}

/* From `tick` on nothing can be compared. A beginning that lies there is none. */
int plan_stop(struct planned *s, uint64_t tick, const char *why)
{
	struct event *e;

	if (!s->comparing)
		return EXIT_OK;
	s->comparing = false;
	for (size_t i = s->event_count; i-- > 0;) {
		e = &s->events[i];
		if (!begins(e))
			continue;
		if (e->tick < tick)
			break;
		free(e->bytes);
		memmove(e, e + 1, (s->event_count - i - 1) * sizeof(*e));
		s->event_count--;
		return EXIT_OK;
	}
	e = add_event(s, EVENT_STOP, tick);
	if (!e)
		return no_memory();
	e->why = why;
	return EXIT_OK;
}

static int plan_change(struct planned *s, uint64_t tick)
{
	json_t *sets = NULL;
	struct event *e;
	int rc = EXIT_OK;

	if (!plan_live_change(s->newest_meta, s->changed_meta, &sets)) {
		rc = plan_stop(s, tick, "it was configured anew");
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
static int plan_anew(struct planned *s, uint64_t tick, bool born)
{
	struct event *e;
	int rc = plan_stop(s, tick, "it was removed");

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

enum between plan_between(
	const struct planned *s, const struct message *m, uint64_t ticks, uint64_t lost)
{
	bool gap = m->header.flags & SPIKED_GAP;
	bool sparse = m->kind == MESSAGE_SPIKES && json_is_false(json_object_get(s->meta, "empty"));

	if (lost >= ticks || (sparse && !gap))
		return BETWEEN_RAN;
	if (gap && !lost && !sparse)
		return BETWEEN_PASSED;
	/* The one that is missing bears the flag. */
	return !gap && lost == 1 && !sparse ? BETWEEN_SKIPPED : BETWEEN_UNKNOWN;
}

struct pace *plan_pace(struct epoch *epoch, uint32_t dt_ns)
{
	struct pace *more;

	for (uint32_t i = 0; i < epoch->pace_count; i++)
		if (epoch->paces[i].dt_ns == dt_ns)
			return &epoch->paces[i];
	more = realloc(epoch->paces, (epoch->pace_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	epoch->paces = more;
	more[epoch->pace_count] = (struct pace){.dt_ns = dt_ns};
	return &more[epoch->pace_count++];
}

/* Streams of one dt tick together: the first that has a tick tells of it for all. */
static int plan_tick(
	struct epoch *epoch, const struct planned *s, const struct message *m, uint64_t lost)
{
	const struct spiked_header *h = &m->header;
	struct pace *pace = plan_pace(epoch, h->dt_ns);
	uint64_t due;
	int rc = EXIT_OK;

	if (!pace)
		return no_memory();
	due = pace->next;
	if (h->tick < due)
		return EXIT_OK;
	pace->next = h->tick + 1;
	for (uint32_t i = 0; !due && i < epoch->names.count; i++)
		if (epoch->streams[i].known_from == UINT64_MAX &&
			plan_dt(epoch->streams[i].newest_meta) == h->dt_ns)
			epoch->streams[i].known_from = h->tick;
	if (!due || h->tick == due || plan_between(s, m, h->tick - due, lost) != BETWEEN_UNKNOWN)
		return EXIT_OK;
	for (uint32_t i = 0; i < epoch->names.count && rc == EXIT_OK; i++) {
		struct planned *other = &epoch->streams[i];

		if (plan_dt(other->newest_meta) != h->dt_ns)
			continue;
		rc = plan_stop(other, due, "ticks are missing, and which of them ran is not known");
		other->known_from = h->tick;
	}
	return rc;
}

int plan_frame(struct epoch *epoch, struct planned *s, const struct message *m)
{
	const struct spiked_header *h = &m->header;
	struct message_place *place = &s->frames[m->kind];
	uint64_t lost;
	int rc = EXIT_OK;

	if (!s->seen_frames && !s->seen_rows)
		s->first_tick = h->tick;
	s->seen_frames = s->recorded[m->kind] = true;
	if (place->epoch && h->seq <= place->seq)
		rc = plan_anew(s, h->tick, !h->seq);
	lost = message_missing(place, m);
	if (rc == EXIT_OK && !epoch->data)
		rc = plan_tick(epoch, s, m, lost);
	if (rc == EXIT_OK && s->changed_meta)
		rc = plan_change(s, h->tick);
	if (rc == EXIT_OK && h->flags & SPIKED_RESTORED) {
		s->restored = true;
		rc = plan_stop(s, h->tick, "a snapshot was put in force");
	}
	if (rc != EXIT_OK || !(h->flags & SPIKED_RESET) || has_reset(s, h->tick))
		return rc;
	return add_event(s, EVENT_RESET, h->tick) ? EXIT_OK : no_memory();
}

/* A stream that has not had a row stands as it was made. */
static int plan_birth(struct planned *s, uint64_t tick)
{
	if (!s->seen_frames)
		s->first_tick = tick;
	if (s->comparing || s->restored)
		return EXIT_OK;
	s->comparing = true;
	return add_event(s, EVENT_BIRTH, s->first_tick) ? EXIT_OK : no_memory();
}

/* The numbers of its rows begin anew: another stream, whose first tick may be known from its meta. */
static int plan_first_row(struct planned *s, uint64_t tick, uint64_t number)
{
	const struct event *newest = s->event_count ? &s->events[s->event_count - 1] : NULL;

	s->seen_rows = s->restored = false;
	s->lost_row = 0;
	if (!newest || newest->kind != EVENT_ANEW)
		return plan_anew(s, tick, !number);
	s->first_tick = newest->tick;
	return EXIT_OK;
}

int plan_rows(struct epoch *epoch, struct planned *s, const struct message *m)
{
	const struct spiked_header *h = &m->header;
	json_int_t window = json_integer_value(json_object_get(s->newest_meta, "window"));
	int rc = EXIT_OK;

	if (s->seen_rows && h->seq < s->next_row)
		rc = plan_first_row(s, h->tick, h->seq);
	if (s->seen_rows ? h->seq > s->next_row : s->awaited_row && h->seq >= s->awaited_row) {
		s->lost_row = h->seq;
		rc = plan_stop(s, epoch->data ? s->row_end : s->row_tick, "rows are missing");
	} else if (!s->seen_rows && !h->seq && rc == EXIT_OK) {
		rc = plan_birth(s, h->tick);
	}
	if (!s->seen_rows && !s->seen_frames)
		s->first_tick = h->tick;
	if (!s->seen_rows)
		s->first_row = h->seq;
	s->seen_rows = true;
	s->next_row = h->seq + 1;
	s->row_tick = h->tick;
	s->row_end = h->tick + (uint64_t)h->count * (uint64_t)(window ? window : 1);
	return rc;
}

/* A state is of use if all rows behind it are there, those that waited in its queue too. */
static bool rows_follow(const struct planned *s, uint64_t rows, uint64_t queued)
{
	if (s->lost_row > rows || (s->seen_rows && s->first_row > rows))
		return false;
	return !queued || (s->seen_rows && rows >= queued && s->first_row <= rows - queued);
}

/* It tells of a tick that lies before where the file has come to: control and messages have ways of their
 * own. */
int plan_state(struct planned *s, const json_t *json, const struct message *m)
{
	uint64_t rows = (uint64_t)json_integer_value(json_object_get(json, "rows")),
		 tick = (uint64_t)json_integer_value(json_object_get(json, "tick")),
		 queued = (uint64_t)json_integer_value(json_object_get(json, "queued"));
	struct event *e;

	if (s->comparing || !s->described || tick < s->known_from || !rows_follow(s, rows, queued))
		return EXIT_OK;
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
