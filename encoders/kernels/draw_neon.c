/* Bernoulli draws from Philox for NEON: four blocks, half a word of lines, at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/bits_neon.h"
#include "encoders/kernels/draw.h"
#include "encoders/kernels/variants.h"

#define LANES      4u
#define HALF_LINES (WORD_LINES / 2)

/* draw_threshold of bits.h, four at a time. */
static inline uint32x4_t threshold_of(float32x4_t p)
{
	const float32x4_t scale = vdupq_n_f32(16777216.0f);
	/* These two take the number if the other operand is a quiet NaN, as products are. */
	float32x4_t scaled = vmaxnmq_f32(vmulq_f32(p, scale), vdupq_n_f32(0.0f));
	return vcvtpq_u32_f32(vminnmq_f32(scaled, scale));
}

/* The pieces of 16 thresholds; the result is their bits of odds->always. */
static inline uint32_t put_odds(const uint32x4_t t[4], uint16_t *upper, uint8_t *lower)
{
	uint32x4_t always[4];
	uint16x4_t lowers[4];
	for (unsigned i = 0; i < 4; i++) {
		/* Narrowing saturates: 2^24 / 256 becomes 0xffff. */
		vst1_u16(upper + LANES * i, vqmovn_u32(vshrq_n_u32(t[i], 8)));
		lowers[i] = vmovn_u32(t[i]);
		always[i] = vceqq_u32(t[i], vdupq_n_u32(DRAW_ALWAYS));
	}
	vst1_u8(lower, vmovn_u16(vcombine_u16(lowers[0], lowers[1])));
	vst1_u8(lower + 8, vmovn_u16(vcombine_u16(lowers[2], lowers[3])));
	return bits_of_words(always);
}

void odds_neon(const struct chance *chance, const float *x, const struct odds *odds,
	uint64_t *minus, uint32_t count)
{
	uint32_t full = count / WORD_LINES, done = full * WORD_LINES;
	for (size_t at = 0; at < done; at += WORD_LINES) {
		uint64_t always = 0, negative = 0;
		for (unsigned i = 0; i < WORD_LINES; i += BYTE_LANES) {
			uint32x4_t t[4], below[4];
			for (unsigned k = 0; k < 4; k++) {
				size_t here = at + i + k * LANES;
				float32x4_t value = vld1q_f32(x + here);
				float32x4_t rate = chance->rates ? vld1q_f32(chance->rates + here)
								 : vdupq_n_f32(chance->rate);
				below[k] = vcltq_f32(value, vdupq_n_f32(0.0f));
				if (minus)
					value = vabsq_f32(value);
				t[k] = threshold_of(vmulq_f32(rate, value));
			}
			negative |= (uint64_t)bits_of_words(below) << i;
			always |= (uint64_t)put_odds(t, odds->upper + at + i, odds->lower + at + i)
				  << i;
		}
		odds->always[at / WORD_LINES] = always;
		if (minus)
			minus[at / WORD_LINES] = negative;
	}
	const struct chance rest = {
		.rate = chance->rate, .rates = chance->rates ? chance->rates + done : NULL};
	const struct odds rest_odds = {odds->upper + done, odds->lower + done, odds->always + full};
	odds_c(&rest, x + done, &rest_odds, minus ? minus + full : NULL, count - done);
}

struct blocks {
	uint32x4_t c0, c1, c2, c3;
};

/* The upper and the lower halves of four products. */
static inline uint32x4_t multiply(uint32x4_t x, uint32_t factor, uint32x4_t *low)
{
	uint32x4_t first = vreinterpretq_u32_u64(vmull_n_u32(vget_low_u32(x), factor));
	uint32x4_t second = vreinterpretq_u32_u64(vmull_high_n_u32(x, factor));
	*low = vuzp1q_u32(first, second);
	return vuzp2q_u32(first, second);
}

static inline void round_of(struct blocks *b, const struct philox_keys *keys, unsigned round)
{
	uint32x4_t low0, low1;
	uint32x4_t high0 = multiply(b->c0, PHILOX_M0, &low0);
	uint32x4_t high1 = multiply(b->c2, PHILOX_M1, &low1);
	b->c0 = veorq_u32(veorq_u32(high1, b->c1), vdupq_n_u32(keys->first[round]));
	b->c2 = veorq_u32(veorq_u32(high0, b->c3), vdupq_n_u32(keys->second[round]));
	b->c1 = low1;
	b->c3 = low0;
}

/* Bits of 32 lines; *ties gets those that the upper 16 bits leave open. */
static inline uint32_t draw_half(
	struct blocks b, const struct philox_keys *keys, const uint16_t *upper, uint32_t *ties)
{
	uint16_t half[HALF_LINES];
	uint32_t words[HALF_LINES / 2];
	uint16x8_t below[4], equal[4];
	for (unsigned round = 0; round < PHILOX_ROUNDS; round++)
		round_of(&b, keys, round);
	vst4q_u32(words, ((uint32x4x4_t){{b.c0, b.c1, b.c2, b.c3}})); /* block after block */
	memcpy(half, words, sizeof(half));
	for (unsigned i = 0; i < 4; i++) {
		uint16x8_t drawn = vld1q_u16(half + 8 * i), top = vld1q_u16(upper + 8 * i);
		below[i] = vcltq_u16(drawn, top);
		equal[i] = vceqq_u16(drawn, top);
	}
	*ties = bits_of_halves(equal[0], equal[1]) | bits_of_halves(equal[2], equal[3]) << 16;
	return bits_of_halves(below[0], below[1]) | bits_of_halves(below[2], below[3]) << 16;
}

void draw_neon(uint64_t key, uint64_t tick, const struct odds *odds, uint64_t *on, uint32_t count)
{
	const struct philox_keys keys = philox_schedule(key);
	static const uint32_t numbers[LANES] = {0, 1, 2, 3};
	for (uint32_t line = 0; line < count; line += WORD_LINES) {
		uint32_t bits[2], ties[2];
		for (uint32_t h = 0; h < 2; h++) {
			uint32_t at = line + h * HALF_LINES;
			const struct blocks b = {
				.c0 = vdupq_n_u32((uint32_t)tick),
				.c1 = vdupq_n_u32((uint32_t)(tick >> 32)),
				.c2 = vaddq_u32(vld1q_u32(numbers), vdupq_n_u32(at / PHILOX_LINES)),
				.c3 = vdupq_n_u32(0),
			};
			bits[h] = draw_half(b, &keys, odds->upper + at, &ties[h]);
		}
		uint64_t word = bits[0] | (uint64_t)bits[1] << 32;
		uint64_t open = ties[0] | (uint64_t)ties[1] << 32;
		word |= odds->always[line / WORD_LINES];
		if (__builtin_expect(open != 0, 0))
			word |= settle_ties(key, tick, odds, line, open);
		on[line / WORD_LINES] = word;
	}
}
