/* Open addressing with linear steps, at most half full.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct name_slot {
	const char *name; /* NULL = free */
	uint32_t number;
};

/* FNV-1a. */
static uint64_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return h;
}

static struct name_slot *find(const struct names *names, const char *name)
{
	size_t at = (size_t)hash(name) & (names->room - 1);
	while (names->slots[at].name && strcmp(names->slots[at].name, name) != 0)
		at = (at + 1) & (names->room - 1);
	return &names->slots[at];
}

static int grow(struct names *names)
{
	struct names wider = {.room = names->room ? 2 * names->room : 64};
	wider.slots = calloc(wider.room, sizeof(*wider.slots));
	if (!wider.slots)
		return -ENOMEM;
	for (size_t i = 0; i < names->room; i++) {
		if (names->slots[i].name)
			*find(&wider, names->slots[i].name) = names->slots[i];
	}
	wider.count = names->count;
	free(names->slots);
	*names = wider;
	return 0;
}

int names_put(struct names *names, const char *name, uint32_t number, uint32_t *first)
{
	if (2 * (names->count + 1) > names->room) {
		int err = grow(names);
		if (err)
			return err;
	}
	struct name_slot *slot = find(names, name);
	if (slot->name) {
		*first = slot->number;
		return 0;
	}
	*slot = (struct name_slot){.name = name, .number = number};
	names->count++;
	return 1;
}

bool names_find(const struct names *names, const char *name, uint32_t *number)
{
	const struct name_slot *slot = names->count ? find(names, name) : NULL;
	if (!slot || !slot->name)
		return false;
	*number = slot->number;
	return true;
}

void names_fini(struct names *names)
{
	free(names->slots);
	*names = (struct names){0};
}
