/* Step forward, or delta modulation: a base follows the value in steps of theta, and each step is a
 * spike. At rest it is silent, and adding up its spikes gives the value back.
 *
 *   s = +1 if x > base + theta, -1 if x < base - theta_down, else 0
 *   base' = base + s * (theta or theta_down)
 *
 * with max_steps > 1 as many steps at once as single ones would take,
 * n = ceil(|x - base| / theta) - 1 but no more than max_steps:
 *
 *   base' = base + fl(n * theta)
 *
 * in float32, one rounding an operation; n is one more where rounding would leave x beyond
 * base' + theta. Until it is max_steps that holds it back, |x - base'| <= theta at every tick
 * but for the rounding of base' itself, half a unit in the last place. A step is 2^-23 |base| at
 * least, a unit or two of that place, since rounding would lose a smaller one: values beyond 2^23
 * theta are followed more coarsely, and reached. With `leak` the base first goes its share of the
 * way to 0.
 *
 * The base begins at the first sample, without a spike, or at 0 (`start`). What is not finite is no
 * sample. A held value is stepped to until it is reached; then it is silent. One step a tick follows
 * theta / dt at most.
 *
 * Peers: spikify (step_forward), SpikeCoding (step_forward), Spike-Encoding (StepForwardConverter)
 * for max_steps 1. Kasabov et al., Evolving spatio-temporal data machines, 2016.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/level.h"

#include <errno.h>

enum { THETA, THETA_DOWN, MAX_STEPS, REFRACTORY, START, LEAK };
enum { START_SAMPLE, START_ZERO };

static const char *const starts[] = {"sample", "zero", NULL};

#define STEP                                                                                      \
	.type = PARAM_NUMBER, .flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN, .min = 0, \
	.max = 1e30

static const struct param step_params[] = {
	[THETA] =
		{
			.name = "theta",
			STEP,
			.preset = "0.1",
			.help = "How much one spike up stands for.",
		},
	[THETA_DOWN] =
		{
			.name = "theta_down",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN | PARAM_OPTIONAL,
			.min = 0,
			.max = 1e30,
			.help = "How much one spike down stands for: theta unless given.",
		},
	[MAX_STEPS] =
		{
			.name = "max_steps",
			.type = PARAM_COUNT,
			.preset = "1",
			.min = 1,
			.max = STAIRS_MOST,
			.help = "Steps a tick at most: 1 gives signed spikes, more give counts.",
		},
	[REFRACTORY] =
		{
			.name = "refractory",
			.type = PARAM_COUNT,
			.unit = UNIT_TICKS,
			.preset = "0",
			.min = 0,
			.max = 2147483647.0,
			.help = "Ticks of silence after a spike; the base waits.",
		},
	[START] =
		{
			.name = "start",
			.type = PARAM_CHOICE,
			.preset = "sample",
			.choices = starts,
			.help = "Where the base begins: at the first sample, without a spike, or at "
				"zero, so that the spikes alone tell the value.",
		},
	[LEAK] =
		{
			.name = "leak",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_LIVE | PARAM_MIN_OPEN | PARAM_OPTIONAL,
			.min = 0,
			.max = FLT_MAX,
			.help = "Time constant with which the base goes to 0, so that a lost spike is "
				"forgotten; without it the base stays.",
		},
	{0},
};

static unsigned down_row(const struct stage *st)
{
	return st->values[THETA_DOWN].present ? THETA_DOWN : THETA;
}

static uint32_t *wait_of(const struct stage *st, void *state)
{
	return st->values[REFRACTORY].integer ? (uint32_t *)((char *)state + level_bytes(st))
					      : NULL;
}

/* With per-channel steps, or with refractory ticks, whose kernel reads them so. */
static bool is_each(const struct stage *st)
{
	return stage_listed(st, THETA) || stage_listed(st, down_row(st)) ||
	       st->values[REFRACTORY].integer;
}

static int step_plan(struct stage *st, struct fault *f)
{
	(void)f;
	if (st->values[MAX_STEPS].integer > 1)
		st->out_kind = KIND_COUNTS;
	st->const_size = stage_round(sizeof(struct stairs)) +
			 (is_each(st) ? 2 * stage_float_bytes(st->in_lines) : 0);
	st->state_size = level_bytes(st) +
			 (st->values[REFRACTORY].integer ? stage_float_bytes(st->in_lines) : 0);
	st->has_analogue = true;
	st->analogue_at = 0;
	return 0;
}

static void step_prepare(struct stage *st)
{
	struct stairs *r = st->consts;
	const struct param_value *leak = &st->values[LEAK];
	*r = (struct stairs){
		.up = (float)st->values[THETA].number,
		.down = (float)st->values[down_row(st)].number,
		.keep = leak->present ? (float)exp(-st->dt / leak->number) : 1.0f,
		.most = (float)st->values[MAX_STEPS].integer,
		.refractory = (uint32_t)st->values[REFRACTORY].integer,
	};
	if (!is_each(st))
		return;
	float *steps = (float *)((char *)st->consts + stage_round(sizeof(*r)));
	r->ups = stage_fill(st, THETA, steps);
	r->downs = stage_fill(st, down_row(st), steps + stage_stride(st->in_lines));
}

static void step_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	(void)scope;
	memset(state, 0, st->state_size);
}

