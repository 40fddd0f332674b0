/* Descriptions of the counters, made from counters.def.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/counters.h"

#define ROW(of, name, unit, help, gauge) {#name, unit, help, offsetof(struct of, name), gauge},

const struct counter_row stream_counter_rows[] = {
#define STREAM_COUNTER(name, unit, help) ROW(stream_counters, name, unit, help, false)
#define STREAM_GAUGE(name, unit, help)   ROW(stream_counters, name, unit, help, true)
#define DAEMON_COUNTER(name, unit, help)
#define DAEMON_GAUGE(name, unit, help)
#include "daemon/core/counters.def"
#undef STREAM_COUNTER
#undef DAEMON_COUNTER
	{0},
};

const struct counter_row daemon_counter_rows[] = {
#define STREAM_COUNTER(name, unit, help)
#define STREAM_GAUGE(name, unit, help)
#define DAEMON_COUNTER(name, unit, help) ROW(daemon_counters, name, unit, help, false)
#define DAEMON_GAUGE(name, unit, help)   ROW(daemon_counters, name, unit, help, true)
#include "daemon/core/counters.def"
#undef STREAM_COUNTER
#undef DAEMON_COUNTER
	{0},
};
