/* Rows as JSON text. A scanner of our own because the hot loop may not allocate: it reads the few
 * forms that the protocol has and nothing else, strictly, in one pass, into the caller's scratch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/rows.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 63 /* characters; longer numbers are refused */

struct scan {
	const char *at, *end;
	float *values;
	size_t count, capacity;
};

static void skip_space(struct scan *s)
{
	while (s->at < s->end &&
		(*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

/* Skips space, then takes `c` if it comes next. */
static bool take(struct scan *s, char c)
{
	skip_space(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool take_word(struct scan *s, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(s->end - s->at) < size || memcmp(s->at, word, size))
		return false;
	s->at += size;
	return true;
}

static bool digits(const char **p)
{
	const char *start = *p;

	while (isdigit((unsigned char)**p))
		(*p)++;
	return *p > start;
}

/* Copies a token of JSON's number grammar, NUL-terminated, into text. */
static bool take_number(struct scan *s, char text[NUMBER_MAX + 1], bool *whole)
{
	size_t size = 0;
	const char *p = text;

	skip_space(s);
	while (s->at + size < s->end && size < NUMBER_MAX &&
		(isdigit((unsigned char)s->at[size]) || strchr("+-.eE", s->at[size])) &&
		s->at[size])
		size++;
	memcpy(text, s->at, size);
	text[size] = '\0';
	if (*p == '-')
		p++;
	if (*p == '0')
		p++;
	else if (!digits(&p))
		return false;
	*whole = !*p;
	if (*p == '.') {
		p++;
		if (!digits(&p))
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!digits(&p))
			return false;
	}
	if (*p || p == text)
		return false;
	s->at += size;
	return true;
}

static bool put(struct scan *s, float value)
{
	if (s->count == s->capacity)
		return false;
	s->values[s->count++] = value;
	return true;
}

/* The items of one row, after its '['. */
static bool scan_row(struct scan *s, uint32_t channels)
{
	char text[NUMBER_MAX + 1];
	bool whole;

	for (uint32_t c = 0; c < channels; c++) {
		if (c && !take(s, ','))
			return false;
		skip_space(s);
		if (take_word(s, "null")) {
			if (!put(s, NAN))
				return false;
		} else if (!take_number(s, text, &whole) || !put(s, strtof(text, NULL))) {
			return false;
		}
	}
	return take(s, ']');
}

/* One row or a list of rows. */
static enum reject scan_values(struct scan *s, uint32_t channels, uint64_t *count)
{
	if (!take(s, '['))
		return REJECT_JSON;
	skip_space(s);
	if (s->at < s->end && *s->at == ']')
		return REJECT_EMPTY;
	if (s->at < s->end && *s->at != '[') {
		*count = 1;
		return scan_row(s, channels) ? REJECT_NONE : REJECT_JSON;
	}
	do {
		if (!take(s, '[') || !scan_row(s, channels))
			return REJECT_JSON;
		++*count;
	} while (take(s, ','));
	return take(s, ']') ? REJECT_NONE : REJECT_JSON;
}

static bool scan_integer(struct scan *s, char text[NUMBER_MAX + 1])
{
	bool whole;

	return take_number(s, text, &whole) && whole;
}

static bool scan_time(struct scan *s, int64_t *out)
{
	char text[NUMBER_MAX + 1];

	if (!scan_integer(s, text))
		return false;
	errno = 0;
	*out = strtoll(text, NULL, 10);
	return !errno;
}

static bool scan_seq(struct scan *s, uint64_t *out)
{
	char text[NUMBER_MAX + 1];

	if (!scan_integer(s, text) || *text == '-')
		return false;
	errno = 0;
	*out = strtoull(text, NULL, 10);
	return !errno;
}

/* The members of the object form, after its '{'. */
static enum reject scan_object(struct scan *s, struct rows *rows)
{
	bool seen_values = false, seen_time = false, seen_seq = false;

	do {
		skip_space(s);
		if (!seen_values && take_word(s, "\"values\"")) {
			enum reject reject;

			seen_values = true;
			if (!take(s, ':'))
				return REJECT_JSON;
			reject = scan_values(s, rows->channels, &rows->count);
			if (reject)
				return reject;
		} else if (!seen_time && take_word(s, "\"time_ns\"")) {
			seen_time = true;
			if (!take(s, ':') || !scan_time(s, &rows->source_ns))
				return REJECT_JSON;
		} else if (!seen_seq && take_word(s, "\"seq\"")) {
			seen_seq = true;
			if (!take(s, ':') || !scan_seq(s, &rows->seq))
				return REJECT_JSON;
			rows->has_seq = true;
		} else {
			return REJECT_JSON;
		}
	} while (take(s, ','));
	return take(s, '}') && seen_values ? REJECT_NONE : REJECT_JSON;
}

enum reject rows_decode_json(
	struct rows *rows, const char *text, size_t size, float *scratch, size_t capacity)
{
	struct scan s = {.at = text, .end = text + size, .values = scratch, .capacity = capacity};
	enum reject reject;

	if (take(&s, '{'))
		reject = scan_object(&s, rows);
	else
		reject = scan_values(&s, rows->channels, &rows->count);
	if (reject)
		return reject;
	skip_space(&s);
	if (s.at != s.end)
		return REJECT_JSON;
	rows->type = ROW_F32;
	rows->data = (const uint8_t *)scratch;
	rows->size = s.count * sizeof(float);
	return REJECT_NONE;
}
