/* Faults of a configuration: collecting, ordering, printing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/faults.h"

#include "encoders/text/clean.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Kept while collecting, of each weight, so that thousands of warnings cannot hide an error. */
#define COLLECT_MAX 1000
/* Kept in the end: nobody reads more. */
#define KEEP_MAX  100
#define KEEP_ROOM 128 /* a power of two, as grow() expects */

struct place place_whole(void)
{
	return (struct place){0};
}

struct place place_mark(int line, int column)
{
	return (struct place){.line = line, .column = column};
}

struct place place_value(const struct node *node)
{
	struct place place = {.line = node->line, .column = node->column};
	node_path(node, place.path, sizeof(place.path));
	return place;
}

struct place place_key(const struct node *node)
{
	struct place place = place_value(node);
	if (node->key_line) {
		place.line = node->key_line;
		place.column = node->key_column;
	}
	return place;
}

struct place place_under(const struct node *node, const char *key)
{
	struct place place = place_value(node);
	size_t used = strlen(place.path);
	snprintf(place.path + used, sizeof(place.path) - used, "%s%s", used ? "." : "", key);
	return place;
}

static bool grow(struct conf_faults *faults)
{
	/* Capacity is the next power of two from 16 on: it needs no field of its own. */
	if (faults->count >= 16 && (faults->count & (faults->count - 1)) != 0)
		return true;
	if (faults->count > 0 && faults->count < 16)
		return true;
	size_t capacity = faults->count ? 2 * faults->count : 16;
	void *items = realloc(faults->items, capacity * sizeof(*faults->items));
	if (!items)
		return false;
	faults->items = items;
	return true;
}

void faults_add(struct conf_faults *faults, enum fault_weight weight, struct place place,
	const char *format, ...)
{
	bool warning = weight == FAULT_WARNING;
	size_t same = warning ? faults->count - faults->errors : faults->errors;
	if (same >= COLLECT_MAX || !grow(faults)) {
		faults->more++;
		if (!warning && faults->errors == 0)
			faults->errors = 1;
		return;
	}
	struct conf_fault *fault = &faults->items[faults->count++];
	*fault =
		(struct conf_fault){.warning = warning, .line = place.line, .column = place.column};
	memcpy(fault->path, place.path, sizeof(fault->path));
	va_list args;
	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	text_clean(fault->path);
	text_clean(fault->text);
	if (!warning)
		faults->errors++;
}

static int by_place(const void *left, const void *right)
{
	const struct conf_fault *a = *(const struct conf_fault *const *)left;
	const struct conf_fault *b = *(const struct conf_fault *const *)right;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a < b ? -1 : a > b; /* found first, said first */
}

void faults_finish(struct conf_faults *faults)
{
	if (faults->count == 0)
		return;
	size_t count = faults->count, errors = faults->errors;
	const struct conf_fault **order = calloc(count, sizeof(*order));
	struct conf_fault *kept = calloc(KEEP_ROOM, sizeof(*kept));
	if (!order || !kept) {
		free(order);
		free(kept);
		return;
	}
	for (size_t i = 0; i < count; i++)
		order[i] = &faults->items[i];
	qsort(order, count, sizeof(*order), by_place);

	bool whole = count <= KEEP_MAX && faults->more == 0;
	size_t room_errors = errors < KEEP_MAX ? errors : KEEP_MAX;
	size_t room_warnings = KEEP_MAX - room_errors;
	size_t n = 0, n_errors = 0;
	for (size_t i = 0; i < count; i++) {
		size_t *room = order[i]->warning ? &room_warnings : &room_errors;
		if (*room == 0)
			continue;
		--*room;
		kept[n++] = *order[i];
		n_errors += !order[i]->warning;
	}
	if (!whole) {
		faults->more += count - n;
		kept[n] = (struct conf_fault){.warning = errors == 0};
		snprintf(kept[n].text, sizeof(kept[n].text), "… and %zu more", faults->more);
		n_errors += !kept[n].warning;
		n++;
	}
	free(order);
	free(faults->items);
	faults->items = kept;
	faults->count = n;
	faults->errors = n_errors;
}

void conf_faults_fini(struct conf_faults *faults)
{
	free(faults->items);
	*faults = (struct conf_faults){0};
}

int conf_faults_print(FILE *out, const char *path, const struct conf_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct conf_fault *fault = &faults->items[i];
		if (path)
			fprintf(out, "%s:", path);
		if (fault->line)
			fprintf(out, "%d:%d:", fault->line, fault->column);
		fprintf(out, "%s%s: ", path || fault->line ? " " : "",
			fault->warning ? "warning" : "error");
		if (fault->path[0])
			fprintf(out, "%s: ", fault->path);
		fprintf(out, "%s\n", fault->text);
	}
	return ferror(out) ? -EIO : 0;
}
