/* The cold loop's view of the streams.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/registry.h"

#include "daemon/control/describe.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void registry_fini(struct registry *r)
{
	free(r->entries);
	free(r->graves);
	for (uint32_t i = 0; i < r->dt_count; i++)
		free(r->lateness[i]);
	free(r->lateness);
	free(r->dts);
	free(r->groups);
	r->entries = NULL;
	r->graves = NULL;
	r->lateness = NULL;
	r->dts = NULL;
	r->groups = NULL;
	r->count = r->capacity = r->grave_count = r->dt_count = r->group_count = 0;
}

struct blob *registry_meta(const struct registry *r, const struct entry *e)
{
	return describe_blob(describe_meta(r, e));
}

static struct grave *find_grave(const struct registry *r, const char *name)
{
	for (uint32_t i = 0; i < r->grave_count; i++)
		if (!strcmp(r->graves[i].name, name))
			return &r->graves[i];
	return NULL;
}

static struct grave *dig_grave(struct registry *r, const char *name)
{
	struct grave *g = find_grave(r, name);
	struct grave *graves;

	if (g)
		return g;
	graves = realloc(r->graves, (r->grave_count + 1) * sizeof(*graves));
	if (!graves)
		return NULL;
	r->graves = graves;
	g = &graves[r->grave_count++];
	*g = (struct grave){0};
	snprintf(g->name, sizeof(g->name), "%s", name);
	return g;
}

void registry_bury(struct registry *r, const struct stream *s)
{
	struct grave *g = find_grave(r, s->conf->name);

	assert(g && g->leaving);
	g->leaving = false;
	for (int k = 0; k < TOPIC_COUNT; k++)
		g->seqs[k] = s->topics[k].seq;
	g->next_tick = s->next_tick;
	g->dt_ns = s->conf->dt_ns;
}

bool registry_leaves_any(const struct registry *r)
{
	bool any = false;

	for (uint32_t i = 0; i < r->grave_count && !any; i++)
		any = r->graves[i].leaving;
	return any;
}

int registry_dig(struct registry *r, const char *name)
{
	return dig_grave(r, name) ? 0 : -ENOMEM;
}

void registry_leaves(struct registry *r, const char *name)
{
	find_grave(r, name)->leaving = true;
}

bool registry_leaving(const struct registry *r, const char *name)
{
	const struct grave *g = find_grave(r, name);

	return g && g->leaving;
}

static void resume_counts(const struct registry *r, struct stream *s)
{
	const struct grave *g = find_grave(r, s->conf->name);

	if (!g)
		return;
	for (int k = 0; k < TOPIC_COUNT; k++)
		s->topics[k].seq = g->seqs[k];
	s->next_tick = g->dt_ns == s->conf->dt_ns
			       ? g->next_tick
			       : stream_tick_after(g->next_tick, g->dt_ns, s->conf->dt_ns);
	pipeline_set_tick(s->state, s->next_tick);
}

/* Place of a dt among all that there have been; it is added if it is new. */
static int place_dt(struct registry *r, uint32_t dt_ns, uint32_t *place)
{
	uint32_t i = 0;
	void *grown;

	while (i < r->dt_count && r->dts[i] != dt_ns)
		i++;
	*place = i;
	if (i == r->dt_count) {
		grown = realloc(r->dts, (i + 1) * sizeof(*r->dts));
		if (!grown)
			return -ENOMEM;
		r->dts = grown;
		grown = realloc(r->lateness, (i + 1) * sizeof(*r->lateness));
		if (!grown)
			return -ENOMEM;
		r->lateness = grown;
		r->lateness[i] = calloc(1, sizeof(**r->lateness));
		if (!r->lateness[i])
			return -ENOMEM;
		r->dts[r->dt_count++] = dt_ns;
	}
	return 0;
}

/* The same for a group; NULL = none. */
static int place_group(struct registry *r, const char *group, uint32_t *place)
{
	uint32_t i = 0;
	void *groups;

	if (!group)
		return 0;
	while (i < r->group_count && strcmp(r->groups[i], group))
		i++;
	*place = i;
	if (i < r->group_count)
		return 0;
	groups = realloc(r->groups, (i + 1) * sizeof(*r->groups));
	if (!groups)
		return -ENOMEM;
	r->groups = groups;
	snprintf(r->groups[r->group_count++], sizeof(*r->groups), "%s", group);
	return 0;
}

