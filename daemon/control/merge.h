/* The streams of a configuration that was read again, against those that there are: who goes on, who
 * changes, who comes, who goes.
 *
 * The file is the truth about every stream that it names, whatever `set` and `remove` did meanwhile.
 * Streams that `add` made and that it does not name go on. Cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/control/registry.h"
#include "daemon/flow/turnover.h"

enum fate {
	FATE_KEPT,    /* not touched */
	FATE_CHANGED, /* goes on with its state */
	FATE_ANEW,    /* changed so that its state means nothing */
	FATE_ADDED,
};

struct merge {
	struct registry next; /* entries of its own; all else is the registry's */
	struct merge_fate {
		enum fate fate;
		const char *why; /* the key, of FATE_ANEW; of others nothing */
		char stream[SPIKED_NAME_MAX + 1];
	} * fates; /* one an entry */
	struct entry *removed;
	uint32_t removed_count;
	struct stream_turn *turns; /* FATE_CHANGED and FATE_ANEW, for the hot loop */
	uint32_t turn_count;
	struct stream_set *set;
	bool in_force;
};

/* Builds all of it; takes over the streams of `conf`. Nothing of the registry changes but what only
 * grows. 0, or negative with faults (out of memory too); then merge_fini all the same. */
int merge_init(struct merge *m, struct registry *r, struct conf *conf, struct conf_faults *faults);

/* The set and the turns have been ordered: the registry is now what they make of it. */
void merge_commit(struct merge *m, struct registry *r);

/* They are in force: the fates are known for sure, and the counts of removed streams are kept. */
void merge_settle(struct merge *m, struct registry *r);

/* Frees what is not used: what was built, or after merge_commit what it replaces. */
void merge_fini(struct merge *m);
