/* The inner loops of the encoders, one pointer an operation, chosen once for the machine.
 *
 * Every variant gives the bits of the C one, at every length. A file holds one operation family
 * for one instruction set (lif_c.c, later lif_avx2.c), built with that set's flags; kernels.c makes
 * one table a variant and lists them, best first.
 *
 * Common to all: `count` lines; x is read up to count and need not be aligned; state arrays and
 * bit planes are 64-byte aligned and padded to whole words of 64 lines; bits past count come out 0.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Constants of a LIF, one set for all lines. */
struct lif_rule {
	float a; /* share of the way to the resting voltage in one tick: fl(fl(dt)/tau) */
	float leak, threshold, reset;
};

/* The same, one set a line (arrays padded like state). */
struct lif_rules {
	const float *a, *leak, *threshold, *reset;
};

/* A tick's draws: line i fires if its 24-bit number is below ceil(fl(rate * x[i]) * 2^24), see
 * philox.h and draw_threshold. */
struct draw {
	uint64_t key, tick;
	float rate;         /* probability a unit of x, for all lines */
	const float *rates; /* one a line instead, or NULL */
};

struct kernels {
	const char *name;
	bool (*works)(void); /* on this machine; NULL = everywhere */

	/* One LIF step in Norse's operation order (lif.c has the formula): v is updated, `on` are
	 * the spikes. A voltage that would not be finite becomes the reset voltage. */
	void (*lif)(const struct lif_rule *rule, float *v, const float *x, uint64_t *on,
		uint32_t count);
	void (*lif_each)(const struct lif_rules *rules, float *v, const float *x, uint64_t *on,
		uint32_t count);

	/* Philox Bernoulli draws with probability rate * x. */
	void (*poisson)(const struct draw *draw, const float *x, uint64_t *on, uint32_t count);

	/* The same with probability rate * |x|; the spike goes to the plane of x's sign. */
	void (*signed_poisson)(const struct draw *draw, const float *x, uint64_t *on,
		uint64_t *minus, uint32_t count);
};

/* The best variant that works here. Any thread; the answer never changes. */
const struct kernels *kernels_get(void);

/* All variants that were built, best first, whether they work here or not. */
const struct kernels *const *kernels_all(size_t *count);
