/* YAML to a tree, by libyaml's documents. Aliases are written out and merge keys ("<<") resolved
 * here, so that whoever reads the tree meets neither.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/faults.h"
#include "encoders/text/node.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define TAG_PREFIX "tag:yaml.org,2002:"

struct builder {
	struct tree *tree;
	yaml_document_t *document;
	bool *open;  /* by node id - 1: is being built further up, so an alias to it has no end */
	size_t work; /* lists, maps and keys met so far, to bound what nested aliases can cost */
	struct conf_faults *faults;
};

/* A key and value of a map while it is being put together. */
struct pair {
	const yaml_node_t *key;
	int value_id; /* in the document */
	size_t order; /* own keys first, then merged ones */
	bool own;
};

struct pairs {
	struct pair *items;
	size_t count, room;
};

static struct place mark(const yaml_node_t *node)
{
	return place_mark((int)node->start_mark.line + 1, (int)node->start_mark.column + 1);
}

static const char *scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static bool is_plain(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const yaml_node_t *node)
{
	if (!is_plain(node))
		return false;
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(scalar(node), words[i]) == 0)
			return true;
	}
	return false;
}

static bool is_merge(const yaml_node_t *key)
{
	return is_plain(key) && strcmp(scalar(key), "<<") == 0;
}

static int too_many(struct builder *b, const yaml_node_t *at)
{
	faults_error(b->faults, mark(at),
		"more than %u values (what an alias stands for counts each time)", NODE_COUNT_MAX);
	return -E2BIG;
}

/* Why `n` nodes (or, n = 0, a text) could not be had. */
static int no_room(struct builder *b, const yaml_node_t *at, size_t n)
{
	if (n > NODE_COUNT_MAX - tree_count(b->tree))
		return too_many(b, at);
	faults_error(b->faults, mark(at), "out of memory");
	return -ENOMEM;
}

/* A tree at its limit has cost no more than this: each map is entered twice, each key met once. */
static bool overworked(struct builder *b)
{
	return ++b->work > 3ul * NODE_COUNT_MAX;
}

/* Brackets around everything that goes into a list or map: finds aliases to their own holder. */
static int enter(struct builder *b, int id, const yaml_node_t *node, int depth)
{
	if (depth > NODE_DEPTH_MAX) {
		faults_error(b->faults, mark(node), "nested more than %d deep", NODE_DEPTH_MAX);
		return -E2BIG;
	}
	if (overworked(b))
		return too_many(b, node);
	if (b->open[id - 1]) {
		faults_error(b->faults, mark(node), "holds an alias to itself");
		return -ELOOP;
	}
	b->open[id - 1] = true;
	return 0;
}

static void leave(struct builder *b, int id)
{
	b->open[id - 1] = false;
}

static int check_key(struct builder *b, const yaml_node_t *key)
{
	if (key->type != YAML_SCALAR_NODE || is_null(key)) {
		faults_error(b->faults, mark(key), "a key must be a word");
		return -EINVAL;
	}
	if (strlen(scalar(key)) != key->data.scalar.length) {
		faults_error(b->faults, mark(key), "a key with a zero byte in it");
		return -EINVAL;
	}
	return 0;
}

static int append(struct builder *b, struct pairs *pairs, const yaml_node_pair_t *pair, bool own)
{
	const yaml_node_t *key = yaml_document_get_node(b->document, pair->key);
	if (overworked(b))
		return too_many(b, key);
	if (pairs->count == pairs->room) {
		size_t room = pairs->room ? 2 * pairs->room : 16;
		void *items = realloc(pairs->items, room * sizeof(*pairs->items));
		if (!items)
			return no_room(b, key, 0);
		pairs->items = items;
		pairs->room = room;
	}
	pairs->items[pairs->count] = (struct pair){
		.key = key, .value_id = pair->value, .order = pairs->count, .own = own};
	pairs->count++;
	return 0;
}

static int collect(struct builder *b, int id, struct pairs *pairs, bool own, int depth);

/* The value of a merge key: a map, or a list of maps of which the first counts most. */
static int collect_merged(struct builder *b, int id, struct pairs *pairs, int depth)
{
	const yaml_node_t *node = yaml_document_get_node(b->document, id);
	if (node->type == YAML_MAPPING_NODE)
		return collect(b, id, pairs, false, depth);
	if (node->type != YAML_SEQUENCE_NODE) {
		faults_error(b->faults, mark(node), "\"<<\" takes a map, e.g. an alias to one");
		return -EINVAL;
	}
	int err = enter(b, id, node, depth);
	if (err)
		return err;
	const yaml_node_item_t *item = node->data.sequence.items.start;
	for (; !err && item < node->data.sequence.items.top; item++)
		err = collect_merged(b, *item, pairs, depth + 1);
	leave(b, id);
	return err;
}

