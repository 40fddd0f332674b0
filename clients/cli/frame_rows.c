/* See frame_rows.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "frame_rows.h"
#include "text.h"

static const char *const type_words[] = {
	"f32", "f64", "i8", "u8", "i16", "u16", "i32", "json", "pairs"};

/* Value `i` of a payload of numbers, with the digits that its type needs. */
static void print_value(uint8_t format, const void *payload, size_t i)
{
	const uint8_t *at = payload;
	double f64;
	float f32;
	int32_t i32;
	int16_t i16;
	uint16_t u16;

	switch (format) {
	case SPIKED_FORMAT_ROWS_F32:
		memcpy(&f32, at + 4 * i, 4);
		printf(isfinite(f32) ? "%.9g" : "null", (double)f32);
		break;
	case SPIKED_FORMAT_ROWS_F64:
		memcpy(&f64, at + 8 * i, 8);
		printf(isfinite(f64) ? "%.17g" : "null", f64);
		break;
	case SPIKED_FORMAT_ROWS_I8:
		printf("%d", ((const int8_t *)payload)[i]);
		break;
	case SPIKED_FORMAT_ROWS_U8:
		printf("%u", at[i]);
		break;
	case SPIKED_FORMAT_ROWS_I16:
		memcpy(&i16, at + 2 * i, 2);
		printf("%d", i16);
		break;
	case SPIKED_FORMAT_ROWS_U16:
		memcpy(&u16, at + 2 * i, 2);
		printf("%u", u16);
		break;
	default:
		memcpy(&i32, at + 4 * i, 4);
		printf("%" PRId32, i32);
	}
}

static void print_rows(const struct spiked_frame *frame, const char *between, const char *open,
	const char *close, const char *rows)
{
	const struct spiked_header *h = &frame->header;

	for (uint32_t row = 0; row < h->count; row++) {
		printf("%s%s", row ? rows : "", open);
		for (uint32_t c = 0; c < h->lines; c++) {
			if (c)
				fputs(between, stdout);
			print_value(h->format, frame->payload, (size_t)row * h->lines + c);
		}
		fputs(close, stdout);
	}
}

/* Pairs of a channel and a value. */
static void print_pairs(const struct spiked_frame *frame, const char *format, const char *between)
{
	const uint8_t *at = frame->payload;

	for (size_t i = 0; i < frame->payload_size / 8; i++) {
		uint32_t channel;
		float value;
		char number[32] = "null";

		memcpy(&channel, at + 8 * i, 4);
		memcpy(&value, at + 8 * i + 4, 4);
		if (isfinite(value))
			snprintf(number, sizeof(number), "%.9g", (double)value);
		fputs(i ? between : "", stdout);
		printf(format, channel, number);
	}
}

void frame_rows_text(const struct spiked_frame *frame)
{
	switch (frame->header.format) {
	case SPIKED_FORMAT_ROWS_JSON:
		for (size_t i = 0; i < frame->payload_size; i++) {
			char c[2] = {((const char *)frame->payload)[i], '\0'};

			text_print(stdout, *c ? c : "?");
		}
		break;
	case SPIKED_FORMAT_ROWS_PAIRS:
		print_pairs(frame, "%" PRIu32 ":%s", " ");
		break;
	default:
		print_rows(frame, " ", "", "", "; ");
	}
}

void frame_rows_json(const struct spiked_frame *frame)
{
	json_t *data;

	printf("\"type\":\"%s\",", type_words[frame->header.format - SPIKED_FORMAT_ROWS_F32]);
	switch (frame->header.format) {
	case SPIKED_FORMAT_ROWS_JSON:
		data = json_loadb(frame->payload, frame->payload_size, JSON_DECODE_ANY, NULL);
		fputs("\"rows\":", stdout);
		json_dumpf(data ? data : json_null(), stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		json_decref(data);
		break;
	case SPIKED_FORMAT_ROWS_PAIRS:
		fputs("\"pairs\":[", stdout);
		print_pairs(frame, "[%" PRIu32 ",%s]", ",");
		putchar(']');
		break;
	default:
		fputs("\"rows\":[", stdout);
		print_rows(frame, ",", "[", "]", ",");
		putchar(']');
	}
}
