/* Bit planes in plain C: 64 lines a step, or one spike a step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/planes.h"
#include "encoders/kernels/variants.h"

void first_c(uint64_t *seen, const uint64_t *in, uint64_t *out, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		uint64_t now = in[i];
		out[i] = now & ~seen[i];
		seen[i] |= now;
	}
}

/* Whole words: the arrays are padded. The comparisons are bytes first, so that a compiler makes
 * vectors of them. */
void due_c(const uint32_t *due, uint32_t tick, uint64_t *on, uint32_t count)
{
	for (size_t at = 0; at < count; at += WORD_LINES) {
		uint8_t fires[WORD_LINES];
		for (unsigned i = 0; i < WORD_LINES; i++)
			fires[i] = due[at + i] == tick;
		on[at / WORD_LINES] = bits_from_bytes(fires);
	}
	mask_last(on, count);
}

/* Sums of two, four and eight bits side by side; the product adds up the eights. */
static inline uint64_t count_bits(uint64_t word)
{
	word -= word >> 1 & 0x5555555555555555u;
	word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return word * 0x0101010101010101u >> 56;
}

uint64_t popcount_c(const uint64_t *plane, size_t words)
{
	uint64_t count = 0;
	for (size_t i = 0; i < words; i++)
		count += count_bits(plane[i]);
	return count;
}

void indices_c(const uint64_t *on, const uint64_t *minus, size_t words, uint8_t *bytes)
{
	for (size_t i = 0; i < words; i++) {
		uint64_t negative = minus ? minus[i] : 0;
		bytes = put_indices(on[i] | negative, negative, (uint32_t)(i * WORD_LINES), bytes);
	}
}
