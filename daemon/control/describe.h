/* JSON about the daemon: streams, encoders, counters. Every list is made from its rows.
 *
 * New references; NULL only when out of memory. Cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/control/registry.h"
#include "daemon/core/hist.h"
#include "daemon/core/realtime.h"

#include <jansson.h>

/* How JSON is written: numbers as a person would, 15 digits. */
#define DESCRIBE_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

json_t *describe_meta(const struct registry *r, const struct entry *e);

/* Meta plus counters and liveness. */
json_t *describe_stream(const struct registry *r, const struct entry *e);

json_t *describe_encoders(void);
json_t *describe_counters(const void *counters, const struct counter_row *rows);

/* A stream's counters and histograms in one object. */
json_t *describe_stats(const struct registry *r, const struct entry *e);
json_t *describe_hist(const struct hist *h);
json_t *describe_keeper(const struct keeper *k);
json_t *describe_realtime(const struct realtime_grant *grant);

/* "0123456789abcdef" */
json_t *describe_epoch(uint64_t epoch);

/* The text of `json` as a blob; takes the reference. NULL for NULL. */
struct blob *describe_blob(json_t *json);
