/* See rows.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rows.h"

#define BLANKS "\t\r\n "

void rows_fini(struct rows *rows)
{
	free(rows->values);
	*rows = (struct rows){0};
}

static int push(struct rows *rows, double value)
{
	if (rows->count == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 64;
		double *values = realloc(rows->values, room * sizeof(*values));
		if (!values)
			return -ENOMEM;
		rows->values = values;
		rows->room = room;
	}
	rows->values[rows->count++] = value;
	return 0;
}

static bool no_sample(const char *cell, size_t length)
{
	static const char *const words[] = {"nan", "null", "na", "-"};

	if (length == 0)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == length && strncasecmp(cell, words[i], length) == 0)
			return true;
	return false;
}

/* Cuts the next cell off *at. With commas or semicolons in the line they separate, so that a cell may
 * be empty; without, runs of blanks do. */
static bool next_cell(const char **at, const char *marks, const char **cell, size_t *length)
{
	if (!*at)
		return false;
	const char *start = *at + strspn(*at, BLANKS);
	size_t span = strcspn(start, *marks ? marks : BLANKS);

	if (!*marks && span == 0)
		return false;
	*at = start[span] ? start + span + 1 : NULL;
	while (span > 0 && strchr(BLANKS, start[span - 1]))
		span--;
	*cell = start;
	*length = span;
	return true;
}

static const char *marks_of(const char *line)
{
	if (strchr(line, ','))
		return ",";
	return strchr(line, ';') ? ";" : "";
}

static bool cell_number(const char *cell, size_t length, double *value)
{
	char *end;

	if (no_sample(cell, length)) {
		*value = (double)NAN;
		return true;
	}
	*value = strtod(cell, &end);
	return end == cell + length;
}

static int parse_csv(struct rows *rows, const char *line, char *fault, size_t size)
{
	const char *marks = marks_of(line), *cell;
	size_t length;
	double value;

	while (next_cell(&line, marks, &cell, &length)) {
		if (!cell_number(cell, length, &value)) {
			snprintf(fault, size, "\"%.*s\" is not a number",
				length < 40 ? (int)length : 40, cell);
			return -EINVAL;
		}
		int rc = push(rows, value);
		if (rc < 0)
			return rc;
	}
	rows->n_rows = 1;
	rows->n_channels = rows->count;
	return 0;
}

bool rows_is_head(const char *line)
{
	const char *marks = marks_of(line), *cell;
	size_t length;
	double value;

	while (next_cell(&line, marks, &cell, &length))
		if (length > 0 && cell_number(cell, length, &value) && !isnan(value))
			return false;
	return true;
}

static int push_json_row(struct rows *rows, const json_t *row, char *fault, size_t size)
{
	size_t index;
	json_t *value;

	json_array_foreach(row, index, value)
	{
		if (!json_is_number(value) && !json_is_null(value)) {
			snprintf(fault, size, "value %zu is neither a number nor null", index);
			return -EINVAL;
		}
		int rc = push(rows, json_is_null(value) ? (double)NAN : json_number_value(value));
		if (rc < 0)
			return rc;
	}
	if (rows->n_rows > 0 && json_array_size(row) != rows->n_channels) {
		snprintf(fault, size, "the rows are not of one length");
		return -EINVAL;
	}
	rows->n_channels = json_array_size(row);
	rows->n_rows++;
	return 0;
}

