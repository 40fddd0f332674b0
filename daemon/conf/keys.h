/* The daemon's own keys; those of a stream are in encoders/text/stream_keys.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/text/key.h"

#include <stdio.h>

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
	TOP_SECURITY,
	TOP_LIMITS,
	TOP_MAX_ROW_BYTES,
	TOP_SEND_QUEUE,
	TOP_RECEIVE_QUEUE,
	TOP_REALTIME,
	TOP_USER,
	TOP_SANDBOX,
	TOP_WEB,
	TOP_STATE,
	TOP_STREAMS,
	TOP_KEYS,
};
enum ingest_key { INGEST_CONNECT, INGEST_TOPIC, INGEST_STREAM, INGEST_SERVER_KEY, INGEST_KEYS };
enum realtime_key { REALTIME_PRIORITY, REALTIME_LOCK_MEMORY, REALTIME_CPU, REALTIME_KEYS };
enum state_key { STATE_DIR, STATE_EVERY, STATE_KEYS };
enum security_key { SECURITY_KEY, SECURITY_CLIENTS, SECURITY_WEB_TOKENS, SECURITY_KEYS };
enum client_key {
	CLIENT_NAME,
	CLIENT_KEY,
	CLIENT_ROWS,
	CLIENT_SUBSCRIBE,
	CLIENT_CONTROL,
	CLIENT_KEYS
};
enum limits_key {
	LIMITS_CONNECTIONS,
	LIMITS_SUBSCRIPTIONS,
	LIMITS_ROWS,
	LIMITS_CONTROL_BYTES,
	LIMITS_CONTROL_DEPTH,
	LIMITS_CONTROL_RATE,
	LIMITS_KEYS
};

extern const struct key top_keys[TOP_KEYS + 1], ingest_keys[INGEST_KEYS + 1],
	realtime_keys[REALTIME_KEYS + 1], state_keys[STATE_KEYS + 1],
	security_keys[SECURITY_KEYS + 1], client_keys[CLIENT_KEYS + 1],
	limits_keys[LIMITS_KEYS + 1];

#define STATE_DIR_MAX  4000   /* bytes of state.dir */
#define TOPIC_TEXT_MAX 255    /* bytes of an ingest `topic` */
#define USER_TEXT_MAX  32     /* bytes of `user` */
#define WORD_NONE      "none" /* control: no control socket */
#define WORD_ALL       "*"    /* of a client's rows and subscribe: all of them */

/* Calls `see` for every key, maps before what they hold, with its whole path, e.g.
 * "streams[].input.mode". Stops at the first result that is not 0 and returns it. A map of stage
 * parameters comes with that class's rows under it. Any loop. */
typedef int keys_visit(const char *path, const struct key *key, void *arg);
int keys_each(keys_visit *see, void *arg);

/* What a key's value may be, as a text of one line without its end: type, bounds, default. */
void keys_print_type(FILE *out, const struct key *key);

/* All keys as a text for people: path, type, default, bounds, help. 0 or -EIO. */
int keys_print(FILE *out);
