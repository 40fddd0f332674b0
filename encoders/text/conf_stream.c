/* Reading one stream, and what is checked about it alone. Its stages are conf_encode.c's matter.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/conf_stream.h"

#include "encoders/text/conf_encode.h"
#include "encoders/text/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL_NAME_MAX 64
#define QUEUE_BYTES_MAX  ((uint64_t)1 << 30)

static const char *node_line(const struct node *node, char *buf, size_t size)
{
	if (node->line)
		snprintf(buf, size, " (line %d)", node->line);
	else
		buf[0] = '\0';
	return buf;
}

static void read_channel_names(struct walk *w, const struct node *at, struct conf_stream *s)
{
	uint32_t count, first;
	const struct node *items = walk_items(at, &count);
	struct names seen = {0};
	if (at->kind == NODE_MAP || at->kind == NODE_NULL || count == 0) {
		faults_error(w->faults, place_value(at), "takes a list of channel names");
		return;
	}
	if (count > PIPELINE_MAX_CHANNELS) {
		faults_error(
			w->faults, place_value(at), "at most %u channels", PIPELINE_MAX_CHANNELS);
		return;
	}
	s->channel_names = calloc(count, sizeof(*s->channel_names));
	if (!s->channel_names) {
		walk_no_memory(w);
		return;
	}
	s->channels = count;
	for (uint32_t i = 0; i < count; i++) {
		const char *name = walk_text(w, &items[i], CHANNEL_NAME_MAX);
		if (!name)
			continue;
		int put = names_put(&seen, name, i, &first);
		if (put == 0)
			faults_error(w->faults, place_value(&items[i]),
				"\"%s\" is the name of channel %u already", name, first);
		else if (put < 0)
			walk_no_memory(w);
		s->channel_names[i] = walk_keep(w, name);
	}
	names_fini(&seen);
}

/* `channels` or `names`, or both if they agree. Leaves 0 channels if nothing says it. */
static void read_channels(struct walk *w, const struct node *node, const struct node *const *at,
	const struct conf_preset *preset, struct conf_stream *s)
{
	struct param_value v;
	if (at[STREAM_NAMES])
		read_channel_names(w, at[STREAM_NAMES], s);
	bool said = walk_param(w, at[STREAM_CHANNELS], &stream_keys[STREAM_CHANNELS], &v);
	if (!said && !at[STREAM_CHANNELS] && !at[STREAM_NAMES]) {
		s->channels = preset->channels;
		if (!s->channels)
			faults_error(w->faults, place_value(node),
				"needs channels (how many values a row has) or names (one for each)");
	} else if (said && s->channel_names && s->channels != v.integer) {
		faults_error(w->faults, place_value(at[STREAM_NAMES]),
			"has %u names, but channels says %llu; leave one of the two out",
			s->channels, (unsigned long long)v.integer);
	} else if (said) {
		s->channels = (uint32_t)v.integer;
	}
}

static void read_shape(struct walk *w, const struct node *at, struct conf_stream *s)
{
	const struct key row = {.row = {.name = "shape",
					.type = PARAM_COUNT,
					.min = 1,
					.max = PIPELINE_MAX_CHANNELS}};
	uint32_t count;
	const struct node *items = walk_items(at, &count);
	if (at->kind == NODE_MAP || at->kind == NODE_NULL || count == 0 || count > SHAPE_MAX) {
		faults_error(
			w->faults, place_value(at), "takes a list of 1 to %d counts", SHAPE_MAX);
		return;
	}
	s->shape = calloc(count, sizeof(*s->shape));
	if (!s->shape) {
		walk_no_memory(w);
		return;
	}
	s->dims = count;
	uint64_t product = 1;
	for (uint32_t i = 0; i < count; i++) {
		struct param_value v;
		if (!walk_param(w, &items[i], &row, &v))
			return;
		s->shape[i] = (uint32_t)v.integer;
		product = product > PIPELINE_MAX_CHANNELS ? product : product * v.integer;
	}
	if (s->channels && product != s->channels)
		faults_error(w->faults, place_value(at),
			"its product must be the %u channels, not %s%llu", s->channels,
			product > PIPELINE_MAX_CHANNELS ? "as much as " : "",
			(unsigned long long)product);
}

static int64_t read_stale_after(struct walk *w, const struct node *at)
{
	struct param_value v;
	if (at && at->kind == NODE_TEXT && strcmp(at->text, WORD_NEVER) == 0)
		return INT64_MAX;
	walk_param(w, at, &input_keys[INPUT_KEY_STALE_AFTER], &v);
	int64_t ns = (int64_t)llround(v.number * 1e9);
	return ns > 0 ? ns : 1;
}

