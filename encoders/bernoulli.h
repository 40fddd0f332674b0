/* What `poisson` and `signed_poisson` share: rows, rates, generators.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"
#include "encoders/stage.h"

extern const struct param bernoulli_params[];

int bernoulli_plan(struct stage *st, struct fault *f);
void bernoulli_prepare(struct stage *st);
void bernoulli_reset(const struct stage *st, void *state, enum reset_scope scope);
int bernoulli_check(const struct stage *st, const void *state);

/* The draws of a tick for the Philox kernels, or false: the stage runs on the Mersenne Twister. */
bool bernoulli_draw(const struct stage *st, const struct tick *tick, struct draw *draw);

/* One tick on the Mersenne Twister: bit i = line i fires with probability rate * |x| if `size`,
 * else rate * x. Every line takes one number, in order of the lines. Hot. */
void bernoulli_twist(const struct stage *st, void *state, const float *x, bool size, uint64_t *on);
