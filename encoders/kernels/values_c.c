/* Range mapping, distances, changes and merging for plain C.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/values.h"
#include "encoders/kernels/variants.h"

void range_c(const struct span *span, const float *x, float *y, uint32_t count)
{
	map_range(span, x, y, count);
}

void measure_c(const struct metric *metric, float x, const float *centres, float *t, uint32_t count)
{
	measure_lines(metric, x, centres, t, count);
}

void diff_c(float scale, const float *x, float *last, float *y, uint32_t count)
{
	diff_lines(scale, x, last, y, count);
}

void merge_c(const float *row, float *held, float lo, float hi, uint32_t count, struct merged *met)
{
	merge_lines(row, held, lo, hi, count, met);
}
