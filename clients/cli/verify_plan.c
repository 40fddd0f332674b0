/* verify: what replaying the recording has to mind, found by looking through it once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

struct planner {
	struct plan *plan;
	const struct ctl *ctl;
	uint64_t damages;
	json_t *restored; /* names of streams that went on from a snapshot when the recording began */
};

static int no_memory(void)
{
	return ctl_fail("not enough memory");
}

struct epoch *plan_epoch(struct plan *plan, uint64_t epoch)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->epochs[i].epoch == epoch)
			return &plan->epochs[i];
	return NULL;
}

static struct epoch *known_epoch(struct plan *plan, uint64_t epoch)
{
	struct epoch *found = plan_epoch(plan, epoch);

	if (found)
		return found;
	found = realloc(plan->epochs, (plan->count + 1) * sizeof(*found));
	if (!found)
		return NULL;
	plan->epochs = found;
	plan->epochs[plan->count] = (struct epoch){.epoch = epoch};
	return &plan->epochs[plan->count++];
}

struct planned *epoch_stream(const struct epoch *epoch, const char *name)
{
	int64_t number = roll_find(&epoch->names, name, strlen(name));

	return number < 0 ? NULL : &epoch->streams[number];
}

static struct planned *known_stream(struct epoch *epoch, const char *name)
{
	uint32_t count = epoch->names.count;
	int64_t number = roll_number(&epoch->names, name, strlen(name));
	struct planned *more;

	if (number < 0)
		return NULL;
	if (epoch->names.room != epoch->room) {
		more = realloc(epoch->streams, epoch->names.room * sizeof(*more));
		if (!more)
			return NULL;
		epoch->streams = more;
		epoch->room = epoch->names.room;
	}
	if (epoch->names.count > count) {
		epoch->streams[number] = (struct planned){0};
		memcpy(epoch->streams[number].name, name, strlen(name));
	}
	return &epoch->streams[number];
}

static uint32_t dt_of(const json_t *meta)
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
static int stop(struct planned *s, uint64_t tick, const char *why)
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

static uint64_t epoch_of(const json_t *json)
{
	return strtoull(ctl_text(json, "epoch"), NULL, 16);
}

static int plan_begin(struct planner *p, const json_t *json)
{
	json_t *stream;
	size_t i;

	json_array_foreach(json_object_get(json, "streams"), i, stream)
	{
		const json_t *state = json_object_get(stream, "state");

		if (json_is_object(json_object_get(state, "restored")))
			json_object_set_new(p->restored, ctl_text(stream, "stream"), json_true());
	}
	return EXIT_OK;
}

/* The first meta says what the stream is; a later one that says something else is in force from the
 * stream's next tick on. */
static int plan_meta(struct planner *p, const char *name, json_t *meta)
{
	struct epoch *epoch = known_epoch(p->plan, epoch_of(meta));
	struct planned *s = epoch ? known_stream(epoch, name) : NULL;
	json_t *before, *now;

	if (!s)
		return no_memory();
	s->described = true;
	if (!s->meta) {
		s->meta = json_incref(meta);
		s->newest_meta = json_incref(meta);
		s->dt_ns = dt_of(meta);
		s->restored = json_object_get(p->restored, name) != NULL;
		epoch->data = !strcmp(ctl_text(meta, "clock"), "data");
		return EXIT_OK;
	}
	before = plan_stream_conf(s->newest_meta);
	now = plan_stream_conf(meta);
	if (!json_equal(before, now)) {
		json_decref(s->changed_meta);
		s->changed_meta = json_incref(meta);
	}
	json_decref(before);
	json_decref(now);
	return EXIT_OK;
}

static int plan_change(struct planned *s, uint64_t tick)
{
	json_t *sets = NULL;
	struct event *e;
	int rc = EXIT_OK;

	if (!plan_live_change(s->newest_meta, s->changed_meta, &sets)) {
		rc = stop(s, tick, "it was configured anew");
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
	int rc = stop(s, tick, "it was removed");

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

static struct pace *pace_of(struct epoch *epoch, uint32_t dt_ns)
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
	struct pace *pace = pace_of(epoch, h->dt_ns);
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
			dt_of(epoch->streams[i].newest_meta) == h->dt_ns)
			epoch->streams[i].known_from = h->tick;
	if (!due || h->tick == due || plan_between(s, m, h->tick - due, lost) != BETWEEN_UNKNOWN)
		return EXIT_OK;
	for (uint32_t i = 0; i < epoch->names.count && rc == EXIT_OK; i++) {
		struct planned *other = &epoch->streams[i];

		if (dt_of(other->newest_meta) != h->dt_ns)
			continue;
		rc = stop(other, due, "ticks are missing, and which of them ran is not known");
		other->known_from = h->tick;
	}
	return rc;
}

static int plan_frame(struct epoch *epoch, struct planned *s, const struct message *m)
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
		rc = stop(s, h->tick, "a snapshot was put in force");
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

