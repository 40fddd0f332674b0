/* Conversion of row payloads for AVX2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/convert.h"
#include "encoders/kernels/variants.h"

void from_f64_avx2(const void *from, float *to, uint32_t count)
{
	convert_f64(from, to, count);
}

void from_i8_avx2(const void *from, float *to, uint32_t count)
{
	convert_i8(from, to, count);
}

void from_u8_avx2(const void *from, float *to, uint32_t count)
{
	convert_u8(from, to, count);
}

void from_i16_avx2(const void *from, float *to, uint32_t count)
{
	convert_i16(from, to, count);
}

void from_u16_avx2(const void *from, float *to, uint32_t count)
{
	convert_u16(from, to, count);
}

void from_i32_avx2(const void *from, float *to, uint32_t count)
{
	convert_i32(from, to, count);
}
