/* Modified HSA: as hsa, but the filter's response may lie above what is left of the signal by theta
 * in all.
 *
 *   s = 1 if sum over j of max(h[j] - r[j], 0) <= theta
 *
 * Window, taps, delay, NaN and saturation are told in deconvolve.c. With theta 0 it is hsa. A theta
 * of the taps' sum would fire on silence and is refused.
 *
 * B. Schrauwen, J. Van Campenhout: BSA, a fast and accurate spike train encoding scheme, IJCNN 2003,
 * which describes it beside BSA.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/deconvolve.h"

static const struct param mhsa_params[] = {
	DECONVOLVE_TAP_ROWS,
	[DECONVOLVE_THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.2",
			.min = 0,
			.max = FLT_MAX,
			.help = "How much of the response may lie above the signal, summed over the taps.",
		},
	{0},
};

static int mhsa_plan(struct stage *st, struct fault *f)
{
	int err = deconvolve_plan(st, f);
	if (!err)
		err = deconvolve_refuse_negative(st, f);
	return err ? err : deconvolve_check_theta(st, true, "silence would fire", f);
}

static void mhsa_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	deconvolve_run(st, state, in, out, kernels_get()->fit_mhsa);
}

static const struct encoder_decoder mhsa_decoder = {
	.help = DECONVOLVE_HELP
	"each spike lies above what was left of the signal by theta at most.",
	.size = deconvolve_undo_size,
	.mends = deconvolve_mends,
	.reset = deconvolve_undo_reset,
	.run = deconvolve_undo,
};

const struct encoder_class encoder_mhsa = {
	.name = "mhsa",
	.summary = "hsa with a tolerance for how far the filter's response may exceed the signal.",
	.source = "Schrauwen and Van Campenhout 2003; spikify modified_hough_spiker",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = mhsa_params,
	.plan = mhsa_plan,
	.prepare = deconvolve_prepare,
	.reset = deconvolve_reset,
	.run = mhsa_run,
	.check = deconvolve_check,
	.decoder = &mhsa_decoder,
};
