/* Bit planes for NEON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits_neon.h"
#include "encoders/kernels/planes.h"
#include "encoders/kernels/variants.h"

#include <arm_neon.h>

void first_neon(uint64_t *seen, const uint64_t *in, uint64_t *out, size_t words)
{
	size_t full = words / 2 * 2;
	for (size_t i = 0; i < full; i += 2) {
		uint64x2_t now = vld1q_u64(in + i), before = vld1q_u64(seen + i);
		vst1q_u64(out + i, vbicq_u64(now, before));
		vst1q_u64(seen + i, vorrq_u64(now, before));
	}
	first_c(seen + full, in + full, out + full, words - full);
}

void due_neon(const uint32_t *due, uint32_t tick, uint64_t *on, uint32_t count)
{
	const uint32x4_t now = vdupq_n_u32(tick);
	for (size_t at = 0; at < count; at += WORD_LINES) {
		uint64_t word = 0;
		for (unsigned i = 0; i < WORD_LINES; i += BYTE_LANES) {
			uint32x4_t hits[4];
			for (unsigned k = 0; k < 4; k++)
				hits[k] = vceqq_u32(vld1q_u32(due + at + i + 4 * k), now);
			word |= (uint64_t)bits_of_words(hits) << i;
		}
		on[at / WORD_LINES] = word;
	}
	mask_last(on, count);
}

uint64_t popcount_neon(const uint64_t *plane, size_t words)
{
	uint64_t count = 0;
	size_t full = words / 2 * 2;
	for (size_t i = 0; i < full; i += 2) {
		/* 128 at the most, which a byte holds. */
		count += vaddvq_u8(vcntq_u8(vreinterpretq_u8_u64(vld1q_u64(plane + i))));
	}
	return count + popcount_c(plane + full, words - full);
}
