/* Bernoulli draws from Philox for AVX-512: eight blocks, one word of 64 lines, at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/draw.h"
#include "encoders/kernels/variants.h"

#include <immintrin.h>

#define LANES 16u

void odds_avx512(const struct chance *chance, const float *x, const struct odds *odds,
	uint64_t *minus, uint32_t count)
{
	const __m512 rate = _mm512_set1_ps(chance->rate), scale = _mm512_set1_ps(16777216.0f);
	const __m512 zero = _mm512_setzero_ps();
	for (size_t at = 0; at < count; at += WORD_LINES) {
		unsigned n = count - at < WORD_LINES ? (unsigned)(count - at) : WORD_LINES;
		uint64_t always = 0, negative = 0;
		for (unsigned i = 0; i < WORD_LINES; i += LANES) {
			__mmask16 lanes = (__mmask16)(bits_below(n) >> i);
			__m512 value = _mm512_maskz_loadu_ps(lanes, x + at + i);
			if (minus) {
				__mmask16 below = _mm512_cmp_ps_mask(value, zero, _CMP_LT_OQ);
				negative |= (uint64_t)below << i;
				value = _mm512_abs_ps(value);
			}
			__m512 p = _mm512_mul_ps(
				chance->rates ? _mm512_load_ps(chance->rates + at + i) : rate,
				value);
			/* The maximum takes its second operand if the first is NaN. */
			p = _mm512_max_ps(_mm512_mul_ps(p, scale), zero);
			p = _mm512_min_ps(p, scale);
			__m512i threshold = _mm512_cvt_roundps_epi32(
				p, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
			__m256i upper = _mm512_cvtusepi32_epi16(_mm512_srli_epi32(threshold, 8));
			_mm256_store_si256((__m256i *)(void *)(odds->upper + at + i), upper);
			_mm_store_si128((__m128i *)(void *)(odds->lower + at + i),
				_mm512_cvtepi32_epi8(threshold));
			__mmask16 whole =
				_mm512_cmpeq_epi32_mask(threshold, _mm512_set1_epi32(DRAW_ALWAYS));
			always |= (uint64_t)whole << i;
		}
		odds->always[at / WORD_LINES] = always;
		if (minus)
			minus[at / WORD_LINES] = negative;
	}
}

/* Eight blocks, one in each 64 bits. Words 0 and 2 of a block are in the lower halves of c0 and c2
 * (a multiplication reads no more; the upper halves hold nothing); words 1 and 3 are the lower
 * halves of the last products. */
struct blocks {
	__m512i c0, c2, p0, p1;
};

static inline __m512i three(__m512i a, __m512i b, uint32_t key)
{
	return _mm512_ternarylogic_epi32(a, b, _mm512_set1_epi32((int)key), 0x96);
}

static inline void round_of(struct blocks *b, const struct philox_keys *keys, unsigned round)
{
	const __m512i m0 = _mm512_set1_epi64(PHILOX_M0), m1 = _mm512_set1_epi64(PHILOX_M1);
	__m512i p0 = _mm512_mul_epu32(b->c0, m0), p1 = _mm512_mul_epu32(b->c2, m1);
	b->c0 = three(_mm512_srli_epi64(p1, 32), b->p1, keys->first[round]);
	b->c2 = three(_mm512_srli_epi64(p0, 32), b->p0, keys->second[round]);
	b->p0 = p0;
	b->p1 = p1;
}

/* Word 0 (or 2) and the word after it, of each block. */
static inline __m512i pair_of(__m512i even, __m512i product)
{
	return _mm512_mask_shuffle_epi32(even, 0xaaaa, product, _MM_PERM_CCAA);
}

/* Before the first round: the blocks `number` of a tick, in the order in which unpacking brings them to
 * the order of the lines. */
static inline struct blocks counters(uint64_t tick, __m512i number)
{
	return (struct blocks){
		.c0 = _mm512_set1_epi64((int64_t)(uint32_t)tick),
		.p1 = _mm512_set1_epi64((int64_t)(tick >> 32)),
		.c2 = number,
		.p0 = _mm512_setzero_si512(),
	};
}

static inline __m512i first_numbers(void)
{
	return _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
}

/* After the last round: who fires of the 64 lines from `line` on. */
static inline uint64_t fired_of(
	const struct blocks *b, uint64_t key, uint64_t tick, const struct odds *odds, uint32_t line)
{
	__m512i first = pair_of(b->c0, b->p1), second = pair_of(b->c2, b->p0);
	__m512i low = _mm512_unpacklo_epi64(first, second);
	__m512i high = _mm512_unpackhi_epi64(first, second);
	__m512i upper_low = _mm512_load_si512(odds->upper + line);
	__m512i upper_high = _mm512_load_si512(odds->upper + line + 32);
	__mmask64 fired = _mm512_kunpackd(
		_mm512_cmplt_epu16_mask(high, upper_high), _mm512_cmplt_epu16_mask(low, upper_low));
	__mmask64 ties = _mm512_kunpackd(
		_mm512_cmpeq_epi16_mask(high, upper_high), _mm512_cmpeq_epi16_mask(low, upper_low));
	uint64_t word = fired | odds->always[line / WORD_LINES];
	if (__builtin_expect(ties != 0, 0))
		word |= settle_ties(key, tick, odds, line, ties);
	return word;
}

void draw_avx512(uint64_t key, uint64_t tick, const struct odds *odds, uint64_t *on, uint32_t count)
{
	const struct philox_keys keys = philox_schedule(key);
	__m512i number = first_numbers();
	const __m512i step = _mm512_set1_epi64(WORD_BLOCKS);
	for (uint32_t line = 0; line < count; line += WORD_LINES) {
		struct blocks b = counters(tick, number);
#pragma GCC unroll 10
		for (unsigned round = 0; round < PHILOX_ROUNDS; round++)
			round_of(&b, &keys, round);
		number = _mm512_add_epi64(number, step);
		on[line / WORD_LINES] = fired_of(&b, key, tick, odds, line);
	}
}

void draw_ahead_avx512(
	uint64_t key, uint64_t tick, const struct odds *odds, uint64_t on[DRAW_AHEAD])
{
	const struct philox_keys keys = philox_schedule(key);
	const __m512i number = first_numbers();
	struct blocks b[DRAW_AHEAD];
#pragma GCC unroll 4
	for (unsigned t = 0; t < DRAW_AHEAD; t++)
		b[t] = counters(tick + t, number);
#pragma GCC unroll 10
	for (unsigned round = 0; round < PHILOX_ROUNDS; round++) {
#pragma GCC unroll 4
		for (unsigned t = 0; t < DRAW_AHEAD; t++)
			round_of(&b[t], &keys, round);
	}
#pragma GCC unroll 4
	for (unsigned t = 0; t < DRAW_AHEAD; t++)
		on[t] = fired_of(&b[t], key, tick + t, odds, 0);
}
