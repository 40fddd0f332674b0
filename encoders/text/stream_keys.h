/* Every key of one stream as a row, and the words that they take.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/text/key.h"

enum stream_key {
	STREAM_NAME,
	STREAM_CHANNELS,
	STREAM_NAMES,
	STREAM_SHAPE,
	STREAM_UNIT,
	STREAM_DT,
	STREAM_WINDOW,
	STREAM_SEED,
	STREAM_INPUT,
	STREAM_RANGE,
	STREAM_ENCODE,
	STREAM_PUBLISH,
	STREAM_GROUP,
	STREAM_KEYS,
};
enum input_key {
	INPUT_KEY_TYPE,
	INPUT_KEY_MODE,
	INPUT_KEY_STALE_AFTER,
	INPUT_KEY_ON_STALE,
	INPUT_KEY_QUEUE_ROWS,
	INPUT_KEYS,
};
enum publish_key { PUBLISH_PAYLOAD, PUBLISH_EMPTY, PUBLISH_KEYS };

extern const struct key stream_keys[STREAM_KEYS + 1], input_keys[INPUT_KEYS + 1],
	publish_keys[PUBLISH_KEYS + 1];

enum row_type {
	ROW_F32,
	ROW_F64,
	ROW_I8,
	ROW_U8,
	ROW_I16,
	ROW_U16,
	ROW_I32,
	ROW_JSON,
	ROW_PAIRS,
};
enum input_mode { INPUT_HOLD, INPUT_QUEUE, INPUT_MEAN };
enum on_stale { STALE_HOLD, STALE_ZERO, STALE_SILENCE };
enum payload { PAYLOAD_WORDS, PAYLOAD_BITMAP, PAYLOAD_AUTO };

/* Words of the enums above, NULL-terminated, index = value; shared by keys, meta and info. */
extern const char *const row_type_words[], *const input_mode_words[],
						   *const on_stale_words[], *const payload_words[];

/* What a stream has for which neither it nor what is around it says otherwise. */
#define DT_PRESET   "1 ms"
#define SEED_PRESET "1"

#define UNIT_TEXT_MAX 32      /* bytes of a stream's `unit` */
#define STAGES_MAX    15      /* in `encode`; `range` makes it one more */
#define SHAPE_MAX     8       /* dimensions */
#define WORD_NEVER    "never" /* stale_after: the stream is never stale */
