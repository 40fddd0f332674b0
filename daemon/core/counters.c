/* Descriptions of the counters, made from counters.def.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/counters.h"

const struct counter_row stream_counter_rows[] = {
#define STREAM_COUNTER(name, unit, help) \
	{#name, unit, help, offsetof(struct stream_counters, name)},
#define DAEMON_COUNTER(name, unit, help)
#include "daemon/core/counters.def"
#undef STREAM_COUNTER
#undef DAEMON_COUNTER
	{NULL, NULL, NULL, 0},
};

const struct counter_row daemon_counter_rows[] = {
#define STREAM_COUNTER(name, unit, help)
#define DAEMON_COUNTER(name, unit, help) \
	{#name, unit, help, offsetof(struct daemon_counters, name)},
#include "daemon/core/counters.def"
#undef STREAM_COUNTER
#undef DAEMON_COUNTER
	{NULL, NULL, NULL, 0},
};
