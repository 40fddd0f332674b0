/* HSA, Hough's spiker algorithm: a tick gets a spike where the filter's whole response lies under
 * what is left of the signal.
 *
 *   s = 1 if r[j] >= h[j] for all j
 *
 * Window, taps, delay, NaN and saturation are told in deconvolve.c. The decoded signal is never
 * above the positive part of the signal, but for rounding.
 *
 * M. Hough, H. de Garis, M. Korkin, F. Gers, N. E. Nawa: SPIKER: Analog waveform to digital
 * spiketrain conversion in ATR's artificial brain (CAM-Brain) project, 1999.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/deconvolve.h"

static const struct param hsa_params[] = {DECONVOLVE_TAP_ROWS, {0}};

static int hsa_plan(struct stage *st, struct fault *f)
{
	int err = deconvolve_plan(st, f);
	return err ? err : deconvolve_refuse_negative(st, f);
}

static void hsa_run(const struct stage *st, void *state, const struct lines *in, struct lines *out,
	const struct tick *tick)
{
	(void)tick;
	deconvolve_run(st, state, in, out, kernels_get()->fit_hsa);
}

static const struct encoder_decoder hsa_decoder = {
	.help = DECONVOLVE_HELP "it is never above max(x, 0), but for rounding.",
	.size = deconvolve_undo_size,
	.mends = deconvolve_mends,
	.reset = deconvolve_undo_reset,
	.run = deconvolve_undo,
};

const struct encoder_class encoder_hsa = {
	.name = "hsa",
	.summary = "Fires where a filter's response fits under the signal, and takes it out there.",
	.source = "Hough et al. 1999; spikify hough_spiker",
	.in = KIND_VALUES,
	.out = KIND_SPIKES,
	.state_version = 1,
	.params = hsa_params,
	.plan = hsa_plan,
	.prepare = deconvolve_prepare,
	.reset = deconvolve_reset,
	.run = hsa_run,
	.check = deconvolve_check,
	.decoder = &hsa_decoder,
};
