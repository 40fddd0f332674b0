/* Collecting what is wrong with a configuration, each with its place in the file.
 *
 * Used by the files of this folder only; cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/conf/node.h"

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
