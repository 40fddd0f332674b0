/* Drop: each spike is lost with probability p, for studies of how robust a network is.
 *
 *   out = u < p ? 0 : in
 *
 * with u of 24 bits from Philox, a fresh one for each line and tick (bernoulli.c and
 * kernels/philox.h): which spikes are lost depends on seed, stream, stage, tick and line alone. A
 * graded spike or a count is one event, kept or lost with all that it carries, as on a link that
 * loses messages. There is no state; no values come in, so there is neither NaN nor saturation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

enum { P, SEED };

static const struct param drop_params[] = {
	[P] =
		{
			.name = "p",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.1",
			.min = 0,
			.max = 1,
			.help = "Probability that a spike is lost.",
		},
	[SEED] = STAGE_SEED_ROW,
	{0},
};

static int drop_plan(struct stage *st, struct fault *f)
{
	(void)f;
	size_t lines = stage_stride(st->in_lines);
	st->const_size = stage_round(sizeof(struct odds)) + stage_plane_bytes(st->in_lines) +
			 lines * (sizeof(uint16_t) + sizeof(uint8_t));
	st->scratch_size = stage_plane_bytes(st->in_lines);
	return 0;
}

static void drop_prepare(struct stage *st)
{
	const struct chance one = {.rate = 1};
	struct odds *odds = st->consts;
	size_t words = lines_words(st->in_lines);
	odds->always = (uint64_t *)((char *)st->consts + stage_round(sizeof(*odds)));
	odds->upper = (uint16_t *)((char *)odds->always + stage_plane_bytes(st->in_lines));
	odds->lower = (uint8_t *)(odds->upper + words * WORD_LINES);
	for (uint32_t at = 0; at < st->in_lines; at += WORD_LINES) {
		float p[WORD_LINES];
		uint32_t n = st->in_lines - at < WORD_LINES ? st->in_lines - at : WORD_LINES;
		const struct odds here = {
			odds->upper + at, odds->lower + at, odds->always + at / WORD_LINES};
		for (uint32_t i = 0; i < n; i++)
			p[i] = stage_float(st, P, at + i);
		kernels_get()->odds(&one, p, &here, NULL, n);
	}
}

static void drop_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	uint64_t *lost = stage_scratch(st, state);
	kernels_get()->draw(st->key, tick->number, st->consts, lost, in->count);
	for (size_t w = 0; w < lines_words(in->count); w++) {
		out->on[w] = in->on[w] & ~lost[w];
		if (in->kind == KIND_SIGNED)
			out->minus[w] = in->minus[w] & ~lost[w];
	}
	stage_pass_values(in, out);
}

static void drop_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)st;
	(void)by;
	(void)state;
	stage_pass(in, out);
}

static const struct encoder_decoder drop_decoder = {
	.help = "The spikes as they are, at once; those that were dropped stay lost.",
	.run = drop_undo,
};

const struct encoder_class encoder_drop = {
	.name = "drop",
	.summary = "Loses each spike with some probability, for studies of robustness.",
	.source = "random deletion of spikes",
	.in = KIND_PLAIN | KIND_VALUED,
	.out = 0,
	.state_version = 1,
	.params = drop_params,
	.plan = drop_plan,
	.prepare = drop_prepare,
	.run = drop_run,
	.decoder = &drop_decoder,
};