static void read_input(struct walk *w, const struct node *node, struct conf_stream *s)
{
	const struct node *at[INPUT_KEYS] = {0};
	if (node)
		walk_map(w, node, input_keys, at);
	s->type = (enum row_type)walk_choice(w, at[INPUT_KEY_TYPE], &input_keys[INPUT_KEY_TYPE]);
	s->mode = (enum input_mode)walk_choice(w, at[INPUT_KEY_MODE], &input_keys[INPUT_KEY_MODE]);
	s->stale_ns = read_stale_after(w, at[INPUT_KEY_STALE_AFTER]);
	s->on_stale = (enum on_stale)walk_choice(
		w, at[INPUT_KEY_ON_STALE], &input_keys[INPUT_KEY_ON_STALE]);
	const struct node *rows = at[INPUT_KEY_QUEUE_ROWS];
	s->queue_rows = (uint32_t)walk_count(w, rows, &input_keys[INPUT_KEY_QUEUE_ROWS]);
	if (rows && s->mode != INPUT_QUEUE)
		faults_warn(w->faults, place_key(rows), "has no effect without mode: queue");
	uint64_t bytes = (uint64_t)s->queue_rows * s->channels * sizeof(float);
	if (s->mode == INPUT_QUEUE && bytes > QUEUE_BYTES_MAX)
		faults_error(w->faults, rows ? place_value(rows) : place_value(node),
			"a queue of %u rows of %u channels takes %llu MiB; it may take 1024: "
			"lower queue_rows",
			s->queue_rows, s->channels, (unsigned long long)(bytes >> 20));
}

static void read_publish(struct walk *w, const struct node *node, struct conf_stream *s)
{
	const struct node *at[PUBLISH_KEYS] = {0};
	if (node)
		walk_map(w, node, publish_keys, at);
	s->payload =
		(enum payload)walk_choice(w, at[PUBLISH_PAYLOAD], &publish_keys[PUBLISH_PAYLOAD]);
	s->publish_empty = walk_bool(w, at[PUBLISH_EMPTY], &publish_keys[PUBLISH_EMPTY]);
}

/* What a stage itself was given for `key`: 1 = *value, 0 = nothing; faults are reported. */
static int asked(struct walk *w, struct program *program, const char *key, double *value)
{
	struct fault f;
	if (!program->spec)
		return 0;
	int found = pipeline_spec_asked(program->spec, key, value, &f);
	if (found < 0)
		conf_encode_fault(w, program, &f);
	return found > 0;
}

/* A stage's own word about dt or window does not fit: then building it would only say so again. */
#define contradict(w, program, ...)                     \
	do {                                            \
		faults_error((w)->faults, __VA_ARGS__); \
		(program)->sound = false;               \
	} while (0)

/* Returns what said it, or NULL. s->dt_ns comes with the preset. */
static const struct node *read_dt(
	struct walk *w, const struct node *at, struct program *program, struct conf_stream *s)
{
	char buf[160], line[32];
	double seconds;
	uint32_t own = walk_dt(w, at), dt_ns;
	if (own)
		s->dt_ns = own;
	if (!asked(w, program, "dt", &seconds))
		return own ? at : NULL;
	const struct node *stage = conf_encode_find(program, -1, "dt");
	if (!stage)
		stage = program->whole;
	struct place place = place_value(stage);
	const char *wrong = walk_dt_from(seconds, &dt_ns, buf, sizeof(buf));
	if (wrong) {
		contradict(w, program, place, "%s", wrong);
	} else if (own && own != dt_ns) {
		contradict(w, program, place,
			"is %u ns, but the stream's dt%s is %u ns; a stage runs at its stream's dt",
			dt_ns, node_line(at, line, sizeof(line)), own);
	} else {
		s->dt_ns = dt_ns;
		return own ? at : stage;
	}
	return own ? at : NULL;
}

static void read_window(
	struct walk *w, const struct node *at, struct program *program, struct conf_stream *s)
{
	struct param_value v;
	char line[32];
	double ticks;
	bool said = walk_param(w, at, &stream_keys[STREAM_WINDOW], &v);
	if (said)
		s->window = (uint32_t)v.integer;
	if (!asked(w, program, "seq_length", &ticks))
		return;
	const struct node *stage = conf_encode_find(program, -1, "seq_length");
	struct place place = place_value(stage ? stage : program->whole);
	if (!(ticks >= 0 && ticks <= stream_keys[STREAM_WINDOW].row.max))
		contradict(w, program, place, "must be at most 2147483647 ticks, not %.9g", ticks);
	else if (said && ticks != (double)v.integer)
		contradict(w, program, place,
			"is %.0f ticks, but the stream's window%s is %u; they are the same thing",
			ticks, node_line(at, line, sizeof(line)), s->window);
	else
		s->window = (uint32_t)ticks;
}

