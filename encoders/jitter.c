/* Jitter: delays each spike by a random number of ticks, for studies of how robust a network is.
 *
 *   d = floor(u (max + 1));  out at tick k + d = in at tick k
 *
 * with u of 24 bits from Philox, one for each line and tick (kernels/philox.h): the delays depend on
 * seed, stream, stage, tick and line alone. A spike whose tick is taken goes to the line's next free
 * one, so none is lost and none is later than max: a line takes one place a tick and there are
 * max + 1, of which one falls free at every tick. Spikes that are dense come out with less jitter
 * than was asked for. Signs, and what graded spikes and counts carry, travel with them.
 *
 * Spikes still on the way when a window ends are lost: they would tell of another row. No values
 * come in, so there is neither NaN nor saturation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/rng.h"
#include "encoders/stage.h"

#include <errno.h>

enum { MAX, SEED };

static const struct param jitter_params[] = {
	[MAX] =
		{
			.name = "max",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.preset = "3",
			.min = 0,
			.max = 65535,
			.help = "The longest delay; every delay from 0 to it is equally likely.",
		},
	[SEED] = STAGE_SEED_ROW,
	{0},
};

/* State: which place is due next, then max + 1 places in a ring, each with the planes and values of
 * the spikes that come out at its tick. */
static size_t place_bytes(const struct stage *st)
{
	return stage_plane_bytes(st->in_lines) * (st->in_kind == KIND_SIGNED ? 2 : 1) +
	       (st->in_kind & KIND_VALUED ? stage_float_bytes(st->in_lines) : 0);
}

static uint32_t places_of(const struct stage *st)
{
	return (uint32_t)st->values[MAX].integer + 1;
}

static struct lines place_at(const struct stage *st, void *state, uint32_t place)
{
	char *at = (char *)state + STAGE_ALIGN + place * place_bytes(st);
	struct lines l = {.kind = st->in_kind, .count = st->in_lines, .on = (uint64_t *)at};
	at += stage_plane_bytes(st->in_lines);
	if (st->in_kind == KIND_SIGNED)
		l.minus = (uint64_t *)at;
	else if (st->in_kind & KIND_VALUED)
		l.values = (float *)at;
	return l;
}

static int jitter_plan(struct stage *st, struct fault *f)
{
	(void)f;
	st->state_size = STAGE_ALIGN + places_of(st) * place_bytes(st);
	return 0;
}

static void jitter_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static uint32_t delay_of(const struct stage *st, uint64_t tick, uint32_t line)
{
	uint64_t u = philox_half(st->key, tick, line, 0) << 8 | philox_low(st->key, tick, line);
	return (uint32_t)(u * places_of(st) >> 24);
}

/* Finds a place for the spike of a line. The last one is always free. */
static void send(
	const struct stage *st, void *state, const struct lines *in, uint32_t line, uint64_t tick)
{
	uint32_t places = places_of(st), due = *(const uint32_t *)state;
	uint32_t delay = delay_of(st, tick, line);
	struct lines place = place_at(st, state, (due + delay) % places);
	while (delay + 1 < places && stage_spike(&place, line) != 0)
		place = place_at(st, state, (due + ++delay) % places);
	if (in->kind == KIND_SIGNED && stage_bit(in->minus, line))
		stage_put(place.minus, line, true);
	else
		stage_put(place.on, line, true);
	if (in->kind & KIND_VALUED)
		place.values[line] = in->values[line];
}

static void jitter_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	uint32_t *due = state;
	for (size_t w = 0; w < lines_words(in->count); w++) {
		for (uint64_t rest = stage_fired(in, w); rest; rest &= rest - 1) {
			uint32_t i = (uint32_t)__builtin_ctzll(rest);
			send(st, state, in, (uint32_t)(w * WORD_LINES) + i, tick->number);
		}
	}
	struct lines place = place_at(st, state, *due);
	stage_pass(&place, out);
	memset(place.on, 0, stage_plane_bytes(in->count));
	if (place.minus)
		memset(place.minus, 0, stage_plane_bytes(in->count));
	*due = (*due + 1) % places_of(st);
}

/* Spikes of a place: where there are any, of one sign and of a value. */
static bool place_sane(const struct lines *place)
{
	for (uint32_t i = 0; i < place->count; i++) {
		float value = stage_spike(place, i);
		if (place->minus && stage_bit(place->on, i) && stage_bit(place->minus, i))
			return false;
		if (stage_bit(place->on, i) && (value == 0 || !isfinite(value)))
			return false;
	}
	return stage_plane_sane(place->on, place->count) &&
	       (!place->minus || stage_plane_sane(place->minus, place->count));
}

static int jitter_check(const struct stage *st, const void *state)
{
	uint32_t places = places_of(st), due = *(const uint32_t *)state;
	if (due >= places)
		return -EINVAL;
	for (uint32_t i = 0; i < places; i++) {
		struct lines place = place_at(st, (void *)state, i); /* only read */
		if (!place_sane(&place))
			return -EINVAL;
		bool last = (due + places - 1) % places == i;
		for (size_t w = 0; last && w < lines_words(place.count); w++) {
			if (stage_fired(&place, w))
				return -EINVAL;
		}
	}
	return 0;
}

static void jitter_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)st;
	(void)by;
	(void)state;
	stage_pass(in, out);
}

/* So long may spikes be under way that are of before. */
static struct mending jitter_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	return (struct mending){.how = MENDS_LATER, .ticks = places_of(st), .idle = true};
}

static const struct encoder_decoder jitter_decoder = {
	.help = "The spikes as they are: all of them, 0 to max ticks late.",
	.mends = jitter_mends,
	.run = jitter_undo,
};

const struct encoder_class encoder_jitter = {
	.name = "jitter",
	.summary = "Delays each spike by a random number of ticks, for studies of robustness.",
	.source = "random displacement of spikes",
	.in = KIND_PLAIN | KIND_VALUED,
	.out = 0,
	.state_version = 1,
	.params = jitter_params,
	.plan = jitter_plan,
	.reset = jitter_reset,
	.run = jitter_run,
	.check = jitter_check,
	.decoder = &jitter_decoder,
};
