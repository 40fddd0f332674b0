/* A received message as the JSON that the conformance suite compares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Numbers of any type, as they lie on the wire. */
static json_t *number_at(const void *payload, uint32_t i, unsigned format)
{
	switch (format) {
	case SPIKED_FORMAT_ROWS_F32:
		return json_real((double)((const float *)payload)[i]);
	case SPIKED_FORMAT_ROWS_F64: {
		double value; /* aligned to 4 bytes only */
		memcpy(&value, (const char *)payload + sizeof(value) * i, sizeof(value));
		return json_real(value);
	}
	case SPIKED_FORMAT_ROWS_I8:
		return json_integer(((const int8_t *)payload)[i]);
	case SPIKED_FORMAT_ROWS_U8:
		return json_integer(((const uint8_t *)payload)[i]);
	case SPIKED_FORMAT_ROWS_I16:
		return json_integer(((const int16_t *)payload)[i]);
	case SPIKED_FORMAT_ROWS_U16:
		return json_integer(((const uint16_t *)payload)[i]);
	default:
		return json_integer(((const int32_t *)payload)[i]);
	}
}

static json_t *pairs_of(const struct spiked_pair *pairs, size_t count)
{
	json_t *row = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(row,
			json_pack("[If]", (json_int_t)pairs[i].channel, (double)pairs[i].value));
	return json_pack("[o]", row);
}

/* An object has them in `values`, and a single row may stand alone. */
static json_t *rows_of_json(const char *text, size_t size)
{
	json_t *document = json_loadb(text, size, 0, NULL);
	json_t *values = json_object_get(document, "values");
	json_t *rows = json_incref(values ? values : document);

	json_decref(document);
	return json_is_array(json_array_get(rows, 0)) ? rows : json_pack("[o]", rows);
}

static json_t *rows_of(const struct spiked_frame *frame)
{
	const struct spiked_header *h = &frame->header;
	json_t *rows;

	if (h->format == SPIKED_FORMAT_ROWS_JSON)
		return rows_of_json(frame->payload, frame->payload_size);
	if (h->format == SPIKED_FORMAT_ROWS_PAIRS)
		return pairs_of(frame->payload, frame->payload_size / sizeof(struct spiked_pair));
	rows = json_array();
	for (uint32_t r = 0; r < h->count; r++) {
		json_t *row = json_array();
		for (uint32_t i = 0; i < h->lines; i++) {
			json_t *number = number_at(frame->payload, r * h->lines + i, h->format);
			json_array_append_new(
				row, number ? number : json_null()); /* a NaN is none */
		}
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *part_of(const struct spiked_frame *frame)
{
	static const char *const kinds[] = {"", "spikes", "state", "values", "rows"};
	static const char *const formats[] = {"", "words", "bitmap", "f32",
		"graded", [SPIKED_FORMAT_ROWS_F32] = "f32", "f64", "i8", "u8", "i16", "u16", "i32",
		"json", "pairs"};
	const struct spiked_header *h = &frame->header;
	json_t *part = json_pack("{ss ss so sI sI sI}", "kind", kinds[h->kind], "format",
		formats[h->format], "flags", flags_of(h->flags), "dt_ns", (json_int_t)h->dt_ns,
		"lines", (json_int_t)h->lines, "count", (json_int_t)h->count);

	set_text(part, "epoch", "%016" PRIx64, h->epoch);
	set_text(part, "tick", "%" PRIu64, h->tick);
	set_text(part, "seq", "%" PRIu64, h->seq);
	set_text(part, "time_ns", "%" PRId64, h->time_ns);
	set_text(part, "source_ns", "%" PRId64, h->source_ns);
	if (h->kind == SPIKED_KIND_ROWS)
		json_object_set_new(part, "rows", rows_of(frame));
	if (h->kind == SPIKED_KIND_SPIKES)
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