#undef contradict

/* Spikes that carry a value or a count do not fit one bit a line. */
static void check_payload(
	struct walk *w, const struct node *publish, const struct conf_stream *s, enum kind kind)
{
	if (!(kind & KIND_VALUED) || s->payload != PAYLOAD_BITMAP)
		return;
	const struct node *at = node_find(publish, publish_keys[PUBLISH_PAYLOAD].row.name);
	faults_error(w->faults, place_value(at),
		"a bitmap has one bit a line, and this stream gives %s: use words",
		kind_text(kind));
}

static void check_program(
	struct walk *w, struct program *program, const struct node *publish, struct conf_stream *s)
{
	struct fault f;
	struct pipeline *p = conf_stream_pipeline(s, &f);
	if (!p) {
		conf_encode_fault(w, program, &f);
		return;
	}
	check_payload(w, publish, s, p->out_kind);
	pipeline_free(p);
}

struct conf_stream *conf_stream_read(struct walk *w, const struct node *node,
	const struct conf_preset *preset, const struct node **dt_at)
{
	const struct node *at[STREAM_KEYS];
	*dt_at = NULL;
	if (!walk_map(w, node, stream_keys, at))
		return NULL;
	struct conf_stream *s = calloc(1, sizeof(*s));
	if (!s) {
		walk_no_memory(w);
		return NULL;
	}
	s->line = node->line;
	s->dt_ns = preset->dt_ns;
	s->window = preset->window;
	s->seed = at[STREAM_SEED] ? walk_count(w, at[STREAM_SEED], &stream_keys[STREAM_SEED])
				  : preset->seed;
	if (!at[STREAM_NAME] && !preset->name)
		faults_error(w->faults, place_value(node), "needs a name");
	s->name = walk_keep(w, at[STREAM_NAME] ? walk_name(w, at[STREAM_NAME]) : preset->name);
	read_channels(w, node, at, preset, s);
	if (at[STREAM_SHAPE])
		read_shape(w, at[STREAM_SHAPE], s);
	s->unit = walk_keep(w, walk_text(w, at[STREAM_UNIT], UNIT_TEXT_MAX));
	read_input(w, at[STREAM_INPUT], s);
	read_publish(w, at[STREAM_PUBLISH], s);
	s->group = walk_keep(w, walk_name(w, at[STREAM_GROUP]));

	struct program program;
	conf_encode_read(w, node, at[STREAM_RANGE], at[STREAM_ENCODE], &program);
	s->spec = program.spec;
	*dt_at = read_dt(w, at[STREAM_DT], &program, s);
	read_window(w, at[STREAM_WINDOW], &program, s);
	if (program.sound && s->name && s->channels)
		check_program(w, &program, at[STREAM_PUBLISH], s);
	return s;
}

struct conf_stream *conf_stages_read(
	struct walk *w, const struct node *encode, const struct conf_preset *preset)
{
	const struct node *dt_at;
	struct node item = *encode;
	const struct node stream = {.kind = NODE_MAP,
		.items = &item,
		.count = 1,
		.line = encode->line,
		.column = encode->column};
	/* Its items go on pointing to the list that was written, whose path is empty. */
	item.key = stream_keys[STREAM_ENCODE].row.name;
	return conf_stream_read(w, &stream, preset, &dt_at);
}

struct pipeline *conf_stream_pipeline(const struct conf_stream *stream, struct fault *f)
{
	const struct pipeline_site site = {
		.channels = stream->channels,
		.dt = stream->dt_ns / 1e9,
		.window = stream->window,
		.seed = stream->seed,
		.stream = stream->name,
	};
	return pipeline_new(stream->spec, &site, f);
}

void conf_stream_free(struct conf_stream *stream)
{
	if (!stream)
		return;
	for (uint32_t i = 0; stream->channel_names && i < stream->channels; i++)
		free(stream->channel_names[i]);
	free(stream->channel_names);
	free(stream->name);
	free(stream->shape);
	free(stream->unit);
	free(stream->group);
	pipeline_spec_free(stream->spec);
	free(stream);
}
