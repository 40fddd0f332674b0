/* See raster.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "raster.h"

int raster_fit(struct raster *raster, uint32_t lines, uint32_t columns)
{
	uint32_t per_cell = lines / columns + (lines % columns != 0);

	if (per_cell == 0)
		per_cell = 1;
	uint32_t cells = lines / per_cell + (lines % per_cell != 0);
	uint64_t *plus = calloc(2 * (size_t)cells + 1, sizeof(*plus));
	if (!plus)
		return -ENOMEM;
	free(raster->plus);
	*raster = (struct raster){
		.lines = lines,
		.per_cell = per_cell,
		.cells = cells,
		.plus = plus,
		.minus = plus + cells,
	};
	return 0;
}

void raster_fini(struct raster *raster)
{
	free(raster->plus);
	*raster = (struct raster){0};
}

void raster_add(struct raster *raster, const struct spiked_frame *frame)
{
	struct spiked_iter it = {0};
	struct spiked_spike spike;

	while (spiked_next(frame, &it, &spike)) {
		uint32_t cell = spike.line / raster->per_cell;

		if (spike.negative || spike.value < 0)
			raster->minus[cell]++;
		else
			raster->plus[cell]++;
	}
	raster->ticks++;
}

/* Steps at the squares of 1/5, 2/5 … of what is possible: most encoders are quiet, and a single spike
 * must show. */
char raster_mark(uint64_t spikes, uint64_t possible, bool negative)
{
	const char *marks = negative ? ",;-~=" : ".:+*#";
	double share = possible ? (double)spikes / (double)possible : 1;

	if (spikes == 0)
		return ' ';
	for (int i = 0; i < 4; i++)
		if (share < (i + 1) * (i + 1) / 25.0)
			return marks[i];
	return marks[4];
}

void raster_row(struct raster *raster, char *text, bool *negative)
{
	for (uint32_t cell = 0; cell < raster->cells; cell++) {
		uint64_t plus = raster->plus[cell], minus = raster->minus[cell];
		uint64_t first = (uint64_t)cell * raster->per_cell;
		uint64_t lines = raster->lines - first < raster->per_cell ? raster->lines - first
									  : raster->per_cell;

		text[cell] = raster_mark(plus + minus, lines * raster->ticks, minus > plus);
		if (negative)
			negative[cell] = minus > plus;
	}
	text[raster->cells] = '\0';
	memset(raster->plus, 0, 2 * (size_t)raster->cells * sizeof(*raster->plus));
	raster->ticks = 0;
}
