/* Counters: each written by one thread, read by any. The rows are in counters.def.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint64_t counter_t;

/* Only the writing thread: no locked instruction is needed. */
static inline void counter_add(counter_t *c, uint64_t n)
{
	atomic_store_explicit(
		c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void counter_set(counter_t *c, uint64_t n)
{
	atomic_store_explicit(c, n, memory_order_relaxed);
}

static inline uint64_t counter_get(const counter_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

struct stream_counters {
#define STREAM_COUNTER(name, unit, help) counter_t name;
#define DAEMON_COUNTER(name, unit, help)
#include "daemon/core/counters.def"
#undef STREAM_COUNTER
#undef DAEMON_COUNTER
};

struct daemon_counters {
#define STREAM_COUNTER(name, unit, help)
#define DAEMON_COUNTER(name, unit, help) counter_t name;
#include "daemon/core/counters.def"
#undef STREAM_COUNTER
#undef DAEMON_COUNTER
};

struct counter_row {
	const char *name, *unit, *help;
	size_t offset; /* of the counter_t in its struct */
	bool gauge;    /* goes down again */
};

/* End with name NULL. */
extern const struct counter_row stream_counter_rows[], daemon_counter_rows[];

static inline uint64_t counter_of(const void *counters, const struct counter_row *row)
{
	return counter_get((const counter_t *)(const void *)((const char *)counters + row->offset));
}
