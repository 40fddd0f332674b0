/* A roll of names, with numbers: 0, 1, 2 … in the order in which they came. All zero is empty.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct roll {
	char **names;
	uint32_t count, room;
	uint32_t *slots; /* hash table: number + 1, 0 = free */
	uint32_t slot_mask;
};

/* The number of the name, a new one if it has none; -ENOMEM. */
int64_t roll_number(struct roll *n, const char *name, size_t size);
/* The same, but -1 if it has none. */
int64_t roll_find(const struct roll *n, const char *name, size_t size);
void roll_fini(struct roll *n);