static int plan_rows(struct epoch *epoch, struct planned *s, const struct message *m)
{
	const struct spiked_header *h = &m->header;
	json_int_t window = json_integer_value(json_object_get(s->newest_meta, "window"));
	int rc = EXIT_OK;

	if (s->seen_rows && h->seq < s->next_row)
		rc = plan_first_row(s, h->tick, h->seq);
	if (s->seen_rows && h->seq > s->next_row) {
		s->lost_row = h->seq;
		rc = stop(s, epoch->data ? s->row_end : s->row_tick, "rows are missing");
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

/* A state is of use if all rows behind it are there, and none is known already. It tells of a tick that
 * lies before where the file has come to: control and messages have ways of their own. */
static int plan_state(struct planned *s, const json_t *json, const struct message *m)
{
	uint64_t rows = (uint64_t)json_integer_value(json_object_get(json, "rows")),
		 tick = (uint64_t)json_integer_value(json_object_get(json, "tick"));
	struct event *e;

	if (s->comparing || !s->described || tick < s->known_from || s->lost_row > rows ||
		(s->seen_rows && s->first_row > rows))
		return EXIT_OK;
	e = add_event(s, EVENT_STATE, tick);
	if (!e)
		return no_memory();
	e->rows = rows;
	e->queued = (uint32_t)json_integer_value(json_object_get(json, "queued"));
	e->size = m->payload.size;
	e->bytes = malloc(e->size ? e->size : 1);
	if (!e->bytes)
		return no_memory();
	memcpy(e->bytes, m->payload.data, e->size);
	s->comparing = true;
	if (!s->seen_rows) {
		s->seen_rows = true;
		s->first_row = s->next_row = rows;
		s->row_tick = s->row_end = tick;
	}
	return EXIT_OK;
}

static int plan_text(struct planner *p, const struct message *m)
{
	json_t *json = json_loadb(m->text.data, m->text.size, 0, NULL);
	struct epoch *epoch;
	struct planned *s;
	int rc = EXIT_OK;

	if (!json)
		return EXIT_OK;
	if (m->kind == MESSAGE_BEGIN) {
		rc = plan_begin(p, json);
	} else if (m->kind == MESSAGE_META) {
		rc = plan_meta(p, m->stream, json);
	} else if (m->kind == MESSAGE_SNAPSHOT) {
		epoch = plan_epoch(p->plan, epoch_of(json));
		s = epoch ? epoch_stream(epoch, m->stream) : NULL;
		if (s)
			rc = plan_state(s, json, m);
	}
	json_decref(json);
	return rc;
}

/* What was in the part that cannot be read may have been anything. */
static int plan_damage(struct planner *p)
{
	int rc = EXIT_OK;

	for (size_t i = 0; i < p->plan->count; i++) {
		struct epoch *epoch = &p->plan->epochs[i];

		for (uint32_t k = 0; k < epoch->names.count && rc == EXIT_OK; k++) {
			struct planned *s = &epoch->streams[k];
			struct pace *pace = pace_of(epoch, dt_of(s->newest_meta));

			if (!pace)
				return no_memory();
			rc = stop(s, epoch->data ? s->row_end : pace->next,
				"a part of the file is damaged");
			s->described = false;
			s->known_from = epoch->data ? 0 : UINT64_MAX;
		}
		for (uint32_t k = 0; k < epoch->pace_count; k++)
			epoch->paces[k].next = 0;
	}
	return rc;
}

static int plan_record(struct planner *p, const struct rec_record *record)
{
	struct plan *plan = p->plan;
	struct message m;
	struct epoch *epoch;
	struct planned *s;

	message_read(&m, record->frames, record->count);
	if (!plan->records || record->time_ns < plan->first_ns)
		plan->first_ns = record->time_ns;
	if (!plan->records || record->time_ns > plan->last_ns)
		plan->last_ns = record->time_ns;
	plan->records++;
	if (m.kind == MESSAGE_BEGIN || m.kind == MESSAGE_META || m.kind == MESSAGE_SNAPSHOT)
		return plan_text(p, &m);
	if (!message_has_header(&m))
		return EXIT_OK;
	epoch = plan_epoch(plan, m.header.epoch);
	s = epoch ? epoch_stream(epoch, m.stream) : NULL;
	if (!s)
		return EXIT_OK; /* without a meta nothing can be said of it */
	if (m.kind == MESSAGE_ROWS && m.payload.size > plan->largest_row)
		plan->largest_row = m.payload.size;
	return m.kind == MESSAGE_ROWS ? plan_rows(epoch, s, &m) : plan_frame(epoch, s, &m);
}

int plan_make(struct plan *plan, const struct ctl *ctl, struct rec_reader *reader)
{
	struct planner p = {.plan = plan, .ctl = ctl, .restored = json_object()};
	struct progress progress;
	struct rec_record record;
	int rc = EXIT_OK, more = 0;

	*plan = (struct plan){0};
	progress_begin(&progress, !ctl->json);
	while (rc == EXIT_OK && !ctl_stop && (more = rec_next(reader, &record)) > 0) {
		uint64_t damages = rec_tally(reader)->damages + rec_tally(reader)->missing_chunks;

		if (damages != p.damages)
			rc = plan_damage(&p);
		p.damages = damages;
		if (rc == EXIT_OK)
			rc = plan_record(&p, &record);
		if (progress_due(&progress))
			progress_line(&progress,
				(double)rec_offset(reader) / (double)rec_size(reader),
				"looking through");
	}
	progress_end(&progress);
	json_decref(p.restored);
	if (more < 0)
		return ctl_fail("%s: cannot read: %s", ctl->words[0], strerror(-more));
	return ctl_stop ? EXIT_FAILED : rc;
}

static void planned_fini(struct planned *s)
{
	for (size_t i = 0; i < s->event_count; i++) {
		free(s->events[i].bytes);
		json_decref(s->events[i].meta);
	}
	free(s->events);
	json_decref(s->meta);
	json_decref(s->newest_meta);
	json_decref(s->changed_meta);
}

void plan_fini(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct epoch *epoch = &plan->epochs[i];

		for (uint32_t k = 0; k < epoch->names.count; k++)
			planned_fini(&epoch->streams[k]);
		free(epoch->streams);
		free(epoch->paces);
		roll_fini(&epoch->names);
	}
	free(plan->epochs);
	*plan = (struct plan){0};
}
