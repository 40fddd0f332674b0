/* Rows into held values. The kernel clamps all infinities to the first channel's ends; those of
 * channels that have ends of their own are set right afterwards, since they are rare.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/bounds.h"

#include "encoders/encoder.h"

#include <math.h>
#include <string.h>

struct bounds bounds_of(const struct pipeline *p)
{
	const struct param *rows = p->ranged ? p->stages[0].class->params : NULL;
	struct bounds b = {0};
	for (const struct param *row = rows; row && row->name; row++) {
		if (strcmp(row->name, "lo") == 0)
			b.lo = &p->stages[0].values[row - rows];
		else if (strcmp(row->name, "hi") == 0)
			b.hi = &p->stages[0].values[row - rows];
	}
	return b;
}

void bounds_merge(const struct bounds *b, const float *row, float *held, uint32_t first, uint32_t n,
	struct merged *met)
{
	uint64_t before = met->clamped;
	kernels_get()->merge(row, held, bounds_low(b, first), bounds_high(b, first), n, met);
	if (met->clamped == before)
		return;
	for (uint32_t i = 0; i < n; i++) {
		if (isinf(row[i]))
			held[i] = row[i] > 0 ? bounds_high(b, first + i) : bounds_low(b, first + i);
	}
}
