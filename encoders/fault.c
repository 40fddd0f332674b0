/* Faults that a person can act on, and the search for what a mistyped name was meant to be.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/fault.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_NAME 64

int fault_set(struct fault *f, int code, const char *format, ...)
{
	if (!f)
		return code;
	*f = (struct fault){.code = code, .stage = -1, .item = -1};
	va_list args;
	va_start(args, format);
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
	return code;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edit distance where swapping two neighbours counts as one step (Damerau's, restricted form).
 * Upper and lower case are the same letter. Names beyond LONGEST_NAME are unlike everything. */
static unsigned edit_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	if (n > LONGEST_NAME || m > LONGEST_NAME)
		return 2 * LONGEST_NAME;
	unsigned rows[3][LONGEST_NAME + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned replaced = last[j - 1] + !same_letter(a[i - 1], b[j - 1]);
			now[j] = smaller(replaced, smaller(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
				same_letter(a[i - 2], b[j - 1]))
				now[j] = smaller(now[j], before[j - 2] + 1);
		}
		unsigned *free_row = before;
		before = last;
		last = now;
		now = free_row;
	}
	return last[m];
}

const char *fault_nearest(const char *typed, const char *const *names, size_t n)
{
	const char *best = NULL;
	/* A third of the letters may be wrong; at least one, so that short names get help too. */
	unsigned limit = (unsigned)strlen(typed) / 3;
	unsigned best_distance = (limit ? limit : 1) + 1;
	for (size_t i = 0; i < n; i++) {
		unsigned distance = edit_distance(typed, names[i]);
		if (distance < best_distance) {
			best_distance = distance;
			best = names[i];
		}
	}
	return best;
}
