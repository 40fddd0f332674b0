/* Bernoulli draws from Philox for AVX2: four blocks, half a word of lines, at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/draw.h"
#include "encoders/kernels/variants.h"

#include <immintrin.h>

#define LANES      8u
#define HALF_LINES (WORD_LINES / 2)

/* Whole words. */
static inline size_t lines_up(uint32_t count)
{
	return ((size_t)count + WORD_LINES - 1) / WORD_LINES * WORD_LINES;
}

/* Bits of the 32 lines from `at` on, the lower half of a word first. */
static inline void put_half(uint64_t *plane, size_t at, uint32_t bits)
{
	uint64_t *word = &plane[at / WORD_LINES];
	*word = at % WORD_LINES ? *word | (uint64_t)bits << HALF_LINES : bits;
}

/* The values of eight lanes from `at` on, those from n on 0. */
static inline __m256 load_below(const float *x, size_t at, unsigned n)
{
	const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	if (n >= LANES)
		return _mm256_loadu_ps(x + at);
	return _mm256_maskload_ps(x + at, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
}

/* draw_threshold of bits.h, eight at a time. */
static inline __m256i thresholds(__m256 p)
{
	const __m256 scale = _mm256_set1_ps(16777216.0f);
	/* The maximum takes its second operand if the first is NaN. */
	__m256 scaled = _mm256_max_ps(_mm256_mul_ps(p, scale), _mm256_setzero_ps());
	return _mm256_cvttps_epi32(_mm256_ceil_ps(_mm256_min_ps(scaled, scale)));
}

/* The pieces of 32 thresholds; the result is their bits of odds->always. */
static inline uint32_t put_odds(const __m256i t[4], uint16_t *upper, uint8_t *lower)
{
	const __m256i low = _mm256_set1_epi32(0xff), always = _mm256_set1_epi32(DRAW_ALWAYS);
	__m256i lowers[2];
	uint32_t bits = 0;
	for (unsigned i = 0; i < 2; i++) {
		__m256i a = t[2 * i], b = t[2 * i + 1];
		/* Packing saturates: 2^24 / 256 becomes 0xffff. */
		__m256i uppers =
			_mm256_packus_epi32(_mm256_srli_epi32(a, 8), _mm256_srli_epi32(b, 8));
		_mm256_store_si256((__m256i *)(void *)(upper + 16 * i),
			_mm256_permute4x64_epi64(uppers, 0xd8));
		lowers[i] = _mm256_packus_epi32(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
	}
	for (unsigned i = 0; i < 4; i++) {
		__m256 whole = _mm256_castsi256_ps(_mm256_cmpeq_epi32(t[i], always));
		bits |= (uint32_t)_mm256_movemask_ps(whole) << LANES * i;
	}
	__m256i bytes = _mm256_packus_epi16(lowers[0], lowers[1]);
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	_mm256_store_si256((__m256i *)(void *)lower, _mm256_permutevar8x32_epi32(bytes, order));
	return bits;
}

void odds_avx2(const struct chance *chance, const float *x, const struct odds *odds,
	uint64_t *minus, uint32_t count)
{
	const __m256 rate = _mm256_set1_ps(chance->rate), sign = _mm256_set1_ps(-0.0f);
	for (size_t at = 0; at < lines_up(count); at += HALF_LINES) {
		uint32_t negative = 0;
		__m256i t[4];
		for (unsigned i = 0; i < 4; i++) {
			size_t here = at + LANES * i;
			unsigned n = here < count ? (unsigned)(count - here) : 0;
			__m256 value = load_below(x, here, n);
			if (minus) {
				__m256 below =
					_mm256_cmp_ps(value, _mm256_setzero_ps(), _CMP_LT_OQ);
				negative |= (uint32_t)_mm256_movemask_ps(below) << LANES * i;
				value = _mm256_andnot_ps(sign, value);
			}
			__m256 rates = chance->rates ? load_below(chance->rates, here, n) : rate;
			t[i] = thresholds(_mm256_mul_ps(rates, value));
		}
		uint32_t always = put_odds(t, odds->upper + at, odds->lower + at);
		put_half(odds->always, at, always);
		if (minus)
			put_half(minus, at, negative);
	}
}

/* Four blocks, one in each 64 bits. Words 0 and 2 of a block are in the lower halves of c0 and c2
 * (a multiplication reads no more; the upper halves hold nothing); words 1 and 3 are the lower
 * halves of the last products. */
struct blocks {
	__m256i c0, c2, p0, p1;
};

static inline __m256i three(__m256i a, __m256i b, uint32_t key)
{
	return _mm256_xor_si256(_mm256_xor_si256(b, _mm256_set1_epi32((int)key)), a);
}

static inline void round_of(struct blocks *b, const struct philox_keys *keys, unsigned round)
{
	const __m256i m0 = _mm256_set1_epi64x(PHILOX_M0), m1 = _mm256_set1_epi64x(PHILOX_M1);
	__m256i p0 = _mm256_mul_epu32(b->c0, m0), p1 = _mm256_mul_epu32(b->c2, m1);
	b->c0 = three(_mm256_shuffle_epi32(p1, 0xf5), b->p1, keys->first[round]);
	b->c2 = three(_mm256_shuffle_epi32(p0, 0xf5), b->p0, keys->second[round]);
	b->p0 = p0;
	b->p1 = p1;
}

/* Word 0 (or 2) and the word after it, of each block. */
static inline __m256i pair_of(__m256i even, __m256i product)
{
	return _mm256_blend_epi32(even, _mm256_slli_epi64(product, 32), 0xaa);
}

/* 32 lanes of 16 bits, all ones or zero, in order -> bits. */
static inline uint32_t lane_bits(__m256i low, __m256i high)
{
	__m256i bytes = _mm256_packs_epi16(low, high);
	return (uint32_t)_mm256_movemask_epi8(_mm256_permute4x64_epi64(bytes, 0xd8));
}

/* Bits of 32 lines whose blocks are drawn; *ties gets those that the upper 16 bits leave open. */
static inline uint32_t compare(const struct blocks *b, const uint16_t *upper, uint32_t *ties)
{
	__m256i first = pair_of(b->c0, b->p1), second = pair_of(b->c2, b->p0);
	__m256i low = _mm256_unpacklo_epi64(first, second);
	__m256i high = _mm256_unpackhi_epi64(first, second);
	__m256i upper_low = _mm256_load_si256((const __m256i *)(const void *)upper);
	__m256i upper_high = _mm256_load_si256((const __m256i *)(const void *)(upper + 16));
	/* There is no unsigned comparison: not below is "nothing is left of upper - drawn". */
	const __m256i zero = _mm256_setzero_si256();
	__m256i past_low = _mm256_cmpeq_epi16(_mm256_subs_epu16(upper_low, low), zero);
	__m256i past_high = _mm256_cmpeq_epi16(_mm256_subs_epu16(upper_high, high), zero);
	__m256i tie_low = _mm256_cmpeq_epi16(upper_low, low);
	__m256i tie_high = _mm256_cmpeq_epi16(upper_high, high);
	__m256i any = _mm256_or_si256(tie_low, tie_high);
	*ties = 0;
	if (__builtin_expect(!_mm256_testz_si256(any, any), 0))
		*ties = lane_bits(tie_low, tie_high);
	return ~lane_bits(past_low, past_high);
}

void draw_avx2(uint64_t key, uint64_t tick, const struct odds *odds, uint64_t *on, uint32_t count)
{
	const struct philox_keys keys = philox_schedule(key);
	/* Blocks in the order in which unpacking brings them to the order of the lines. */
	const __m256i order = _mm256_setr_epi64x(0, 2, 1, 3);
	const struct blocks start = {
		.c0 = _mm256_set1_epi64x((int64_t)(uint32_t)tick),
		.p1 = _mm256_set1_epi64x((int64_t)(tick >> 32)),
		.p0 = _mm256_setzero_si256(),
	};
	for (uint32_t line = 0; line < count; line += WORD_LINES) {
		uint32_t bits[2], ties[2];
		struct blocks b[2] = {start, start};
		for (uint32_t h = 0; h < 2; h++) {
			uint32_t first = (line + h * HALF_LINES) / PHILOX_LINES;
			b[h].c2 = _mm256_add_epi64(order, _mm256_set1_epi64x(first));
		}
		/* Side by side: a round alone waits for its products. */
#pragma GCC unroll 10
		for (unsigned round = 0; round < PHILOX_ROUNDS; round++) {
			round_of(&b[0], &keys, round);
			round_of(&b[1], &keys, round);
		}
		for (uint32_t h = 0; h < 2; h++)
			bits[h] = compare(&b[h], odds->upper + line + h * HALF_LINES, &ties[h]);
		uint64_t word = bits[0] | (uint64_t)bits[1] << 32;
		uint64_t open = ties[0] | (uint64_t)ties[1] << 32;
		word |= odds->always[line / WORD_LINES];
		if (__builtin_expect(open != 0, 0))
			word |= settle_ties(key, tick, odds, line, open);
		on[line / WORD_LINES] = word;
	}
}
