/* What the agent says of a received message.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <spiked/spiked.h>

/* A message of one frame, or the beginning of a bundle. NULL: its JSON is none. */
json_t *message_new(const struct spiked_frame *frame);

/* A further part of a bundle. */
void message_add(json_t *message, const struct spiked_frame *frame);
