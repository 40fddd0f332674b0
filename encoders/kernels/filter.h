/* Second-order sections as plain loops over a channel's bands, of which a compiler makes good
 * vectors. A file that includes this compiles them for its instruction set.
 *
 * Each section is a direct form II transposed, in double and in this order:
 *   y = b0 u + p;  p = (b1 u - a1 y) + q;  q = b2 u - a2 y
 * with p and q its states and u the section's input. Once |p| + |q| < FADED both become 0: together,
 * as one of them without the other could swing up again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"

#include <float.h>
#include <math.h>

#define BLOCK_BANDS 64u
#define FADED       1e-100 /* sum of a section's states; from 1e-308 down they would be slow */

static inline void filter_section(const struct sections *bank, size_t at, double *restrict u,
	double *restrict first, double *restrict second, unsigned n)
{
	const double *restrict b0 = bank->b0 + at, *restrict b1 = bank->b1 + at;
	const double *restrict b2 = bank->b2 + at, *restrict a1 = bank->a1 + at;
	const double *restrict a2 = bank->a2 + at;
	for (unsigned i = 0; i < n; i++) {
		double x = u[i], y = b0[i] * x + first[i];
		double p = (b1[i] * x - a1[i] * y) + second[i];
		double q = b2[i] * x - a2[i] * y;
		bool faded = fabs(p) + fabs(q) < FADED;
		first[i] = faded ? 0.0 : p;
		second[i] = faded ? 0.0 : q;
		u[i] = y;
	}
}

/* To float32: nothing denormal, nothing infinite. */
static inline float filter_output(double y)
{
	y = fabs(y) >= (double)FLT_MIN ? y : 0.0;
	y = y < (double)FLT_MAX ? y : (double)FLT_MAX;
	return (float)(y > -(double)FLT_MAX ? y : -(double)FLT_MAX);
}

static inline void filter_bands(const struct sections *bank, float x, double *first, double *second,
	size_t stride, float *restrict y)
{
	double u[BLOCK_BANDS];
	for (uint32_t at = 0; at < bank->bands; at += BLOCK_BANDS) {
		uint32_t rest = bank->bands - at;
		unsigned n = rest < BLOCK_BANDS ? rest : BLOCK_BANDS;
		for (unsigned i = 0; i < n; i++)
			u[i] = (double)x;
		for (uint32_t s = 0; s < bank->count; s++)
			filter_section(bank, (size_t)s * bank->bands + at, u,
				first + s * stride + at, second + s * stride + at, n);
		for (unsigned i = 0; i < n; i++)
			y[at + i] = filter_output(u[i]);
	}
}
