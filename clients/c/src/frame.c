/* Checking and reading one header with its payload. Nothing that arrives is believed before every
 * byte of it has been checked here. Leaves out topics and sockets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "spiked/spiked.h"

static size_t plane_size(uint32_t lines)
{
	return ((size_t)lines + 7) / 8;
}

static const char *check_words(const uint32_t *words, uint32_t count, uint32_t lines)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t line = words[i] & ~SPIKED_NEGATIVE;
		if (line >= lines)
			return "a spike's line is out of range";
		if (line < last)
			return "the spikes are not in ascending order";
		last = line;
	}
	return NULL;
}

static const char *check_bitmap(const uint8_t *bits, size_t size, const struct spiked_header *h)
{
	size_t plane = plane_size(h->lines);
	uint64_t count = 0;

	if (size != plane && size != 2 * plane)
		return "the bitmap is not one or two planes long";
	for (size_t i = 0; i < size; i++)
		count += (unsigned)__builtin_popcount(bits[i]);
	if (count != h->count)
		return "the bitmap does not hold as many spikes as the header says";
	for (size_t i = plane; i < size; i++)
		if (bits[i] & bits[i - plane])
			return "the bitmap has a line in both planes";
	if (h->lines % 8)
		for (size_t end = plane; end <= size; end += plane)
			if (bits[end - 1] >> (h->lines % 8))
				return "the bitmap has spikes past the last line";
	return NULL;
}

/* Of json and pairs the sizes say nothing. */
static const char *check_rows(const struct spiked_header *h, size_t size)
{
	uint64_t row =
		h->lines * spiked_type_size((enum spiked_type)(h->format - SPIKED_FORMAT_ROWS_F32));

	if (!h->count || !h->lines)
		return "there is no row";
	if (row && (size % row || size / row != h->count))
		return "the payload's length does not fit the rows";
	return NULL;
}

static const char *check_payload(const struct spiked_header *h, const void *payload, size_t size)
{
	if (h->kind == SPIKED_KIND_ROWS)
		return check_rows(h, size);
	switch (h->format) {
	case SPIKED_FORMAT_WORDS:
		if (size != 4 * (uint64_t)h->count)
			return "the payload's length does not fit the count";
		return check_words(payload, h->count, h->lines);
	case SPIKED_FORMAT_GRADED:
		if (size != 8 * (uint64_t)h->count)
			return "the payload's length does not fit the count";
		return check_words(payload, h->count, h->lines);
	case SPIKED_FORMAT_BITMAP:
		return check_bitmap(payload, size, h);
	default:
		if (h->count != h->lines)
			return "there is not one value a line";
		if (size != 4 * (uint64_t)h->count)
			return "the payload's length does not fit the count";
		return NULL;
	}
}

static const char *check_header(const struct spiked_header *h)
{
	bool floats = h->format == SPIKED_FORMAT_F32;
	bool rows = h->format >= SPIKED_FORMAT_ROWS_F32 && h->format <= SPIKED_FORMAT_ROWS_PAIRS;

	if (memcmp(h->magic, SPIKED_MAGIC, sizeof(h->magic)) != 0)
		return "the header does not start with SPK1";
	if (h->kind < SPIKED_KIND_SPIKES || h->kind > SPIKED_KIND_ROWS)
		return "the header's kind is unknown";
	if (!rows && (h->format < SPIKED_FORMAT_WORDS || h->format > SPIKED_FORMAT_GRADED))
		return "the header's format is unknown";
	if (rows != (h->kind == SPIKED_KIND_ROWS) || (h->kind == SPIKED_KIND_SPIKES && floats) ||
		((h->kind == SPIKED_KIND_STATE || h->kind == SPIKED_KIND_VALUES) && !floats))
		return "the header's format does not go with its kind";
	if (h->epoch == 0)
		return "the header's epoch is 0";
	if (h->dt_ns == 0)
		return "the header's dt is 0";
	if (h->lines > SPIKED_NEGATIVE)
		return "the header has more lines than words can name";
	return NULL;
}

