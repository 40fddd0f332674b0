/* A roll of names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "clients/record/roll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash(const char *name, size_t size)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h;
}

static uint32_t *slot_of(const struct roll *n, const char *name, size_t size)
{
	uint32_t at = hash(name, size) & n->slot_mask;

	for (; n->slots[at]; at = (at + 1) & n->slot_mask) {
		const char *other = n->names[n->slots[at] - 1];

		if (strlen(other) == size && !memcmp(other, name, size))
			break;
	}
	return &n->slots[at];
}

int64_t roll_find(const struct roll *n, const char *name, size_t size)
{
	return n->slots ? (int64_t)*slot_of(n, name, size) - 1 : -1;
}

/* Twice the room, and the hash table for it, at most half full. */
static int grow(struct roll *n)
{
	uint32_t room = n->room ? 2 * n->room : 16;
	char **names = realloc(n->names, room * sizeof(*names));
	uint32_t *slots = calloc(2 * room, sizeof(*slots));

	if (names)
		n->names = names;
	if (!names || !slots) {
		free(slots);
		return -ENOMEM;
	}
	free(n->slots);
	n->slots = slots;
	n->slot_mask = 2 * room - 1;
	n->room = room;
	for (uint32_t i = 0; i < n->count; i++)
		*slot_of(n, n->names[i], strlen(n->names[i])) = i + 1;
	return 0;
}

int64_t roll_number(struct roll *n, const char *name, size_t size)
{
	int64_t found = roll_find(n, name, size);
	char *copy;

	if (found >= 0)
		return found;
	if (n->count == n->room && grow(n))
		return -ENOMEM;
	copy = strndup(name, size);
	if (!copy)
		return -ENOMEM;
	*slot_of(n, name, size) = n->count + 1;
	n->names[n->count] = copy;
	return n->count++;
}

void roll_fini(struct roll *n)
{
	for (uint32_t i = 0; i < n->count; i++)
		free(n->names[i]);
	free(n->names);
	free(n->slots);
	*n = (struct roll){0};
}
