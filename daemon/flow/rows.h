/* A message's payload as rows of float32, checked before anything of it is used.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"

#include <stddef.h>
#include <stdint.h>

/* Why a message was rejected whole. */
enum reject {
	REJECT_NONE,
	REJECT_LENGTH,
	REJECT_EMPTY,
	REJECT_TOO_BIG,
	REJECT_CHANNEL,
	REJECT_JSON,
	REJECT_STAMP,
	REJECT_FRAMES,
	REJECT_UNKNOWN_STREAM,
	REJECT_NOT_ALLOWED,
	REJECT_RATE,
	REJECT_STEP,
	REJECT_COUNT,
};

extern const char *const reject_texts[REJECT_COUNT]; /* a sentence's end for people */

/* Rows that were found well-formed. Borrows the payload or the scratch that it was decoded into. */
struct rows {
	enum row_type type; /* of `data`; JSON has become F32 */
	const uint8_t *data;
	size_t size; /* bytes */
	uint32_t channels;
	uint64_t count;    /* rows, >= 1 */
	int64_t source_ns; /* of the first row, 0 = unknown */
	uint64_t
		missing; /* pairs: values that are NaN; other types' are counted as they are used */
	bool has_seq;
	uint64_t seq;
};

/* Floats of scratch that rows_decode may need for a JSON payload of `bytes` bytes. */
static inline size_t rows_scratch_floats(uint64_t bytes)
{
	return (size_t)(bytes / 2 + 1); /* the shortest list is "[1,2]" */
}

/* Hot. Checks a payload of `type` with `channels` channels; `stamp` (16 bytes) may be NULL.
 * `scratch` holds rows_scratch_floats(size) floats. */
enum reject rows_decode(struct rows *rows, enum row_type type, uint32_t channels,
	const uint8_t *payload, size_t size, const uint8_t *stamp, float *scratch);

/* Channels of a row that are read at once: few enough to stay in the L1 cache. */
#define ROWS_PIECE 4096u

/* As many channels of a row of `type` and `channels` channels as a piece may have. Pairs name their
 * channels in any order, so their rows are read whole. */
static inline uint32_t rows_piece(enum row_type type, uint32_t channels)
{
	return type == ROW_PAIRS || channels < ROWS_PIECE ? channels : ROWS_PIECE;
}

/* Hot. `n` channels of row `index` from channel `first` on, as float32, NaN where a channel has no
 * sample. Pairs: all channels. */
void rows_fetch(const struct rows *rows, uint64_t index, uint32_t first, uint32_t n, float *out);

/* Hot. The same where it lies, if it can be read there; else fetched into `scratch`. */
const float *rows_view(
	const struct rows *rows, uint64_t index, uint32_t first, uint32_t n, float *scratch);

/* Bytes of one value; 0 for json and pairs, whose rows have no fixed size. */
size_t row_type_size(enum row_type type);

/* Hot. Strict JSON of a row message, without allocation: `[1, null]`, `[[1],[2]]` or
 * `{"values": …, "time_ns": n, "seq": n}`. Fills data, size, count, source_ns, seq of `rows`. */
enum reject rows_decode_json(
	struct rows *rows, const char *text, size_t size, float *scratch, size_t capacity);
