/* Spikes as bytes of the wire.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/payload.h"

#include "encoders/kernels/kernels.h"

#include <assert.h>
#include <string.h>

static size_t bitmap_size(const struct lines *lines)
{
	return ((size_t)lines->count + 7) / 8 * (lines->kind == KIND_SIGNED ? 2 : 1);
}

enum spiked_format payload_format(enum payload wanted, const struct lines *lines, uint32_t spikes)
{
	switch (wanted) {
	case PAYLOAD_WORDS:
		break;
	case PAYLOAD_BITMAP:
		return SPIKED_FORMAT_BITMAP;
	case PAYLOAD_AUTO:
		if (bitmap_size(lines) < (size_t)spikes * 4)
			return SPIKED_FORMAT_BITMAP;
		break;
	}
	return SPIKED_FORMAT_WORDS;
}

size_t payload_size(enum spiked_format format, const struct lines *lines, uint32_t spikes)
{
	return format == SPIKED_FORMAT_BITMAP ? bitmap_size(lines) : (size_t)spikes * 4;
}

static void write_bitmap(const struct lines *lines, uint8_t *bytes)
{
	size_t plane = ((size_t)lines->count + 7) / 8;

	/* Bits past the last line are 0 in the planes, and so they are on the wire. */
	memcpy(bytes, lines->on, plane);
	if (lines->kind == KIND_SIGNED)
		memcpy(bytes + plane, lines->minus, plane);
}

void payload_write(enum spiked_format format, const struct lines *lines, uint8_t *bytes)
{
	/* The kernel marks negative spikes as the wire does. */
	_Static_assert(SPIKED_NEGATIVE == 0x80000000u, "bit 31");
	assert(lines->kind == KIND_SPIKES || lines->kind == KIND_SIGNED);
	if (format == SPIKED_FORMAT_BITMAP)
		write_bitmap(lines, bytes);
	else
		kernels_get()->indices(lines->on, lines->kind == KIND_SIGNED ? lines->minus : NULL,
			lines_words(lines->count), bytes);
}

/* Appends to `bytes`, or only counts. */
struct text {
	char *bytes;
	size_t size;
};

static void put(struct text *t, const char *s)
{
	size_t size = strlen(s);

	if (t->bytes)
		memcpy(t->bytes + t->size, s, size);
	t->size += size;
}

static void put_u64(struct text *t, uint64_t n)
{
	char digits[21];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	put(t, digits + at);
}

static void put_i64(struct text *t, int64_t n)
{
	if (n < 0)
		put(t, "-");
	put_u64(t, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static void put_hex(struct text *t, uint64_t n)
{
	char digits[17];

	for (int i = 15; i >= 0; i--, n >>= 4)
		digits[i] = "0123456789abcdef"[n & 15];
	digits[16] = '\0';
	put(t, digits);
}

static void put_flags(struct text *t, uint16_t flags)
{
	static const char *const words[] = {
		"\"late\"", "\"gap\"", "\"stale\"", "\"reset\"", "\"window\"", "\"restored\""};
	const char *comma = "";

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!(flags >> i & 1))
			continue;
		put(t, comma);
		put(t, words[i]);
		comma = ",";
	}
}

static void put_plane(struct text *t, const uint64_t *plane, size_t words)
{
	const char *comma = "";

	for (size_t w = 0; w < words; w++) {
		for (uint64_t bits = plane[w]; bits; bits &= bits - 1) {
			put(t, comma);
			put_u64(t, w * 64 + (unsigned)__builtin_ctzll(bits));
			comma = ",";
		}
	}
}

size_t payload_json(const struct json_site *site, const struct frame *frame, char *bytes)
{
	const struct lines *lines = &frame->out.last;
	size_t words = lines_words(lines->count);
	struct text t = {.bytes = bytes};

	put(&t, "{\"stream\":\"");
	put(&t, site->stream);
	put(&t, "\",\"epoch\":\"");
	put_hex(&t, site->epoch);
	put(&t, "\",\"tick\":");
	put_u64(&t, frame->tick);
	put(&t, ",\"seq\":");
	put_u64(&t, site->seq);
	put(&t, ",\"time_ns\":");
	put_i64(&t, frame->time_ns);
	put(&t, ",\"source_ns\":");
	put_i64(&t, frame->source_ns);
	put(&t, ",\"dt_ns\":");
	put_u64(&t, site->dt_ns);
	put(&t, ",\"lines\":");
	put_u64(&t, lines->count);
	put(&t, ",\"flags\":[");
	put_flags(&t, frame->flags);
	put(&t, "],\"spikes\":[");
	put_plane(&t, lines->on, words);
	if (lines->kind == KIND_SIGNED) {
		put(&t, "],\"negative\":[");
		put_plane(&t, lines->minus, words);
	}
	put(&t, "]}");
	return t.size;
}