static void step_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	uint32_t *wait = wait_of(st, state);
	if (st->values[START].integer == START_SAMPLE)
		level_begin(st, state, in->values);
	if (out->kind == KIND_COUNTS)
		kernels_get()->stairs_counts(
			st->consts, state, wait, in->values, out->on, out->values, out->count);
	else
		kernels_get()->stairs(
			st->consts, state, wait, in->values, out->on, out->minus, out->count);
}

static int step_check(const struct stage *st, const void *state)
{
	const uint32_t *wait = (const uint32_t *)((const char *)state + level_bytes(st));
	for (uint32_t i = 0; st->values[REFRACTORY].integer && i < st->in_lines; i++) {
		if (wait[i] > st->values[REFRACTORY].integer)
			return -EINVAL;
	}
	return level_sane(st, state) ? 0 : -EINVAL;
}

static int undo_plan(const struct stage *st, struct fault *f)
{
	if (st->values[START].integer == START_ZERO || st->window == 0)
		return 0;
	return stage_fault(f, "start",
		"%s begins each window at a sample that no spike tells: to decode it, set start: zero, "
		"or no `window`",
		st->asked);
}

/* State of the way back: the bases, then, with refractory ticks, for how many a line was silent. */
static uint32_t *quiet_of(const struct stage *st, void *state)
{
	return st->values[REFRACTORY].integer
		       ? (uint32_t *)((char *)state + stage_float_bytes(st->in_lines))
		       : NULL;
}

static size_t undo_size(const struct stage *st)
{
	return stage_float_bytes(st->in_lines) * (st->values[REFRACTORY].integer ? 2 : 1);
}

static void undo_reset(const struct stage *st, void *state, enum reset_scope scope)
{
	level_undo_reset(st, state, scope);
	if (quiet_of(st, state)) /* nothing is waited for */
		memset(quiet_of(st, state), 0xff, stage_float_bytes(st->in_lines));
}

static bool undo_needs_start(const struct stage *st)
{
	return st->values[START].integer == START_SAMPLE;
}

static void undo_start(const struct stage *st, void *state, const float *values)
{
	if (undo_needs_start(st))
		level_start(st, state, values);
}

/* The encoder's own arithmetic, so that what is decoded is its base, bit for bit. */
static void undo_run(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	const struct stairs *r = st->consts;
	float *base = state;
	uint32_t *quiet = quiet_of(st, state);
	for (uint32_t i = 0; i < in->count; i++) {
		float n = stage_spike(in, i);
		float up = r->ups ? r->ups[i] : r->up, down = r->downs ? r->downs[i] : r->down;
		float b = base[i] * r->keep;
		float moved = b + n * stairs_step(b, n > 0 ? up : down);
		base[i] = stage_clamp(moved);
		if (quiet)
			quiet[i] = n != 0 ? 0 : quiet[i] + (quiet[i] < UINT32_MAX);
		out->values[i] = base[i];
	}
}

static struct mending undo_mends(const struct stage *st, const struct decoding *by)
{
	struct mending mending = level_mends(st, by);
	mending.idle = !st->values[LEAK].present;
	return mending;
}

static bool undo_skip(const struct stage *st, void *state, uint64_t ticks)
{
	if (ticks > 0 && quiet_of(st, state)) /* there may have been spikes */
		memset(quiet_of(st, state), 0, stage_float_bytes(st->in_lines));
	return true;
}

/* The base is within theta of the value unless max_steps held it back or it waits. */
static void undo_resume(const struct stage *st, void *state, const struct lines *in,
	const float *values, uint64_t *lost)
{
	const float most = (float)st->values[MAX_STEPS].integer;
	const uint32_t *quiet = quiet_of(st, state);
	float *base = state;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		float n = fabsf(stage_spike(in, i));
		bool near = n > 0 ? n < most : !quiet || quiet[i] > st->values[REFRACTORY].integer;
		if (!near || !stage_bit(lost, i) || !isfinite(values[i]))
			continue;
		base[i] = values[i];
		lost[i / WORD_LINES] &= ~((uint64_t)1 << i % WORD_LINES);
	}
}

static const struct encoder_decoder step_decoder = {
	.help = "x = first sample (start: zero: 0) + theta for each spike; no delay. It is the "
		"encoder's base, bit for bit: off by theta at most while max_steps does not hold it "
		"back.",
	.plan = undo_plan,
	.size = undo_size,
	.reset = undo_reset,
	.start = undo_start,
	.needs_start = undo_needs_start,
	.mends = undo_mends,
	.skip = undo_skip,
	.resume = undo_resume,
	.run = undo_run,
};

static const struct encoder_alias step_aliases[] = {
	{.name = "delta_modulator"},
	{0},
};

const struct encoder_class encoder_step_forward = {
	.name = "step_forward",
	.summary =
		"A spike for each step of theta that the value has moved: silent at rest, easily "
		"decoded; the first choice for joints, IMUs and forces.",
	.source = "spikify step_forward, with more steps a tick",
	.in = KIND_VALUES,
	.out = KIND_SIGNED,
	.state_version = 1,
	.aliases = step_aliases,
	.params = step_params,
	.plan = step_plan,
	.prepare = step_prepare,
	.reset = step_reset,
	.run = step_run,
	.check = step_check,
	.decoder = &step_decoder,
};