static int push_json(struct rows *rows, const json_t *values, char *fault, size_t size)
{
	size_t index;
	json_t *row;

	if (!json_is_array(json_array_get(values, 0)))
		return push_json_row(rows, values, fault, size);
	json_array_foreach(values, index, row)
	{
		int rc = push_json_row(rows, row, fault, size);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_object(struct rows *rows, const json_t *object, char *fault, size_t size)
{
	const json_t *values = json_object_get(object, "values");
	const json_t *time = json_object_get(object, "time_ns"),
		     *seq = json_object_get(object, "seq");

	if (!json_is_array(values)) {
		snprintf(fault, size, "the object has no list \"values\"");
		return -EINVAL;
	}
	if ((time && !json_is_integer(time)) ||
		(seq && (!json_is_integer(seq) || json_integer_value(seq) < 0))) {
		snprintf(fault, size, "\"time_ns\" and \"seq\" must be whole numbers");
		return -EINVAL;
	}
	rows->has_time = time != NULL;
	rows->time_ns = json_integer_value(time);
	rows->has_seq = seq != NULL;
	rows->seq = (uint64_t)json_integer_value(seq);
	return push_json(rows, values, fault, size);
}

static int parse_json(struct rows *rows, const char *line, char *fault, size_t size)
{
	json_error_t error;
	json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	int rc;

	if (!json) {
		snprintf(fault, size, "not JSON: %s (column %d)", error.text, error.column);
		return -EINVAL;
	}
	if (json_is_object(json))
		rc = read_object(rows, json, fault, size);
	else
		rc = push_json(rows, json, fault, size);
	json_decref(json);
	return rc;
}

int rows_parse(struct rows *rows, const char *line, char *fault, size_t size)
{
	int rc;

	rows->count = rows->n_rows = rows->n_channels = 0;
	rows->has_time = rows->has_seq = false;
	line += strspn(line, BLANKS);
	if (!*line || *line == '#')
		return -ENODATA;
	if (*line == '[' || *line == '{')
		rc = parse_json(rows, line, fault, size);
	else
		rc = parse_csv(rows, line, fault, size);
	if (rc == 0 && rows->count == 0) {
		snprintf(fault, size, "the row is empty");
		rc = -EINVAL;
	}
	return rc;
}

int rows_parse_pairs(const char *line, struct spiked_pair *pairs, size_t room, size_t *count,
	char *fault, size_t size)
{
	const char *at = line + strspn(line, BLANKS ",;");

	*count = 0;
	if (!*at || *at == '#')
		return -ENODATA;
	while (*at) {
		char *end = NULL;
		unsigned long long channel = strtoull(at, &end, 10);

		if (*at < '0' || *at > '9' || *end != ':' || channel > UINT32_MAX)
			break;
		const char *value = end + 1;
		double number = strtod(value, &end);
		if (end == value || (*end && !strchr(BLANKS ",;", *end)) || *count == room)
			break;
		pairs[(*count)++] = (struct spiked_pair){(uint32_t)channel, (float)number};
		at = end + strspn(end, BLANKS ",;");
	}
	if (!*at)
		return 0;
	if (*count == room)
		snprintf(fault, size, "there are more than %zu pairs", room);
	else
		snprintf(fault, size, "\"%.*s\" is not channel:value",
			(int)strcspn(at, BLANKS ",;"), at);
	return -EINVAL;
}

int rows_type(const char *word)
{
	static const char *const words[] = {
		[SPIKED_F32] = "f32",
		[SPIKED_F64] = "f64",
		[SPIKED_I8] = "i8",
		[SPIKED_U8] = "u8",
		[SPIKED_I16] = "i16",
		[SPIKED_U16] = "u16",
		[SPIKED_I32] = "i32",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

static void store(enum spiked_type type, double value, size_t i, void *out)
{
	switch (type) {
	case SPIKED_F32:
		((float *)out)[i] = (float)value;
		break;
	case SPIKED_F64:
		((double *)out)[i] = value;
		break;
	case SPIKED_I8:
		((int8_t *)out)[i] = (int8_t)value;
		break;
	case SPIKED_U8:
		((uint8_t *)out)[i] = (uint8_t)value;
		break;
	case SPIKED_I16:
		((int16_t *)out)[i] = (int16_t)value;
		break;
	case SPIKED_U16:
		((uint16_t *)out)[i] = (uint16_t)value;
		break;
	case SPIKED_I32:
		((int32_t *)out)[i] = (int32_t)value;
		break;
	}
}

int rows_encode(enum spiked_type type, const double *values, size_t count, void *out, char *fault,
	size_t size)
{
	static const struct {
		double min, max;
	} ranges[] = {
		[SPIKED_I8] = {INT8_MIN, INT8_MAX},
		[SPIKED_U8] = {0, UINT8_MAX},
		[SPIKED_I16] = {INT16_MIN, INT16_MAX},
		[SPIKED_U16] = {0, UINT16_MAX},
		[SPIKED_I32] = {INT32_MIN, INT32_MAX},
	};

	for (size_t i = 0; i < count; i++) {
		double value = values[i];

		if (type != SPIKED_F32 && type != SPIKED_F64) {
			value = nearbyint(value);
			if (!(value >= ranges[type].min && value <= ranges[type].max)) {
				snprintf(fault, size, "%g does not fit the stream's integer type",
					values[i]);
				return -EINVAL;
			}
		}
		store(type, value, i, out);
	}
	return 0;
}
