/* Weighted phase: the value's binary digits, the most significant first, in the window's first K
 * ticks.
 *
 * r = x clamped to [0, 1 - 2^-K] at the window's first tick; then at its tick j = 0 … K-1
 *   w = 2^-(j+1);  s = r >= w;  r = r - w s
 * and nothing until the window's end. Since float32 holds x 2^K exactly, s is bit K-1-j of
 * floor(x 2^K), and that is how it is made: K planes at the first tick, one copied at each.
 *
 * SpikingJelly's WeightedPhaseEncoder, which refuses values beyond the range.
 *
 * Saturation: what is beyond the range, infinities too, gives its end; NaN gives no spike.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/latch.h"

#include <errno.h>

enum { BITS };

#define BITS_MAX 24

static const struct param bits_params[] = {
	[BITS] =
		{
			.name = "bits",
			.type = PARAM_COUNT,
			.preset = "8",
			.min = 1,
			.max = BITS_MAX,
			.help = "K: binary digits of a value, one a tick.",
		},
	{0},
};

/* State: the window's next tick, then K planes, the most significant bit's first. */
struct digits {
	uint32_t tick;
	_Alignas(STAGE_ALIGN) uint64_t planes[];
};

static uint32_t bits_of(const struct stage *st)
{
	return (uint32_t)st->values[BITS].integer;
}

static int bits_plan(struct stage *st, struct fault *f)
{
	int err = latch_plan(st, bits_of(st), f);
	if (err)
		return err;
	st->state_size = sizeof(struct digits) +
			 stage_round(bits_of(st) * lines_words(st->in_lines) * sizeof(uint64_t));
	return 0;
}

static void bits_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	if (scope == RESET_ALL)
		memset(state, 0, st->state_size);
	((struct digits *)state)->tick = 0;
}

/* floor(x 2^bits) within `bits` bits. The comparison fails for NaN. */
static inline uint32_t digits_of(float x, uint32_t bits)
{
	const float most = (float)((1u << bits) - 1);
	float scaled = x * (float)(1u << bits);
	scaled = scaled > 0 ? scaled : 0;
	return (uint32_t)(int32_t)(scaled < most ? scaled : most);
}

/* The planes of the lines of one word; those that are not there have digits of 0. */
static void take_word(
	struct digits *d, size_t word, size_t words, const float *x, unsigned n, uint32_t bits)
{
	uint32_t digits[WORD_LINES] = {0};
	for (unsigned i = 0; i < n; i++)
		digits[i] = digits_of(x[i], bits);
	for (uint32_t j = 0; j < bits; j++) {
		uint8_t set[WORD_LINES];
		for (unsigned i = 0; i < WORD_LINES; i++)
			set[i] = (uint8_t)(digits[i] >> (bits - 1 - j) & 1);
		d->planes[j * words + word] = bits_from_bytes(set);
	}
}

static void bits_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	struct digits *d = state;
	uint32_t bits = bits_of(st), rest = in->count % WORD_LINES;
	size_t words = lines_words(in->count), full = in->count / WORD_LINES;
	for (size_t w = 0; d->tick == 0 && w < words; w++)
		take_word(d, w, words, in->values + w * WORD_LINES, w < full ? WORD_LINES : rest,
			bits);
	if (words && d->tick < bits)
		memcpy(out->on, d->planes + d->tick * words, words * sizeof(uint64_t));
	else if (words)
		memset(out->on, 0, words * sizeof(uint64_t));
	if (d->tick < st->window)
		d->tick++;
}

static int bits_check(const struct stage *st, const void *state)
{
	const struct digits *d = state;
	size_t words = lines_words(st->in_lines);
	if (d->tick > st->window)
		return -EINVAL;
	for (uint32_t j = 0; j < bits_of(st); j++) {
		if (!stage_plane_sane(d->planes + j * words, st->in_lines))
			return -EINVAL;
	}
	return 0;
}

/* Of a decoder: the window's next tick, the value of each line, and behind them the digits that
 * have come so far. */
static uint32_t *digits_so_far(const struct stage *st, struct reading *r)
{
	return (uint32_t *)((char *)r->values + stage_float_bytes(st->out_lines));
}

static size_t bits_reading_size(const struct stage *st)
{
	return sizeof(struct reading) + 2 * stage_float_bytes(st->out_lines);
}

static void bits_reading_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	struct reading *r = state;
	if (scope == RESET_ALL)
		memset(r, 0, bits_reading_size(st));
	memset(digits_so_far(st, r), 0, stage_float_bytes(st->out_lines));
	r->tick = 0;
}

static struct mending bits_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = bits_of(st)};
}

static void bits_read(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	struct reading *r = state;
	uint32_t *digits = digits_so_far(st, r), bits = bits_of(st);
	const float unit = 1.0f / (float)(1u << bits);
	for (uint32_t i = 0; r->tick < bits && i < in->count; i++)
		digits[i] = digits[i] << 1 | stage_bit(in->on, i);
	for (uint32_t i = 0; r->tick + 1 == bits && i < in->count; i++)
		r->values[i] = (float)digits[i] * unit;
	if (in->count)
		memcpy(out->values, r->values, in->count * sizeof(float));
	if (r->tick < st->window)
		r->tick++;
}

static const struct encoder_decoder bits_decoder = {
	.help = "x = the sum of 2^-(j+1) over the ticks j that fired: floor(x 2^K) / 2^K exactly, less "
		"than 2^-K below x; it comes with tick K-1, the last window's value is held until "
		"then.",
	.size = bits_reading_size,
	.mends = bits_mends,
	.reset = bits_reading_reset,
	.run = bits_read,
};

const struct encoder_class encoder_phase_bits = {
	.name = "phase_bits",
	.summary =
		"The value's binary digits, one a tick from the window's first on: K ticks carry K "
		"bits exactly.",
	.source = "SpikingJelly WeightedPhaseEncoder",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = bits_params,
	.plan = bits_plan,
	.reset = bits_reset,
	.run = bits_run,
	.check = bits_check,
	.decoder = &bits_decoder,
};
