/* The tree itself: memory, lookup, paths. Filling it is yaml.c's work, and the daemon's json.c's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/node.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nodes and texts are only ever freed together, so they lie in blocks that are filled up in turn. */
struct block {
	struct block *next;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

struct tree {
	struct node root;
	struct block *blocks;
	size_t nodes;
};

#define BLOCK_SIZE (64 * 1024)

struct tree *tree_new(void)
{
	return calloc(1, sizeof(struct tree));
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	while (tree->blocks) {
		struct block *block = tree->blocks;
		tree->blocks = block->next;
		free(block);
	}
	free(tree);
}

const struct node *tree_root(const struct tree *tree)
{
	return &tree->root;
}

static void *take(struct tree *tree, size_t size)
{
	const size_t step = alignof(max_align_t);
	size = (size + step - 1) / step * step;
	struct block *block = tree->blocks;
	if (!block || block->size - block->used < size) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		block = malloc(sizeof(*block) + room);
		if (!block)
			return NULL;
		*block = (struct block){.next = tree->blocks, .size = room};
		tree->blocks = block;
	}
	void *at = block->bytes + block->used;
	block->used += size;
	return at;
}

struct node *tree_nodes(struct tree *tree, size_t n)
{
	if (n > NODE_COUNT_MAX - tree->nodes)
		return NULL;
	struct node *nodes = take(tree, n * sizeof(*nodes));
	if (!nodes)
		return NULL;
	memset(nodes, 0, n * sizeof(*nodes));
	tree->nodes += n;
	return nodes;
}

size_t tree_count(const struct tree *tree)
{
	return tree->nodes;
}

char *tree_text(struct tree *tree, const char *text, size_t length)
{
	char *copy = take(tree, length + 1);
	if (copy) {
		memcpy(copy, text, length);
		copy[length] = '\0';
	}
	return copy;
}

const struct node *node_find(const struct node *map, const char *key)
{
	if (map->kind != NODE_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->count; i++) {
		if (strcmp(map->items[i].key, key) == 0)
			return &map->items[i];
	}
	return NULL;
}

char *node_path(const struct node *node, char *buf, size_t size)
{
	const struct node *chain[NODE_DEPTH_MAX + 2];
	size_t n = 0;
	for (; node && n < sizeof(chain) / sizeof(*chain); node = node->up)
		chain[n++] = node;
	size_t used = 0;
	buf[0] = '\0';
	while (n > 0 && used < size) {
		node = chain[--n];
		int wrote = 0;
		if (node->key)
			wrote = snprintf(
				buf + used, size - used, "%s%s", used ? "." : "", node->key);
		else if (node->up)
			wrote = snprintf(buf + used, size - used, "[%u]", node->index);
		used += (size_t)wrote;
	}
	return buf;
}

const char *node_kind_text(enum node_kind kind)
{
	static const char *const texts[] = {
		[NODE_NULL] = "nothing",
		[NODE_TEXT] = "a single value",
		[NODE_LIST] = "a list",
		[NODE_MAP] = "a map",
	};
	return texts[kind];
}
