/* A frame as JSON, without the library: it allocates, and printf may lock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/payload.h"

#include "encoders/kernels/bits.h"

#include <math.h>
#include <string.h>

#define DIGITS 9 /* that tell any two float32 values apart */

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

/* x * 10^power. Each step rounds, to some 1e-16 of the value in all. */
static double scale(double x, int power)
{
	static const double tens[] = {1e1, 1e2, 1e4, 1e8, 1e16, 1e32};
	unsigned rest = (unsigned)(power < 0 ? -power : power);

	for (unsigned i = 0; rest; i++, rest >>= 1)
		if (rest & 1)
			x = power < 0 ? x / tens[i] : x * tens[i];
	return x;
}

/* The DIGITS digits of x > 0, the first of which counts 10^*power. float32 values are 3e-8 and more
 * apart from the middle between them, nine digits are within 5e-9: what scale() is off is no matter. */
static void split(double x, char *digits, int *power)
{
	int binary;
	uint64_t n;

	frexp(x, &binary);
	*power = (int)floor((binary - 1) * 0.30102999566398120); /* log10(2): right, or one short */
	n = (uint64_t)llrint(scale(x, DIGITS - 1 - *power));
	if (n >= 1000000000) {
		++*power;
		n = (uint64_t)llrint(scale(x, DIGITS - 1 - *power));
	}
	for (int i = DIGITS - 1; i >= 0; i--, n /= 10)
		digits[i] = (char)('0' + n % 10);
}

static void put_digits(struct text *t, const char *digits, int count)
{
	char some[DIGITS + 1];

	memcpy(some, digits, (size_t)count);
	some[count] = '\0';
	put(t, some);
}

static void put_fraction(struct text *t, const char *digits, int count)
{
	if (count <= 0)
		return;
	put(t, ".");
	put_digits(t, digits, count);
}

/* As printf's %.9g would, but for zeros before the exponent. */
static void put_float(struct text *t, float value)
{
	char digits[DIGITS];
	int power, count = DIGITS;

	if (!isfinite(value)) {
		put(t, "null"); /* JSON has no other word for it */
		return;
	}
	if (signbit(value))
		put(t, "-");
	if (value == 0) {
		put(t, "0");
		return;
	}
	split(fabs((double)value), digits, &power);
	while (count > 1 && digits[count - 1] == '0')
		count--;
	if (power < -4 || power >= DIGITS) {
		put_digits(t, digits, 1);
		put_fraction(t, digits + 1, count - 1);
		put(t, "e");
		put_i64(t, power);
	} else if (power < 0) {
		put(t, "0.");
		for (int i = -1; i > power; i--)
			put(t, "0");
		put_digits(t, digits, count);
	} else {
		put_digits(t, digits, power + 1);
		put_fraction(t, digits + power + 1, count - power - 1);
	}
}

/* The lines of `plane`; where spikes are counted, those of one sign, each as often as it spiked. */
static void put_lines(
	struct text *t, const struct lines *lines, const uint64_t *plane, bool negative)
{
	bool counts = lines->kind == KIND_COUNTS;
	const char *comma = "";

	for (size_t w = 0; w < lines_words(lines->count); w++) {
		for (uint64_t bits = plane[w]; bits; bits &= bits - 1) {
			uint32_t line =
				(uint32_t)(w * WORD_LINES) + (uint32_t)__builtin_ctzll(bits);
			uint32_t n = 1;

			if (counts)
				n = payload_repeats(lines, line);
			if (counts && (lines->values[line] < 0) != negative)
				n = 0;
			for (; n; n--) {
				put(t, comma);
				put_u64(t, line);
				comma = ",";
			}
		}
	}
}

static void put_values(struct text *t, const struct lines *lines)
{
	const char *comma = "";

	for (size_t w = 0; w < lines_words(lines->count); w++) {
		for (uint64_t bits = lines->on[w]; bits; bits &= bits - 1) {
			put(t, comma);
			put_float(
				t, lines->values[w * WORD_LINES + (unsigned)__builtin_ctzll(bits)]);
			comma = ",";
		}
	}
}

size_t payload_json(const struct json_site *site, const struct frame *frame, char *bytes)
{
	const struct lines *lines = &frame->out.last;
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
	put_lines(&t, lines, lines->on, false);
	if (lines->kind & (KIND_SIGNED | KIND_COUNTS)) {
		put(&t, "],\"negative\":[");
		put_lines(&t, lines, lines->kind == KIND_SIGNED ? lines->minus : lines->on, true);
	}
	if (lines->kind == KIND_GRADED) {
		put(&t, "],\"values\":[");
		put_values(&t, lines);
	}
	put(&t, "]}");
	return t.size;
}
