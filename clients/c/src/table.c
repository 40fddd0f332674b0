/* Open addressing with linear probing; names are never removed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "table.h"

/* A publisher that makes up names must not eat the memory: 2^17 places are 14 MB. */
#define PLACES_MAX (1u << 17)

static size_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3u;
	return (size_t)(h ^ (h >> 32));
}

static struct spk_place *find(struct spk_place *slots, size_t size, const char *name)
{
	size_t at = hash(name) & (size - 1);

	while (slots[at].name[0] && strcmp(slots[at].name, name) != 0)
		at = (at + 1) & (size - 1);
	return &slots[at];
}

static bool grow(struct spk_table *table)
{
	size_t size = table->size ? 2 * table->size : 16;
	struct spk_place *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < table->size; i++)
		if (table->slots[i].name[0])
			*find(slots, size, table->slots[i].name) = table->slots[i];
	free(table->slots);
	table->slots = slots;
	table->size = size;
	return true;
}

struct spk_place *spk_table_get(struct spk_table *table, const char *name)
{
	if (table->size) {
		struct spk_place *place = find(table->slots, table->size, name);
		if (place->name[0])
			return place;
	}
	if (table->used >= PLACES_MAX / 2)
		return NULL;
	if (2 * (table->used + 1) > table->size && !grow(table))
		return NULL;

	struct spk_place *place = find(table->slots, table->size, name);
	strncpy(place->name, name, SPIKED_TOPIC_MAX);
	table->used++;
	return place;
}

void spk_table_forget(struct spk_table *table, const char *prefix)
{
	size_t length = strlen(prefix);

	for (size_t i = 0; i < table->size; i++)
		if (strncmp(table->slots[i].name, prefix, length) == 0)
			table->slots[i].seen = false;
}

void spk_table_fini(struct spk_table *table)
{
	free(table->slots);
	*table = (struct spk_table){0};
}
