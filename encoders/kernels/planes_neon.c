/* Bit planes for NEON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
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
