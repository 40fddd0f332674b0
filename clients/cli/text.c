/* See text.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

void text_print(FILE *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == 0x7f) {
			putc('?', out);
		} else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) { /* C1 controls in UTF-8 */
			putc('?', out);
			c++;
		} else {
			putc(*c, out);
		}
	}
}

const char *text_ns(double ns, char *buf, size_t size)
{
	static const struct {
		double size;
		const char *name;
	} units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (fabs(ns) >= units[i].size) {
			snprintf(buf, size, "%.4g %s", ns / units[i].size, units[i].name);
			return buf;
		}
	snprintf(buf, size, "%.4g ns", ns);
	return buf;
}

const char *text_uptime(double seconds, char *buf, size_t size)
{
	if (seconds < 60) {
		snprintf(buf, size, "%.3g s", seconds);
		return buf;
	}
	if (!(seconds < 1e12)) {
		snprintf(buf, size, "%g s", seconds);
		return buf;
	}

	long long s = (long long)seconds;
	if (s < 3600)
		snprintf(buf, size, "%lld min %lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, size, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		snprintf(buf, size, "%lld d %lld h", s / 86400, s / 3600 % 24);
	return buf;
}

const char *text_clock(int64_t unix_ns, char *buf, size_t size)
{
	int64_t below = unix_ns % 1000000000;
	time_t seconds = (time_t)(unix_ns / 1000000000 - (below < 0));
	struct tm tm;

	if (below < 0)
		below += 1000000000;
	if (!localtime_r(&seconds, &tm)) {
		snprintf(buf, size, "?");
		return buf;
	}
	snprintf(buf, size, "%02d:%02d:%02d.%06d", tm.tm_hour, tm.tm_min, tm.tm_sec,
		(int)(below / 1000));
	return buf;
}

void text_table_add(struct text_table *table, const char *cell)
{
	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		char **cells = realloc(table->cells, room * sizeof(*cells));
		if (!cells)
			abort();
		table->cells = cells;
		table->room = room;
	}
	char *copy = strdup(cell ? cell : "");
	if (!copy)
		abort();
	table->cells[table->count++] = copy;
}

static size_t width(const char *text)
{
	size_t points = 0;

	for (; *text; text++)
		points += ((unsigned char)*text & 0xc0) != 0x80;
	return points;
}

void text_table_print(const struct text_table *table, FILE *out)
{
	size_t columns = strlen(table->align);

	for (size_t row = 0; row + columns <= table->count; row += columns) {
		for (size_t c = 0; c < columns; c++) {
			const char *cell = table->cells[row + c];
			size_t widest = 0;

			for (size_t i = c; i < table->count; i += columns)
				if (width(table->cells[i]) > widest)
					widest = width(table->cells[i]);
			int pad = (int)(widest - width(cell));
			if (table->align[c] == 'r')
				fprintf(out, "%*s", pad, "");
			text_print(out, cell);
			if (c + 1 < columns)
				fprintf(out, "%*s", (table->align[c] == 'l' ? pad : 0) + 2, "");
		}
		putc('\n', out);
	}
}

void text_table_fini(struct text_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->count = table->room = 0;
}
