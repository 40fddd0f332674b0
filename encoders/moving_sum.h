/* Sums over the last w samples of each line, at the cost of two additions a sample and without
 * drift: beside the sum that gains the newest sample and loses the oldest, a second one only gains
 * and takes the first one's place once every w samples. What a sum has lost by rounding (a value of
 * 1e30 that came and went) is gone after 2 w samples at the latest.
 *
 * In double: sums of float32 samples whose sizes differ by less than about 2^29 / w are exact.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/linewise.h"

struct moving_sum {
	uint32_t w;
	size_t stride;
	double *sum;      /* of the last `filled` samples */
	double *since;    /* of those since slot 0 was written */
	uint32_t *next;   /* slot that the next sample takes */
	uint32_t *filled; /* slots that hold a sample */
	float *ring;      /* w slots of one sample a line; undefined beyond `filled` */
};

static inline size_t moving_sum_bytes(uint32_t w, uint32_t lines)
{
	return (6 + (size_t)w) * stage_float_bytes(lines);
}

static inline struct moving_sum moving_sum_of(const void *state, uint32_t w, uint32_t lines)
{
	struct moving_sum m = {.w = w, .stride = stage_stride(lines), .sum = (double *)state};
	m.since = m.sum + m.stride;
	m.next = (uint32_t *)(m.since + m.stride);
	m.filled = m.next + m.stride;
	m.ring = (float *)(m.filled + m.stride);
	return m;
}

/* Forgets all samples. The ring itself is left: it may be long, and nothing reads it then. */
static inline void moving_sum_clear(void *state, uint32_t lines)
{
	memset(state, 0, 6 * stage_float_bytes(lines));
}

/* Takes a sample into line i. */
static inline void moving_sum_push(struct moving_sum *m, uint32_t i, float x)
{
	uint32_t at = m->next[i];
	float *slot = &m->ring[at * m->stride + i];
	double oldest = m->filled[i] == m->w ? *slot : 0;
	*slot = x;
	m->since[i] += x;
	if (at + 1 == m->w) {
		m->sum[i] = m->since[i];
		m->since[i] = 0;
		m->next[i] = 0;
	} else {
		m->sum[i] = m->sum[i] - oldest + x;
		m->next[i] = at + 1;
	}
	m->filled[i] += m->filled[i] < m->w;
}

static inline bool moving_sum_sane(const struct moving_sum *m, uint32_t lines)
{
	for (uint32_t i = 0; i < lines; i++) {
		uint32_t filled = m->filled[i];
		if (!isfinite(m->sum[i]) || !isfinite(m->since[i]) || m->next[i] >= m->w ||
			filled > m->w || (filled < m->w && m->next[i] != filled))
			return false;
		for (uint32_t k = 0; k < filled; k++) {
			if (!isfinite(m->ring[k * m->stride + i]))
				return false;
		}
	}
	return true;
}
