/* What the draw kernels of all sets share: thresholds in pieces, and the exact answer for a tie.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/bits.h"
#include "encoders/kernels/kernels.h"
#include "encoders/kernels/philox.h"

#define WORD_BLOCKS (WORD_LINES / PHILOX_LINES)

/* The key of every round. */
struct philox_keys {
	uint32_t first[PHILOX_ROUNDS], second[PHILOX_ROUNDS];
};

static inline struct philox_keys philox_schedule(uint64_t key)
{
	struct philox_keys keys;
	for (uint32_t i = 0; i < PHILOX_ROUNDS; i++) {
		keys.first[i] = (uint32_t)key + i * PHILOX_W0;
		keys.second[i] = (uint32_t)(key >> 32) + i * PHILOX_W1;
	}
	return keys;
}

/* Of the lines whose upper 16 bits equal the threshold's (`ties`, from line `first` on), those
 * whose lower 8 are below it. Lines that are silent, or always fire, come here too. */
static inline uint64_t settle_ties(
	uint64_t key, uint64_t tick, const struct odds *odds, uint32_t first, uint64_t ties)
{
	uint64_t fired = 0;
	for (; ties; ties &= ties - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(ties), line = first + i;
		uint32_t lower = odds->lower[line];
		if (lower != 0)
			fired |= (uint64_t)(philox_low(key, tick, line) < lower) << i;
	}
	return fired;
}
