/* Reading quantities. A metric suffix moves the decimal exponent before the text is converted, so
 * that "0.1 ms" is the double that "1e-4" is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 64      /* characters of a number that are still taken for one */
#define SHOWN      "%.40s" /* outside text in a sentence */

struct suffix {
	enum param_unit unit;
	const char *text;
	int exponent;  /* decimal */
	double factor; /* what is left when the exponent has been applied */
};

/* A unit's first row is the plain one. */
static const struct suffix suffixes[] = {
	{UNIT_SECONDS, "s", 0, 1},
	{UNIT_SECONDS, "ms", -3, 1},
	{UNIT_SECONDS, "us", -6, 1},
	{UNIT_SECONDS, "µs", -6, 1},
	{UNIT_SECONDS, "ns", -9, 1},
	{UNIT_SECONDS, "min", 0, 60},
	{UNIT_SECONDS, "h", 0, 3600},
	{UNIT_HERTZ, "Hz", 0, 1},
	{UNIT_HERTZ, "kHz", 3, 1},
	{UNIT_HERTZ, "MHz", 6, 1},
	{UNIT_PER_SECOND, "1/s", 0, 1},
	{UNIT_PER_SECOND, "/s", 0, 1},
	{UNIT_PER_SECOND, "1/ms", 3, 1},
	{UNIT_PER_SECOND, "/ms", 3, 1},
	{UNIT_TICKS, "ticks", 0, 1},
	{UNIT_TICKS, "tick", 0, 1},
	{UNIT_BYTES, "B", 0, 1},
	{UNIT_BYTES, "kB", 3, 1},
	{UNIT_BYTES, "MB", 6, 1},
	{UNIT_BYTES, "KiB", 0, 1024},
	{UNIT_BYTES, "MiB", 0, 1048576},
	{UNIT_RADIANS, "rad", 0, 1},
	{UNIT_RADIANS, "deg", 0, M_PI / 180},
};

#define SUFFIX_COUNT (sizeof(suffixes) / sizeof(suffixes[0]))

const char *param_unit_text(enum param_unit unit)
{
	for (size_t i = 0; i < SUFFIX_COUNT; i++) {
		if (suffixes[i].unit == unit)
			return suffixes[i].text;
	}
	return "";
}

static int bad_suffix(const char *typed, enum param_unit unit, struct fault *f)
{
	const char *names[SUFFIX_COUNT];
	char list[160] = "";
	size_t n = 0;
	for (size_t i = 0; i < SUFFIX_COUNT; i++) {
		if (suffixes[i].unit != unit)
			continue;
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", n ? ", " : "", suffixes[i].text);
		names[n++] = suffixes[i].text;
	}
	if (n == 0)
		return fault_set(
			f, -EINVAL, "this number has no unit, but \"" SHOWN "\" follows it", typed);
	/* With one or two letters everything is near. */
	const char *nearest = strlen(typed) > 2 ? fault_nearest(typed, names, n) : NULL;
	if (nearest)
		return fault_set(f, -EINVAL, "unknown unit \"" SHOWN "\", did you mean \"%s\"?",
			typed, nearest);
	return fault_set(f, -EINVAL, "unknown unit \"" SHOWN "\", use one of: %s", typed, list);
}

