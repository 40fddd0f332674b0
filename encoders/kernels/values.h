/* Range mapping, distances of a population, changes, and taking a row into held values, as plain
 * loops of which a compiler makes good vectors. A file that includes this compiles them for its
 * instruction set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/bits.h"
#include "encoders/kernels/kernels.h"

#include <float.h>
#include <math.h>

/* The selections are written so that a NaN takes the constant. */
static inline float finish(float y, bool clamp, bool is_signed)
{
	if (clamp) {
		y = y > 0.0f ? y : 0.0f;
		y = y < 1.0f ? y : 1.0f;
	}
	return is_signed ? (y + y) - 1.0f : y;
}

/* clamp and is_signed are constants at every call. */
static inline void map_lines(const struct span *span, const float *restrict x, float *restrict y,
	uint32_t count, bool clamp, bool is_signed)
{
	if (span->los) {
		const float *lo = span->los, *width = span->widths;
		for (uint32_t i = 0; i < count; i++)
			y[i] = finish((x[i] - lo[i]) / width[i], clamp, is_signed);
	} else {
		const float lo = span->lo, width = span->width;
		for (uint32_t i = 0; i < count; i++)
			y[i] = finish((x[i] - lo) / width, clamp, is_signed);
	}
}

static inline void map_range(const struct span *span, const float *x, float *y, uint32_t count)
{
	if (span->clamp && span->is_signed)
		map_lines(span, x, y, count, true, true);
	else if (span->clamp)
		map_lines(span, x, y, count, true, false);
	else if (span->is_signed)
		map_lines(span, x, y, count, false, true);
	else
		map_lines(span, x, y, count, false, false);
}

static inline void measure_lines(
	const struct metric *metric, float x, const float *centres, float *t, uint32_t count)
{
	const float scale = metric->scale, sigma = metric->sigma;
	if (metric->natural && metric->absolute) {
		for (uint32_t i = 0; i < count; i++)
			t[i] = fabsf((x - centres[i]) / sigma);
	} else if (metric->natural) {
		for (uint32_t i = 0; i < count; i++) {
			float d = (x - centres[i]) / sigma;
			t[i] = d * d;
		}
	} else if (metric->absolute) {
		for (uint32_t i = 0; i < count; i++)
			t[i] = fabsf(x - centres[i]) * scale;
	} else {
		for (uint32_t i = 0; i < count; i++) {
			float d = x - centres[i];
			t[i] = d * d * scale;
		}
	}
}

/* A last value that is NaN is none yet. */
static inline void diff_lines(float scale, const float *restrict x, float *restrict last,
	float *restrict y, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		bool sample = fabsf(x[i]) <= FLT_MAX;
		float d = (x[i] - last[i]) * scale;
		d = d > FLT_MAX ? FLT_MAX : d;
		d = d < -FLT_MAX ? -FLT_MAX : d;
		d = d == d ? d : 0.0f;
		y[i] = sample ? d : 0.0f;
		last[i] = sample ? x[i] : last[i];
	}
}

/* Not 0 if one of n values is infinite or NaN. */
static inline uint32_t odd_values(const float *x, unsigned n)
{
	uint32_t odd = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t bits;
		memcpy(&bits, &x[i], sizeof(bits));
		odd |= (bits & 0x7f800000u) == 0x7f800000u;
	}
	return odd;
}

static inline void merge_odd(
	const float *row, float *held, float lo, float hi, unsigned n, struct merged *met)
{
	for (unsigned i = 0; i < n; i++) {
		if (isnan(row[i])) {
			met->missing++;
		} else if (isinf(row[i])) {
			held[i] = row[i] > 0 ? hi : lo;
			met->clamped++;
		} else {
			held[i] = row[i];
		}
	}
}

/* 64 values at a time: most rows are finite and are only copied. */
static inline void merge_lines(const float *restrict row, float *restrict held, float lo, float hi,
	uint32_t count, struct merged *met)
{
	uint32_t full = count / WORD_LINES * WORD_LINES;
	for (uint32_t at = 0; at < full; at += WORD_LINES) {
		if (odd_values(row + at, WORD_LINES))
			merge_odd(row + at, held + at, lo, hi, WORD_LINES, met);
		else
			memcpy(held + at, row + at, WORD_LINES * sizeof(*held));
	}
	merge_odd(row + full, held + full, lo, hi, count - full, met);
}
