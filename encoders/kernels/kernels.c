/* Which kernels there are, and which this machine gets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/kernels/variants.h"

static const struct kernels plain_c = {
	.name = "c",
	.lif = lif_c,
	.lif_each = lif_each_c,
	.poisson = poisson_c,
	.signed_poisson = signed_poisson_c,
};

static const struct kernels *const variants[] = {&plain_c};

#define VARIANT_COUNT (sizeof(variants) / sizeof(variants[0]))

const struct kernels *kernels_get(void)
{
	static const struct kernels *chosen;
	const struct kernels *best = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
	if (best)
		return best;
	/* Two threads may both come here; they find the same. */
	for (size_t i = 0; i < VARIANT_COUNT && !best; i++) {
		if (!variants[i]->works || variants[i]->works())
			best = variants[i];
	}
	__atomic_store_n(&chosen, best, __ATOMIC_RELAXED);
	return best;
}

const struct kernels *const *kernels_all(size_t *count)
{
	*count = VARIANT_COUNT;
	return variants;
}
