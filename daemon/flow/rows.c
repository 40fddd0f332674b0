/* Row payloads: checks and conversion to float32.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/rows.h"

#include "encoders/kernels/kernels.h"

#include "spiked/wire.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct pair {
	uint32_t channel;
	float value;
};

const char *const reject_texts[REJECT_COUNT] = {
	[REJECT_NONE] = "fine",
	[REJECT_LENGTH] = "the payload is not a whole number of rows",
	[REJECT_EMPTY] = "the payload holds no row",
	[REJECT_TOO_BIG] = "the payload is larger than max_row_bytes",
	[REJECT_CHANNEL] = "a pair names a channel that the stream does not have",
	[REJECT_JSON] = "the payload is not JSON of the documented form",
	[REJECT_STAMP] = "the stamp frame is not 16 bytes",
	[REJECT_FRAMES] = "a row message has two or three frames: stream, payload, stamp",
	[REJECT_UNKNOWN_STREAM] = "there is no stream of that name",
	[REJECT_NOT_ALLOWED] = "the key of their sender does not name the stream",
	[REJECT_RATE] = "their sender has sent more rows than limits.rows_per_second allows",
	[REJECT_STEP] =
		"one without a name is a step: clock manual, a bound endpoint, 8 or 16 bytes",
};

size_t row_type_size(enum row_type type)
{
	switch (type) {
	case ROW_I8:
	case ROW_U8:
		return 1;
	case ROW_I16:
	case ROW_U16:
		return 2;
	case ROW_F32:
	case ROW_I32:
		return 4;
	case ROW_F64:
		return 8;
	case ROW_JSON:
	case ROW_PAIRS:
		break;
	}
	return 0;
}

static enum reject check_pairs(struct rows *rows)
{
	for (size_t at = 0; at < rows->size; at += sizeof(struct pair)) {
		struct pair pair;

		memcpy(&pair, rows->data + at, sizeof(pair));
		if (pair.channel >= rows->channels)
			return REJECT_CHANNEL;
		rows->missing += isnan(pair.value) != 0;
	}
	return REJECT_NONE;
}

enum reject rows_decode(struct rows *rows, enum row_type type, uint32_t channels,
	const uint8_t *payload, size_t size, const uint8_t *stamp, float *scratch)
{
	size_t row_size = row_type_size(type) * channels;

	*rows = (struct rows){.type = type, .data = payload, .size = size, .channels = channels};
	if (stamp) {
		struct spiked_stamp s;

		memcpy(&s, stamp, sizeof(s));
		rows->source_ns = s.time_ns;
		rows->seq = s.seq;
		rows->has_seq = true;
	}
	if (!size)
		return REJECT_EMPTY;
	if (type == ROW_JSON)
		return rows_decode_json(
			rows, (const char *)payload, size, scratch, rows_scratch_floats(size));
	if (type == ROW_PAIRS) {
		if (size % sizeof(struct pair))
			return REJECT_LENGTH;
		rows->count = 1;
		return check_pairs(rows);
	}
	if (size % row_size)
		return REJECT_LENGTH;
	rows->count = size / row_size;
	return REJECT_NONE;
}

void rows_fetch(const struct rows *rows, uint64_t index, uint32_t first, uint32_t n, float *out)
{
	const struct kernels *kernels = kernels_get();
	uint64_t value = index * rows->channels + first;
	const uint8_t *from = rows->data + value * row_type_size(rows->type);

	switch (rows->type) {
	case ROW_JSON:
		from = rows->data + value * sizeof(float);
		/* fall through */
	case ROW_F32:
		memcpy(out, from, n * sizeof(float));
		break;
	case ROW_F64:
		kernels->from_f64(from, out, n);
		break;
	case ROW_I8:
		kernels->from_i8(from, out, n);
		break;
	case ROW_U8:
		kernels->from_u8(from, out, n);
		break;
	case ROW_I16:
		kernels->from_i16(from, out, n);
		break;
	case ROW_U16:
		kernels->from_u16(from, out, n);
		break;
	case ROW_I32:
		kernels->from_i32(from, out, n);
		break;
	case ROW_PAIRS:
		assert(first == 0 && n == rows->channels);
		for (uint32_t c = 0; c < n; c++)
			out[c] = NAN;
		for (size_t at = 0; at < rows->size; at += sizeof(struct pair)) {
			struct pair pair;

			memcpy(&pair, rows->data + at, sizeof(pair));
			out[pair.channel] = pair.value;
		}
		break;
	}
}

const float *rows_view(
	const struct rows *rows, uint64_t index, uint32_t first, uint32_t n, float *scratch)
{
	const uint8_t *at = rows->data + (index * rows->channels + first) * sizeof(float);

	if (rows->type == ROW_F32 && (uintptr_t)at % _Alignof(float) == 0)
		return (const float *)(const void *)at;
	rows_fetch(rows, index, first, n, scratch);
	return scratch;
}
