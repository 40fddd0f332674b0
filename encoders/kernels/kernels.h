/* The inner loops of the encoders and of the rows' way to them, one pointer an operation, chosen
 * once for the machine.
 *
 * Every variant gives the bits of the C one, at every length. A file holds one operation family
 * for one instruction set (lif_c.c, lif_avx2.c, …), built with that set's flags; kernels.c makes
 * one table a variant and lists them, best first. Where a compiler makes good vectors of the plain
 * loops by itself, the loops are in a header (values.h, convert.h) and a file compiles them for its
 * set.
 *
 * Common to all: `count` lines; values are read up to count and need not be aligned to more than a
 * float (a byte where the type is void or uint8_t); state arrays and bit planes are 64-byte aligned
 * and padded to whole words of 64 lines; bits past count come out 0. Arrays never overlap unless
 * the pointer's comment says so. Any thread; nothing allocates or fails.
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

/* Probability a unit of the value. */
struct chance {
	float rate;         /* for all lines */
	const float *rates; /* one a line instead, or NULL */
};

/* What a row means for the draws, made when it arrives and used at every tick that it is held: the
 * T of bits.h, draw_threshold, in pieces. */
struct odds {
	uint16_t *upper;  /* T / 256; 0xffff where T is 2^24 */
	uint8_t *lower;   /* T % 256 */
	uint64_t *always; /* bit plane: T is 2^24 */
};

/* An affine map to [0, 1] or [-1, 1], see range.c. */
struct span {
	float lo, width;           /* for all lines */
	const float *los, *widths; /* one a line instead, or NULL */
	bool clamp, is_signed;
};

/* How far a value is from each of a channel's centres, see population.c. */
struct metric {
	bool natural, absolute;
	float scale; /* Norse's form: what the distance is multiplied by */
	float sigma; /* the natural form: what the difference is divided by */
};

/* What `merge` met. */
struct merged {
	uint64_t missing, clamped;
};

struct kernels {
	const char *name;
	bool (*works)(void); /* on this machine; NULL = everywhere */

	/* One LIF step in Norse's operation order (membrane.c has the formula): v is updated, `on`
	 * are the spikes. A voltage that would not be finite becomes the reset voltage. Neither v
	 * nor a reset voltage may be -0, and no step leaves one: v + y is -0 only if v is. So the
	 * variants need not agree on the sign of a zero. */
	void (*lif)(const struct lif_rule *rule, float *v, const float *x, uint64_t *on,
		uint32_t count);
	void (*lif_each)(const struct lif_rules *rules, float *v, const float *x, uint64_t *on,
		uint32_t count);

	/* The odds of rate * x; with `minus` those of rate * |x|, and `minus` is the plane of the
	 * negative x. Lines from count to the end of the last word get odds of 0. */
	void (*odds)(const struct chance *chance, const float *x, const struct odds *odds,
		uint64_t *minus, uint32_t count);

	/* Philox Bernoulli draws, see philox.h. */
	void (*draw)(
		uint64_t key, uint64_t tick, const struct odds *odds, uint64_t *on, uint32_t count);

	/* Range mapping. */
	void (*range)(const struct span *span, const float *x, float *y, uint32_t count);

	/* t[i] = distance from x to centre i. t may be `centres`. */
	void (*measure)(const struct metric *metric, float x, const float *centres, float *t,
		uint32_t count);

	/* Takes a row into the held values: a NaN is no sample and leaves the held one, an infinity
	 * becomes hi or lo. Adds to *met. */
	void (*merge)(const float *row, float *held, float lo, float hi, uint32_t count,
		struct merged *met);

	/* Row payloads to float32, round to nearest. */
	void (*from_f64)(const void *from, float *to, uint32_t count);
	void (*from_i8)(const void *from, float *to, uint32_t count);
	void (*from_u8)(const void *from, float *to, uint32_t count);
	void (*from_i16)(const void *from, float *to, uint32_t count);
	void (*from_u16)(const void *from, float *to, uint32_t count);
	void (*from_i32)(const void *from, float *to, uint32_t count);

	/* out = in & ~seen; seen |= in. `out` may be `in`. */
	void (*first)(uint64_t *seen, const uint64_t *in, uint64_t *out, size_t words);

	/* Lines whose turn it is: bit i = (due[i] == tick). */
	void (*due)(const uint32_t *due, uint32_t tick, uint64_t *on, uint32_t count);

	/* Bits that are 1. */
	uint64_t (*popcount)(const uint64_t *plane, size_t words);

	/* Planes to arrays, one item a line, packed at any address: 1 where `on` has a bit, -1 where
	 * `minus` (which may be NULL, and has no bit in common with `on`) has one, else 0. */
	void (*expand_i8)(const uint64_t *on, const uint64_t *minus, int8_t *to, uint32_t count);
	void (*expand_f32)(const uint64_t *on, const uint64_t *minus, float *to, uint32_t count);
	/* values[i] where `on` has a bit, else 0. */
	void (*expand_valued)(const uint64_t *on, const float *values, float *to, uint32_t count);

	/* The numbers of the bits that are 1, ascending, as little-endian u32. Bit 31 marks those of
	 * `minus`, which may be NULL and has no bit in common with `on`. */
	void (*indices)(const uint64_t *on, const uint64_t *minus, size_t words, uint8_t *bytes);
};

/* The best variant that works here, or the best one up to what SPIKED_KERNELS names (c, avx2,
 * avx512, neon). The answer never changes. */
const struct kernels *kernels_get(void);
const char *kernels_name(void);

/* What is wrong with SPIKED_KERNELS: 0 = nothing; -EINVAL = no such word, -ENOTSUP = not for this
 * machine, both with a sentence that says what runs instead. */
int kernels_check_env(char *sentence, size_t size);

/* All variants that were built, best first, whether they work here or not. */
const struct kernels *const *kernels_all(size_t *count);
