/* verify: what replaying the recording has to mind, found by looking through it once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "verify_plan.h"

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

struct pace *epoch_pace(const struct epoch *epoch, uint32_t dt_ns)
{
	for (uint32_t i = 0; i < epoch->pace_count; i++)
		if (epoch->paces[i].dt_ns == dt_ns)
			return &epoch->paces[i];
	return NULL;
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
		s->dt_ns = plan_dt(meta);
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
			struct pace *pace = plan_pace(epoch, plan_dt(s->newest_meta));

			if (!pace)
				return no_memory();
			if (pace->next)
				pace->known = pace->next;
			rc = plan_stop(s, epoch->data ? s->row_end : pace->known, AGAIN_NEVER,
				"a part of the file is damaged");
			s->described = false;
			s->known_from = epoch->data ? 0 : UINT64_MAX;
		}
		for (uint32_t k = 0; k < epoch->pace_count; k++) {
			epoch->paces[k].next = 0;
			epoch->paces[k].strand++;
		}
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
	return m.kind == MESSAGE_ROWS ? plan_rows(epoch, s, &m, record->time_ns)
				      : plan_frame(epoch, s, &m, record->time_ns);
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
	for (size_t i = 0; i < plan->count && rc == EXIT_OK; i++)
		rc = plan_end(&plan->epochs[i]);
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
		for (uint32_t k = 0; k < epoch->pace_count; k++)
			free(epoch->paces[k].skips);
		free(epoch->streams);
		free(epoch->paces);
		roll_fini(&epoch->names);
	}
	free(plan->epochs);
	*plan = (struct plan){0};
}
