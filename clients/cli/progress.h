/* One line on the terminal that says how far long work has come. Without a terminal: nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown, on;
	int64_t began_ms, next_ms;
};

void progress_begin(struct progress *p, bool wanted);

/* True a few times a second: then a line is worth its while. */
bool progress_due(struct progress *p);

/* Puts the line in place of the one before; `share` 0…1 is shown as a bar, below 0 none. */
void progress_line(struct progress *p, double share, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Takes the line away. */
void progress_end(struct progress *p);

/* Bytes as "3.2 MB"; returns buf. */
const char *progress_bytes(double bytes, char *buf, unsigned size);
