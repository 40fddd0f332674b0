/* The contract between a stage class and the pipeline that runs it.
 *
 * A stage class is one file that ends in one `const struct encoder_class`. A pipeline is made of
 * two parts: the immutable *program* (struct stage: class, parameters, constants) and the *state*
 * (one block a stage, plus the buffers between stages). A live parameter change swaps the program
 * and leaves the state where it is.
 *
 * Lifetime of a stage: plan (sizes and checks) -> prepare (constants) -> reset -> run … run.
 * plan and prepare run in the cold loop and may fail with a sentence; reset and run are called by
 * the hot loop: no allocation, no system call, no failure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/fault.h"
#include "encoders/param.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What flows from one stage to the next. */
enum kind {
	KIND_VALUES = 1,  /* one float a line */
	KIND_SPIKES = 2,  /* one bit a line */
	KIND_SIGNED = 4,  /* two bit planes, positive and negative spikes, never both on a line */
	KIND_GRADED = 8,  /* one bit a line and, where it is set, a float: the value of its spike */
	KIND_COUNTS = 16, /* the same, the float being how many spikes: a whole number but 0 */
	KIND_LAST = KIND_COUNTS,
};

#define KIND_PLAIN  6u  /* SPIKES | SIGNED: a line has at most one spike a tick, without a value */
#define KIND_VALUED 24u /* GRADED | COUNTS: the sign of the value is the sign of the spike */

/* One tick's lines. Bit i%64 of word i/64 is line i; bits past `count` are 0. Planes and values
 * are 64-byte aligned and padded to a whole number of 64 lines; only the values that come into the
 * first stage are the caller's, so stages read values up to `count` and at any alignment. */
struct lines {
	enum kind kind;
	uint32_t count;
	float *values;   /* VALUES; GRADED and COUNTS: undefined where the bit is 0 */
	uint64_t *on;    /* SPIKES, SIGNED (positive), GRADED, COUNTS */
	uint64_t *minus; /* SIGNED (negative) */
};

static inline size_t lines_words(uint32_t count)
{
	return ((size_t)count + 63) / 64;
}

/* What a stage is told about the tick that it runs. */
struct tick {
	uint64_t number; /* of the stream's ticks, skipped ones too: the random stages' counter */
	/* The values that come in may have changed since the stage last ran with this program and
	 * state. False: they are the same bit for bit, and the stage's scratch still holds what it
	 * made of them. */
	bool fresh;
};

enum reset_scope {
	RESET_ALL,    /* as new: random generators are seeded again */
	RESET_WINDOW, /* first tick of a window: dynamics cleared; random generators go on, and so
		       * do stages that give values (filters, averages): they describe the signal */
};

struct stage {
	const struct encoder_class *class;
	const struct encoder_alias *alias; /* the alias it was asked by, or NULL */
	const char *asked;                 /* the name it was asked by */
	struct param_value *values;        /* one a row of class->params */
	uint32_t channels;                 /* of the stream */
	uint32_t in_lines, out_lines;      /* plan sets out_lines; preset to in_lines */
	enum kind in_kind, out_kind;       /* plan may change out_kind; preset from the class */
	double dt;                         /* s */
	uint32_t window;                   /* ticks, 0 = state persists */
	uint64_t seed;                     /* the stream's seed (the top-level one unless given) */
	uint64_t key;                      /* hash of seed, stream name and place in the pipeline */
	size_t const_size;                 /* bytes; set by plan */
	void *consts;                      /* filled by prepare, immutable afterwards */
	size_t state_size;                 /* bytes; set by plan */
	size_t scratch_size; /* bytes behind the state; set by plan, see stage_scratch */
	bool has_analogue;   /* set by plan: state holds one float a line for state/ */
	size_t analogue_at;  /* its offset in the state block */
};

/* Another name for a class, with other defaults: Norse's modules and functions. */
struct encoder_alias {
	const char *name;
	const struct {
		const char *param, *preset;
	} defaults[4]; /* ends at the first NULL param */
};

/* The values of a decoder's surroundings. */
struct decoding {
	float share;  /* of the way to the newest estimate that a rate decoder goes in one tick */
	double ticks; /* the same as a time constant */
};

/* How a decoder gets over ticks that its stage ran and that it has not seen. */
enum mends {
	MENDS_AT_ONCE, /* each tick stands alone */
	MENDS_AVERAGE, /* after `ticks` ticks; it takes no harm if fewer than that were missed */
	MENDS_LATER,   /* line by line: after `ticks` ticks, or `spikes` of them with a spike */
	MENDS_NEVER,   /* it adds up changes: when it is told a value, see resume */
};

