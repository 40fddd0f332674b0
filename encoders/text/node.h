/* One tree of texts, lists and maps for both YAML and JSON, each node with its place.
 *
 * A tree is immutable once built and owns its nodes and texts. Cold code only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum node_kind {
	NODE_NULL, /* nothing was written: "key:" or null */
	NODE_TEXT,
	NODE_LIST,
	NODE_MAP,
};

struct node {
	const struct node *up; /* the list or map that holds it; NULL = the root */
	const char *key;       /* in a map: its key; of the root: what paths begin with, or NULL */
	union {
		const char *text;   /* TEXT */
		struct node *items; /* LIST, MAP: `count` of them, in the order of the file */
	};
	uint32_t count;
	uint32_t index;   /* place in the holder */
	int line, column; /* of the value, 1-based; 0 = not from a file */
	int key_line, key_column;
	enum node_kind kind;
};

#define NODE_DEPTH_MAX 64         /* nested lists and maps */
#define NODE_COUNT_MAX (4u << 20) /* in a tree, aliases written out */

struct tree;
struct conf_faults;

/* From the whole text of a YAML file. NULL with at least one error in `faults`. Duplicate keys are
 * errors that leave a tree: the first one counts, so that the walk goes on to find the rest. */
struct tree *tree_from_yaml(const char *bytes, size_t size, struct conf_faults *faults);

const struct node *tree_root(const struct tree *tree);
void tree_free(struct tree *tree); /* accepts NULL */

/* The item of a map by its key, or NULL; NULL too for what is not a map. */
const struct node *node_find(const struct node *map, const char *key);

/* Writes "streams[2].encode[0].lif.v_th"; "" for a root without a name. Long paths lose their end.
 * Returns buf. */
char *node_path(const struct node *node, char *buf, size_t size);

const char *node_kind_text(enum node_kind kind); /* "a list", "nothing" … */

/* For builders: yaml.c, and the daemon's for JSON. */
struct tree *tree_new(void);                          /* NULL = out of memory */
struct node *tree_nodes(struct tree *tree, size_t n); /* zeroed; NULL = too many or out of memory */
char *tree_text(struct tree *tree, const char *text, size_t length); /* a copy; NULL = no memory */
size_t tree_count(const struct tree *tree);                          /* nodes handed out so far */