int spiked_decode(const void *header, size_t header_size, const void *payload, size_t payload_size,
	struct spiked_frame *frame, const char **why)
{
	const char *fault;

	if ((uintptr_t)payload % sizeof(uint32_t))
		return -EINVAL;
	*frame = (struct spiked_frame){.parts = 1, .topic_text = "", .stream = ""};
	if (header_size != SPIKED_HEADER_SIZE) {
		fault = "the header is not 64 bytes long";
	} else {
		memcpy(&frame->header, header, SPIKED_HEADER_SIZE);
		fault = check_header(&frame->header);
		if (!fault)
			fault = check_payload(&frame->header, payload, payload_size);
	}
	if (fault) {
		if (why)
			*why = fault;
		return -EBADMSG;
	}
	frame->payload = payload_size ? payload : NULL;
	frame->payload_size = payload_size;
	return 0;
}

const uint32_t *spiked_words(const struct spiked_frame *frame)
{
	if (frame->header.format != SPIKED_FORMAT_WORDS &&
		frame->header.format != SPIKED_FORMAT_GRADED)
		return NULL;
	return frame->payload;
}

const float *spiked_floats(const struct spiked_frame *frame)
{
	const float *floats = frame->payload;

	if (frame->header.format == SPIKED_FORMAT_F32 || !floats)
		return frame->header.format == SPIKED_FORMAT_F32 ? floats : NULL;
	return frame->header.format == SPIKED_FORMAT_GRADED ? floats + frame->header.count : NULL;
}

const uint8_t *spiked_bitmap(const struct spiked_frame *frame, bool negative)
{
	const uint8_t *bits = frame->payload;
	size_t plane = plane_size(frame->header.lines);

	if (frame->header.format != SPIKED_FORMAT_BITMAP || !bits)
		return NULL;
	if (!negative)
		return bits;
	return frame->payload_size == 2 * plane ? bits + plane : NULL;
}

static bool next_word(
	const struct spiked_frame *frame, struct spiked_iter *iter, struct spiked_spike *spike)
{
	const uint32_t *words = frame->payload;

	if (iter->at >= frame->header.count)
		return false;
	uint32_t word = words[iter->at];
	spike->line = word & ~SPIKED_NEGATIVE;
	spike->negative = (word & SPIKED_NEGATIVE) != 0;
	spike->value = 1.0f;
	if (frame->header.format == SPIKED_FORMAT_GRADED)
		spike->value = spiked_floats(frame)[iter->at];
	iter->at++;
	return true;
}

/* A byte of both planes is taken at a time, so that the lines come out ascending. */
static bool next_bit(
	const struct spiked_frame *frame, struct spiked_iter *iter, struct spiked_spike *spike)
{
	const uint8_t *plus = spiked_bitmap(frame, false), *minus = spiked_bitmap(frame, true);
	size_t plane = plus ? plane_size(frame->header.lines) : 0;

	while (!iter->bits && !iter->minus) {
		if (iter->at >= plane)
			return false;
		iter->bits = plus[iter->at];
		iter->minus = minus ? minus[iter->at] : 0;
		iter->at++;
	}
	int bit = __builtin_ctz((unsigned)iter->bits | iter->minus);
	spike->negative = !(iter->bits >> bit & 1);
	spike->line = (iter->at - 1) * 8 + (uint32_t)bit;
	spike->value = 1.0f;
	if (spike->negative)
		iter->minus = (uint8_t)(iter->minus & ~(1u << bit));
	else
		iter->bits = (uint8_t)(iter->bits & ~(1u << bit));
	return true;
}

bool spiked_next(
	const struct spiked_frame *frame, struct spiked_iter *iter, struct spiked_spike *spike)
{
	switch (frame->header.format) {
	case SPIKED_FORMAT_WORDS:
	case SPIKED_FORMAT_GRADED:
		return next_word(frame, iter, spike);
	case SPIKED_FORMAT_BITMAP:
		return next_bit(frame, iter, spike);
	default:
		return false;
	}
}
