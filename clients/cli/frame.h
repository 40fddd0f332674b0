/* Frames as lines, for people or as JSON. Nothing here ends the line: a command may have more to say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <spiked/spiked.h>

/* What happened before the frame, whole lines for people: messages lost, a restart, skipped ticks. */
void frame_print_events(const struct spiked_frame *frame);

void frame_print_text(const struct spiked_frame *frame);

/* Up to, but without, the brace at the end. */
void frame_print_json(const struct spiked_frame *frame);

/* Numbers of JSON, null for what is none. */
void frame_print_floats(const float *values, uint32_t count, const char *between);
