/* Names with numbers: 0, 1, 2 … in the order in which they came. All zero is empty.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct names {
	char **names;
	uint32_t count, room;
	uint32_t *slots; /* hash table: number + 1, 0 = free */
	uint32_t slot_mask;
};

/* The number of the name, a new one if it has none; -ENOMEM. */
int64_t names_number(struct names *n, const char *name, size_t size);
/* The same, but -1 if it has none. */
int64_t names_find(const struct names *n, const char *name, size_t size);
void names_fini(struct names *n);
