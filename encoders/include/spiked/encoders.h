/* spiked's encoders without the daemon: a pipeline from the text that the daemon reads, run over
 * arrays, and the way back. The spikes are the daemon's in clock `data`, bit for bit, also in a
 * thread whose locale or floating-point modes were changed.
 *
 * An object may be used from any thread, by one at a time; different ones at the same time. Nothing
 * here calls back, waits or keeps state outside of its objects, and a run over much data takes as
 * long as that takes: a binding may let go of its interpreter's lock meanwhile. The environment's
 * SPIKED_KERNELS caps the instruction set, as it does for the daemon.
 *
 * Functions that can fail write one sentence to `why`, always NUL-terminated and cut where it does
 * not fit; NULL or size 0 = not wanted.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(SPIKED_ENCODERS_BUILD)
#define SPIKED_ENCODERS_API __attribute__((visibility("default")))
#else
#define SPIKED_ENCODERS_API
#endif

enum spiked_output {
	SPIKED_OUTPUT_VALUES = 1,  /* floats: the pipeline has no encoder */
	SPIKED_OUTPUT_SPIKES = 2,  /* 0 or 1 */
	SPIKED_OUTPUT_SIGNED = 4,  /* -1, 0 or 1 */
	SPIKED_OUTPUT_GRADED = 8,  /* the value of the spike, 0 = none */
	SPIKED_OUTPUT_COUNTS = 16, /* how many spikes, negative ones below 0 */
};

struct spiked_pipeline;

/* What is fixed about a pipeline. */
struct spiked_pipeline_info {
	enum spiked_output output;
	uint32_t channels;    /* floats a row */
	uint32_t lines;       /* output lines a tick */
	uint32_t state_lines; /* floats a tick of `state`, 0 = it has none */
	uint32_t window;      /* ticks, 0 = state persists */
	uint32_t ticks;       /* that a row is used for: the window, or 1 */
	double dt;            /* s */
};

/* `text` (`size` bytes, YAML, so JSON too) is one stream as in the daemon's configuration:
 * `channels` (or `names`), `dt` (1 ms unless given), `window`, `seed` (1 unless given), `name` (of
 * the stream: part of the random generators' key, "stream" unless given), `range`, `encode`; keys
 * that only the daemon needs are checked and have no effect. A list, or a stage's bare name, is taken
 * as `encode` alone. What the text leaves open is taken from `preset` (NULL = nothing; members that
 * are 0 or NULL say nothing): so a text without channels can be used on an array.
 * `text` may be NULL, which says nothing.
 * NULL with `why` filled: a line a fault, "2:9: error: encode[0].lif.v_thr: …", 400 bytes or so
 * each. */
struct spiked_pipeline_preset {
	uint32_t channels, window;
	double dt; /* s */
	uint64_t seed;
	bool has_seed; /* since 0 is a seed */
	const char *name;
};
SPIKED_ENCODERS_API struct spiked_pipeline *spiked_pipeline_new(const char *text, size_t size,
	const struct spiked_pipeline_preset *preset, char *why, size_t why_size);
SPIKED_ENCODERS_API void spiked_pipeline_free(struct spiked_pipeline *p); /* accepts NULL */
SPIKED_ENCODERS_API void spiked_pipeline_info(
	const struct spiked_pipeline *p, struct spiked_pipeline_info *info);

/* Where a run writes; members that are NULL are not wanted. T = rows * info.ticks. */
struct spiked_pipeline_out {
	int8_t *spikes;   /* T x lines: of SPIKES and SIGNED; of COUNTS, held at int8's ends; of
			    * GRADED their signs; of VALUES zeros */
	float *lines;     /* T x lines, of every kind of output */
	float *state;     /* T x state_lines: a LIF's voltages, a population's activities … */
	float *values;    /* T x channels: the rows after `range` */
	uint64_t *counts; /* T: spikes of each tick; of COUNTS the sum of their magnitudes */
};

/* Runs `rows` rows of `channels` floats, as the daemon's clock `data` would: each row for info.ticks
 * ticks. State goes on from call to call, so that a signal may come in parts. A NaN is no sample:
 * the channel keeps its last value (0 before the first); infinities are clamped to the range's ends
 * (the largest float32 without one), as the daemon does. `out` may be NULL. Neither allocates nor
 * fails; returns the number of ticks run. */
SPIKED_ENCODERS_API size_t spiked_pipeline_run(struct spiked_pipeline *p, const float *rows,
	size_t rows_count, const struct spiked_pipeline_out *out);

/* As new: state, random generators and kept samples. Parameters that were set stay. */
SPIKED_ENCODERS_API void spiked_pipeline_reset(struct spiked_pipeline *p);

/* Changes a parameter of stage `stage` (0 = the first of range and encode) that may change live;
 * the state goes on. `value` as in the configuration, a list as "[1, 2]". 0, or negative errno
 * with nothing changed. Decoders made before keep the old value. */
SPIKED_ENCODERS_API int spiked_pipeline_set(struct spiked_pipeline *p, unsigned stage,
	const char *param, const char *value, char *why, size_t why_size);

