/* Options of the command line: one table, one parser for all commands.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt {
#define OPTION(id, name, letter, argument, help) OPT_##id,
#include "options.def"
#undef OPTION
	OPT_ENDS
};

#define OPT(id) (UINT64_C(1) << OPT_##id)

struct opt_row {
	const char *name;
	char letter;          /* 0 = none */
	const char *argument; /* NULL: the option takes none */
	const char *help;
};
extern const struct opt_row opt_rows[OPT_ENDS];

struct opts {
	const char *value[OPT_ENDS]; /* NULL = not given; "" for an option without argument */
};

/* Reads argv[1…]. Words that are no options are gathered in `words` (room for argc) and counted;
 * "-" and negative numbers are words, everything after "--" too. false: `fault` says what is wrong. */
bool opt_parse(struct opts *opts, int argc, char **argv, char **words, int *n_words, char *fault,
	size_t size);

/* Whether only options of the mask `allowed` were given; if not, `fault` names the first other. */
bool opt_allowed(const struct opts *opts, uint64_t allowed, char *fault, size_t size);

/* Reads a finite number within [min, max] into *out; leaves it alone if the option is absent. */
bool opt_number(const struct opts *opts, enum opt opt, double min, double max, double *out,
	char *fault, size_t size);
