/* Collecting what is wrong with a configuration, each with its place in the text. Cold code only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/text/node.h"

#include <stdbool.h>
#include <stdio.h>

/* Everything that was found wrong (or, as a warning, odd), in order of the file. Zeroed before use.
 * At most 100 are kept; the last of them then says how many more there are. */
struct conf_fault {
	bool warning;
	int line, column; /* 1-based; 0 = the whole file */
	char path[128];   /* "streams[2].encode[0].lif.v_th" */
	char text[400];   /* one sentence with what would do */
};
struct conf_faults {
	struct conf_fault *items;
	size_t count, errors; /* errors = items that are not warnings */
	size_t more;          /* found beyond those that were kept */
};
void conf_faults_fini(struct conf_faults *faults);

/* One line a fault: "spiked.yaml:12:7: error: streams[0].encode[0].lif.v_thr: …". `path` is the
 * file's name as the user gave it, NULL = no file. 0 or a negative errno of the stream. */
int conf_faults_print(FILE *out, const char *path, const struct conf_faults *faults);

/* Where in the file, and what it is called. */
struct place {
	int line, column; /* 1-based, 0 = not from a file */
	char path[sizeof(((struct conf_fault *)0)->path)];
};

struct place place_whole(void);                                     /* the file as a whole */
struct place place_mark(int line, int column);                      /* a position without a node */
struct place place_value(const struct node *node);                  /* what the node holds */
struct place place_key(const struct node *node);                    /* the key that names it */
struct place place_under(const struct node *node, const char *key); /* a key that is not there */

enum fault_weight { FAULT_ERROR, FAULT_WARNING };

/* Adds one sentence. Control characters in it are replaced: it may quote the file. When memory
 * runs out only the count of errors grows, so that the result is refused all the same. */
void faults_add(struct conf_faults *faults, enum fault_weight weight, struct place place,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

#define faults_error(faults, place, ...) faults_add(faults, FAULT_ERROR, place, __VA_ARGS__)
#define faults_warn(faults, place, ...)  faults_add(faults, FAULT_WARNING, place, __VA_ARGS__)

/* Puts the faults into the order of the file and keeps the first 100, errors before warnings. */
void faults_finish(struct conf_faults *faults);
