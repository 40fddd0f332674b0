/* Streams within a daemon: its limits and clock, and what is checked between streams.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/conf_streams.h"

#include "encoders/text/names.h"

#include <stdlib.h>

#define STREAMS_MAX 100000
/* Below this a tick is about as short as a kernel's wake-up is late. */
#define WALL_DT_NS_MIN 20000

/* A stream and its place, for checks between streams. */
struct known {
	struct names names, groups; /* numbers are indices in conf->streams */
	const struct node **nodes;  /* of conf->streams */
};

void conf_check_dt(struct walk *w, const struct node *at, enum clock_kind clock, uint32_t dt_ns)
{
	if (clock == CLOCK_WALL && dt_ns < WALL_DT_NS_MIN)
		faults_warn(w->faults, place_value(at),
			"a tick of %u ns is shorter than a general-purpose kernel's wake-ups are "
			"exact: expect late ticks",
			dt_ns);
}

uint64_t conf_row_bytes(const struct conf_stream *s)
{
	static const uint8_t sizes[] = {[ROW_F32] = 4,
		[ROW_F64] = 8,
		[ROW_I8] = 1,
		[ROW_U8] = 1,
		[ROW_I16] = 2,
		[ROW_U16] = 2,
		[ROW_I32] = 4,
		[ROW_JSON] = 2,
		[ROW_PAIRS] = 0};
	return (uint64_t)s->channels * sizes[s->type];
}

static void check_row(struct walk *w, const struct node *node, const struct conf *conf,
	const struct conf_stream *s)
{
	uint64_t bytes = conf_row_bytes(s);
	const struct node *at = node_find(node, "channels");
	if (!at)
		at = node_find(node, "names");
	if (at && bytes > conf->max_row_bytes)
		faults_error(w->faults, place_value(at),
			"a row of %u channels of type %s has %llu bytes, more than max_row_bytes "
			"(%llu): raise that",
			s->channels, row_type_words[s->type], (unsigned long long)bytes,
			(unsigned long long)conf->max_row_bytes);
}

struct conf_stream *conf_stream_check(
	struct walk *w, const struct node *node, const struct conf *conf)
{
	const struct conf_preset preset = {.dt_ns = conf->dt_ns, .seed = conf->seed};
	const struct node *dt_at;
	struct conf_stream *s = conf_stream_read(w, node, &preset, &dt_at);
	if (!s)
		return NULL;
	check_row(w, node, conf, s);
	if (dt_at)
		conf_check_dt(w, dt_at, conf->clock, s->dt_ns);
	if (s->group && conf->clock == CLOCK_DATA)
		faults_warn(w->faults, place_key(node_find(node, "group")),
			"in clock data the streams of a group tick one by one, and a bundle does not "
			"say which one did; subscribe to spikes/ instead");
	return s;
}

static void check_name(struct walk *w, struct known *known, const struct conf *conf, uint32_t i)
{
	uint32_t first;
	if (!conf->streams[i]->name)
		return;
	int put = names_put(&known->names, conf->streams[i]->name, i, &first);
	if (put < 0) {
		walk_no_memory(w);
	} else if (put == 0) {
		const struct node *at = node_find(known->nodes[i], "name");
		faults_error(w->faults, place_value(at ? at : known->nodes[i]),
			"there is a stream %s already, in line %d", conf->streams[i]->name,
			conf->streams[first]->line);
	}
}

static void check_group(struct walk *w, struct known *known, const struct conf *conf, uint32_t i)
{
	uint32_t first;
	const struct conf_stream *stream = conf->streams[i];
	if (!stream->group)
		return;
	int put = names_put(&known->groups, stream->group, i, &first);
	if (put < 0) {
		walk_no_memory(w);
	} else if (put == 0 && conf->streams[first]->dt_ns != stream->dt_ns) {
		const struct conf_stream *other = conf->streams[first];
		const struct node *at = node_find(known->nodes[i], "group");
		faults_error(w->faults, place_value(at ? at : known->nodes[i]),
			"streams of a group share dt, but %s has %u ns and %s (line %d) has %u ns",
			stream->name ? stream->name : "this one", stream->dt_ns,
			other->name ? other->name : "the first", other->line, other->dt_ns);
	}
}

void conf_streams_read(
	struct walk *w, const struct node *root, const struct node *at, struct conf *conf)
{
	struct known known = {0};
	if (at && at->kind != NODE_LIST && at->kind != NODE_NULL) {
		faults_error(w->faults, place_value(at),
			"takes a list, each item with its own \"- name: …\", not %s",
			node_kind_text(at->kind));
		return;
	}
	uint32_t count = at && at->kind == NODE_LIST ? at->count : 0;
	if (count == 0) {
		faults_warn(w->faults, at ? place_key(at) : place_value(root),
			"there are no streams yet; the control socket can add some");
		return;
	}
	if (count > STREAMS_MAX) {
		faults_error(w->faults, place_value(at), "at most %d streams", STREAMS_MAX);
		return;
	}
	conf->streams = calloc(count, sizeof(*conf->streams));
	known.nodes = calloc(count, sizeof(*known.nodes));
	if (!conf->streams || !known.nodes) {
		walk_no_memory(w);
		free(known.nodes);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct conf_stream *stream = conf_stream_check(w, &at->items[i], conf);
		if (!stream)
			continue;
		uint32_t place = conf->stream_count++;
		conf->streams[place] = stream;
		known.nodes[place] = &at->items[i];
		check_name(w, &known, conf, place);
		check_group(w, &known, conf, place);
	}
	names_fini(&known.names);
	names_fini(&known.groups);
	free(known.nodes);
}
