/* Which kernels there are, and which this machine gets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/kernels/kernels.h"
#include "encoders/kernels/variants.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVIRONMENT "SPIKED_KERNELS"

#define LIF_ROWS(set)  .lif = lif_##set, .lif_each = lif_each_##set
#define DRAW_ROWS(set) .odds = odds_##set, .draw = draw_##set
#define VALUES_ROWS(set) \
	.range = range_##set, .measure = measure_##set, .diff = diff_##set, .merge = merge_##set
#define DETECT_ROWS(set)                                                                  \
	.stairs = stairs_##set, .stairs_counts = stairs_counts_##set, .send = send_##set, \
	.send_graded = send_graded_##set, .derive = derive_##set, .cross = cross_##set,   \
	.leak = leak_##set, .meter = meter_##set, .meter_counts = meter_counts_##set
#define FILTER_ROWS(set) .filter = filter_##set
#define DECONVOLVE_ROWS(set)                                                            \
	.fit_hsa = fit_hsa_##set, .fit_mhsa = fit_mhsa_##set, .fit_bsa = fit_bsa_##set, \
	.take_out = take_out_##set
#define CONVERT_ROWS(set)                                                               \
	.from_f64 = from_f64_##set, .from_i8 = from_i8_##set, .from_u8 = from_u8_##set, \
	.from_i16 = from_i16_##set, .from_u16 = from_u16_##set, .from_i32 = from_i32_##set
#define EXPAND_ROWS(set)                                              \
	.expand_i8 = expand_i8_##set, .expand_f32 = expand_f32_##set, \
	.expand_valued = expand_valued_##set
#define PLANE_ROWS(set) \
	.first = first_##set, .due = due_##set, .popcount = popcount_##set, .indices = indices_##set

static const struct kernels plain_c = {
	.name = "c",
	LIF_ROWS(c),
	DRAW_ROWS(c),
	VALUES_ROWS(c),
	DETECT_ROWS(c),
	FILTER_ROWS(c),
	DECONVOLVE_ROWS(c),
	CONVERT_ROWS(c),
	EXPAND_ROWS(c),
	PLANE_ROWS(c),
};

#if defined(__x86_64__)
/* The bit instructions came with the first processors that had AVX2. */
static bool avx2_works(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

static bool avx512_works(void)
{
	return avx2_works() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq");
}

static const struct kernels avx2 = {
	.name = "avx2",
	.works = avx2_works,
	LIF_ROWS(avx2),
	DRAW_ROWS(avx2),
	VALUES_ROWS(avx2),
	DETECT_ROWS(avx2),
	FILTER_ROWS(avx2),
	DECONVOLVE_ROWS(avx2),
	CONVERT_ROWS(avx2),
	EXPAND_ROWS(avx2),
	PLANE_ROWS(avx2),
};

static const struct kernels avx512 = {
	.name = "avx512",
	.works = avx512_works,
	.draw_ahead = draw_ahead_avx512,
	LIF_ROWS(avx512),
	DRAW_ROWS(avx512),
	VALUES_ROWS(avx512),
	DETECT_ROWS(avx512),
	FILTER_ROWS(avx512),
	DECONVOLVE_ROWS(avx512),
	CONVERT_ROWS(avx512),
	EXPAND_ROWS(avx512),
	PLANE_ROWS(avx512),
};
#elif defined(__aarch64__)
/* Every such processor has NEON, so compilers use it for the plain loops too. */
static const struct kernels neon = {
	.name = "neon",
	LIF_ROWS(neon),
	DRAW_ROWS(neon),
	VALUES_ROWS(c),
	DETECT_ROWS(c),
	FILTER_ROWS(c),
	DECONVOLVE_ROWS(c),
	CONVERT_ROWS(c),
	EXPAND_ROWS(c),
	.first = first_neon,
	.due = due_neon,
	.popcount = popcount_neon,
	.indices = indices_c,
};
#endif

/* Best first. */
static const struct kernels *const variants[] = {
#if defined(__x86_64__)
	&avx512,
	&avx2,
#elif defined(__aarch64__)
	&neon,
#endif
	&plain_c,
};

#define VARIANT_COUNT (sizeof(variants) / sizeof(variants[0]))

static const char *const words[] = {"c", "avx2", "avx512", "neon"};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static bool works_here(const struct kernels *k)
{
	return !k->works || k->works();
}

/* Where the search begins: at the variant that the environment names, else at the best one. */
static size_t first_allowed(void)
{
	const char *asked = getenv(ENVIRONMENT);
	for (size_t i = 0; asked && i < VARIANT_COUNT; i++) {
		if (strcmp(variants[i]->name, asked) == 0)
			return i;
	}
	return 0;
}

const struct kernels *kernels_get(void)
{
	static const struct kernels *chosen;
	const struct kernels *best = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
	if (best)
		return best;
	/* Two threads may both come here; they find the same. */
	for (size_t i = first_allowed(); i < VARIANT_COUNT && !best; i++) {
		if (works_here(variants[i]))
			best = variants[i];
	}
	__atomic_store_n(&chosen, best, __ATOMIC_RELAXED);
	return best;
}

const char *kernels_name(void)
{
	return kernels_get()->name;
}

int kernels_check_env(char *sentence, size_t size)
{
	const char *asked = getenv(ENVIRONMENT);
	if (!asked || strcmp(asked, kernels_name()) == 0)
		return 0;
	for (size_t i = 0; i < WORD_COUNT; i++) {
		if (strcmp(words[i], asked) != 0)
			continue;
		snprintf(sentence, size,
			ENVIRONMENT
			" asks for %s, which this machine does not have; the %s kernels "
			"run",
			asked, kernels_name());
		return -ENOTSUP;
	}
	snprintf(sentence, size,
		ENVIRONMENT " is '%s', which is none of c, avx2, avx512, neon; the %s kernels run",
		asked, kernels_name());
	return -EINVAL;
}

const struct kernels *const *kernels_all(size_t *count)
{
	*count = VARIANT_COUNT;
	return variants;
}
