/* The configuration as checked structs, from a YAML file or (one stream) from JSON.
 *
 * One schema walker serves start, --check, and the control socket's `add`: YAML and JSON are first
 * turned into the same tree of nodes (node.h), then the rows of keys.c read it. Cold loop only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/param.h"
#include "encoders/pipeline.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum clock_kind { CLOCK_WALL, CLOCK_DATA, CLOCK_MANUAL };
enum overrun { OVERRUN_CATCH_UP, OVERRUN_SKIP, OVERRUN_STOP };
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
extern const char *const clock_words[],
	*const overrun_words[], *const row_type_words[], *const input_mode_words[],
								 *const on_stale_words[],
									 *const payload_words[];

struct conf_ingest {
	bool connect; /* false: PULL bound at endpoint; true: SUB connected to a PUB there */
	char *endpoint;
	char *topic;  /* connect: subscribed prefix, "" = everything */
	char *stream; /* connect: name of the stream; NULL = frame 1 names it */
};

struct conf_stream {
	char *name;
	uint32_t channels;
	char **channel_names; /* `channels` of them, or NULL */
	uint32_t *shape;      /* product = channels, or NULL */
	uint32_t dims;
	char *unit; /* NULL = not said */
	uint32_t dt_ns;
	uint32_t window; /* ticks, 0 = state persists */
	uint64_t seed;   /* the top-level one */
	enum row_type type;
	enum input_mode mode;
	uint32_t queue_rows; /* capacity of mode queue */
	int64_t stale_ns;    /* INT64_MAX = never */
	enum on_stale on_stale;
	bool has_range; /* then the spec's first stage is that range */
	enum payload payload;
	bool publish_empty; /* spikes/ also on ticks without spikes */
	char *group;        /* NULL = none */
	struct pipeline_spec *spec;
	int line; /* of the stream's node in the file, 0 = not from a file */
};

struct conf_realtime {
	bool wanted;  /* the key is there */
	int priority; /* SCHED_FIFO 1…99, 0 = leave the scheduler alone */
	bool lock_memory;
	int cpu; /* -1 = any */
};

struct conf {
	char *path;
	enum clock_kind clock;
	uint32_t dt_ns;
	enum overrun overrun;
	uint32_t max_catch_up;
	uint64_t seed;
	struct conf_ingest *ingest;
	uint32_t ingests;
	char **publish; /* XPUB endpoints, all bound on one socket */
	uint32_t publishes;
	char *control; /* NULL = no control socket */
	bool insecure; /* listening beyond loopback without keys is wanted */
	uint64_t max_row_bytes;
	uint32_t send_queue, receive_queue; /* messages, a subscriber and a sensor */
	struct conf_realtime realtime;
	struct conf_stream **streams;
	uint32_t stream_count;
};

/* Everything that was found wrong (or, as a warning, odd), in order of the file. Zeroed before use.
 * At most 100 are kept; the last of them then says how many more there are. */
struct conf_fault {
	bool warning;
	int line, column; /* 1-based; 0 = the whole file */
	char path[128];   /* "streams[2].encode[0].lif.v_th" */
	char text[400];   /* one sentence with what would do */
};
struct conf_faults {
	struct conf_fault *items;
	size_t count, errors; /* errors = items that are not warnings */
	size_t more;          /* found beyond those that were kept */
};
void conf_faults_fini(struct conf_faults *faults);

/* One line a fault: "spiked.yaml:12:7: error: streams[0].encode[0].lif.v_thr: …". `path` is the
 * file's name as the user gave it, NULL = no file. 0 or a negative errno of the stream. */
int conf_faults_print(FILE *out, const char *path, const struct conf_faults *faults);

/* Reads and checks the whole file. NULL if there is at least one error; warnings alone leave a
 * usable configuration. Opens nothing for writing, binds nothing. "-" reads standard input. */
struct conf *conf_load(const char *path, struct conf_faults *faults);
void conf_free(struct conf *conf); /* accepts NULL */

/* One stream as in the file's `streams` list, from JSON, against the running configuration (dt,
 * seed, limits, clock). Names already taken and the dt of its group are
 * the caller's matter. NULL with faults filled. */
struct conf_stream *conf_stream_from_json(
	const json_t *json, const struct conf *conf, struct conf_faults *faults);
void conf_stream_free(struct conf_stream *stream); /* accepts NULL */

/* Builds the stream's program; the walker has called it once, so that it does not fail later. */
struct pipeline *conf_stream_pipeline(const struct conf_stream *stream, struct fault *f);

bool conf_name_ok(const char *name, size_t length); /* [A-Za-z0-9_.-]{1,64} */
