/* Masks of NEON lanes as bits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/bits.h"

#include <arm_neon.h>

#define BYTE_LANES 16u

/* 16 lanes of all ones or zero -> 16 bits. */
static inline uint32_t bits_of_bytes(uint8x16_t mask)
{
	static const uint8_t weights[BYTE_LANES] = {
		1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t weighed = vandq_u8(mask, vld1q_u8(weights));
	return (uint32_t)vaddv_u8(vget_low_u8(weighed)) | (uint32_t)vaddv_u8(vget_high_u8(weighed))
								  << 8;
}

static inline uint32_t bits_of_halves(uint16x8_t low, uint16x8_t high)
{
	return bits_of_bytes(vuzp1q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high)));
}

static inline uint32_t bits_of_words(const uint32x4_t mask[4])
{
	uint16x8_t low = vuzp1q_u16(vreinterpretq_u16_u32(mask[0]), vreinterpretq_u16_u32(mask[1]));
	uint16x8_t high =
		vuzp1q_u16(vreinterpretq_u16_u32(mask[2]), vreinterpretq_u16_u32(mask[3]));
	return bits_of_halves(low, high);
}
