/* A fault that a person can act on: what is wrong, where, and what to do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Filled by everything that checks input from outside. `stage` and `item` are -1 and `key` is empty
 * where they do not apply; callers that know the source text turn them into line and column. */
struct fault {
	int code;       /* negative errno */
	int stage;      /* index in the pipeline, -1 = the whole of it */
	int item;       /* index in a list, -1 = the whole value */
	char key[64];   /* parameter or key, "" = none */
	char text[320]; /* one sentence, no newline, no full stop needed */
};

/* Sets code and text and clears the rest. Returns `code`. `f` may be NULL. Not for the hot loop. */
int fault_set(struct fault *f, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The member of `names` (count `n`) that is nearest to `typed`, or NULL if none is near enough to
 * be what was meant. */
const char *fault_nearest(const char *typed, const char *const *names, size_t n);
