/* Where each topic or stream stands: a hash table from names to counting positions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "spiked/spiked.h"

struct spk_place {
	char name[SPIKED_TOPIC_MAX + 1]; /* "" = free slot */
	bool seen;                       /* the numbers below mean something */
	uint64_t epoch, tick, seq;
};

/* All zero is an empty table. */
struct spk_table {
	struct spk_place *slots;
	size_t size, used; /* size: a power of two, or 0 */
};

/* The place of `name` (at most SPIKED_TOPIC_MAX bytes), made if it is new; good until the next call.
 * NULL if there is no memory or the table has reached its bound: names come from outside. */
struct spk_place *spk_table_get(struct spk_table *table, const char *name);

/* Forgets the numbers of every name that starts with `prefix`. */
void spk_table_forget(struct spk_table *table, const char *prefix);

void spk_table_fini(struct spk_table *table);
