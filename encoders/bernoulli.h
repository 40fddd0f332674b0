/* What `poisson` and `signed_poisson` share: rows, rates, generators.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

extern const struct param bernoulli_params[];
extern const struct encoder_decoder bernoulli_decoder;

int bernoulli_plan(struct stage *st, struct fault *f);
void bernoulli_prepare(struct stage *st);
void bernoulli_reset(const struct stage *st, void *state, enum reset_scope scope);
int bernoulli_check(const struct stage *st, const void *state);

/* One tick: bit i = line i fires with probability rate * x; of a stage that gives signed spikes,
 * with rate * |x|. Hot. */
void bernoulli_fire(
	const struct stage *st, void *state, const float *x, const struct tick *tick, uint64_t *on);

/* The plane of the negative values at the last tick; of a stage that gives signed spikes. */
const uint64_t *bernoulli_negative(const struct stage *st, void *state);
