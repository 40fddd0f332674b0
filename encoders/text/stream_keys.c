/* The rows of a stream's keys.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/stream_keys.h"

#include "encoders/pipeline.h"

const char *const row_type_words[] = {[ROW_F32] = "f32",
	[ROW_F64] = "f64",
	[ROW_I8] = "i8",
	[ROW_U8] = "u8",
	[ROW_I16] = "i16",
	[ROW_U16] = "u16",
	[ROW_I32] = "i32",
	[ROW_JSON] = "json",
	[ROW_PAIRS] = "pairs",
	NULL};
const char *const input_mode_words[] = {
	[INPUT_HOLD] = "hold", [INPUT_QUEUE] = "queue", [INPUT_MEAN] = "mean", NULL};
const char *const on_stale_words[] = {
	[STALE_HOLD] = "hold", [STALE_ZERO] = "zero", [STALE_SILENCE] = "silence", NULL};
const char *const payload_words[] = {
	[PAYLOAD_WORDS] = "words", [PAYLOAD_BITMAP] = "bitmap", [PAYLOAD_AUTO] = "auto", NULL};

const struct key stream_keys[] = {
	[STREAM_NAME] =
		{
			.row.name = "name",
			.row.help = "Up to 64 of A-Z a-z 0-9 _ . -; sensors and topics use it.",
			.kind = KEY_TEXT,
			.shape = "name",
		},
	[STREAM_CHANNELS] =
		{
			.row.name = "channels",
			.row.type = PARAM_COUNT,
			.row.flags = PARAM_OPTIONAL,
			.row.min = 1,
			.row.max = PIPELINE_MAX_CHANNELS,
			.row.help = "Values in a row; may be left out where names says it.",
		},
	[STREAM_NAMES] =
		{
			.row.name = "names",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Names of the channels, for viewers.",
			.kind = KEY_LIST,
			.shape = "list of texts",
		},
	[STREAM_SHAPE] =
		{
			.row.name = "shape",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "How viewers fold the channels, e.g. [480, 640]; the product "
				    "is channels.",
			.kind = KEY_LIST,
			.shape = "list of counts",
		},
	[STREAM_UNIT] =
		{
			.row.name = "unit",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Unit of the values, for viewers; up to 32 bytes.",
			.kind = KEY_TEXT,
			.shape = "text",
		},
	[STREAM_DT] =
		{
			.row.name = "dt",
			.row.type = PARAM_NUMBER,
			.row.unit = UNIT_SECONDS,
			.row.flags = PARAM_OPTIONAL,
			.row.min = 1e-6,
			.row.max = 4,
			.row.help = "Length of a tick; left out = a stage's own dt, else the "
				    "top-level one.",
		},
	[STREAM_WINDOW] =
		{
			.row.name = "window",
			.row.type = PARAM_COUNT,
			.row.unit = UNIT_TICKS,
			.row.preset = "0",
			.row.min = 0,
			.row.max = 2147483647,
			.row.help = "Ticks for which one row is kept, with the state cleared at "
				    "the first of them; 0 = state persists and rows are used as "
				    "they come.",
		},
	[STREAM_SEED] =
		{
			.row.name = "seed",
			.row.type = PARAM_COUNT,
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Seed of the stream's random stages; left out = the top-level "
				    "one.",
		},
	[STREAM_INPUT] =
		{
			.row.name = "input",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "What rows look like and how ticks use them.",
			.kind = KEY_MAP,
			.shape = "map",
			.under = input_keys,
		},
	[STREAM_RANGE] =
		{
			.row.name = "range",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Maps values from lo..hi to 0..1 (signed: -1..1) before "
				    "anything else; left out = they pass unchanged.",
			.kind = KEY_MAP,
			.shape = "map",
			.stage = "range",
		},
	[STREAM_ENCODE] =
		{
			.row.name = "encode",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "The stages in order: each a name, or {name: {parameter: "
				    "value}}; up to 15. A list as a value gives one a channel. "
				    "spiked --encoders lists them.",
			.kind = KEY_LIST,
			.shape = "list of stages",
		},
	[STREAM_PUBLISH] =
		{
			.row.name = "publish",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "How spikes go out.",
			.kind = KEY_MAP,
			.shape = "map",
			.under = publish_keys,
		},
	[STREAM_GROUP] =
		{
			.row.name = "group",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Streams of one group also go out together, as "
				    "bundle/<group>/; they share dt.",
			.kind = KEY_TEXT,
			.shape = "name",
		},
	[STREAM_KEYS] = {.row = {0}},
};

const struct key input_keys[] = {
	[INPUT_KEY_TYPE] =
		{
			.row.name = "type",
			.row.type = PARAM_CHOICE,
			.row.preset = "f32",
			.row.choices = row_type_words,
			.row.help = "Type of the values in a row.",
		},
	[INPUT_KEY_MODE] =
		{
			.row.name = "mode",
			.row.type = PARAM_CHOICE,
			.row.preset = "hold",
			.row.choices = input_mode_words,
			.row.help = "What a tick uses: hold = the newest row; queue = each row "
				    "for one tick, in order; mean = the mean of the rows since "
				    "the last tick.",
		},
	[INPUT_KEY_STALE_AFTER] =
		{
			.row.name = "stale_after",
			.row.type = PARAM_NUMBER,
			.row.unit = UNIT_SECONDS,
			.row.flags = PARAM_MIN_OPEN,
			.row.preset = "1 s",
			.row.min = 0,
			.row.max = 1e9,
			.row.help = "Time without a row after which the stream counts as stale.",
			.word = WORD_NEVER,
		},
	[INPUT_KEY_ON_STALE] =
		{
			.row.name = "on_stale",
			.row.type = PARAM_CHOICE,
			.row.preset = "hold",
			.row.choices = on_stale_words,
			.row.help = "What a stale stream does: hold = goes on with its last row; "
				    "zero = goes on with zeros; silence = rests, without spikes.",
		},
	[INPUT_KEY_QUEUE_ROWS] =
		{
			.row.name = "queue_rows",
			.row.type = PARAM_COUNT,
			.row.preset = "1024",
			.row.min = 1,
			.row.max = 1 << 24,
			.row.help = "Rows that mode queue can hold; more are dropped and counted "
				    "(clock data: the sensor waits).",
		},
	[INPUT_KEYS] = {.row = {0}},
};

const struct key publish_keys[] = {
	[PUBLISH_PAYLOAD] =
		{
			.row.name = "payload",
			.row.type = PARAM_CHOICE,
			.row.preset = "words",
			.row.choices = payload_words,
			.row.help = "How spikes are written: words = 4 bytes each, 8 if they "
				    "carry a value; bitmap = one bit a line, for spikes without "
				    "value or count; auto = the shorter, tick by tick.",
		},
	[PUBLISH_EMPTY] =
		{
			.row.name = "empty",
			.row.type = PARAM_BOOL,
			.row.preset = "true",
			.row.help = "Publishes ticks without spikes too.",
		},
	[PUBLISH_KEYS] = {.row = {0}},
};