/* Appends the pairs of map `id`: its own ones, then those that it merges. */
static int collect(struct builder *b, int id, struct pairs *pairs, bool own, int depth)
{
	const yaml_node_t *map = yaml_document_get_node(b->document, id);
	int err = enter(b, id, map, depth);
	if (err)
		return err;
	const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	for (; !err && pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(b->document, pair->key);
		err = check_key(b, key);
		if (!err && !is_merge(key))
			err = append(b, pairs, pair, own);
	}
	for (pair = map->data.mapping.pairs.start; !err && pair < map->data.mapping.pairs.top;
		pair++) {
		if (is_merge(yaml_document_get_node(b->document, pair->key)))
			err = collect_merged(b, pair->value, pairs, depth + 1);
	}
	leave(b, id);
	return err;
}

static int by_key(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	int order = strcmp(scalar(a->key), scalar(b->key));
	if (order)
		return order;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int by_order(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Keeps the first pair of each key. A key written twice in one map is an error that names both. */
static void drop_repeats(struct builder *b, struct pairs *pairs, const struct node *map)
{
	if (pairs->count < 2)
		return;
	qsort(pairs->items, pairs->count, sizeof(*pairs->items), by_key);
	size_t kept = 1;
	for (size_t i = 1; i < pairs->count; i++) {
		const struct pair *first = &pairs->items[kept - 1], *next = &pairs->items[i];
		if (strcmp(scalar(first->key), scalar(next->key)) != 0) {
			pairs->items[kept++] = *next;
		} else if (first->own && next->own) {
			struct place at = place_under(map, scalar(next->key));
			at.line = mark(next->key).line;
			at.column = mark(next->key).column;
			faults_error(b->faults, at, "written twice: first in line %zu",
				first->key->start_mark.line + 1);
		}
	}
	pairs->count = kept;
	qsort(pairs->items, pairs->count, sizeof(*pairs->items), by_order);
}

static int build(struct builder *b, int id, struct node *self, int depth);

static int build_map(struct builder *b, int id, struct node *self, int depth)
{
	const yaml_node_t *from = yaml_document_get_node(b->document, id);
	struct pairs pairs = {0};
	int err = collect(b, id, &pairs, true, depth);
	if (err)
		goto out;
	drop_repeats(b, &pairs, self);
	err = enter(b, id, from, depth);
	if (err)
		goto out;
	self->kind = NODE_MAP;
	self->items = pairs.count ? tree_nodes(b->tree, pairs.count) : NULL;
	if (pairs.count && !self->items)
		err = no_room(b, from, pairs.count);
	for (size_t i = 0; !err && i < pairs.count; i++) {
		const struct pair *pair = &pairs.items[i];
		struct node *item = &self->items[i];
		item->up = self;
		item->index = (uint32_t)i;
		item->key = tree_text(b->tree, scalar(pair->key), pair->key->data.scalar.length);
		item->key_line = (int)pair->key->start_mark.line + 1;
		item->key_column = (int)pair->key->start_mark.column + 1;
		self->count = (uint32_t)i + 1;
		err = item->key ? build(b, pair->value_id, item, depth + 1) : no_room(b, from, 0);
	}
	leave(b, id);
out:
	free(pairs.items);
	return err;
}

static int build_list(struct builder *b, int id, struct node *self, int depth)
{
	const yaml_node_t *from = yaml_document_get_node(b->document, id);
	int err = enter(b, id, from, depth);
	if (err)
		return err;
	const yaml_node_item_t *ids = from->data.sequence.items.start;
	size_t count = (size_t)(from->data.sequence.items.top - ids);
	self->kind = NODE_LIST;
	self->items = count ? tree_nodes(b->tree, count) : NULL;
	if (count && !self->items)
		err = no_room(b, from, count);
	for (size_t i = 0; !err && i < count; i++) {
		self->items[i].up = self;
		self->items[i].index = (uint32_t)i;
		self->count = (uint32_t)i + 1;
		err = build(b, ids[i], &self->items[i], depth + 1);
	}
	leave(b, id);
	return err;
}

static int build_text(struct builder *b, const yaml_node_t *from, struct node *self)
{
	size_t length = from->data.scalar.length;
	if (is_null(from))
		return 0;
	if (strlen(scalar(from)) != length) {
		faults_error(b->faults, place_value(self), "a text with a zero byte in it");
		return -EINVAL;
	}
	self->kind = NODE_TEXT;
	self->text = tree_text(b->tree, scalar(from), length);
	if (self->text)
		return 0;
	self->kind = NODE_NULL;
	return no_room(b, from, 0);
}

/* Fills `self`, whose holder and key are set, from node `id` of the document. */
static int build(struct builder *b, int id, struct node *self, int depth)
{
	const yaml_node_t *from = yaml_document_get_node(b->document, id);
	self->line = (int)from->start_mark.line + 1;
	self->column = (int)from->start_mark.column + 1;
	const char *tag = (const char *)from->tag;
	if (tag && strncmp(tag, TAG_PREFIX, strlen(TAG_PREFIX)) != 0) {
		faults_error(b->faults, place_value(self), "the tag %.40s means nothing here", tag);
		return -EINVAL;
	}
	switch (from->type) {
	case YAML_MAPPING_NODE:
		return build_map(b, id, self, depth);
	case YAML_SEQUENCE_NODE:
		return build_list(b, id, self, depth);
	default:
		return build_text(b, from, self);
	}
}

/* libyaml's words for what it met, with the place and, where one is known, a hint. */
static void parse_fault(
	const yaml_parser_t *parser, const char *bytes, size_t size, struct conf_faults *faults)
{
	const char *problem = parser->problem ? parser->problem : "cannot be read";
	if (parser->error == YAML_MEMORY_ERROR) {
		faults_error(faults, place_whole(), "out of memory");
		return;
	}
	size_t line = parser->problem_mark.line, column = parser->problem_mark.column;
	const char *hint = "";
	size_t at = parser->problem_mark.index;
	if (at < size && bytes[at] == '\t')
		hint = "; YAML indents with spaces, not tabs";
	else if (strstr(problem, "mapping values are not allowed"))
		hint = "; put quotes around a text that has ': ' in it, and check the indentation";
	struct place place = place_mark((int)line + 1, (int)column + 1);
	if (parser->context && parser->context_mark.line != line)
		faults_error(faults, place, "not valid YAML: %s (%s that began in line %zu)%s",
			problem, parser->context, parser->context_mark.line + 1, hint);
	else
		faults_error(faults, place, "not valid YAML: %s%s", problem, hint);
}

/* More than one document would mean that most of the file is ignored. */
static bool is_last(
	yaml_parser_t *parser, const char *bytes, size_t size, struct conf_faults *faults)
{
	yaml_document_t next;
	if (!yaml_parser_load(parser, &next)) {
		parse_fault(parser, bytes, size, faults);
		return false;
	}
	bool end = yaml_document_get_root_node(&next) == NULL;
	if (!end)
		faults_error(faults,
			place_mark((int)next.start_mark.line + 1, (int)next.start_mark.column + 1),
			"a second document begins here; the configuration is one document");
	yaml_document_delete(&next);
	return end;
}

static struct tree *convert(yaml_document_t *document, struct conf_faults *faults)
{
	size_t ids = (size_t)(document->nodes.top - document->nodes.start);
	struct builder b = {.tree = tree_new(), .document = document, .faults = faults};
	b.open = calloc(ids ? ids : 1, sizeof(*b.open));
	if (!b.tree || !b.open) {
		faults_error(faults, place_whole(), "out of memory");
	} else if (build(&b, 1, (struct node *)tree_root(b.tree), 1) == 0) {
		free(b.open);
		return b.tree;
	}
	free(b.open);
	tree_free(b.tree);
	return NULL;
}

struct tree *tree_from_yaml(const char *bytes, size_t size, struct conf_faults *faults)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser)) {
		faults_error(faults, place_whole(), "out of memory");
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);

	struct tree *tree = NULL;
	yaml_document_t document;
	if (!yaml_parser_load(&parser, &document)) {
		parse_fault(&parser, bytes, size, faults);
	} else {
		if (!yaml_document_get_root_node(&document))
			faults_error(faults, place_whole(), "the text says nothing");
		else if (is_last(&parser, bytes, size, faults))
			tree = convert(&document, faults);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return tree;
}
