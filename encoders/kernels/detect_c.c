/* Change detectors and rate coders for plain C.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

static inline uint64_t pack(const uint8_t *bytes)
{
	return bits_from_bytes(bytes);
}

#include "encoders/kernels/detect.h"

void stairs_c(const struct stairs *r, float *base, uint32_t *wait, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	stairs_lines(r, base, wait, x, on, minus, count);
}

void stairs_counts_c(const struct stairs *r, float *base, uint32_t *wait, const float *x,
	uint64_t *on, float *counts, uint32_t count)
{
	stairs_counts_lines(r, base, wait, x, on, counts, count);
}

void send_c(const struct change *r, float *sent, const float *x, uint64_t *on, uint64_t *minus,
	uint32_t count)
{
	send_lines(r, sent, x, on, minus, count);
}

void send_graded_c(const struct change *r, float *sent, const float *x, uint64_t *on, float *values,
	uint32_t count)
{
	send_graded_lines(r, sent, x, on, values, count);
}

void derive_c(const struct change *r, float *before, const float *x, uint64_t *on, uint64_t *minus,
	uint32_t count)
{
	derive_lines(r, before, x, on, minus, count);
}

void cross_c(const struct crossing *r, uint64_t *high, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	cross_lines(r, high, x, on, minus, count);
}

void leak_c(const struct leaky *r, float *v, const float *x, uint64_t *on, uint64_t *minus,
	uint32_t count)
{
	leak_lines(r, v, x, on, minus, count);
}

void meter_c(const struct meter *r, float *v, float *rest, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	meter_lines(r, v, rest, x, on, minus, count);
}

void meter_counts_c(const struct meter *r, float *v, float *rest, const float *x, uint64_t *on,
	float *counts, uint32_t count)
{
	meter_counts_lines(r, v, rest, x, on, counts, count);
}
