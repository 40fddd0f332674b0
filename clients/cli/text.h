/* Text for people: quantities, tables, and names from outside made harmless for a terminal.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Prints `text` with every control character (escape sequences begin with one) as '?'. */
void text_print(FILE *out, const char *text);

/* Writes nanoseconds as "1 ms", "250 us", "12.5 s"; returns buf. */
const char *text_ns(double ns, char *buf, size_t size);

/* Writes seconds as "12 s", "3 min 20 s", "2 h 5 min", "4 d 3 h"; returns buf. */
const char *text_uptime(double seconds, char *buf, size_t size);

/* Writes UNIX nanoseconds as local "12:34:56.789012"; returns buf. */
const char *text_clock(int64_t unix_ns, char *buf, size_t size);

struct text_table {
	const char *align; /* one letter a column: l or r; its length is the number of columns */
	char **cells;
	size_t count, room;
};

/* Adds the next cell, a copy; NULL adds an empty one. Rows are complete lists of cells. */
void text_table_add(struct text_table *table, const char *cell);
void text_table_print(const struct text_table *table, FILE *out);
void text_table_fini(struct text_table *table);
