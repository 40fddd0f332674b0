/* Encoders by deconvolution for plain C.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/deconvolve.h"
#include "encoders/kernels/variants.h"

uint64_t fit_hsa_c(const struct trace *t)
{
	return hsa_word(t);
}

uint64_t fit_mhsa_c(const struct trace *t)
{
	return mhsa_word(t);
}

uint64_t fit_bsa_c(const struct trace *t)
{
	return bsa_word(t);
}

void take_out_c(const struct trace *t, uint64_t fired)
{
	take_out_word(t, fired);
}
