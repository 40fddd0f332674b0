/* Design of band-pass filters as second-order sections.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* (b0 + b1 w + b2 w^2) / (1 + a1 w + a2 w^2), w being a delay of one tick. */
struct biquad {
	double b0, b1, b2, a1, a2;
};

#define GAMMATONE_ORDER 4

/* Frequencies are in cycles a tick, between 0 and 1/2. A band-pass of twice `order` poles, -3 dB at
 * lo and hi and 1 in the middle between them: `order` sections. */
void biquad_butterworth(double lo, double hi, uint32_t order, struct biquad *out);

/* A gammatone of order 4, 1 at its centre and -3 dB half a width beside it: 4 sections. */
void biquad_gammatone(double centre, double width, struct biquad *out);

/* True if its response to anything fades. */
bool biquad_stable(const struct biquad *b);
