/* Change detectors and rate coders for AVX2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits.h"
#include "encoders/kernels/variants.h"

#include <immintrin.h>

static inline uint32_t pack_half(const uint8_t *bytes)
{
	__m256i half = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
	return (uint32_t)_mm256_movemask_epi8(_mm256_sub_epi8(_mm256_setzero_si256(), half));
}

static inline uint64_t pack(const uint8_t *bytes)
{
	return pack_half(bytes) | (uint64_t)pack_half(bytes + 32) << 32;
}

#include "encoders/kernels/detect.h"

void stairs_avx2(const struct stairs *r, float *base, uint32_t *wait, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	stairs_lines(r, base, wait, x, on, minus, count);
}

void stairs_counts_avx2(const struct stairs *r, float *base, uint32_t *wait, const float *x,
	uint64_t *on, float *counts, uint32_t count)
{
	stairs_counts_lines(r, base, wait, x, on, counts, count);
}

void send_avx2(const struct change *r, float *sent, const float *x, uint64_t *on, uint64_t *minus,
	uint32_t count)
{
	send_lines(r, sent, x, on, minus, count);
}

void send_graded_avx2(const struct change *r, float *sent, const float *x, uint64_t *on,
	float *values, uint32_t count)
{
	send_graded_lines(r, sent, x, on, values, count);
}

void derive_avx2(const struct change *r, float *before, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	derive_lines(r, before, x, on, minus, count);
}

void cross_avx2(const struct crossing *r, uint64_t *high, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	cross_lines(r, high, x, on, minus, count);
}

void leak_avx2(const struct leaky *r, float *v, const float *x, uint64_t *on, uint64_t *minus,
	uint32_t count)
{
	leak_lines(r, v, x, on, minus, count);
}

void meter_avx2(const struct meter *r, float *v, float *rest, const float *x, uint64_t *on,
	uint64_t *minus, uint32_t count)
{
	meter_lines(r, v, rest, x, on, minus, count);
}

void meter_counts_avx2(const struct meter *r, float *v, float *rest, const float *x, uint64_t *on,
	float *counts, uint32_t count)
{
	meter_counts_lines(r, v, rest, x, on, counts, count);
}
