/* verify: in what two frames differ, in words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "verify.h"

#define LINES_SHOWN 8

/* Text that is cut off where there is no more room. */
struct line {
	char *text;
	size_t size, used;
};

static void add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->used, l->size - l->used, format, args);
	va_end(args);
	if (n > 0)
		l->used += (size_t)n;
	if (l->used >= l->size)
		l->used = l->size - 1;
}

/* A frame as the client decodes it. NULL with `why`. */
static bool decode(const struct match_item *item, struct spiked_frame *frame)
{
	return !spiked_decode(
		&item->header, sizeof(item->header), item->payload, item->size, frame, NULL);
}

static void add_spikes(struct line *l, const struct match_item *item)
{
	struct spiked_iter it = {0};
	struct spiked_spike spike;
	struct spiked_frame frame;
	int shown = 0;

	if (!decode(item, &frame)) {
		add(l, "a broken frame");
		return;
	}
	add(l, "%u spike%s", frame.header.count, frame.header.count == 1 ? "" : "s");
	while (shown < LINES_SHOWN && spiked_next(&frame, &it, &spike)) {
		add(l, "%s%s%u", shown ? ", " : " on line ", spike.negative ? "-" : "", spike.line);
		if (frame.header.format == SPIKED_FORMAT_GRADED)
			add(l, " (%.9g)", (double)spike.value);
		shown++;
	}
	if (shown == LINES_SHOWN && frame.header.count > LINES_SHOWN)
		add(l, " ...");
}

/* What is said of the first float whose bits differ. */
static void add_floats(struct line *l, const struct match_item *a, const struct match_item *b)
{
	const char *what = a->header.kind == SPIKED_KIND_STATE ? "line" : "channel";

	for (size_t at = 0; at + 4 <= a->size && at + 4 <= b->size; at += 4) {
		float x, y;

		if (!memcmp(a->payload + at, b->payload + at, 4))
			continue;
		memcpy(&x, a->payload + at, 4);
		memcpy(&y, b->payload + at, 4);
		add(l, "%s %zu: recorded %.9g, replayed %.9g", what, at / 4, (double)x, (double)y);
		return;
	}
}

static void add_header(struct line *l, const struct spiked_header *a, const struct spiked_header *b,
	unsigned flags)
{
	if (flags)
		add(l, "flags: recorded %04x, replayed %04x", a->flags, b->flags);
	else if (a->source_ns != b->source_ns)
		add(l, "source time: recorded %lld, replayed %lld", (long long)a->source_ns,
			(long long)b->source_ns);
	else if (a->lines != b->lines)
		add(l, "lines: recorded %u, replayed %u", a->lines, b->lines);
	else
		add(l, "format %u and dt %u ns recorded, format %u and dt %u ns replayed",
			a->format, a->dt_ns, b->format, b->dt_ns);
}

bool match_differ(const struct match_item *recorded, const struct match_item *replayed, char *words,
	size_t size)
{
	static const char *const kinds[] = {
		[SPIKED_KIND_SPIKES] = "spikes",
		[SPIKED_KIND_STATE] = "state",
		[SPIKED_KIND_VALUES] = "values",
	};
	const struct spiked_header *a = &recorded->header, *b = &replayed->header;
	unsigned flags = (a->flags ^ b->flags) & ~(unsigned)(SPIKED_LATE | recorded->skip) & 0xffff;
	bool payload = recorded->size != replayed->size ||
		       memcmp(recorded->payload, replayed->payload, recorded->size) != 0;
	struct line l = {.text = words, .size = size};
	char clock[32];

	if (!payload && !flags && a->source_ns == b->source_ns && a->lines == b->lines &&
		a->dt_ns == b->dt_ns && a->format == b->format && a->count == b->count)
		return false;
	add(&l, "tick %llu (%s), %s: ", (unsigned long long)a->tick,
		text_clock(a->time_ns, clock, sizeof(clock)), kinds[a->kind]);
	if (!payload) {
		add_header(&l, a, b, flags);
	} else if (a->kind == SPIKED_KIND_SPIKES) {
		add(&l, "recorded ");
		add_spikes(&l, recorded);
		add(&l, "; replayed ");
		add_spikes(&l, replayed);
	} else {
		add_floats(&l, recorded, replayed);
	}
	return true;
}
