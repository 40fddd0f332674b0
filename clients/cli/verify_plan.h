/* verify: what the two files of the plan share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "verify.h"

uint32_t plan_dt(const json_t *meta);

/* The pace of the epoch's streams of that dt. NULL: no memory. */
struct pace *plan_pace(struct epoch *epoch, uint32_t dt_ns);

/* From `tick` on nothing of the stream can be compared; `why` is constant. These and the following:
 * EXIT_OK, or EXIT_FAILED after the reason was printed. */
int plan_stop(struct planned *s, uint64_t tick, const char *why);

/* Take note of a message of the stream. */
int plan_frame(struct epoch *epoch, struct planned *s, const struct message *m);
int plan_rows(struct epoch *epoch, struct planned *s, const struct message *m);
int plan_state(struct planned *s, const json_t *json, const struct message *m);
