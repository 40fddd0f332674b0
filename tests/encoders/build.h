/* Pipelines from one line of text, for tests: "range lo=-1 hi=1 | lif v_th=[1,2] tau_mem=10ms".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/pipeline.h"

/* NULL with `f` filled if any part of it is refused. */
struct pipeline_spec *build_spec(const char *text, struct fault *f);
struct pipeline *build(const char *text, const struct pipeline_site *site, struct fault *f);

/* As build, but a refusal fails the test with the fault's text. */
struct pipeline *must_build(const char *text, const struct pipeline_site *site);

/* A site with dt 1 ms, seed 1 and the name "test". */
struct pipeline_site site_of(uint32_t channels, uint32_t window);

static inline bool line_is_on(const uint64_t *plane, uint32_t line)
{
	return plane[line / 64] >> line % 64 & 1;
}
