/* BSA, Ben's spiker algorithm: a tick gets a spike where taking the filter's response out of the
 * signal makes what is left smaller by theta at least.
 *
 *   s = 1 if sum over j of (|r[j]| - |r[j] - h[j]|) >= theta
 *
 * Window, taps, delay, NaN and saturation are told in deconvolve.c. That sum is at most the one of
 * |h|, so a theta above it never fires and is refused.
 *
 * B. Schrauwen, J. Van Campenhout: BSA, a fast and accurate spike train encoding scheme, IJCNN 2003;
 * with the threshold taken off as spikify and SpiCoder do, not multiplied.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/deconvolve.h"

static const struct param bsa_params[] = {
	DECONVOLVE_TAP_ROWS,
	[DECONVOLVE_THETA] =
		{
			.name = "theta",
			.type = PARAM_NUMBER,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE,
			.preset = "0.9",
			.min = 0,
			.max = FLT_MAX,
			.help = "How much smaller a spike must make what is left of the signal.",
		},
	{0},
};

static int bsa_plan(struct stage *st, struct fault *f)
{
	int err = deconvolve_plan(st, f);
	return err ? err : deconvolve_check_theta(st, false, "nothing could ever fire", f);
}

static void bsa_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	deconvolve_run(st, state, in, out, kernels_get()->fit_bsa);
}

static const struct encoder_decoder bsa_decoder = {
	.help = DECONVOLVE_HELP
	"the sum of |error| is at most that of |x| less theta for each spike.",
	.size = deconvolve_undo_size,
	.mends = deconvolve_mends,
	.reset = deconvolve_undo_reset,
	.run = deconvolve_undo,
};

const struct encoder_class encoder_bsa = {
	.name = "bsa",
	.summary =
		"Fires where a filter's response explains the signal best, and takes it out there.",
	.source = "Schrauwen and Van Campenhout 2003; spikify bens_spiker",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = bsa_params,
	.plan = bsa_plan,
	.prepare = deconvolve_prepare,
	.reset = deconvolve_reset,
	.run = bsa_run,
	.check = deconvolve_check,
	.decoder = &bsa_decoder,
};
