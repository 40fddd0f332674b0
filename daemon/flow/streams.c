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

static int build_slots(struct stream_set *set)
{
	uint32_t size = 16;

	while (size < set->count * 2)
		size *= 2;
	set->slots = calloc(size, sizeof(*set->slots));
	if (!set->slots)
		return -1;
	set->slot_mask = size - 1;
	for (uint32_t i = 0; i < set->count; i++) {
		const char *name = set->streams[i]->conf->name;
		uint32_t at = hash_name(name, strlen(name)) & set->slot_mask;

		while (set->slots[at])
			at = (at + 1) & set->slot_mask;
		set->slots[at] = i + 1;
	}
	return 0;
}

struct stream *stream_set_find(const struct stream_set *set, const char *name, size_t size)
{
	uint32_t at = hash_name(name, size) & set->slot_mask;

	for (; set->slots[at]; at = (at + 1) & set->slot_mask) {
		struct stream *s = set->streams[set->slots[at] - 1];

		if (strlen(s->conf->name) == size && !memcmp(s->conf->name, name, size))
			return s;
	}
	return NULL;
}

static struct cadence *find_cadence(const struct stream_set *set, uint32_t dt_ns)
{
	for (uint32_t i = 0; i < set->cadence_count; i++)
		if (set->cadences[i].dt_ns == dt_ns)
			return &set->cadences[i];
	return NULL;
}

static int build_cadences(struct stream_set *set)
{
	struct stream **storage;

	set->cadences = calloc(set->count + 1, sizeof(*set->cadences));
	set->by_cadence = calloc(set->count + 1, sizeof(*set->by_cadence));
	if (!set->cadences || !set->by_cadence)
		return -1;
	for (uint32_t i = 0; i < set->count; i++) {
		uint32_t dt_ns = set->streams[i]->conf->dt_ns;
		struct cadence *c = find_cadence(set, dt_ns);

		if (!c) {
			c = &set->cadences[set->cadence_count++];
			c->dt_ns = dt_ns;
		}
		c->count++;
	}
	storage = set->by_cadence;
	for (uint32_t i = 0; i < set->cadence_count; i++) {
		set->cadences[i].streams = storage;
		storage += set->cadences[i].count;
		set->cadences[i].count = 0;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		struct cadence *c = find_cadence(set, set->streams[i]->conf->dt_ns);

		c->streams[c->count++] = set->streams[i];
	}
	return 0;
}

static struct group *find_group(const struct stream_set *set, const char *name)
{
	for (uint32_t i = 0; i < set->group_count; i++)
		if (!strcmp(set->groups[i].name, name))
			return &set->groups[i];
	return NULL;
}

static int build_groups(struct stream_set *set)
{
	set->groups = calloc(set->count + 1, sizeof(*set->groups));
	set->group_of = calloc(set->count + 1, sizeof(*set->group_of));
	if (!set->groups || !set->group_of)
		return -1;
	for (uint32_t i = 0; i < set->count; i++) {
		const char *name = set->streams[i]->conf->group;
		struct group *g;

		if (!name)
			continue;
		g = find_group(set, name);
		if (!g) {
			g = &set->groups[set->group_count++];
			snprintf(g->name, sizeof(g->name), "%s", name);
			g->topic.size = (uint8_t)snprintf(
				g->topic.name, sizeof(g->topic.name), "bundle/%s/", name);
			g->topic.offered = true;
		}
		g->count++;
		set->group_of[i] = g;
	}
	for (uint32_t i = 0; i < set->group_count; i++) {
		struct group *g = &set->groups[i];

		g->parts = calloc(1 + 2 * (size_t)g->count, sizeof(*g->parts));
		if (!g->parts)
			return -1;
	}
	return 0;
}

static int build_scratch(struct stream_set *set)
{
	uint32_t widest = 1;

	for (uint32_t i = 0; i < set->count; i++)
		if (set->streams[i]->conf->channels > widest)
			widest = set->streams[i]->conf->channels;
	set->scratch = calloc(widest, sizeof(float));
	return set->scratch ? 0 : -1;
}

struct stream_set *stream_set_new(struct stream *const *streams, uint32_t count)
{
	struct stream_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->streams = calloc(count + 1, sizeof(*set->streams));
	set->count = count;
	if (set->streams && count)
		memcpy(set->streams, streams, count * sizeof(*streams));
	if (!set->streams || build_slots(set) || build_cadences(set) || build_groups(set) ||
		build_scratch(set)) {
		stream_set_free(set);
		return NULL;
	}
	return set;
}

void stream_set_free(struct stream_set *set)
{
	if (!set)
		return;
	for (uint32_t i = 0; i < set->group_count; i++)
		free(set->groups[i].parts);
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
		const struct cadence *was = old ? find_cadence(old, c->dt_ns) : NULL;

		if (was) {
			c->next = was->next;
			c->caught_up = was->caught_up;
			c->gap = was->gap;
		} else {
			c->next = start_tick(ctx, c->dt_ns);
		}
	}
	for (uint32_t i = 0; i < set->group_count; i++) {
		struct group *g = &set->groups[i];
		const struct group *was = old ? find_group(old, g->name) : NULL;

		if (was)
			g->topic = was->topic;
	}
	for (uint32_t i = 0; i < set->count; i++)
		set->streams[i]->group = set->group_of[i];
}
