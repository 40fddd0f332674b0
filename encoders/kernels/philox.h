/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; SC11),
 * and which bits of it decide which line's spike. This layout never changes: recordings, restarts
 * and every kernel variant depend on it.
 *
 * Line c at tick t draws a number u of 24 bits:
 *   block A = philox(counter {t low, t high, c / 8, 0}, key {key low, key high});
 *   its eight 16-bit halves, in the order word 0 low, word 0 high, word 1 low ..., are the upper
 *   16 bits of u for the lines c % 8 = 0 ... 7;
 *   block B = the same with counter word 3 = 1; the low 8 bits of the same half are u's lower ones.
 * The line fires if u < threshold, which A alone answers but once in 2^16 draws.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PHILOX_ROUNDS 10
#define PHILOX_M0     0xd2511f53u
#define PHILOX_M1     0xcd9e8d57u
#define PHILOX_W0     0x9e3779b9u
#define PHILOX_W1     0xbb67ae85u

#define PHILOX_LINES 8 /* lines that one block serves */

static inline void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
	uint32_t k0 = key[0], k1 = key[1];
	for (int round = 0; round < PHILOX_ROUNDS; round++) {
		uint64_t p0 = (uint64_t)PHILOX_M0 * c0, p1 = (uint64_t)PHILOX_M1 * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += PHILOX_W0;
		k1 += PHILOX_W1;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

/* The 16-bit half that belongs to a line; part 0 is block A, part 1 block B. */
static inline uint32_t philox_half(uint64_t key, uint64_t tick, uint32_t line, uint32_t part)
{
	const uint32_t counter[4] = {
		(uint32_t)tick, (uint32_t)(tick >> 32), line / PHILOX_LINES, part};
	const uint32_t words[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
	uint32_t block[4];
	philox4x32_10(counter, words, block);
	uint32_t half = line % PHILOX_LINES;
	return block[half / 2] >> (half % 2 * 16) & 0xffff;
}

/* The lower 8 bits of a line's draw, for the rare tie of the upper 16. */
static inline uint32_t philox_low(uint64_t key, uint64_t tick, uint32_t line)
{
	return philox_half(key, tick, line, 1) & 0xff;
}