/* In a stream with a window, MENDS_LATER counts from the first tick of the next one. */
struct mending {
	enum mends how;
	uint64_t ticks;  /* 0 and 1: at the first tick; MENDS_NOT: they alone do not do it */
	uint32_t spikes; /* of a line; 0: they do not do it */
	bool both;       /* it takes the ticks and the spikes */
	bool idle;       /* a tick without spikes changes nothing, so it may be missed */
};

#define MENDS_NOT  UINT64_MAX
#define TICKS_SOME UINT64_MAX /* nobody knows how many */
#define MENDED_AT  3          /* time constants after which an average is taken as mended */

/* The way back from what a stage gave to what came in, tick by tick, at the same dt. It reads the
 * stage's program and has a state of its own; it may be as late as its help says. */
struct encoder_decoder {
	const char *help; /* one sentence: the formula, its delay, the bound of its error */
	/* It needs no spike of a line in a window but the first. */
	bool by_first;
	/* It gives the spikes that came, without those that its stage held back: what is before it
	 * must be decoded by_first. */
	bool only_first;
	/* 0 if what this stage gives can be decoded, else -EINVAL with `f` filled. Optional. */
	int (*plan)(const struct stage *st, struct fault *f);
	/* Bytes of its state, zeroed and 64-byte aligned before the first reset. Optional. */
	size_t (*size)(const struct stage *st);
	/* As of an encoder. The window's first tick comes with RESET_WINDOW. Optional. */
	void (*reset)(const struct stage *st, void *state, enum reset_scope scope);
	/* What came in at the first tick, for those that only follow changes. Optional. */
	void (*start)(const struct stage *st, void *state, const float *values);
	/* Of those: true if no spike tells where it began. NULL = true. */
	bool (*needs_start)(const struct stage *st);
	/* NULL = MENDS_AT_ONCE and idle. */
	struct mending (*mends)(const struct stage *st, const struct decoding *by);
	/* Goes on over ticks that it does not see, or TICKS_SOME. False: what it needs to know of
	 * the stage cannot be told from later ones; a reset tells, or a window. Optional. */
	bool (*skip)(const struct stage *st, void *state, uint64_t ticks);
	/* `values` came in at the tick that was run last, of which `in` are the spikes. Lines of
	 * the plane `lost` go on from there, and their bits are cleared, if the stage is as near to
	 * that as its bound says. Optional, of MENDS_NEVER. */
	void (*resume)(const struct stage *st, void *state, const struct lines *in,
		const float *values, uint64_t *lost);
	/* One tick: `in` is of st->out_kind and st->out_lines long, `out` of st->in_kind and
	 * st->in_lines long. */
	void (*run)(const struct stage *st, const struct decoding *by, void *state,
		const struct lines *in, struct lines *out);
};

struct encoder_class {
	const char *name;
	const char *summary;                 /* one sentence: what it does and what it is for */
	const char *source;                  /* paper or library that defines it */
	unsigned in;                         /* kinds accepted, or-ed */
	enum kind out;                       /* 0 = that of the input */
	uint16_t state_version;              /* of the saved bytes */
	const struct encoder_alias *aliases; /* ends with name NULL; may be NULL */
	const struct param *params;          /* ends with name NULL */
	bool pure;  /* gives values that depend on its input values and parameters alone: it does
		    * not run at a tick whose values are not fresh, and its output stays */
	bool joint; /* a line's output depends on other channels' values too */

	/* Checks the parameters against each other and the stage's surroundings; sets sizes.
	 * 0 or negative errno with `f` filled (f->key names the parameter at fault). */
	int (*plan)(struct stage *st, struct fault *f);
	/* Fills st->consts. Optional. */
	void (*prepare)(struct stage *st);
	/* Puts the state block into its first condition. Optional when state_size is 0. */
	void (*reset)(const struct stage *st, void *state, enum reset_scope scope);
	/* One tick: reads `in`, writes all of `out` (they never overlap). `state` is followed by the
	 * scratch. */
	void (*run)(const struct stage *st, void *state, const struct lines *in, struct lines *out,
		const struct tick *tick);
	/* After a load: 0 if the loaded bytes are a state that run can live with. Optional. */
	int (*check)(const struct stage *st, const void *state);
	const struct encoder_decoder *decoder; /* NULL = it cannot be inverted */
};

/* Class by its own name or an alias (then *alias says which); NULL = none. */
const struct encoder_class *encoder_find(const char *name, const struct encoder_alias **alias);

/* All classes, in the order of classes.def. */
const struct encoder_class *const *encoder_classes(size_t *count);

/* The nearest class or alias name to a mistyped one, or NULL. */
const char *encoder_nearest(const char *typed);

const char *kind_text(enum kind kind); /* "values", "spikes", "signed spikes", "graded spikes",
					 * "spike counts" */
