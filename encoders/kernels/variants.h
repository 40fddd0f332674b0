/* Every kernel function of every variant; kernels.c makes the tables of them. The contract of each
 * is the comment at its pointer in kernels.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"

void lif_c(const struct lif_rule *rule, float *v, const float *x, uint64_t *on, uint32_t count);
void lif_each_c(
	const struct lif_rules *rules, float *v, const float *x, uint64_t *on, uint32_t count);
void poisson_c(const struct draw *draw, const float *x, uint64_t *on, uint32_t count);
void signed_poisson_c(
	const struct draw *draw, const float *x, uint64_t *on, uint64_t *minus, uint32_t count);
