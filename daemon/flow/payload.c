/* Spikes as bytes of the wire.
 *
 * The kernel writes a word for each line that spiked. The values of graded spikes are then fetched by
 * those words; where spikes are counted, the lines are walked one by one instead.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/payload.h"

#include "encoders/kernels/bits.h"
#include "encoders/kernels/kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define WORD_SIZE sizeof(uint32_t)

uint32_t payload_repeats(const struct lines *lines, uint32_t i)
{
	float n = fabsf(lines->values[i]);

	/* Any value gives at least the spike that its bit stands for, and a number. */
	return !(n >= 1) ? 1 : n < (float)INT32_MAX ? (uint32_t)n : INT32_MAX;
}

static uint64_t count_repeats(const struct lines *lines)
{
	size_t words = lines_words(lines->count);
	uint64_t count = 0;

	for (size_t w = 0; w < words; w++)
		for (uint64_t bits = lines->on[w]; bits; bits &= bits - 1)
			count += payload_repeats(lines,
				(uint32_t)(w * WORD_LINES) + (uint32_t)__builtin_ctzll(bits));
	return count;
}

static void cut_lines(const struct lines *lines, uint32_t most)
{
	size_t words = lines_words(lines->count);

	for (size_t w = 0; w < words; w++) {
		for (uint64_t bits = lines->on[w]; bits; bits &= bits - 1) {
			float *n = &lines->values[w * WORD_LINES + (unsigned)__builtin_ctzll(bits)];

			if (fabsf(*n) > (float)most)
				*n = copysignf((float)most, *n);
		}
	}
}

uint32_t payload_count(const struct lines *lines, uint64_t *cut)
{
	const struct kernels *kernels = kernels_get();
	size_t words = lines_words(lines->count);
	uint64_t count, asked;

	*cut = 0;
	if (lines->kind == KIND_VALUES)
		return 0;
	count = kernels->popcount(lines->on, words);
	if (lines->kind == KIND_SIGNED)
		count += kernels->popcount(lines->minus, words);
	if (lines->kind != KIND_COUNTS || !count)
		return (uint32_t)count;
	asked = count_repeats(lines);
	if (asked <= PAYLOAD_SPIKES_MAX)
		return (uint32_t)asked;
	cut_lines(lines, count < PAYLOAD_SPIKES_MAX ? (uint32_t)(PAYLOAD_SPIKES_MAX / count) : 1);
	count = count_repeats(lines);
	*cut = asked - count;
	return (uint32_t)count;
}

static size_t bitmap_size(const struct lines *lines)
{
	return ((size_t)lines->count + 7) / 8 * (lines->kind == KIND_SIGNED ? 2 : 1);
}

enum spiked_format payload_format(enum payload wanted, const struct lines *lines, uint32_t spikes)
{
	if (lines->kind == KIND_GRADED)
		return SPIKED_FORMAT_GRADED;
	if (lines->kind == KIND_COUNTS)
		return SPIKED_FORMAT_WORDS;
	switch (wanted) {
	case PAYLOAD_WORDS:
		break;
	case PAYLOAD_BITMAP:
		return SPIKED_FORMAT_BITMAP;
	case PAYLOAD_AUTO:
		if (bitmap_size(lines) < spikes * WORD_SIZE)
			return SPIKED_FORMAT_BITMAP;
		break;
	}
	return SPIKED_FORMAT_WORDS;
}

size_t payload_size(enum spiked_format format, const struct lines *lines, uint32_t spikes)
{
	if (format == SPIKED_FORMAT_BITMAP)
		return bitmap_size(lines);
	return spikes * (format == SPIKED_FORMAT_GRADED ? WORD_SIZE + sizeof(float) : WORD_SIZE);
}

static void write_bitmap(const struct lines *lines, uint8_t *bytes)
{
	size_t plane = ((size_t)lines->count + 7) / 8;

	/* Bits past the last line are 0 in the planes, and so they are on the wire. */
	memcpy(bytes, lines->on, plane);
	if (lines->kind == KIND_SIGNED)
		memcpy(bytes + plane, lines->minus, plane);
}

/* A message's bytes may begin anywhere. */
static uint32_t word_at(const uint8_t *bytes, size_t i)
{
	uint32_t word;

	memcpy(&word, bytes + i * WORD_SIZE, WORD_SIZE);
	return word;
}

/* Behind the words: the value of each. */
static void write_values(const struct lines *lines, uint32_t spikes, uint8_t *words)
{
	uint8_t *values = words + spikes * WORD_SIZE;

	for (uint32_t i = 0; i < spikes; i++)
		memcpy(values + i * sizeof(float), &lines->values[word_at(words, i)],
			sizeof(float));
}

/* A word for each spike. Four at a time: few lines have more, and how many is hard to foresee. */
static void write_repeated(const struct lines *lines, uint32_t spikes, uint8_t *at)
{
	const uint8_t *end = at + spikes * WORD_SIZE;
	size_t words = lines_words(lines->count);

	for (size_t w = 0; w < words; w++) {
		for (uint64_t bits = lines->on[w]; bits; bits &= bits - 1) {
			uint32_t line =
				(uint32_t)(w * WORD_LINES) + (uint32_t)__builtin_ctzll(bits);
			uint32_t n = payload_repeats(lines, line);
			uint32_t word = line | (uint32_t)(lines->values[line] < 0) << 31;
			uint32_t four[4] = {word, word, word, word};

			if (n <= 4 && (size_t)(end - at) >= sizeof(four)) {
				memcpy(at, four,
					sizeof(four)); /* what is too much is written over */
				at += n * WORD_SIZE;
				continue;
			}
			for (; n; n--, at += WORD_SIZE)
				memcpy(at, &word, WORD_SIZE);
		}
	}
	assert(at == end);
}

/* A line in both planes would be counted twice and written once, and what is not written is sent as
 * the memory that it is. */
static bool is_one_sign_a_line(const struct lines *lines)
{
	for (size_t w = 0; lines->kind == KIND_SIGNED && w < lines_words(lines->count); w++) {
		if (lines->on[w] & lines->minus[w])
			return false;
	}
	return true;
}

void payload_write(
	enum spiked_format format, const struct lines *lines, uint32_t spikes, uint8_t *bytes)
{
	/* The kernel marks negative spikes as the wire does. */
	_Static_assert(SPIKED_NEGATIVE == 0x80000000u, "bit 31");
	assert(lines->kind != KIND_VALUES && is_one_sign_a_line(lines));
	if (format == SPIKED_FORMAT_BITMAP) {
		write_bitmap(lines, bytes);
		return;
	}
	if (lines->kind == KIND_COUNTS) {
		write_repeated(lines, spikes, bytes);
		return;
	}
	kernels_get()->indices(lines->on, lines->kind == KIND_SIGNED ? lines->minus : NULL,
		lines_words(lines->count), bytes);
	if (format == SPIKED_FORMAT_GRADED)
		write_values(lines, spikes, bytes);
}