int registry_draft(struct registry *r, struct conf_stream *conf, struct entry *e, struct fault *f)
{
	struct stream *s = stream_new(conf, f);

	if (!s)
		return f->code;
	*e = (struct entry){.stream = s, .conf = conf, .program = s->program};
	if (place_dt(r, conf->dt_ns, &e->cadence) || place_group(r, conf->group, &e->group)) {
		stream_free(s);
		return fault_set(f, -ENOMEM, "not enough memory for another stream");
	}
	resume_counts(r, s);
	return 0;
}

int registry_append(struct registry *r, struct conf_stream *conf, struct fault *f)
{
	struct entry e;

	if (registry_draft(r, conf, &e, f))
		return f->code;
	if (r->count == r->capacity) {
		uint32_t capacity = r->capacity ? r->capacity * 2 : 64;
		struct entry *entries = realloc(r->entries, capacity * sizeof(*entries));

		if (!entries) {
			stream_free(e.stream);
			return fault_set(f, -ENOMEM, "not enough memory for another stream");
		}
		r->entries = entries;
		r->capacity = capacity;
	}
	r->entries[r->count++] = e;
	return 0;
}

void registry_drop_last(struct registry *r)
{
	stream_free(r->entries[--r->count].stream);
}

int registry_take(struct registry *r, uint32_t index)
{
	struct grave *g = dig_grave(r, r->entries[index].conf->name);

	if (!g)
		return -ENOMEM;
	g->leaving = true;
	r->count--;
	memmove(&r->entries[index], &r->entries[index + 1],
		(r->count - index) * sizeof(*r->entries));
	return 0;
}

void registry_put_back(struct registry *r, uint32_t index, const struct entry *entry)
{
	find_grave(r, entry->conf->name)->leaving = false;
	memmove(&r->entries[index + 1], &r->entries[index],
		(r->count - index) * sizeof(*r->entries));
	r->entries[index] = *entry;
	r->count++;
}

bool registry_stream_at(void *registry, uint32_t index, struct kept_stream *out)
{
	const struct registry *r = registry;

	if (index >= r->count)
		return false;
	*out = (struct kept_stream){.stream = r->entries[index].stream,
		.conf = r->entries[index].conf,
		.program = r->entries[index].program};
	return true;
}

int64_t registry_find(const struct registry *r, const char *name)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (!strcmp(r->entries[i].conf->name, name))
			return i;
	return -1;
}

void registry_settle(struct registry *r)
{
	for (uint32_t i = 0; i < r->count; i++) {
		r->entries[i].conf = r->entries[i].stream->conf;
		r->entries[i].program = r->entries[i].stream->program;
	}
}

struct stream_set *registry_set(const struct registry *r)
{
	const struct set_plan plan = {
		.dts = r->dts,
		.lateness = r->lateness,
		.cadence_count = r->dt_count,
		.groups = r->groups,
		.group_count = r->group_count,
	};
	struct set_member *members = malloc((r->count + 1) * sizeof(*members));
	struct stream_set *set;

	if (!members)
		return NULL;
	for (uint32_t i = 0; i < r->count; i++)
		members[i] = (struct set_member){
			.stream = r->entries[i].stream,
			.conf = r->entries[i].conf,
			.cadence = r->entries[i].cadence,
			.group = r->entries[i].group,
		};
	set = stream_set_new(members, r->count, &plan);
	free(members);
	return set;
}

void registry_refresh_group(struct registry *r, const char *group, const struct stream *except)
{
	for (uint32_t i = 0; group && i < r->count; i++) {
		struct entry *e = &r->entries[i];

		if (e->stream != except && e->conf->group && !strcmp(e->conf->group, group))
			e->refresh = r->refreshing = true;
	}
	registry_refresh(r);
}

void registry_refresh(struct registry *r)
{
	uint32_t i = r->refreshing ? 0 : r->count;

	for (; i < r->count && mailbox_has_room(r->mailbox); i++) {
		struct entry *e = &r->entries[i];
		struct order order = {.kind = ORDER_SWAP_PROGRAM, .stream = e->stream};

		if (!e->refresh)
			continue;
		e->refresh = false;
		order.second = registry_meta(r, e);
		if (mailbox_order(r->mailbox, &order))
			free(order.second);
	}
	if (i == r->count)
		r->refreshing = false;
}
