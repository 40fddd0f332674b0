/* Spikes gathered over a span of time and shown as one row of text. Pure: no terminal, no clock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <spiked/spiked.h>

struct raster {
	uint32_t lines;         /* of the stream */
	uint32_t per_cell;      /* lines that one column stands for, 1 or more */
	uint32_t cells;         /* columns in use */
	uint64_t *plus, *minus; /* spikes of each column in this row */
	uint64_t ticks;         /* in this row so far */
};

/* Divides the lines over at most `columns` (1 or more) columns and starts an empty row. 0, -ENOMEM
 * with the raster unchanged. Start from all zero. */
int raster_fit(struct raster *raster, uint32_t lines, uint32_t columns);
void raster_fini(struct raster *raster);

/* Adds one tick; the frame must have the raster's number of lines. */
void raster_add(struct raster *raster, const struct spiked_frame *frame);

/* The mark for `spikes` out of `possible` (lines times ticks), in the ladder . : + * # or, negative,
 * in , ; - ~ =; a blank for none. */
char raster_mark(uint64_t spikes, uint64_t possible, bool negative);

/* Writes the row as `cells` marks and a NUL into text, whether each is negative into `negative` (may
 * be NULL), and starts the next row. */
void raster_row(struct raster *raster, char *text, bool *negative);
