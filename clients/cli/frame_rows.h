/* Frames of rows/ as text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <spiked/spiked.h>

void frame_rows_text(const struct spiked_frame *frame);

/* The members that rows have and other frames do not. */
void frame_rows_json(const struct spiked_frame *frame);
