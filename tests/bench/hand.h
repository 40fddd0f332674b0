/* References written by hand: what an expert would write who needs just this loop and no other, with
 * no regard to NaN, to signs of zeros, to tails, or to Norse's order of rounding.
 *
 * All need n to be a multiple of 64, and pointers aligned to 64 bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* LIF with a resting and a reset voltage of 0. */
typedef void hand_lif(float a, float threshold, float *v, const float *x, uint64_t *on, size_t n);

/* The loops for an instruction set by the name that kernels.h has for it. */
struct hand_lifs {
	hand_lif *exact; /* Norse's roundings, as spiked must; NULL = no loop for this set */
	hand_lif *fused; /* other results: less arithmetic than spiked is allowed */
};

struct hand_lifs hand_lifs_for(const char *set);

/* The obvious loop, one lane after the other, with the results of spiked's; and one that does not look
 * whether they are finite. */
hand_lif hand_lif_obvious, hand_lif_unchecked;

/* Poisson: straight Philox4x32-10, each of its words one draw that is compared as a float with
 * rate * x. With AVX-512 where `set` says so, else as plain loops. */
typedef void hand_draw(
	uint64_t key, uint64_t tick, float rate, const float *x, uint64_t *on, size_t n);

hand_draw *hand_draw_for(const char *set);
