/* Encoders by deconvolution for AVX2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/deconvolve.h"
#include "encoders/kernels/variants.h"

uint64_t fit_hsa_avx2(const struct trace *t)
{
	return hsa_word(t);
}

uint64_t fit_mhsa_avx2(const struct trace *t)
{
	return mhsa_word(t);
}

uint64_t fit_bsa_avx2(const struct trace *t)
{
	return bsa_word(t);
}

void take_out_avx2(const struct trace *t, uint64_t fired)
{
	take_out_word(t, fired);
}
