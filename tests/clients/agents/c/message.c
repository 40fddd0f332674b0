/* A received message as the JSON that the conformance suite compares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* JSON's numbers do not reach so far everywhere. */
static void set_text(json_t *object, const char *key, const char *format, ...)
{
	char text[24];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_object_set_new(object, key, json_string(text));
}

static json_t *flags_of(unsigned flags)
{
	static const char *const names[] = {"late", "gap", "stale", "reset", "window", "restored"};
	json_t *list = json_array();
	for (size_t bit = 0; bit < sizeof(names) / sizeof(names[0]); bit++)
		if (flags >> bit & 1)
			json_array_append_new(list, json_string(names[bit]));
	return list;
}

static json_t *floats_of(const float *floats, uint32_t count)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(
			list, isfinite(floats[i]) ? json_real((double)floats[i]) : json_null());
	return list;
}

static void add_spikes(json_t *part, const struct spiked_frame *frame)
{
	json_t *line = json_array();
	json_t *sign = json_array();
	struct spiked_iter iter = {0};
	struct spiked_spike spike;
	while (spiked_next(frame, &iter, &spike)) {
		json_array_append_new(line, json_integer(spike.line));
		json_array_append_new(sign, json_integer(spike.negative ? -1 : 1));
	}
	json_object_set_new(part, "line", line);
	json_object_set_new(part, "sign", sign);
}

static json_t *part_of(const struct spiked_frame *frame)
{
	static const char *const kinds[] = {"", "spikes", "state", "values"};
	static const char *const formats[] = {"", "words", "bitmap", "f32", "graded"};
	const struct spiked_header *h = &frame->header;
	json_t *part = json_pack("{ss ss so sI sI sI}", "kind", kinds[h->kind], "format",
		formats[h->format], "flags", flags_of(h->flags), "dt_ns", (json_int_t)h->dt_ns,
		"lines", (json_int_t)h->lines, "count", (json_int_t)h->count);

	set_text(part, "epoch", "%016" PRIx64, h->epoch);
	set_text(part, "tick", "%" PRIu64, h->tick);
	set_text(part, "seq", "%" PRIu64, h->seq);
	set_text(part, "time_ns", "%" PRId64, h->time_ns);
	set_text(part, "source_ns", "%" PRId64, h->source_ns);
	if (h->format != SPIKED_FORMAT_F32)
		add_spikes(part, frame);
	if (h->format == SPIKED_FORMAT_F32 || h->format == SPIKED_FORMAT_GRADED)
		json_object_set_new(part, "values", floats_of(spiked_floats(frame), h->count));
	return part;
}

json_t *message_new(const struct spiked_frame *frame)
{
	json_t *message = json_pack("{ss sI sb}", "topic", frame->topic_text, "missed",
		(json_int_t)frame->missed, "restarted", frame->restarted);
	if (!frame->json) {
		json_object_set_new(message, "parts", json_pack("[o]", part_of(frame)));
		return message;
	}
	json_t *document = json_loadb(frame->json, frame->json_size, 0, NULL);
	if (!document) {
		json_decref(message);
		return NULL;
	}
	json_object_set_new(message, "json", document);
	return message;
}

void message_add(json_t *message, const struct spiked_frame *frame)
{
	json_array_append_new(json_object_get(message, "parts"), part_of(frame));
}
