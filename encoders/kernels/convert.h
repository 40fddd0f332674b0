/* Payloads of rows to float32, as plain loops of which a compiler makes good vectors. A file that
 * includes this compiles them for its instruction set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"

#include <string.h>

/* The copy is one load: payloads are of any alignment. */
#define CONVERT(name, type)                                                           \
	static inline void name(const char *from, float *restrict to, uint32_t count) \
	{                                                                             \
		for (uint32_t i = 0; i < count; i++) {                                \
			type value;                                                   \
			memcpy(&value, from + i * sizeof(value), sizeof(value));      \
			to[i] = (float)value;                                         \
		}                                                                     \
	}

CONVERT(convert_f64, double)
CONVERT(convert_i8, int8_t)
CONVERT(convert_u8, uint8_t)
CONVERT(convert_i16, int16_t)
CONVERT(convert_u16, uint16_t)
CONVERT(convert_i32, int32_t)

#undef CONVERT