/* The state and the kept samples as bytes, which the same pipeline reads on any machine: `save`
 * writes spiked_pipeline_saved_size bytes. `load`: 0, or negative errno with nothing changed. */
SPIKED_ENCODERS_API size_t spiked_pipeline_saved_size(const struct spiked_pipeline *p);
SPIKED_ENCODERS_API void spiked_pipeline_save(const struct spiked_pipeline *p, void *bytes);
SPIKED_ENCODERS_API int spiked_pipeline_load(
	struct spiked_pipeline *p, const void *bytes, size_t size, char *why, size_t why_size);

/* The way back: values from spikes, tick by tick. The pipeline may be freed before its decoder. */
struct spiked_decoder;

/* `smooth`: seconds over which rates are averaged, 0 = ten ticks. NULL with `why` filled. */
SPIKED_ENCODERS_API struct spiked_decoder *spiked_decoder_new(
	const struct spiked_pipeline *p, double smooth, char *why, size_t why_size);
SPIKED_ENCODERS_API void spiked_decoder_free(struct spiked_decoder *d); /* accepts NULL */

/* How far back it comes: its values are those that came into stage *stage (0 = the rows), *width of
 * them a tick. */
SPIKED_ENCODERS_API void spiked_decoder_info(
	const struct spiked_decoder *d, unsigned *stage, uint32_t *width);

/* True if it adds up changes: a tick that it did not see leaves an error behind that does not go by
 * itself. */
SPIKED_ENCODERS_API bool spiked_decoder_follows(const struct spiked_decoder *d);

/* True if its spikes do not tell where it begins: it needs `first` below. */
SPIKED_ENCODERS_API bool spiked_decoder_needs_first(const struct spiked_decoder *d);

/* Begins anew, with the encoder; `first` (channels floats, NULL = zeros) is what the first row was,
 * for encoders that only tell of changes. 0 or -ENOMEM; then it begins with zeros. */
SPIKED_ENCODERS_API int spiked_decoder_reset(struct spiked_decoder *d, const float *first);

/* Decodes `ticks` ticks of `lines` (ticks x lines floats, as a run gave them) to `values` (ticks x
 * width). Windows begin every info.window ticks from the last reset on. What is not finite is no
 * spike; among values it is no sample to those that add up, and comes back as it is through others.
 * Neither allocates nor fails. */
SPIKED_ENCODERS_API void spiked_decoder_run(
	struct spiked_decoder *d, const float *lines, size_t ticks, float *values);

/* The same for one tick, with a window that begins where the caller says: for frames that came over
 * a network with some of them lost. */
SPIKED_ENCODERS_API void spiked_decoder_step(
	struct spiked_decoder *d, const float *lines, bool window_begins, float *values);

/* Live, ticks may be missed: lost on their way, or because the decoder joined late. It is told so,
 * and its values are NaN from then on, line by line, for as long as they are not known: until enough
 * has been heard again, or for ever, as the encoder is. */

/* `ticks` ticks ran that were not seen. Not `exact`: no more than these, perhaps fewer; UINT64_MAX if
 * nothing is known of it. */
SPIKED_ENCODERS_API void spiked_decoder_miss(struct spiked_decoder *d, uint64_t ticks, bool exact);

/* `ticks` ticks without a spike ran, in one window: as so many steps; after very many of them, as the
 * last ones only. `exact` as above. */
SPIKED_ENCODERS_API void spiked_decoder_silence(
	struct spiked_decoder *d, uint64_t ticks, bool exact);

/* The encoder was fed `row` (channels floats) at the tick that was decoded last. Lines that add up
 * changes and are not known go on from there, unless this tick's spikes say that the encoder may not
 * be within its bound of the row: once known, they are within twice that bound. 0 or -ENOMEM. */
SPIKED_ENCODERS_API int spiked_decoder_resume(struct spiked_decoder *d, const float *row);

/* Goes on from where `before` has come to, that is of the same pipeline as it was before parameters
 * were set. False: it is of another one, and nothing is changed. */
SPIKED_ENCODERS_API bool spiked_decoder_carry(
	struct spiked_decoder *d, const struct spiked_decoder *before);

/* What the values wait for that are not known. */
enum spiked_unknown {
	SPIKED_UNKNOWN_NOTHING = 0, /* all are known */
	SPIKED_UNKNOWN_TICKS,       /* some more ticks */
	SPIKED_UNKNOWN_SPIKES,      /* a spike or two of each of them */
	SPIKED_UNKNOWN_VALUE,       /* spiked_decoder_resume */
	SPIKED_UNKNOWN_WINDOW,      /* a window that is seen from its first tick on */
	SPIKED_UNKNOWN_RESET,       /* a reset: nothing else tells where the encoder is */
};
SPIKED_ENCODERS_API enum spiked_unknown spiked_decoder_unknown(const struct spiked_decoder *d);

/* "1.2.3", and the instruction set of the kernels in use: "c", "avx2", "avx512", "neon". */
SPIKED_ENCODERS_API const char *spiked_encoders_version(void);
SPIKED_ENCODERS_API const char *spiked_encoders_kernels(void);

#ifdef __cplusplus
}
#endif
