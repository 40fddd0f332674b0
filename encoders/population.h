/* Population: its constants, which its decoder reads too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/stage.h"

enum { DISTANCE_SQUARED, DISTANCE_ABSOLUTE, DISTANCE_CIRCULAR };

/* What one channel's lines need, or all channels' if none differs. */
struct tuning {
	float scale; /* Norse's form: S */
	float sigma;
	float spread;         /* of the Gaussian: what -t is divided by */
	float period;         /* circular */
	const float *centres; /* NULL: they move with the row (auto) */
};

struct population {
	uint32_t n;
	bool natural, each;
	uint64_t kernel, distance;
	struct tuning *tunings;
};

extern const struct encoder_decoder population_decoder;
