/* Random numbers: keys for the counter-based generator, and torch's CPU generator.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/philox.h"

#include <stdbool.h>
#include <stdint.h>

/* The Philox key of a random stage: a hash of the seed, the stream's name and the stage's place in
 * its pipeline. It decides every spike of the stage, so it never changes. */
uint64_t rng_key(uint64_t seed, const char *stream, uint32_t place);

#define MT19937_WORDS 624

/* Mersenne Twister (Matsumoto, Nishimura, 1998), seeded as torch.manual_seed does. The struct is
 * what a snapshot stores. */
struct mt19937 {
	uint32_t word[MT19937_WORDS];
	uint32_t next; /* word that is drawn next; MT19937_WORDS = make new ones first */
};

void mt19937_seed(struct mt19937 *mt, uint32_t seed);
uint32_t mt19937_draw(struct mt19937 *mt);
bool mt19937_sane(const struct mt19937 *mt); /* a condition that seeding and drawing can reach */
