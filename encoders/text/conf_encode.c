/* Reading stages. Their parameters are texts here; the rows of the stage class judge them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/conf_encode.h"

#include "encoders/text/stream_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct walk *w, struct program *program, struct place place, const char *text)
{
	faults_error(w->faults, place, "%s", text);
	program->sound = false;
}

/* The texts of a value: one, or one an item of a list. NULL = reported. The caller frees it. */
static const char **value_texts(struct walk *w, const struct node *value, struct program *program)
{
	uint32_t count;
	const struct node *items = walk_items(value, &count);
	const char **texts = calloc((size_t)count + 1, sizeof(*texts));
	if (!texts) {
		walk_no_memory(w);
		program->sound = false;
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (items[i].kind == NODE_TEXT) {
			texts[i] = items[i].text;
			continue;
		}
		if (items[i].kind == NODE_NULL)
			refuse(w, program, place_key(&items[i]), "has no value");
		else
			refuse(w, program, place_value(&items[i]),
				"takes a value, or a list with one a channel");
		free(texts);
		return NULL;
	}
	return texts;
}

/* A parameter's fault: at the key if that is unknown, else at the value or the list's item. */
static struct place parameter_place(
	const struct program *program, unsigned stage, const struct node *at, const struct fault *f)
{
	const struct encoder_class *class = pipeline_spec_class(program->spec, stage);
	if (!param_find(class->params, at->key))
		return place_key(at);
	if (at->kind == NODE_LIST && f->item >= 0 && (uint32_t)f->item < at->count)
		return place_value(&at->items[f->item]);
	return place_value(at);
}

void conf_encode_parameter(
	struct walk *w, struct program *program, unsigned stage, const struct node *at)
{
	struct fault f;
	const char **texts = value_texts(w, at, program);
	if (!texts)
		return;
	uint32_t count;
	walk_items(at, &count);
	if (pipeline_spec_set(
		    program->spec, stage, at->key, texts, count, at->kind == NODE_LIST, &f) < 0)
		refuse(w, program, parameter_place(program, stage, at, &f), walk_fault_text(&f));
	free(texts);
}

static void read_parameters(
	struct walk *w, struct program *program, unsigned stage, const struct node *map)
{
	if (map->kind == NODE_NULL)
		return;
	if (map->kind != NODE_MAP) {
		refuse(w, program, place_value(map), "takes a map of parameters, e.g. {v_th: 1}");
		return;
	}
	for (uint32_t i = 0; i < map->count; i++)
		conf_encode_parameter(w, program, stage, &map->items[i]);
}

/* Appends the stage; index, or negative and reported. */
static int add_stage(struct walk *w, struct program *program, const char *name,
	const struct node *at, struct place place)
{
	struct fault f;
	int stage = pipeline_spec_stage(program->spec, name, &f);
	if (stage < 0)
		refuse(w, program, place, walk_fault_text(&f));
	else
		program->stages[stage] = at;
	return stage;
}

/* "- poisson:" with its parameters at the dash's depth reads as one map with several keys. */
static void refuse_map(struct walk *w, struct program *program, const struct node *item)
{
	if (item->count == 0) {
		refuse(w, program, place_value(item), "names no stage");
		return;
	}
	const struct node *first = &item->items[0], *second = &item->items[1];
	const struct encoder_class *class = encoder_find(first->key, NULL);
	bool parameter = class && param_find(class->params, second->key);
	program->sound = false;
	if (parameter && first->kind == NODE_NULL)
		faults_error(w->faults, place_key(second),
			"%s belongs under %s: indent it further, or write {%s: {%s: …}}",
			second->key, first->key, first->key, second->key);
	else
		faults_error(w->faults, place_key(second),
			"one stage an item: begin a new one with \"- %.60s\"", second->key);
}

static void read_stage(struct walk *w, struct program *program, const struct node *item)
{
	if (item->kind == NODE_TEXT) {
		add_stage(w, program, item->text, item, place_value(item));
	} else if (item->kind == NODE_MAP && item->count == 1) {
		const struct node *map = &item->items[0];
		int stage = add_stage(w, program, map->key, map, place_key(map));
		if (stage >= 0)
			read_parameters(w, program, (unsigned)stage, map);
	} else if (item->kind == NODE_MAP) {
		refuse_map(w, program, item);
	} else {
		refuse(w, program, place_value(item),
			"a stage is a name, or {name: {parameter: value}}");
	}
}

static void read_stages(struct walk *w, struct program *program, const struct node *encode)
{
	if (encode->kind == NODE_NULL) {
		refuse(w, program, place_key(encode), "has no value; it takes a list of stages");
		return;
	}
	uint32_t count;
	const struct node *items = walk_items(encode, &count);
	if (count > STAGES_MAX) {
		struct place place = place_value(&items[STAGES_MAX]);
		faults_error(w->faults, place, "at most %d stages", STAGES_MAX);
		program->sound = false;
		count = STAGES_MAX;
	}
	for (uint32_t i = 0; i < count; i++)
		read_stage(w, program, &items[i]);
}

void conf_encode_read(struct walk *w, const struct node *stream, const struct node *range,
	const struct node *encode, struct program *program)
{
	*program = (struct program){.spec = pipeline_spec_new(), .sound = true};
	program->whole = encode ? encode : stream;
	if (!program->spec) {
		walk_no_memory(w);
		program->sound = false;
		return;
	}
	if (range && range->kind != NODE_MAP) {
		refuse(w, program, place_key(range), "takes a map, e.g. {lo: -1, hi: 1}");
	} else if (range) {
		int stage = add_stage(
			w, program, stream_keys[STREAM_RANGE].stage, range, place_key(range));
		if (stage >= 0)
			read_parameters(w, program, (unsigned)stage, range);
	}
	if (encode)
		read_stages(w, program, encode);
	if (!encode || (encode->kind == NODE_LIST && encode->count == 0))
		faults_warn(w->faults, place_value(encode ? encode : stream),
			"encodes nothing: its values go out as state/ and values/, and there are no "
			"spikes");
}

const struct node *conf_encode_find(const struct program *program, int stage, const char *key)
{
	size_t count = pipeline_spec_count(program->spec);
	for (size_t i = 0; i < count; i++) {
		if (stage >= 0 && (size_t)stage != i)
			continue;
		const struct node *at = program->stages[i];
		at = at ? node_find(at, key) : NULL;
		if (at)
			return at;
	}
	return NULL;
}

void conf_encode_fault(struct walk *w, struct program *program, const struct fault *f)
{
	const struct node *stage = program->whole;
	if (f->stage >= 0 && (size_t)f->stage < pipeline_spec_count(program->spec))
		stage = program->stages[f->stage];
	const struct node *at = f->key[0] ? conf_encode_find(program, f->stage, f->key) : NULL;
	if (at && at->kind == NODE_LIST && f->item >= 0 && (uint32_t)f->item < at->count)
		at = &at->items[f->item];
	struct place place = at                           ? place_value(at)
			     : f->key[0] && f->stage >= 0 ? place_under(stage, f->key)
							  : place_value(stage);
	refuse(w, program, place, walk_fault_text(f));
}
