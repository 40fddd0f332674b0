/* The set of streams that is in force.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_name(const char *name, size_t size)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

static int build_slots(struct stream_set *set, const struct set_member *members)
{
	uint32_t size = 16;

	while (size < set->count * 2)
		size *= 2;
	set->slots = calloc(size, sizeof(*set->slots));
	if (!set->slots)
		return -1;
	set->slot_mask = size - 1;
	for (uint32_t i = 0; i < set->count; i++) {
		const char *name = members[i].conf->name;
		uint32_t at = hash_name(name, strlen(name)) & set->slot_mask;

		while (set->slots[at])
			at = (at + 1) & set->slot_mask;
		set->slots[at] = i + 1;
	}
	return 0;
}

struct stream *stream_set_find(const struct stream_set *set, const char *name, size_t size)
{
	uint32_t at;

	if (size > SPIKED_NAME_MAX)
		return NULL;
	at = hash_name(name, size) & set->slot_mask;
	for (; set->slots[at]; at = (at + 1) & set->slot_mask) {
		struct stream *s = set->streams[set->slots[at] - 1];

		if (strlen(s->conf->name) == size && !memcmp(s->conf->name, name, size))
			return s;
	}
	return NULL;
}

uint64_t stream_coming_tick(const struct stream *s)
{
	uint64_t next = s->cadence ? s->cadence->next : 0;

	return s->next_tick > next ? s->next_tick : next;
}

static int build_cadences(
	struct stream_set *set, const struct set_member *members, const struct set_plan *plan)
{
	struct stream **storage;

	set->cadences = calloc(plan->cadence_count + 1, sizeof(*set->cadences));
	set->by_cadence = calloc(set->count + 1, sizeof(*set->by_cadence));
	if (!set->cadences || !set->by_cadence)
		return -1;
	set->cadence_count = plan->cadence_count;
	for (uint32_t i = 0; i < set->count; i++)
		set->cadences[members[i].cadence].count++;
	storage = set->by_cadence;
	for (uint32_t i = 0; i < set->cadence_count; i++) {
		struct cadence *c = &set->cadences[i];

		c->dt_ns = plan->dts[i];
		c->lateness = plan->lateness[i];
		c->streams = storage;
		storage += c->count;
		c->count = 0;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		struct cadence *c = &set->cadences[members[i].cadence];

		c->streams[c->count++] = set->streams[i];
	}
	return 0;
}

static int build_groups(
	struct stream_set *set, const struct set_member *members, const struct set_plan *plan)
{
	set->groups = calloc(plan->group_count + 1, sizeof(*set->groups));
	set->group_of = calloc(set->count + 1, sizeof(*set->group_of));
	if (!set->groups || !set->group_of)
		return -1;
	set->group_count = plan->group_count;
	for (uint32_t i = 0; i < set->count; i++) {
		if (!members[i].conf->group)
			continue;
		set->group_of[i] = members[i].group + 1;
		set->groups[members[i].group].count++;
	}
	for (uint32_t i = 0; i < set->group_count; i++) {
		struct group *g = &set->groups[i];

		g->topic.size = (uint8_t)snprintf(
			g->topic.name, sizeof(g->topic.name), "bundle/%s/", plan->groups[i]);
		g->topic.offered = true;
		g->parts = calloc(1 + 2 * (size_t)g->count, sizeof(*g->parts));
		if (!g->parts)
			return -1;
	}
	return 0;
}

static int build_scratch(struct stream_set *set, const struct set_member *members)
{
	uint32_t widest = 1;

	for (uint32_t i = 0; i < set->count; i++) {
		const struct conf_stream *conf = members[i].conf;
		uint32_t piece = rows_piece(conf->type, conf->channels);

		if (piece > widest)
			widest = piece;
	}
	set->scratch = calloc(widest, sizeof(float));
	return set->scratch ? 0 : -1;
}

struct stream_set *stream_set_new(
	const struct set_member *members, uint32_t count, const struct set_plan *plan)
{
	struct stream_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->streams = calloc(count + 1, sizeof(*set->streams));
	set->count = count;
	for (uint32_t i = 0; set->streams && i < count; i++)
		set->streams[i] = members[i].stream;
	if (!set->streams || build_slots(set, members) || build_cadences(set, members, plan) ||
		build_groups(set, members, plan) || build_scratch(set, members)) {
		stream_set_free(set);
		return NULL;
	}
	return set;
}

void stream_set_free(struct stream_set *set)
{
	if (!set)
		return;
	for (uint32_t i = 0; i < set->group_count; i++) {
		struct group *g = &set->groups[i];

		for (uint32_t k = 0; k < g->collected; k++)
			zmq_msg_close(&g->parts[k]);
		free(g->parts);
	}
	free(set->groups);
	free(set->group_of);
	free(set->cadences);
	free(set->by_cadence);
	free(set->slots);
	free(set->streams);
	free(set->scratch);
	free(set);
}

void stream_set_adopt(struct stream_set *set, const struct stream_set *old,
	uint64_t (*start_tick)(void *ctx, uint32_t dt_ns), void *ctx)
{
	for (uint32_t i = 0; i < set->cadence_count; i++) {
		struct cadence *c = &set->cadences[i];

		if (old && i < old->cadence_count && old->cadences[i].count) {
			c->next = old->cadences[i].next;
			c->caught_up = old->cadences[i].caught_up;
			c->gap = old->cadences[i].gap;
		} else {
			c->next = start_tick(ctx, c->dt_ns);
		}
		for (uint32_t k = 0; k < c->count; k++)
			c->streams[k]->cadence = c;
	}
	for (uint32_t i = 0; old && i < old->group_count; i++)
		set->groups[i].topic = old->groups[i].topic;
	for (uint32_t i = 0; i < set->count; i++)
		set->streams[i]->group =
			set->group_of[i] ? &set->groups[set->group_of[i] - 1] : NULL;
}
