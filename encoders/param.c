/* Typed parameters: reading, checking against the row, and writing back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/param.h"
#include "encoders/quantity.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN "%.40s" /* outside text in a sentence */

static const char *const false_words[] = {"false", "no", "off"};
static const char *const true_words[] = {"true", "yes", "on"};
#define BOOL_WORDS 3

const char *param_type_text(enum param_type type)
{
	switch (type) {
	case PARAM_NUMBER:
		return "number";
	case PARAM_COUNT:
		return "count";
	case PARAM_BOOL:
		return "bool";
	case PARAM_CHOICE:
		return "choice";
	}
	return "";
}

const struct param *param_find(const struct param *rows, const char *name)
{
	for (; rows && rows->name; rows++) {
		if (strcmp(rows->name, name) == 0)
			return rows;
	}
	return NULL;
}

/* A fault about item `item` of a row. What quantity.c or a caller found is put behind the name. */
static int name_fault(const struct param *row, int item, struct fault *f)
{
	if (!f)
		return -EINVAL;
	char found[sizeof(f->text)];
	memcpy(found, f->text, sizeof(found));
	fault_set(f, -EINVAL, "%s: %.200s%s", row->name, found,
		row->flags & PARAM_AUTO ? " (\"auto\" would do as well)" : "");
	snprintf(f->key, sizeof(f->key), "%s", row->name);
	f->item = item;
	return -EINVAL;
}

static const char *bound_text(const struct param *row, double bound, char *buf, size_t size)
{
	if (row->type == PARAM_COUNT && bound < 1e15)
		snprintf(buf, size, "%.0f", bound);
	else
		snprintf(buf, size, "%.6g", bound);
	return buf;
}

/* "from 0 to 1 Hz", "greater than 0 and at most 1 s", "at least 1 ticks". */
static const char *range_text(const struct param *row, char *buf, size_t size)
{
	char min[32], max[32];
	const char *unit = param_unit_text(row->unit), *gap = unit[0] ? " " : "";
	bool has_min = isfinite(row->min), has_max = isfinite(row->max);
	bound_text(row, row->min, min, sizeof(min));
	bound_text(row, row->max, max, sizeof(max));
	const char *above = row->flags & PARAM_MIN_OPEN ? "greater than" : "at least";
	const char *below = row->flags & PARAM_MAX_OPEN ? "less than" : "at most";
	if (has_min && has_max && !(row->flags & (PARAM_MIN_OPEN | PARAM_MAX_OPEN)))
		snprintf(buf, size, "from %s to %s%s%s", min, max, gap, unit);
	else if (has_min && has_max)
		snprintf(buf, size, "%s %s and %s %s%s%s", above, min, below, max, gap, unit);
	else if (has_min)
		snprintf(buf, size, "%s %s%s%s", above, min, gap, unit);
	else
		snprintf(buf, size, "%s %s%s%s", below, max, gap, unit);
	return buf;
}

/* What must be greater than 0 must be so as the float32 that encoders make of it. */
static bool is_too_small(const struct param *row, double value)
{
	return row->min == 0 && row->flags & PARAM_MIN_OPEN && value > 0 && (float)value == 0;
}

static bool in_range(const struct param *row, double value)
{
	if (row->min == 0 && row->max == 0)
		return true;
	if (value < row->min || (value == row->min && row->flags & PARAM_MIN_OPEN))
		return false;
	if (is_too_small(row, value))
		return false;
	return !(value > row->max || (value == row->max && row->flags & PARAM_MAX_OPEN));
}

static int range_fault(const struct param *row, const char *text, double value, struct fault *f)
{
	char range[128];
	return fault_set(f, -EINVAL, "must be %s, not " SHOWN "%s",
		range_text(row, range, sizeof(range)), text,
		is_too_small(row, value) ? ", which is 0 as a float32" : "");
}

static bool same_word(const char *text, const char *word)
{
	while (isspace((unsigned char)*text))
		text++;
	size_t n = strlen(word);
	if (strncmp(text, word, n) != 0)
		return false;
	for (text += n; *text; text++) {
		if (!isspace((unsigned char)*text))
			return false;
	}
	return true;
}

static int parse_bool(const char *text, uint64_t *out, struct fault *f)
{
	for (int i = 0; i < BOOL_WORDS; i++) {
		if (same_word(text, true_words[i]) || same_word(text, false_words[i])) {
			*out = same_word(text, true_words[i]);
			return 0;
		}
	}
	return fault_set(f, -EINVAL, "must be true or false, not \"" SHOWN "\"", text);
}

static int parse_choice(const struct param *row, const char *text, uint64_t *out, struct fault *f)
{
	char list[160] = "";
	size_t n = 0;
	for (; row->choices[n]; n++) {
		if (same_word(text, row->choices[n])) {
			*out = n;
			return 0;
		}
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", n ? ", " : "", row->choices[n]);
	}
	const char *nearest = fault_nearest(text, row->choices, n);
	if (nearest)
		return fault_set(f, -EINVAL, "\"" SHOWN "\" is not one of %s; did you mean \"%s\"?",
			text, list, nearest);
	return fault_set(f, -EINVAL, "\"" SHOWN "\" is not one of %s", text, list);
}

