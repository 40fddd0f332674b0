/* What the plane kernels of all sets share: a word's spikes, one at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/bits.h"

#define NEGATIVE_BIT 0x80000000u /* of an index */

/* Clears the bits of the last word that are past `count`. */
static inline void mask_last(uint64_t *on, uint32_t count)
{
	if (count % WORD_LINES)
		on[count / WORD_LINES] &= bits_below(count % WORD_LINES);
}

/* Writes the numbers of the bits of `any`, from `first` on; returns where it ended. */
static inline uint8_t *put_indices(uint64_t any, uint64_t negative, uint32_t first, uint8_t *bytes)
{
	for (; any; any &= any - 1, bytes += sizeof(uint32_t)) {
		unsigned bit = (unsigned)__builtin_ctzll(any);
		uint32_t index = (first + bit) | (uint32_t)(negative >> bit & 1) << 31;
		memcpy(bytes, &index, sizeof(index));
	}
	return bytes;
}
