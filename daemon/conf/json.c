/* A JSON value to a tree, so that a stream from the control socket is read like one of the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/json.h"

#include "encoders/text/faults.h"

#include <errno.h>
#include <string.h>

struct builder {
	struct tree *tree;
	struct conf_faults *faults;
};

static int refuse(struct builder *b, const struct node *at, int code, const char *text)
{
	faults_error(b->faults, place_value(at), "%s", text);
	return code;
}

static int no_room(struct builder *b, const struct node *at, size_t n)
{
	if (n > NODE_COUNT_MAX - tree_count(b->tree))
		return refuse(b, at, -E2BIG, "too many values");
	return refuse(b, at, -ENOMEM, "out of memory");
}

static int build_text(struct builder *b, const char *text, size_t length, struct node *self)
{
	if (strlen(text) != length)
		return refuse(b, self, -EINVAL, "a text with a zero byte in it");
	self->kind = NODE_TEXT;
	self->text = tree_text(b->tree, text, length);
	if (self->text)
		return 0;
	self->kind = NODE_NULL;
	return no_room(b, self, 0);
}

static int build_number(struct builder *b, const json_t *json, struct node *self)
{
	char text[64];
	int length = json_is_integer(json)
			     ? snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
				       json_integer_value(json))
			     : snprintf(text, sizeof(text), "%.17g", json_real_value(json));
	return build_text(b, text, (size_t)length, self);
}

static int build(struct builder *b, const json_t *json, struct node *self, int depth);

static int build_list(struct builder *b, const json_t *json, struct node *self, int depth)
{
	size_t count = json_array_size(json);
	self->kind = NODE_LIST;
	self->items = count ? tree_nodes(b->tree, count) : NULL;
	if (count && !self->items)
		return no_room(b, self, count);
	for (size_t i = 0; i < count; i++) {
		self->items[i].up = self;
		self->items[i].index = (uint32_t)i;
		self->count = (uint32_t)i + 1;
		int err = build(b, json_array_get(json, i), &self->items[i], depth + 1);
		if (err)
			return err;
	}
	return 0;
}

static int build_map(struct builder *b, const json_t *json, struct node *self, int depth)
{
	size_t count = json_object_size(json);
	self->kind = NODE_MAP;
	self->items = count ? tree_nodes(b->tree, count) : NULL;
	if (count && !self->items)
		return no_room(b, self, count);
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)json, key, value)
	{
		struct node *item = &self->items[self->count];
		item->up = self;
		item->index = self->count;
		item->key = tree_text(b->tree, key, strlen(key));
		if (!item->key)
			return no_room(b, self, 0);
		self->count++;
		int err = build(b, value, item, depth + 1);
		if (err)
			return err;
	}
	return 0;
}

static int build(struct builder *b, const json_t *json, struct node *self, int depth)
{
	if (depth > NODE_DEPTH_MAX)
		return refuse(b, self, -E2BIG, "nested too deep");
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return build_map(b, json, self, depth);
	case JSON_ARRAY:
		return build_list(b, json, self, depth);
	case JSON_STRING:
		return build_text(b, json_string_value(json), json_string_length(json), self);
	case JSON_INTEGER:
	case JSON_REAL:
		return build_number(b, json, self);
	case JSON_TRUE:
		return build_text(b, "true", 4, self);
	case JSON_FALSE:
		return build_text(b, "false", 5, self);
	case JSON_NULL:
		return 0;
	}
	return refuse(b, self, -EINVAL, "not a JSON value");
}

struct tree *tree_from_json(const json_t *json, const char *root, struct conf_faults *faults)
{
	struct builder b = {.tree = tree_new(), .faults = faults};
	if (!b.tree) {
		faults_error(faults, place_whole(), "out of memory");
		return NULL;
	}
	struct node *top = (struct node *)tree_root(b.tree);
	top->key = tree_text(b.tree, root, strlen(root));
	if (top->key && build(&b, json, top, 1) == 0)
		return b.tree;
	if (!top->key)
		faults_error(faults, place_whole(), "out of memory");
	tree_free(b.tree);
	return NULL;
}

bool json_too_deep(const char *text, size_t size, uint32_t limit)
{
	uint32_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < size; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{') && ++depth > limit)
			return true;
		else if (!quoted && depth && (text[i] == ']' || text[i] == '}'))
			depth--;
	}
	return false;
}
