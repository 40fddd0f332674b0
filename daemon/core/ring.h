/* Single-producer, single-consumer ring of fixed-size records: the only data that the two loops
 * share while they run, besides counters. No lock, no allocation after ring_init.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ring {
	uint8_t *records;
	size_t record_size;
	size_t capacity;                 /* a power of two */
	_Alignas(64) atomic_size_t head; /* written by the producer */
	_Alignas(64) atomic_size_t tail; /* written by the consumer */
};

/* 0 or -ENOMEM. `capacity` must be a power of two. */
static inline int ring_init(struct ring *r, size_t record_size, size_t capacity)
{
	r->records = calloc(capacity, record_size);
	if (!r->records)
		return -ENOMEM;
	r->record_size = record_size;
	r->capacity = capacity;
	atomic_init(&r->head, 0);
	atomic_init(&r->tail, 0);
	return 0;
}

static inline void ring_fini(struct ring *r)
{
	free(r->records);
	r->records = NULL;
}

/* Producer. False when full; nothing is written then. */
static inline bool ring_push(struct ring *r, const void *record)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) == r->capacity)
		return false;
	memcpy(r->records + (head & (r->capacity - 1)) * r->record_size, record, r->record_size);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

/* Consumer. False when empty. */
static inline bool ring_pop(struct ring *r, void *record)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (atomic_load_explicit(&r->head, memory_order_acquire) == tail)
		return false;
	memcpy(record, r->records + (tail & (r->capacity - 1)) * r->record_size, r->record_size);
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}
