/* Reading a tree by rows of key.h: what all parts of the walk share.
 *
 * Every reader reports what it cannot take and gives the default in its place, so that one walk
 * finds all faults. Cold code only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/text/faults.h"
#include "encoders/text/key.h"
#include "encoders/text/node.h"

struct walk {
	struct conf_faults *faults;
};

/* Finds the keys of a map: at[i] = the node of keys[i], or NULL. Unknown keys are errors with the
 * nearest known one. False if `node` is not a map: then all of `at` is NULL. */
bool walk_map(
	struct walk *w, const struct node *node, const struct key *keys, const struct node **at);

/* Reads one scalar; at = NULL or bad = the default. The value never owns a list. True = `v` holds
 * what the user wrote. The row's `word` is the caller's matter. */
bool walk_param(
	struct walk *w, const struct node *at, const struct key *key, struct param_value *v);

uint64_t walk_count(struct walk *w, const struct node *at, const struct key *key);
bool walk_bool(struct walk *w, const struct node *at, const struct key *key);
int walk_choice(struct walk *w, const struct node *at, const struct key *key);

/* A duration whose plain ns the wire carries as u32: 1 us to 4 s, whole ns. 0 = reported, or not
 * there. */
uint32_t walk_dt(struct walk *w, const struct node *at);
/* The same for a number of seconds that a stage was given. NULL, or why not (a static text). */
const char *walk_dt_from(double seconds, uint32_t *dt_ns, char *buf, size_t size);

/* The text of a node of 1 to `longest` bytes, or NULL = reported or not there. Borrowed. */
const char *walk_text(struct walk *w, const struct node *at, size_t longest);
/* The same for a name as in walk_name_ok. */
const char *walk_name(struct walk *w, const struct node *at);
bool walk_name_ok(const char *name, size_t length); /* [A-Za-z0-9_.-]{1,64} */

/* The items of a list; a node that is no list counts as a list of itself. */
const struct node *walk_items(const struct node *at, uint32_t *count);

/* A copy to keep; out of memory is reported. NULL gives NULL. */
char *walk_keep(struct walk *w, const char *text);
void walk_no_memory(struct walk *w);

/* What a fault says without the "key: " that the path says already. */
const char *walk_fault_text(const struct fault *f);
