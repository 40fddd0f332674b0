/* Spikes as bytes of the wire: words, bitmaps, JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/flow/frame.h"
#include "spiked/wire.h"

#include <stddef.h>
#include <stdint.h>

/* All hot. `spikes` is the number of set bits in the planes of `lines`. */

/* `auto` takes the smaller of the two, words when equal. */
enum spiked_format payload_format(enum payload wanted, const struct lines *lines, uint32_t spikes);
size_t payload_size(enum spiked_format format, const struct lines *lines, uint32_t spikes);
void payload_write(enum spiked_format format, const struct lines *lines, uint8_t *bytes);

/* What the json/ topic says beside the frame. */
struct json_site {
	const char *stream;
	uint64_t epoch, seq;
	uint32_t dt_ns;
};

/* Writes the frame as a JSON object, without a NUL; NULL `bytes` only measures. Returns its size. */
size_t payload_json(const struct json_site *site, const struct frame *frame, char *bytes);
