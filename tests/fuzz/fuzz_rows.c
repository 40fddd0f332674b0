/* Rows, of every type: decoded, taken in by a stream, and out again as frames.
 *
 * Input: byte 0 = type (bits 0-3), 16 = a stamp follows, bits 5-6 = what becomes of the rows (decoded
 * only, or hold, queue, mean); byte 1 = channels - 1 (with a stream: 3 channels); the stamp; the
 * payload.
 *
 * JSON that we take must be JSON to others too, with the same numbers in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "daemon/flow/payload.h"
#include "daemon/flow/stream.h"
#include "spiked/wire.h"

#include <jansson.h>
#include <math.h>

#define TYPES    ((unsigned)ROW_PAIRS + 1)
#define CHANNELS 3u

static struct conf conf = {
	.path = (char *)"fuzz", .dt_ns = 1000000, .seed = 1, .max_row_bytes = 1 << 20};

FUZZ_OPTIONS

static struct stream *make_stream(enum row_type type, enum input_mode mode)
{
	struct conf_faults faults = {0};
	json_t *json = json_pack("{s:s, s:i, s:{s:s, s:s}, s:{s:f, s:f}, s:[s]}", "name", "s",
		"channels", CHANNELS, "input", "type", row_type_words[type], "mode",
		input_mode_words[mode], "range", "lo", -3.0, "hi", 100.0, "encode",
		"signed_poisson");
	struct conf_stream *cs = conf_stream_from_json(json, &conf, &faults);
	struct fault f;
	struct stream *s;

	promise(cs);
	s = stream_new(cs, &f);
	promise(s);
	conf_faults_fini(&faults);
	json_decref(json);
	return s;
}

/* The frame as bytes of each kind, in memory that ends where it should. */
static void write_frame(const struct stream *s, struct frame *frame)
{
	const struct json_site site = {
		.stream = s->conf->name, .epoch = 1, .dt_ns = s->conf->dt_ns};
	const struct lines *lines = &frame->out.last;
	enum spiked_format format = payload_format(PAYLOAD_AUTO, lines, frame->spikes);
	size_t size = payload_size(format, lines, frame->spikes);
	uint8_t *bytes = malloc(size + 1);
	json_t *json;
	char *text;

	payload_write(format, lines, frame->spikes, bytes);
	free(bytes);
	size = payload_json(&site, frame, NULL);
	text = malloc(size);
	promise(payload_json(&site, frame, text) == size);
	json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	promise(json);
	json_decref(json);
	free(text);
}

static void run_stream(const struct rows *rows, enum row_type type, enum input_mode mode)
{
	struct stream *s = make_stream(type, mode);
	float *scratch = malloc(rows_piece(rows->type, CHANNELS) * sizeof(*scratch));
	struct frame frame = {0};

	stream_count_message(s, rows);
	stream_put(s, rows, scratch, 1000);
	for (uint64_t tick = 0; tick < 3; tick++) {
		stream_tick(s, tick, 0, 2000, &frame);
		frame.tick = tick;
		for (uint32_t c = 0; c < CHANNELS; c++)
			promise(isfinite(frame.out.values[c]));
		write_frame(s, &frame);
	}
	free(scratch);
	stream_free(s);
}

static void compare_row(const json_t *row, const float *values, uint32_t channels)
{
	promise(json_is_array(row) && json_array_size(row) == channels);
	for (uint32_t c = 0; c < channels; c++) {
		const json_t *value = json_array_get(row, c);
		float theirs = (float)json_number_value(value);

		if (json_is_null(value))
			promise(isnan(values[c]));
		else /* they round twice */
			promise(theirs == values[c] ||
				fabsf(theirs - values[c]) <= fabsf(theirs) * 2e-7f + 2e-45f);
	}
}

static void compare_json(const struct rows *rows, const uint8_t *payload, size_t size)
{
	const float *values = (const float *)(const void *)rows->data;
	json_error_t error;
	json_t *json = json_loadb((const char *)payload, size, JSON_REJECT_DUPLICATES, &error);
	const json_t *list = json_is_object(json) ? json_object_get(json, "values") : json;

	if (!json && json_error_code(&error) == json_error_numeric_overflow)
		return; /* to us an infinity, which a stream clamps */
	promise(json && json_array_size(list));
	if (!json_is_array(json_array_get(list, 0))) {
		promise(rows->count == 1);
		compare_row(list, values, rows->channels);
	} else {
		promise(json_array_size(list) == rows->count);
		for (size_t r = 0; r < rows->count; r++)
			compare_row(json_array_get(list, r), values + r * rows->channels,
				rows->channels);
	}
	json_decref(json);
}

static void read_back(const struct rows *rows)
{
	uint32_t piece = rows_piece(rows->type, rows->channels);
	float *out = malloc(piece * sizeof(*out));

	for (uint64_t r = 0; r < rows->count && r < 64; r++)
		rows_view(rows, r, 0, piece, out);
	rows_view(rows, rows->count - 1, 0, piece, out);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	unsigned head = (unsigned)input_number(&in, 1);
	enum row_type type = (enum row_type)((head & 15) % TYPES);
	uint32_t channels = (uint32_t)input_number(&in, 1) + 1;
	uint8_t stamp[SPIKED_STAMP_SIZE] = {0};
	struct rows rows;
	float *scratch;

	if (head & 16)
		memcpy(stamp, in.at, input_part(&in, sizeof(stamp)).left);
	if (head >> 5 & 3)
		channels = CHANNELS;
	scratch = malloc(rows_scratch_floats(in.left) * sizeof(*scratch));
	if (rows_decode(&rows, type, channels, in.at, in.left, head & 16 ? stamp : NULL, scratch) ==
		REJECT_NONE) {
		promise(rows.count > 0 && rows.channels == channels);
		if (type == ROW_JSON)
			compare_json(&rows, in.at, in.left);
		read_back(&rows);
		if (head >> 5 & 3)
			run_stream(&rows, type, (enum input_mode)((head >> 5 & 3) - 1));
	}
	free(scratch);
	return 0;
}
