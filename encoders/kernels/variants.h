/* Every kernel function of every variant; kernels.c makes the tables of them. The contract of each
 * is the comment at its pointer in kernels.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/kernels/kernels.h"

#define LIF_KERNELS(set)                                                                           \
	void lif_##set(const struct lif_rule *rule, float *v, const float *x, uint64_t *on,        \
		uint32_t count);                                                                   \
	void lif_each_##set(const struct lif_rules *rules, float *v, const float *x, uint64_t *on, \
		uint32_t count);

#define DRAW_KERNELS(set)                                                                     \
	void odds_##set(const struct chance *chance, const float *x, const struct odds *odds, \
		uint64_t *minus, uint32_t count);                                             \
	void draw_##set(uint64_t key, uint64_t tick, const struct odds *odds, uint64_t *on,   \
		uint32_t count);

void draw_ahead_avx512(
	uint64_t key, uint64_t tick, const struct odds *odds, uint64_t on[DRAW_AHEAD]);

#define VALUES_KERNELS(set)                                                                      \
	void range_##set(const struct span *span, const float *x, float *y, uint32_t count);     \
	void measure_##set(const struct metric *metric, float x, const float *centres, float *t, \
		uint32_t count);                                                                 \
	void diff_##set(float scale, const float *x, float *last, float *y, uint32_t count);     \
	void merge_##set(const float *row, float *held, float lo, float hi, uint32_t count,      \
		struct merged *met);

#define DETECT_KERNELS(set)                                                                       \
	void stairs_##set(const struct stairs *r, float *base, uint32_t *wait, const float *x,    \
		uint64_t *on, uint64_t *minus, uint32_t count);                                   \
	void stairs_counts_##set(const struct stairs *r, float *base, uint32_t *wait,             \
		const float *x, uint64_t *on, float *counts, uint32_t count);                     \
	void send_##set(const struct change *r, float *sent, const float *x, uint64_t *on,        \
		uint64_t *minus, uint32_t count);                                                 \
	void send_graded_##set(const struct change *r, float *sent, const float *x, uint64_t *on, \
		float *values, uint32_t count);                                                   \
	void derive_##set(const struct change *r, float *before, const float *x, uint64_t *on,    \
		uint64_t *minus, uint32_t count);                                                 \
	void cross_##set(const struct crossing *r, uint64_t *high, const float *x, uint64_t *on,  \
		uint64_t *minus, uint32_t count);                                                 \
	void leak_##set(const struct leaky *r, float *v, const float *x, uint64_t *on,            \
		uint64_t *minus, uint32_t count);                                                 \
	void meter_##set(const struct meter *r, float *v, float *rest, const float *x,            \
		uint64_t *on, uint64_t *minus, uint32_t count);                                   \
	void meter_counts_##set(const struct meter *r, float *v, float *rest, const float *x,     \
		uint64_t *on, float *counts, uint32_t count);

#define FILTER_KERNELS(set)                                                                    \
	void filter_##set(const struct sections *bank, float x, double *first, double *second, \
		size_t stride, float *y);

#define DECONVOLVE_KERNELS(set)                         \
	uint64_t fit_hsa_##set(const struct trace *t);  \
	uint64_t fit_mhsa_##set(const struct trace *t); \
	uint64_t fit_bsa_##set(const struct trace *t);  \
	void take_out_##set(const struct trace *t, uint64_t fired);

#define CONVERT_KERNELS(set)                                              \
	void from_f64_##set(const void *from, float *to, uint32_t count); \
	void from_i8_##set(const void *from, float *to, uint32_t count);  \
	void from_u8_##set(const void *from, float *to, uint32_t count);  \
	void from_i16_##set(const void *from, float *to, uint32_t count); \
	void from_u16_##set(const void *from, float *to, uint32_t count); \
	void from_i32_##set(const void *from, float *to, uint32_t count);

#define PLANE_KERNELS(set)                                                                 \
	void first_##set(uint64_t *seen, const uint64_t *in, uint64_t *out, size_t words); \
	void due_##set(const uint32_t *due, uint32_t tick, uint64_t *on, uint32_t count);  \
	uint64_t popcount_##set(const uint64_t *plane, size_t words);                      \
	void indices_##set(const uint64_t *on, const uint64_t *minus, size_t words, uint8_t *bytes);

#define EXPAND_KERNELS(set)                                                             \
	void expand_i8_##set(                                                           \
		const uint64_t *on, const uint64_t *minus, int8_t *to, uint32_t count); \
	void expand_f32_##set(                                                          \
		const uint64_t *on, const uint64_t *minus, float *to, uint32_t count);  \
	void expand_valued_##set(                                                       \
		const uint64_t *on, const float *values, float *to, uint32_t count);

#define ALL_KERNELS(set)        \
	LIF_KERNELS(set)        \
	DRAW_KERNELS(set)       \
	VALUES_KERNELS(set)     \
	DETECT_KERNELS(set)     \
	FILTER_KERNELS(set)     \
	DECONVOLVE_KERNELS(set) \
	CONVERT_KERNELS(set)    \
	EXPAND_KERNELS(set)     \
	PLANE_KERNELS(set)

ALL_KERNELS(c)
ALL_KERNELS(avx2)
ALL_KERNELS(avx512)
LIF_KERNELS(neon)
DRAW_KERNELS(neon)
void first_neon(uint64_t *seen, const uint64_t *in, uint64_t *out, size_t words);
void due_neon(const uint32_t *due, uint32_t tick, uint64_t *on, uint32_t count);
uint64_t popcount_neon(const uint64_t *plane, size_t words);
