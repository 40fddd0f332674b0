/* Files of tests/golden as texts and arrays for the library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/test.h"

#define GOLDEN_DIR "tests/golden"

struct golden {
	char text[1024];                      /* the stream, for spiked_pipeline_new */
	uint32_t channels, lines, rows, hold; /* hold: ticks that each row is used for */
	bool windowed;                        /* each row is a window */
	size_t ticks;
	float *input;    /* (windowed ? rows : ticks) x channels */
	int8_t *spikes;  /* ticks x lines; NULL when the file has none */
	float *voltages; /* rows x lines, after the row's last tick; NULL when … */
	float *output;   /* rows x lines: values, where the file has no spikes; NULL when … */
};

void golden_read(struct golden *g, const char *path);
void golden_fini(struct golden *g);