static const char *skip_blanks(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

static const char *skip_digits(const char *at)
{
	while (isdigit((unsigned char)*at))
		at++;
	return at;
}

/* Finds the suffix at the end of a text. A bare number has the unit's plain meaning. */
static int find_suffix(
	const char *at, enum param_unit unit, const struct suffix **found, struct fault *f)
{
	static const struct suffix plain = {UNIT_NONE, "", 0, 1};
	char typed[NUMBER_MAX];
	at = skip_blanks(at);
	snprintf(typed, sizeof(typed), "%s", at);
	for (size_t n = strlen(typed); n > 0 && isspace((unsigned char)typed[n - 1]); n--)
		typed[n - 1] = '\0';
	*found = &plain;
	if (!typed[0])
		return 0;
	for (size_t i = 0; i < SUFFIX_COUNT; i++) {
		if (suffixes[i].unit == unit && strcmp(suffixes[i].text, typed) == 0) {
			*found = &suffixes[i];
			return 0;
		}
	}
	return bad_suffix(typed, unit, f);
}

/* End of the decimal number at `at`, or NULL. *exponent_at is where its "e" is, or the end. */
static const char *scan_decimal(const char *at, const char **exponent_at)
{
	if (*at == '+' || *at == '-')
		at++;
	const char *whole = at;
	at = skip_digits(at);
	bool digits = at > whole;
	if (*at == '.') {
		const char *part = at + 1;
		at = skip_digits(part);
		digits |= at > part;
	}
	if (!digits)
		return NULL;
	*exponent_at = at;
	if (*at == 'e' || *at == 'E') {
		const char *power = at + 1;
		if (*power == '+' || *power == '-')
			power++;
		if (isdigit((unsigned char)*power))
			at = skip_digits(power);
	}
	return at;
}

static double power_of_ten(int exponent)
{
	double power = 1;
	for (int i = 0; i < abs(exponent); i++)
		power *= 10;
	return power;
}

/* C99 hexadecimal floats name one double exactly; tests and tools use them. */
static double read_hex(const char *at, const char **end)
{
	char *stop;
	double value = strtod(at, &stop);
	*end = stop;
	return value;
}

static bool is_hex(const char *at)
{
	if (*at == '+' || *at == '-')
		at++;
	return at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
}

static int not_a_number(const char *text, enum param_unit unit, struct fault *f)
{
	const char *unit_text = param_unit_text(unit);
	if (!unit_text[0])
		return fault_set(f, -EINVAL, "\"" SHOWN "\" is not a number", text);
	return fault_set(f, -EINVAL,
		"\"" SHOWN "\" is not a number (a plain one is in %s, and a unit may follow it)",
		text, unit_text);
}

int quantity_number(const char *text, enum param_unit unit, double *out, struct fault *f)
{
	const char *start = skip_blanks(text), *end, *exponent_at = NULL;
	double value = 0;
	bool hex = is_hex(start);
	if (hex)
		value = read_hex(start, &end);
	else
		end = scan_decimal(start, &exponent_at);
	if (!end || end == start)
		return not_a_number(text, unit, f);
	const struct suffix *suffix;
	int err = find_suffix(end, unit, &suffix, f);
	if (err)
		return err;
	if (hex) {
		double power = power_of_ten(suffix->exponent);
		value = suffix->exponent < 0 ? value / power : value * power;
	} else {
		if (end - start >= NUMBER_MAX)
			return fault_set(f, -EINVAL, "\"" SHOWN "...\" has too many digits", start);
		long written = exponent_at < end ? strtol(exponent_at + 1, NULL, 10) : 0;
		/* Beyond this every double is 0 or infinite already. */
		written = written > 100000 ? 100000 : written < -100000 ? -100000 : written;
		char decimal[NUMBER_MAX + 16];
		snprintf(decimal, sizeof(decimal), "%.*se%ld", (int)(exponent_at - start), start,
			written + suffix->exponent);
		value = strtod(decimal, NULL);
	}
	value *= suffix->factor;
	if (!isfinite(value))
		return fault_set(f, -EINVAL, "\"" SHOWN "\" is too large for a number", text);
	*out = value;
	return 0;
}

int quantity_count(const char *text, enum param_unit unit, uint64_t *out, struct fault *f)
{
	const char *start = skip_blanks(text);
	const char *end = skip_digits(start + (*start == '+'));
	if (end == start + (*start == '+') || *end == '.')
		return fault_set(
			f, -EINVAL, "\"" SHOWN "\" is not a whole number of 0 or more", text);
	const struct suffix *suffix;
	int err = find_suffix(end, unit, &suffix, f);
	if (err)
		return err;
	errno = 0;
	uint64_t value = strtoull(start, NULL, 10);
	uint64_t factor = (uint64_t)(power_of_ten(suffix->exponent) * suffix->factor);
	if (errno == ERANGE || __builtin_mul_overflow(value, factor, &value))
		return fault_set(
			f, -EINVAL, "\"" SHOWN "\" is too large, the most is 2^64-1", text);
	*out = value;
	return 0;
}
