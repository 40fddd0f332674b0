/* Split: the positive spikes of a line go to an ON line and the negative ones to an OFF line.
 *
 *   line 2i = line i where it is positive;  line 2i + 1 = line i where it is negative
 *
 * For networks whose inputs only excite: signed spikes become plain ones, graded spikes and counts
 * lose their sign and keep their size. Spike-Encoding and ROS wrappers call it excitation and
 * inhibition. There is no state; no values come in, so there is neither NaN nor saturation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/stage.h"

static const struct param split_params[] = {{0}};

static int split_plan(struct stage *st, struct fault *f)
{
	(void)f;
	st->out_lines = 2 * st->in_lines;
	if (st->in_kind == KIND_SIGNED)
		st->out_kind = KIND_SPIKES;
	return 0;
}

/* Bit i goes to bit 2i. */
static uint64_t spread(uint64_t bits)
{
	bits = (bits | bits << 16) & 0x0000ffff0000ffffu;
	bits = (bits | bits << 8) & 0x00ff00ff00ff00ffu;
	bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0fu;
	bits = (bits | bits << 2) & 0x3333333333333333u;
	return (bits | bits << 1) & 0x5555555555555555u;
}

/* The two output words of input word w; the second is there only if the first is full. */
static void put_pair(struct lines *out, size_t w, uint64_t plus, uint64_t minus)
{
	out->on[2 * w] = spread(plus & 0xffffffffu) | spread(minus & 0xffffffffu) << 1;
	if (2 * w + 1 < lines_words(out->count))
		out->on[2 * w + 1] = spread(plus >> 32) | spread(minus >> 32) << 1;
}

static void split_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)st;
	(void)state;
	(void)tick;
	for (size_t w = 0; w < lines_words(in->count); w++) {
		if (in->kind == KIND_SIGNED) {
			put_pair(out, w, in->on[w], in->minus[w]);
			continue;
		}
		uint64_t minus = 0;
		for (uint64_t rest = in->on[w]; rest; rest &= rest - 1) {
			unsigned i = (unsigned)__builtin_ctzll(rest);
			size_t line = w * WORD_LINES + i;
			float value = in->values[line];
			minus |= (uint64_t)(value < 0) << i;
			out->values[2 * line + (value < 0)] = fabsf(value);
		}
		put_pair(out, w, in->on[w] & ~minus, minus);
	}
}

/* What noise between the two has made fire at once cancels out. */
static void split_undo(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)st;
	(void)by;
	(void)state;
	size_t bytes = lines_words(out->count) * sizeof(*out->on);
	memset(out->on, 0, bytes);
	if (out->kind == KIND_SIGNED)
		memset(out->minus, 0, bytes);
	for (uint32_t i = 0; i < out->count; i++) {
		float value = stage_spike(in, 2 * i) - stage_spike(in, 2 * i + 1);
		if (out->kind == KIND_SIGNED) {
			stage_put(out->on, i, value > 0);
			stage_put(out->minus, i, value < 0);
		} else {
			stage_put(out->on, i, value != 0);
			out->values[i] = value;
		}
	}
}

static const struct encoder_decoder split_decoder = {
	.help = "s_i = line 2i - line 2i+1, at once and exact; what both lines have cancels out.",
	.run = split_undo,
};

const struct encoder_class encoder_split = {
	.name = "split",
	.summary = "Sends positive spikes to an ON line and negative ones to an OFF line.",
	.source = "ON and OFF channels of event cameras and silicon cochleas",
	.in = KIND_SIGNED | KIND_VALUED,
	.out = 0,
	.state_version = 1,
	.params = split_params,
	.plan = split_plan,
	.run = split_run,
	.decoder = &split_decoder,
};
