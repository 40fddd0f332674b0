/* Taking a row into the values that a stream holds: what its infinities and missing samples become.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"
#include "encoders/pipeline.h"

#include <float.h>

/* What infinities are clamped to: the ends of the program's range, and without one the largest
 * float32. Points into the program. */
struct bounds {
	const struct param_value *lo, *hi; /* NULL = no range */
};

struct bounds bounds_of(const struct pipeline *p);

static inline float bounds_low(const struct bounds *b, uint32_t c)
{
	return b->lo ? (float)param_number(b->lo, c) : -FLT_MAX;
}

static inline float bounds_high(const struct bounds *b, uint32_t c)
{
	return b->hi ? (float)param_number(b->hi, c) : FLT_MAX;
}

/* Hot. Merges `n` values of a row, from channel `first` on, into `held` (the held value of channel
 * `first`): a NaN is no sample and leaves the held one. Adds to *met. */
void bounds_merge(const struct bounds *b, const float *row, float *held, uint32_t first, uint32_t n,
	struct merged *met);
