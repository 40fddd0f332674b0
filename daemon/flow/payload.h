/* Spikes as bytes of the wire: words, bitmaps, graded words, JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/flow/frame.h"
#include "spiked/wire.h"

#include <stddef.h>
#include <stdint.h>

/* Spikes of one tick of one stream: 16 MiB of words. A sensor's single mad value, which a counting
 * encoder takes for a billion spikes, must not become a message that no subscriber accepts. */
#define PAYLOAD_SPIKES_MAX (1u << 22)

/* All hot. */

/* Spikes in `lines`, those of a line that has several each for itself. If they are more than
 * PAYLOAD_SPIKES_MAX, the lines that have the most are cut in lines->values (none below one), and
 * *cut is how many spikes that took, else 0. */
uint32_t payload_count(const struct lines *lines, uint64_t *cut);

/* How many of them the i-th line of KIND_COUNTS has; its bit must be set. */
uint32_t payload_repeats(const struct lines *lines, uint32_t i);

/* `spikes` is what payload_count said. */

/* `auto` takes the smaller of words and bitmap, words when equal. Spikes that carry a value or a
 * count do not fit a bitmap. */
enum spiked_format payload_format(enum payload wanted, const struct lines *lines, uint32_t spikes);
size_t payload_size(enum spiked_format format, const struct lines *lines, uint32_t spikes);
void payload_write(
	enum spiked_format format, const struct lines *lines, uint32_t spikes, uint8_t *bytes);

/* What the json/ topic says beside the frame. */
struct json_site {
	const char *stream;
	uint64_t epoch, seq;
	uint32_t dt_ns;
};

/* Writes the frame as a JSON object, without a NUL; NULL `bytes` only measures. Returns its size. */
size_t payload_json(const struct json_site *site, const struct frame *frame, char *bytes);
