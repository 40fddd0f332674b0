/* The way back through a stream's pipeline, as meta/ describes it. Internal names start with spk_, as
 * those of the client do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spiked/encoders.h"

struct spk_way {
	char *text; /* of the pipeline; equal texts are equal ways */
	uint64_t epoch;
	uint32_t channels, lines, window;
	bool empty;                    /* ticks without spikes are published too */
	bool frail;                    /* one tick more or less leads it astray for ever */
	bool pauses;                   /* on_stale: silence lets the encoder stand still */
	struct spiked_decoder *spikes; /* to the units of values/ */
	struct spiked_decoder *range;  /* from there to the sensor's; NULL = the same */
	uint32_t width;                /* values a tick */
	char stage[64];                /* "", or the one that the values came into */
};

/* Fills *way (all of it, also on failure: to be freed with spk_way_fini). 0; -EBADMSG: meta lacks
 * something; -ENOTSUP: cannot be decoded; both with a sentence in `why`; -ENOMEM. */
int spk_way_read(struct spk_way *way, const char *meta, size_t size, double smooth, char *why,
	size_t why_size);
void spk_way_fini(struct spk_way *way);
