/* The daemon's counters and histograms as Prometheus text.
 *
 * Every counter row of core/counters.def is a metric, `spiked_stream_NAME_total` with the label stream
 * or `spiked_daemon_NAME_total` (gauges without `_total`); rows named `rejected_REASON` are one metric
 * with the label reason. Histograms are in seconds, their buckets octaves of nanoseconds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/control/registry.h"
#include "daemon/flow/hot.h"

#include <stddef.h>

struct metrics_source {
	const struct registry *registry;
	const struct hot *hot;
	int64_t started_ns; /* clock_mono_ns() then */
};

/* The whole text (exposition format 0.0.4), the caller's to free; *size without the NUL. NULL = out of
 * memory. Cold loop. */
char *metrics_text(const struct metrics_source *source, size_t *size);
