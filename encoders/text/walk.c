/* The readers of walk.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/walk.h"

#include "encoders/text/stream_keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 32 /* rows of the largest map */

void walk_no_memory(struct walk *w)
{
	faults_error(w->faults, place_whole(), "out of memory");
}

char *walk_keep(struct walk *w, const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	if (text && !copy)
		walk_no_memory(w);
	return copy;
}

const char *walk_fault_text(const struct fault *f)
{
	size_t n = strlen(f->key);
	if (n && strncmp(f->text, f->key, n) == 0 && strncmp(f->text + n, ": ", 2) == 0)
		return f->text + n + 2;
	return f->text;
}

static void unknown_key(struct walk *w, const struct node *item, const struct key *keys)
{
	const char *names[KEYS_MAX];
	size_t n = 0;
	for (; keys[n].row.name; n++)
		names[n] = keys[n].row.name;
	const char *nearest = fault_nearest(item->key, names, n);
	if (nearest) {
		faults_error(w->faults, place_key(item), "unknown key; did you mean %s?", nearest);
		return;
	}
	char list[300] = "";
	for (size_t i = 0, used = 0; i < n && used < sizeof(list); i++)
		used += (size_t)snprintf(
			list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
	faults_error(w->faults, place_key(item), "unknown key; it can be %s", list);
}

bool walk_map(
	struct walk *w, const struct node *node, const struct key *keys, const struct node **at)
{
	for (size_t i = 0; keys[i].row.name; i++)
		at[i] = NULL;
	if (node->kind != NODE_MAP) {
		faults_error(w->faults, place_value(node), "takes a map of keys, not %s",
			node_kind_text(node->kind));
		return false;
	}
	for (uint32_t i = 0; i < node->count; i++) {
		const struct node *item = &node->items[i];
		size_t k = 0;
		while (keys[k].row.name && strcmp(keys[k].row.name, item->key) != 0)
			k++;
		if (keys[k].row.name)
			at[k] = item;
		else
			unknown_key(w, item, keys);
	}
	return true;
}

/* True for a text; else reported, with what the row would have taken. */
static bool is_text(struct walk *w, const struct node *at, const char *wanted)
{
	if (at->kind == NODE_TEXT)
		return true;
	if (at->kind == NODE_NULL)
		faults_error(w->faults, place_key(at), "has no value; it takes a %s", wanted);
	else
		faults_error(w->faults, place_value(at), "takes a %s, not %s", wanted,
			node_kind_text(at->kind));
	return false;
}

bool walk_param(struct walk *w, const struct node *at, const struct key *key, struct param_value *v)
{
	param_preset(&key->row, v);
	if (!at || !is_text(w, at, param_type_text(key->row.type)))
		return false;
	struct fault f;
	if (param_parse(&key->row, &at->text, 1, false, v, &f) == 0)
		return true;
	faults_error(w->faults, place_value(at), "%s%s%s", walk_fault_text(&f),
		key->word ? "; or write " : "", key->word ? key->word : "");
	return false;
}

uint64_t walk_count(struct walk *w, const struct node *at, const struct key *key)
{
	struct param_value v;
	walk_param(w, at, key, &v);
	return v.integer;
}

bool walk_bool(struct walk *w, const struct node *at, const struct key *key)
{
	return walk_count(w, at, key) != 0;
}

int walk_choice(struct walk *w, const struct node *at, const struct key *key)
{
	return (int)walk_count(w, at, key);
}

const char *walk_dt_from(double seconds, uint32_t *dt_ns, char *buf, size_t size)
{
	const struct param *row = &stream_keys[STREAM_DT].row;
	if (!(seconds >= row->min && seconds <= row->max)) {
		snprintf(buf, size,
			"must be from 1 us to 4 s (frames carry it in 32 bits of nanoseconds), "
			"not %.9g s",
			seconds);
		return buf;
	}
	double ns = seconds * 1e9, whole = round(ns);
	/* A decimal text and its product with 1e9 are both rounded; that is far below 1/1000 ns. */
	if (fabs(ns - whole) > 1e-3) {
		snprintf(buf, size, "is %.4f ns, and a tick has whole nanoseconds: write %.0f ns",
			ns, whole);
		return buf;
	}
	*dt_ns = (uint32_t)whole;
	return NULL;
}

uint32_t walk_dt(struct walk *w, const struct node *at)
{
	struct fault f;
	double seconds;
	char buf[160];
	uint32_t dt_ns;
	if (!at || !is_text(w, at, "time, e.g. 1 ms"))
		return 0;
	if (param_quantity(at->text, UNIT_SECONDS, &seconds, &f)) {
		faults_error(w->faults, place_value(at), "%s", walk_fault_text(&f));
		return 0;
	}
	const char *wrong = walk_dt_from(seconds, &dt_ns, buf, sizeof(buf));
	if (!wrong)
		return dt_ns;
	faults_error(w->faults, place_value(at), "%s", wrong);
	return 0;
}

const char *walk_text(struct walk *w, const struct node *at, size_t longest)
{
	if (!at || !is_text(w, at, "text"))
		return NULL;
	size_t length = strlen(at->text);
	if (length == 0 || length > longest) {
		faults_error(w->faults, place_value(at), "takes 1 to %zu bytes of text, not %zu",
			longest, length);
		return NULL;
	}
	return at->text;
}

static bool name_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

bool walk_name_ok(const char *name, size_t length)
{
	if (length < 1 || length > 64)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!name_letter(name[i]))
			return false;
	}
	return true;
}

const char *walk_name(struct walk *w, const struct node *at)
{
	if (!at || !is_text(w, at, "name"))
		return NULL;
	if (!walk_name_ok(at->text, strlen(at->text))) {
		faults_error(w->faults, place_value(at),
			"\"%.70s\" is not a name: it takes 1 to 64 of A-Z a-z 0-9 _ . -", at->text);
		return NULL;
	}
	return at->text;
}

const struct node *walk_items(const struct node *at, uint32_t *count)
{
	if (at->kind == NODE_LIST) {
		*count = at->count;
		return at->items;
	}
	*count = 1;
	return at;
}
