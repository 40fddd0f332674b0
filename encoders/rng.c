/* Key hashing and the Mersenne Twister. Philox itself is kernels/philox.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/rng.h"

#define MT19937_SHIFT 397

/* Finaliser of SplitMix64 (Steele, Lea, Flood, 2014): every input bit reaches every output bit. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 27) * 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

uint64_t rng_key(uint64_t seed, const char *stream, uint32_t place)
{
	uint64_t h = mix(seed + 0x9e3779b97f4a7c15u);
	uint64_t name = 0xcbf29ce484222325u; /* FNV-1a over the name */
	for (; *stream; stream++)
		name = (name ^ (uint8_t)*stream) * 0x100000001b3u;
	h = mix(h ^ mix(name));
	return mix(h + place * 0x9e3779b97f4a7c15u);
}

void mt19937_seed(struct mt19937 *mt, uint32_t seed)
{
	mt->word[0] = seed;
	for (uint32_t i = 1; i < MT19937_WORDS; i++) {
		uint32_t last = mt->word[i - 1];
		mt->word[i] = 1812433253u * (last ^ last >> 30) + i;
	}
	mt->next = MT19937_WORDS;
}

static uint32_t twist(uint32_t upper, uint32_t lower, uint32_t far)
{
	uint32_t joined = (upper & 0x80000000u) | (lower & 0x7fffffffu);
	return far ^ joined >> 1 ^ ((joined & 1) ? 0x9908b0dfu : 0);
}

static void renew(struct mt19937 *mt)
{
	const uint32_t n = MT19937_WORDS, m = MT19937_SHIFT;
	uint32_t *w = mt->word;
	for (uint32_t i = 0; i < n - m; i++)
		w[i] = twist(w[i], w[i + 1], w[i + m]);
	for (uint32_t i = n - m; i < n - 1; i++)
		w[i] = twist(w[i], w[i + 1], w[i + m - n]);
	w[n - 1] = twist(w[n - 1], w[0], w[m - 1]);
	mt->next = 0;
}

uint32_t mt19937_draw(struct mt19937 *mt)
{
	if (mt->next >= MT19937_WORDS)
		renew(mt);
	uint32_t y = mt->word[mt->next++];
	y ^= y >> 11;
	y ^= y << 7 & 0x9d2c5680u;
	y ^= y << 15 & 0xefc60000u;
	return y ^ y >> 18;
}

/* All-zero words (but for the 31 bits that the recurrence never reads) stay zero for ever. */
bool mt19937_sane(const struct mt19937 *mt)
{
	uint32_t any = mt->word[0] & 0x80000000u;
	for (uint32_t i = 1; i < MT19937_WORDS; i++)
		any |= mt->word[i];
	return any != 0 && mt->next <= MT19937_WORDS;
}