/* Reads one text that is not "auto" into number or integer. */
static int parse_item(const struct param *row, const char *text, double *number, uint64_t *integer,
	struct fault *f)
{
	int err = 0;
	switch (row->type) {
	case PARAM_NUMBER:
		err = quantity_number(text, row->unit, number, f);
		if (!err && !in_range(row, *number))
			err = range_fault(row, text, *number, f);
		break;
	case PARAM_COUNT: {
		double signed_value;
		if (quantity_count(text, row->unit, integer, f) == 0) {
			if (!in_range(row, (double)*integer))
				err = range_fault(row, text, (double)*integer, f);
		} else if ((row->min != 0 || row->max != 0) &&
			   quantity_number(text, row->unit, &signed_value, NULL) == 0 &&
			   !in_range(row, signed_value)) {
			err = range_fault(row, text, signed_value,
				f); /* says more than "not a whole number" */
		} else {
			err = -EINVAL;
		}
		*number = (double)*integer;
		break;
	}
	case PARAM_BOOL:
		err = parse_bool(text, integer, f);
		break;
	case PARAM_CHOICE:
		err = parse_choice(row, text, integer, f);
		break;
	}
	return err;
}

static int parse_list(const struct param *row, const char *const *texts, size_t n,
	struct param_value *v, struct fault *f)
{
	if (!(row->flags & (PARAM_PER_CHANNEL | PARAM_LIST)) || row->type != PARAM_NUMBER) {
		fault_set(f, -EINVAL, "takes one value, not a list");
		return name_fault(row, -1, f);
	}
	if (n == 0 || n > UINT32_MAX) {
		fault_set(f, -EINVAL, n ? "the list is too long" : "the list is empty");
		return name_fault(row, -1, f);
	}
	double *numbers = malloc(n * sizeof(*numbers));
	if (!numbers)
		return fault_set(f, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		uint64_t unused = 0;
		if (parse_item(row, texts[i], &numbers[i], &unused, f)) {
			free(numbers);
			return name_fault(row, (int)i, f);
		}
	}
	param_fini(v);
	*v = (struct param_value){
		.present = true,
		.given = true,
		.count = (uint32_t)n,
		.number = numbers[0],
		.numbers = numbers,
	};
	return 0;
}

int param_parse(const struct param *row, const char *const *texts, size_t n, bool list,
	struct param_value *v, struct fault *f)
{
	if (list || n != 1)
		return parse_list(row, texts, n, v, f);
	struct param_value read = {.present = true, .given = true, .count = 1};
	if (row->flags & PARAM_AUTO && same_word(texts[0], "auto"))
		read.automatic = true;
	else if (parse_item(row, texts[0], &read.number, &read.integer, f))
		return name_fault(row, -1, f);
	param_fini(v);
	*v = read;
	return 0;
}

void param_preset(const struct param *row, struct param_value *v)
{
	*v = (struct param_value){0};
	if (!row->preset)
		return;
	int err = param_parse(row, &row->preset, 1, false, v, NULL);
	assert(err == 0);
	if (err)
		abort();
	v->given = false;
}

int param_copy(const struct param_value *from, struct param_value *to)
{
	double *numbers = NULL;
	if (from->numbers) {
		numbers = malloc(from->count * sizeof(*numbers));
		if (!numbers)
			return -ENOMEM;
		memcpy(numbers, from->numbers, from->count * sizeof(*numbers));
	}
	*to = *from;
	to->numbers = numbers;
	return 0;
}

void param_fini(struct param_value *v)
{
	free(v->numbers);
	*v = (struct param_value){0};
}

/* The shortest decimal that reads back as the same double, but never 1e+02 for 100. */
static void number_text(double number, char text[static 32])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, 32, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			return;
	}
}

const char *param_text(
	const struct param *row, const struct param_value *v, uint32_t i, char *buf, size_t size)
{
	char number[32];
	if (!v->present) {
		snprintf(buf, size, "%s", "");
	} else if (v->automatic) {
		snprintf(buf, size, "auto");
	} else {
		switch (row->type) {
		case PARAM_NUMBER:
			number_text(param_number(v, i), number);
			snprintf(buf, size, "%s", number);
			break;
		case PARAM_COUNT:
			snprintf(buf, size, "%" PRIu64, v->integer);
			break;
		case PARAM_BOOL:
			snprintf(buf, size, "%s", v->integer ? true_words[0] : false_words[0]);
			break;
		case PARAM_CHOICE:
			snprintf(buf, size, "%s", row->choices[v->integer]);
			break;
		}
	}
	return buf;
}

int param_quantity(const char *text, enum param_unit unit, double *out, struct fault *f)
{
	return quantity_number(text, unit, out, f);
}
