/* Every key of the configuration as a row. What reads, checks or shows keys reads these.
 *
 * The rows of one map stand in the order of its enum, so that a walk can name what it found.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/param.h"

#include <stdint.h>
#include <stdio.h>

enum key_kind {
	KEY_SCALAR, /* read by param_parse: row.type, unit, bounds, choices */
	KEY_TEXT,   /* one word or sentence */
	KEY_LIST,   /* a list; where one item would do, the item alone is taken too */
	KEY_MAP,
};

struct key {
	struct param row; /* name, default, help; PARAM_LIVE = may change at run time */
	enum key_kind kind;
	const char *word;  /* taken in place of a scalar, e.g. "never"; else NULL */
	const char *shape; /* how a value looks, for what is not a scalar: "list of endpoints" */
	const struct key *under; /* rows of the map, or of the maps in the list; else NULL */
	const char *stage;       /* the map holds the parameters of this stage class; else NULL */
};

enum top_key {
	TOP_CLOCK,
	TOP_DT,
	TOP_OVERRUN,
	TOP_MAX_CATCH_UP,
	TOP_SEED,
	TOP_INGEST,
	TOP_PUBLISH,
	TOP_CONTROL,
	TOP_INSECURE,
	TOP_MAX_ROW_BYTES,
	TOP_SEND_QUEUE,
	TOP_RECEIVE_QUEUE,
	TOP_REALTIME,
	TOP_WEB,
	TOP_STATE,
	TOP_STREAMS,
	TOP_KEYS,
};
enum ingest_key { INGEST_CONNECT, INGEST_TOPIC, INGEST_STREAM, INGEST_KEYS };
enum realtime_key { REALTIME_PRIORITY, REALTIME_LOCK_MEMORY, REALTIME_CPU, REALTIME_KEYS };
enum state_key { STATE_DIR, STATE_EVERY, STATE_KEYS };
enum stream_key {
	STREAM_NAME,
	STREAM_CHANNELS,
	STREAM_NAMES,
	STREAM_SHAPE,
	STREAM_UNIT,
	STREAM_DT,
	STREAM_WINDOW,
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

/* Each ends with a row without a name. */
extern const struct key top_keys[TOP_KEYS + 1], ingest_keys[INGEST_KEYS + 1],
	realtime_keys[REALTIME_KEYS + 1], state_keys[STATE_KEYS + 1], stream_keys[STREAM_KEYS + 1],
	input_keys[INPUT_KEYS + 1], publish_keys[PUBLISH_KEYS + 1];

#define UNIT_TEXT_MAX  32      /* bytes of a stream's `unit` */
#define TOPIC_TEXT_MAX 255     /* bytes of an ingest `topic` */
#define STAGES_MAX     15      /* in `encode`; `range` makes it one more */
#define SHAPE_MAX      8       /* dimensions */
#define WORD_NEVER     "never" /* stale_after: the stream is never stale */
#define WORD_NONE      "none"  /* control: no control socket */

/* Calls `see` for every key, maps before what they hold, with its whole path, e.g.
 * "streams[].input.mode". Stops at the first result that is not 0 and returns it. A map of stage
 * parameters comes with that class's rows under it. Any loop. */
typedef int keys_visit(const char *path, const struct key *key, void *arg);
int keys_each(keys_visit *see, void *arg);

/* The same as a text for people: path, type, default, bounds, help. 0 or -EIO. */
int keys_print(FILE *out);
