/* Long and short options anywhere between the words. Of its own because getopt takes a negative
 * parameter value for an option.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spiked/wire.h>

#include "opt.h"
#include "suggest.h"

const struct opt_row opt_rows[OPT_ENDS] = {
#define OPTION(id, name, letter, argument, help) [OPT_##id] = {name, letter, argument, help},
#include "options.def"
#undef OPTION
};

static bool is_word(const char *arg)
{
	if (arg[0] != '-' || arg[1] == '\0')
		return true;
	return (arg[1] >= '0' && arg[1] <= '9') || arg[1] == '.';
}

static int find_long(const char *name, size_t length)
{
	for (int i = 0; i < OPT_ENDS; i++)
		if (strlen(opt_rows[i].name) == length &&
			memcmp(opt_rows[i].name, name, length) == 0)
			return i;
	return -1;
}

static int find_letter(char letter)
{
	for (int i = 0; i < OPT_ENDS; i++)
		if (opt_rows[i].letter && opt_rows[i].letter == letter)
			return i;
	return -1;
}

static void unknown(const char *arg, char *fault, size_t size)
{
	const char *names[OPT_ENDS + 1] = {0};

	for (int i = 0; i < OPT_ENDS; i++)
		names[i] = opt_rows[i].name;
	const char *near = strncmp(arg, "--", 2) == 0 ? suggest(arg + 2, names) : NULL;
	snprintf(fault, size, "there is no option %s%s%s%s", arg, near ? "; did you mean --" : "",
		near ? near : "", near ? "?" : "");
}

bool opt_parse(struct opts *opts, int argc, char **argv, char **words, int *n_words, char *fault,
	size_t size)
{
	*opts = (struct opts){0};
	*n_words = 0;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i], *value = NULL;
		int opt;

		if (strcmp(arg, "--") == 0) {
			while (++i < argc)
				words[(*n_words)++] = argv[i];
			return true;
		}
		if (is_word(arg)) {
			words[(*n_words)++] = argv[i];
			continue;
		}
		if (arg[1] == '-') {
			size_t length = strcspn(arg + 2, "=");
			opt = find_long(arg + 2, length);
			if (arg[2 + length] == '=')
				value = arg + 2 + length + 1;
		} else {
			opt = find_letter(arg[1]);
			if (arg[2])
				value = arg + 2;
		}
		if (opt < 0) {
			unknown(arg, fault, size);
			return false;
		}
		if (!opt_rows[opt].argument && value) {
			snprintf(fault, size, "--%s takes no value", opt_rows[opt].name);
			return false;
		}
		if (opt_rows[opt].argument && !value && i + 1 < argc)
			value = argv[++i];
		if (opt_rows[opt].argument && !value) {
			snprintf(fault, size, "--%s needs a value: %s", opt_rows[opt].name,
				opt_rows[opt].argument);
			return false;
		}
		opts->value[opt] = value ? value : "";
	}
	return true;
}

bool opt_allowed(const struct opts *opts, uint64_t allowed, char *fault, size_t size)
{
	for (int i = 0; i < OPT_ENDS; i++) {
		if (!opts->value[i] || allowed >> i & 1)
			continue;
		snprintf(fault, size, "it does not take --%s", opt_rows[i].name);
		return false;
	}
	return true;
}

bool opt_number(const struct opts *opts, enum opt opt, double min, double max, double *out,
	char *fault, size_t size)
{
	const char *text = opts->value[opt];
	char *end;

	if (!text)
		return true;
	double number = strtod(text, &end);
	if (end == text || *end || !isfinite(number) || number < min || number > max) {
		snprintf(fault, size, "--%s is \"%s\"; it must be a number from %g to %g",
			opt_rows[opt].name, text, min, max);
		return false;
	}
	*out = number;
	return true;
}
