/* What one tick of one stream produced; read-only for everything downstream.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/pipeline.h"

#include <stdint.h>

struct frame {
	uint64_t tick;
	uint16_t flags;    /* enum spiked_flag */
	int64_t time_ns;   /* of the tick, UNIX */
	int64_t source_ns; /* of the newest row used, 0 = none */
	uint32_t spikes;   /* payload_count of out.last */
	struct pipeline_out out;
};
