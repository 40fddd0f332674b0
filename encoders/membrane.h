/* The leaky integrate-and-fire membrane that `lif` and `lif_latency` share: Norse's parameters,
 * one step, and what a voltage may be.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

extern const struct param membrane_params[];

/* Checks the parameters and sets st->const_size. 0 or -EINVAL. */
int membrane_plan(struct stage *st, struct fault *f);
void membrane_prepare(struct stage *st);

/* One tick of all lines: v is updated, `on` are the spikes. Hot. */
void membrane_step(const struct stage *st, float *v, const float *x, uint64_t *on);

/* Voltages that a step can have left behind. */
bool membrane_sane(const struct stage *st, const float *v);

/* The constants of a line. */
struct lif_rule membrane_rule(const struct stage *st, uint32_t line);

extern const struct encoder_decoder membrane_decoder;
