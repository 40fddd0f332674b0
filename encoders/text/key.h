/* A key of the configuration as a row. What reads, checks or shows keys reads these.
 *
 * The rows of one map stand in the order of an enum, so that a walk can name what it found, and end
 * with a row without a name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/param.h"

enum key_kind {
	KEY_SCALAR, /* read by param_parse: row.type, unit, bounds, choices */
	KEY_TEXT,   /* one word or sentence */
	KEY_LIST,   /* a list; where one item would do, the item alone is taken too */
	KEY_MAP,
};

struct key {
	struct param row; /* name, default, help; PARAM_LIVE = may change at run time */
	enum key_kind kind;
	const char *word;  /* taken in place of a scalar, e.g. "never"; else NULL */
	const char *shape; /* how a value looks, for what is not a scalar: "list of endpoints" */
	const struct key *under; /* rows of the map, or of the maps in the list; else NULL */
	const char *stage;       /* the map holds the parameters of this stage class; else NULL */
};
