/* Rectify: the positive part of a value, or its size.
 *
 *   half: y = x > 0 ? x : 0;  full: y = |x|
 *
 * Behind filterbank or diff it makes an envelope's raw material; half-wave is what the ear's hair
 * cells do. NaN gives 0 with half and stays NaN with full; infinities pass; nothing saturates. What
 * the negative half, or the sign, was is not told, so there is no way back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/stage.h"

enum { MODE };
enum { MODE_HALF, MODE_FULL };

static const char *const modes[] = {"half", "full", NULL};

static const struct param rectify_params[] = {
	[MODE] =
		{
			.name = "mode",
			.type = PARAM_CHOICE,
			.flags = PARAM_LIVE,
			.preset = "half",
			.choices = modes,
			.help = "half: negative values become 0; full: they change sign.",
		},
	{0},
};

static void rectify_run(const struct stage *st, void *state, const struct lines *in,
	struct lines *out, const struct tick *tick)
{
	(void)state;
	(void)tick;
	const float *restrict x = in->values;
	float *restrict y = out->values;
	if (st->values[MODE].integer == MODE_FULL) {
		for (uint32_t i = 0; i < in->count; i++)
			y[i] = fabsf(x[i]);
	} else {
		for (uint32_t i = 0; i < in->count; i++)
			y[i] = x[i] > 0 ? x[i] : 0;
	}
}

const struct encoder_class encoder_rectify = {
	.name = "rectify",
	.summary = "Takes the positive part of each value, or its size.",
	.source = "half-wave and full-wave rectifier",
	.in = KIND_VALUES,
	.out = KIND_VALUES,
	.state_version = 1,
	.params = rectify_params,
	.pure = true,
	.run = rectify_run,
};
