/* Typed parameter rows: one table says name, type, unit, default, range and help, and everything
 * that reads, checks, shows or changes a parameter reads that row. The daemon's config keys are
 * rows of the same kind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum param_type {
	PARAM_NUMBER, /* double; stages round to float32 where Norse does */
	PARAM_COUNT,  /* unsigned integer up to 2^64-1 */
	PARAM_BOOL,   /* true/false, yes/no, on/off */
	PARAM_CHOICE, /* one of `choices` */
};

/* What a plain number means and which suffixes a text may carry. */
enum param_unit {
	UNIT_NONE,
	UNIT_SECONDS,    /* ns us ms s min h */
	UNIT_HERTZ,      /* Hz kHz MHz */
	UNIT_PER_SECOND, /* 1/s, /s, 1/ms */
	UNIT_TICKS,      /* ticks */
	UNIT_BYTES,      /* B kB MB KiB MiB */
	UNIT_RADIANS,    /* rad, deg */
};

enum param_flag {
	PARAM_PER_CHANNEL = 1, /* a list gives one value a channel */
	PARAM_LIVE = 2,        /* may change between two ticks without a reset */
	PARAM_NO_EFFECT = 4,   /* accepted for Norse's sake, does not change the output */
	PARAM_AUTO = 8,        /* the word "auto" is accepted */
	PARAM_OPTIONAL = 16,   /* may be left out although `preset` is NULL */
	PARAM_MIN_OPEN = 32,   /* the minimum is refused; if 0, what is 0 as a float32 too */
	PARAM_MAX_OPEN = 64,   /* the maximum itself is refused */
	PARAM_LIST = 128,    /* a list as long as one likes, that has nothing to do with channels */
	PARAM_RESTART = 256, /* of the daemon's own keys: a reload cannot change it */
};

struct param {
	const char *name;
	enum param_type type;
	enum param_unit unit;
	unsigned flags;
	const char *preset; /* default, as one would write it in the config; NULL = none */
	/* Inclusive unless MIN_OPEN or MAX_OPEN; infinite = no bound; both 0 = any finite number. */
	double min, max;
	const char *const *choices; /* NULL-terminated */
	const char *help;           /* one sentence */
};

struct param_value {
	bool present;    /* false: no preset and not given */
	bool given;      /* true: by the user, false: from the preset */
	bool automatic;  /* the word "auto" */
	uint32_t count;  /* 1, or the number of list items */
	double number;   /* NUMBER: first item */
	double *numbers; /* NUMBER written as a list, even of one: owned, `count` long; else NULL */
	uint64_t integer; /* COUNT; BOOL: 0/1; CHOICE: index in choices */
};

/* Reads `n` texts into `v` (a list if n > 1, or if `list`, which says that the user wrote a list).
 * On failure v is unchanged, `f` says what and what would do (f->key and f->item set), and the
 * result is -EINVAL or -ENOMEM. Cold code only. */
int param_parse(const struct param *row, const char *const *texts, size_t n, bool list,
	struct param_value *v, struct fault *f);

/* Sets the preset, or "not present". Aborts only on a bad table (our own bug). */
void param_preset(const struct param *row, struct param_value *v);
int param_copy(const struct param_value *from, struct param_value *to); /* 0 or -ENOMEM */
void param_fini(struct param_value *v);

/* Value of channel c: item c of a list, or the one value. */
static inline double param_number(const struct param_value *v, uint32_t c)
{
	return v->numbers ? v->numbers[c] : v->number;
}

/* Writes item i as a config text ("0.001", "true", "gaussian", "auto"); returns buf. */
const char *param_text(
	const struct param *row, const struct param_value *v, uint32_t i, char *buf, size_t size);

const char *param_unit_text(enum param_unit unit); /* "s", "Hz", … "" for none */
const char *param_type_text(enum param_type type); /* "number", "count", "bool", "choice" */

/* Reads one quantity with its unit, e.g. "1 ms" -> 0.001. 0 or -EINVAL with `f` filled. */
int param_quantity(const char *text, enum param_unit unit, double *out, struct fault *f);

const struct param *param_find(const struct param *rows, const char *name); /* NULL = none */
