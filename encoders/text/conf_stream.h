/* One stream of the configuration as a checked struct, and its program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/pipeline.h"
#include "encoders/text/stream_keys.h"
#include "encoders/text/walk.h"

struct conf_stream {
	char *name;
	uint32_t channels;
	char **channel_names; /* `channels` of them, or NULL */
	uint32_t *shape;      /* product = channels, or NULL */
	uint32_t dims;
	char *unit; /* NULL = not said */
	uint32_t dt_ns;
	uint32_t window; /* ticks, 0 = state persists */
	uint64_t seed;
	enum row_type type;
	enum input_mode mode;
	uint32_t queue_rows; /* capacity of mode queue */
	int64_t stale_ns;    /* INT64_MAX = never */
	enum on_stale on_stale;
	enum payload payload;
	bool publish_empty; /* spikes/ also on ticks without spikes */
	char *group;        /* NULL = none */
	struct pipeline_spec *spec;
	int line; /* of the stream's node in the file, 0 = not from a file */
};

/* What a stream gets that its text does not say. */
struct conf_preset {
	const char *name;  /* NULL = the text must say it */
	uint32_t channels; /* 0 = the text must say it */
	uint32_t dt_ns;
	uint32_t window;
	uint64_t seed;
};

/* Reads and checks one stream. Faults are reported, and what could be read is given all the same,
 * for checks of the caller's; NULL = not even a map, or out of memory. *dt_at = what said the
 * stream's dt, or NULL. */
struct conf_stream *conf_stream_read(struct walk *w, const struct node *node,
	const struct conf_preset *preset, const struct node **dt_at);
/* The same from what `encode` takes: a list of stages, or one. */
struct conf_stream *conf_stages_read(
	struct walk *w, const struct node *encode, const struct conf_preset *preset);
void conf_stream_free(struct conf_stream *stream); /* accepts NULL */

/* What becomes of a running stream when its description changes. */
enum conf_change {
	CONF_SAME,  /* nothing: the two say the same */
	CONF_LIVE,  /* it goes on with its state, if its programs have the same layout */
	CONF_CHECK, /* likewise, if the new program can live with the state */
	CONF_ANEW,  /* its state would mean nothing: it begins anew */
};
/* `a` and `b` have one name. *why = the key because of which it is ANEW, or would be if
 * the check failed; else NULL. */
enum conf_change conf_stream_compare(
	const struct conf_stream *a, const struct conf_stream *b, const char **why);

/* Builds the stream's program; the walker has called it once, so that it does not fail later. */
struct pipeline *conf_stream_pipeline(const struct conf_stream *stream, struct fault *f);
