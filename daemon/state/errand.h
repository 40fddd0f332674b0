/* What the keeper's files share and nobody else sees.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/state/keeper.h"

enum errand_kind { ERRAND_SAVE, ERRAND_RESTORE };

/* One request, of one stream or all. */
struct errand {
	enum errand_kind kind;
	char name[SPIKED_NAME_MAX + 1]; /* "" = all */
	uint64_t round;                 /* streams that bear it have been seen to */
	uint32_t at;                    /* place of the next stream */
	bool again;                     /* it has been through once */
	bool synced;
	uint32_t succeeded, failed;
	struct keeper_asker asker;
	struct errand *next;
};

/* Counts it, and tells whoever wants to know. */
void errand_tell(struct errand *e, const char *stream, uint64_t tick, const char *why);

/* Reads the stream's snapshot and orders it into force; else the job is over, and that was told. */
void job_restore(struct job *j, const struct kept_stream *kept);
void job_restored(struct job *j, struct stream *s, int result);
