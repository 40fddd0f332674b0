/* verify: what the two files of the plan share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "verify.h"

uint32_t plan_dt(const json_t *meta);

/* The pace of the epoch's streams of that dt. NULL: no memory. */
struct pace *plan_pace(struct epoch *epoch, uint32_t dt_ns);

/* Where a stream may be compared again after a place where it may not. */
struct again {
	uint64_t tick; /* from here on */
	uint64_t rows; /* with a state that needs no row message before that number */
};

#define AGAIN_NEVER                \
	(struct again)             \
	{                          \
		.tick = UINT64_MAX \
	}

/* From `tick` on nothing of the stream can be compared, until a state that `again` lets begin; `why` is
 * constant. These and the following: EXIT_OK, or EXIT_FAILED after the reason was printed. */
int plan_stop(struct planned *s, uint64_t tick, struct again again, const char *why);

/* Messages are missing just before this one: of which topics and streams else, a later one may tell or not. */
void plan_doubt(struct epoch *epoch, const struct message *m, int64_t time_ns);

/* Nothing more comes. */
int plan_end(struct epoch *epoch);

/* Take note of a message of the stream. */
int plan_frame(struct epoch *epoch, struct planned *s, const struct message *m, int64_t time_ns);
int plan_rows(struct epoch *epoch, struct planned *s, const struct message *m, int64_t time_ns);
int plan_state(struct planned *s, const json_t *json, const struct message *m);
