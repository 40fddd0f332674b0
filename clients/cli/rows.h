/* Rows of numbers from lines of text, and from numbers to a stream's type. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spiked/spiked.h>

/* The rows of one line; reused from line to line. All zero is empty. */
struct rows {
	double *values; /* row-major; NaN = no sample */
	size_t count, room;
	size_t n_rows, n_channels; /* count = n_rows * n_channels */
	bool has_time, has_seq;
	int64_t time_ns;
	uint64_t seq;
};

/* Reads one line: CSV, or JSON if it starts with [ or {. 0; -ENODATA for a line to pass over (empty,
 * or a # comment); -EINVAL with a sentence in `fault`; -ENOMEM. */
int rows_parse(struct rows *rows, const char *line, char *fault, size_t size);
void rows_fini(struct rows *rows);

/* Whether a line looks like the names of columns rather than a broken row: no cell is a number. */
bool rows_is_head(const char *line);

/* Reads "channel:value …" into pairs[0…room). 0 with *count set, -ENODATA, or -EINVAL with `fault`
 * filled. */
int rows_parse_pairs(const char *line, struct spiked_pair *pairs, size_t room, size_t *count,
	char *fault, size_t size);

/* Writes `count` values in `type`; integers are rounded to the nearest. -EINVAL with `fault` filled
 * if an integer type cannot hold one. */
int rows_encode(enum spiked_type type, const double *values, size_t count, void *out, char *fault,
	size_t size);

/* The words of the types as a stream's `input` has them; -1 = none of them. */
int rows_type(const char *word);
