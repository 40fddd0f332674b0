/* Banks of second-order sections for AVX2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/filter.h"
#include "encoders/kernels/variants.h"

void filter_avx2(const struct sections *bank, float x, double *first, double *second, size_t stride,
	float *y)
{
	filter_bands(bank, x, first, second, stride, y);
}
