/* A set of names with a number each: finds the first of two equal ones among very many.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed = empty. Borrows the names, which must outlive it. */
struct names {
	struct name_slot *slots;
	size_t count, room; /* room: 0 or a power of two */
};

/* 1 = the name is new and now there with `number`; 0 = it was there, *first is its number;
 * -ENOMEM. */
int names_put(struct names *names, const char *name, uint32_t number, uint32_t *first);

/* True if the name is there; *number is its. */
bool names_find(const struct names *names, const char *name, uint32_t *number);

void names_fini(struct names *names);
