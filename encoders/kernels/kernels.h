/* The inner loops of the encoders and of the rows' way to them, one pointer an operation, chosen
 * once for the machine.
 *
 * Every variant gives the bits of the C one, at every length. A file holds one operation family
 * for one instruction set (lif_c.c, lif_avx2.c, …), built with that set's flags; kernels.c makes
 * one table a variant and lists them, best first. Where a compiler makes good vectors of the plain
 * loops by itself, the loops are in a header (values.h, detect.h, convert.h) and a file compiles
 * them for its set.
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

/* One word of 64 lines of an encoder by deconvolution, see deconvolve.c: the last f inputs with
 * earlier spikes taken out, as a ring of rows of 64. */
struct trace {
	float *ring;
	uint32_t oldest; /* row */
	uint32_t f;
	const float *taps;  /* f of them; tap 0 meets the oldest row */
	const float *theta; /* 64, or NULL for hsa */
};

/* A bank of filters of second-order sections in double, see filterbank.c. Section s of band i is
 * element s * bands + i of each array. */
struct sections {
	uint32_t bands, count; /* count sections a band */
	const double *b0, *b1, *b2, *a1, *a2;
};

/* How far a value is from each of a channel's centres, see population.c. */
struct metric {
	bool natural, absolute;
	float scale; /* Norse's form: what the distance is multiplied by */
	float sigma; /* the natural form: what the difference is divided by */
};

/* A staircase that follows the value in steps of up and down, see step_forward.c. */
struct stairs {
	float up, down;           /* for all lines */
	const float *ups, *downs; /* one a line instead, or NULL */
	float keep;               /* share of the base that is left after a tick: 1 = all */
	float most;               /* steps a tick: a whole number up to STAIRS_MOST */
	uint32_t refractory;      /* ticks of silence after a spike */
};
#define STAIRS_MOST 65535

/* How large a change is told, see send_on_delta.c and derivative.c. */
struct change {
	float theta;
	const float *thetas; /* one a line instead, or NULL */
};

/* Levels that a value crosses, see threshold.c: high from above `rise`, low from `fall` down. */
enum edge { EDGE_LEVEL, EDGE_RISE, EDGE_FALL, EDGE_BOTH };
struct crossing {
	float rise, fall;
	const float *rises, *falls; /* one a line instead, or NULL */
	enum edge edge;             /* what is told */
};

/* A leaky sum with two thresholds, see lif_bipolar.c. */
struct leaky {
	float theta, beta;
	const float *thetas, *betas; /* one a line instead, or NULL */
};

/* A sum of which whole spikes are taken, see if.c. */
struct meter {
	float gain;         /* spikes a tick and unit of the value */
	const float *gains; /* one a line instead, or NULL */
	float flip;         /* what negative sums are multiplied by: 1, or -1 = rectify */
	float most, least;  /* spikes a tick: whole numbers, least <= 0 < most */
	float carry;        /* |sum| that is left after a tick at most */
};

/* What `merge` met. */
struct merged {
	uint64_t missing, clamped;
};

#define DRAW_AHEAD 4

struct kernels {
	const char *name;
	bool (*works)(void); /* on this machine; NULL = everywhere */

	/* `draw`, of the first word alone, for DRAW_AHEAD ticks from `tick` on: a word's ten rounds
	 * wait for each other, so that those of further ticks come nearly free. NULL where that does
	 * not hold. */
	void (*draw_ahead)(
		uint64_t key, uint64_t tick, const struct odds *odds, uint64_t on[DRAW_AHEAD]);

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

	/* One input of a bank: y[i] = x through the sections of band i. Their states are element
	 * s * stride + i of `first` and `second`. */
	void (*filter)(const struct sections *bank, float x, double *first, double *second,
		size_t stride, float *y);

	/* The lines of a word into which the taps fit, by each encoder's test. */
	uint64_t (*fit_hsa)(const struct trace *t);
	uint64_t (*fit_mhsa)(const struct trace *t);
	uint64_t (*fit_bsa)(const struct trace *t);

	/* Takes the taps out of the lines that fired. */
	void (*take_out)(const struct trace *t, uint64_t fired);

	/* y = (x - last) * scale, last = x; see diff.c for what is not finite. */
	void (*diff)(float scale, const float *x, float *last, float *y, uint32_t count);

	/* Takes a row into the held values: a NaN is no sample and leaves the held one, an infinity
	 * becomes hi or lo. Adds to *met. */
	void (*merge)(const float *row, float *held, float lo, float hi, uint32_t count,
		struct merged *met);

	/* Steps of a staircase's base towards x: at most one a tick as signed spikes, or r->most as
	 * counts. `wait` holds the ticks that a line still is silent; NULL without refractory, and
	 * with it ups and downs must be there. What is not finite is no sample. */
	void (*stairs)(const struct stairs *r, float *base, uint32_t *wait, const float *x,
		uint64_t *on, uint64_t *minus, uint32_t count);
	void (*stairs_counts)(const struct stairs *r, float *base, uint32_t *wait, const float *x,
		uint64_t *on, float *counts, uint32_t count);

	/* Sends on |x - sent| > theta: the sign (sent becomes x) or the difference (it is added to
	 * sent). What is not finite is no sample. */
	void (*send)(const struct change *r, float *sent, const float *x, uint64_t *on,
		uint64_t *minus, uint32_t count);
	void (*send_graded)(const struct change *r, float *sent, const float *x, uint64_t *on,
		float *values, uint32_t count);

	/* on: x - before >= theta; minus (may be NULL): x - before <= -theta; before becomes x. What
	 * is not finite is no sample. */
	void (*derive)(const struct change *r, float *before, const float *x, uint64_t *on,
		uint64_t *minus, uint32_t count);

	/* The plane of lines that are high, and what of it is told; `minus` for EDGE_BOTH only. A
	 * NaN leaves a line where it is. */
	void (*cross)(const struct crossing *r, uint64_t *high, const float *x, uint64_t *on,
		uint64_t *minus, uint32_t count);

	/* v = beta v + x; beyond theta it fires and becomes 0. A NaN is no sample. */
	void (*leak)(const struct leaky *r, float *v, const float *x, uint64_t *on, uint64_t *minus,
		uint32_t count);

	/* v + rest += gain x without a rounding error that adds up; whole spikes are taken from it:
	 * signed ones (`minus` may be NULL where least is 0), or counts. A NaN is no sample. Before
	 * and after, |v| is a thousand spikes or so at most. */
	void (*meter)(const struct meter *r, float *v, float *rest, const float *x, uint64_t *on,
		uint64_t *minus, uint32_t count);
	void (*meter_counts)(const struct meter *r, float *v, float *rest, const float *x,
		uint64_t *on, float *counts, uint32_t count);

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
