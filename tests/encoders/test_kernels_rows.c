/* The kernels of rows and values, every variant that works on this machine against loops written
 * plainly: conversion of payloads at any address, merging, range mapping, a population's distances, a
 * bank's filters, changes, deconvolution.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/encoders/kernels.h"

#define ROUNDS 4000

static float out[ROOM + 16];
#define GUARD 12345.0f

/* Integers are often near their ends, and floats of any bits. */
static void random_payload(struct test_random *r, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		switch (random_below(r, 4)) {
		case 0:
			bytes[i] = 0;
			break;
		case 1:
			bytes[i] = 0xff;
			break;
		default:
			bytes[i] = (uint8_t)random_bits(r);
		}
	}
}

#define CHECK_TYPE(kernels, r, name, type)                                             \
	do {                                                                           \
		char *block_;                                                          \
		uint32_t count_ = random_size(r);                                      \
		uint8_t *bytes_ = odd_bytes(r, count_ * sizeof(type), 1, &block_);     \
		random_payload(r, bytes_, count_ * sizeof(type));                      \
		out[count_] = GUARD;                                                   \
		(kernels)->name(bytes_, out, count_);                                  \
		for (uint32_t i_ = 0; i_ < count_; i_++) {                             \
			type value_;                                                   \
			memcpy(&value_, bytes_ + i_ * sizeof(value_), sizeof(value_)); \
			assert_same_bits(out[i_], (float)value_);                      \
		}                                                                      \
		assert_same_bits(out[count_], GUARD);                                  \
		free(block_);                                                          \
	} while (0)

static void convert_body(const struct kernels *kernels, struct test_random *r)
{
	CHECK_TYPE(kernels, r, from_f64, double);
	CHECK_TYPE(kernels, r, from_i8, int8_t);
	CHECK_TYPE(kernels, r, from_u8, uint8_t);
	CHECK_TYPE(kernels, r, from_i16, int16_t);
	CHECK_TYPE(kernels, r, from_u16, uint16_t);
	CHECK_TYPE(kernels, r, from_i32, int32_t);
}

/* Doubles whose float32 is a tie, overflows, or is denormal. */
static void double_body(const struct kernels *kernels, struct test_random *r)
{
	double x[64];
	for (unsigned i = 0; i < 64; i++) {
		double f = (double)random_float(r);
		static const double factors[] = {
			1, 1 + 0x1p-24, 1 + 0x1p-25, 1 - 0x1p-25, 1e30, 1e-40, 1e300, 1e-300};
		x[i] = f * factors[random_below(r, 8)];
	}
	kernels->from_f64(x, out, 64);
	for (unsigned i = 0; i < 64; i++)
		assert_same_bits(out[i], (float)x[i]);
}

static void merge_body(const struct kernels *kernels, struct test_random *r)
{
	char *block, *other;
	uint32_t count = random_size(r);
	float *row = odd_row(r, count, &block), *held = odd_row(r, count, &other);
	float *expected = malloc((count + 1) * sizeof(float));
	struct merged met = {3, 5}, plain = met;
	float lo = (float)random_between(r, -5, 0), hi = (float)random_between(r, 0, 5);
	for (uint32_t i = 0; i < count; i++) {
		plain.missing += isnan(row[i]) != 0;
		plain.clamped += isinf(row[i]) != 0;
		expected[i] = isnan(row[i])   ? held[i]
			      : isinf(row[i]) ? (row[i] > 0 ? hi : lo)
					      : row[i];
	}
	kernels->merge(row, held, lo, hi, count, &met);
	for (uint32_t i = 0; i < count; i++)
		assert_same_bits(held[i], expected[i]);
	assert_int_equal(met.missing, plain.missing);
	assert_int_equal(met.clamped, plain.clamped);
	free(block);
	free(other);
	free(expected);
}

static void range_body(const struct kernels *kernels, struct test_random *r)
{
	static _Alignas(64) float lo[ROOM], width[ROOM];
	char *block;
	uint32_t count = random_size(r);
	float *x = odd_row(r, count, &block);
	for (uint32_t i = 0; i < count; i++) {
		lo[i] = (float)random_between(r, -5, 5);
		width[i] = (float)random_between(r, 1e-3, 20);
	}
	struct span span = {.lo = (float)random_between(r, -5, 5), .width = 4.5f};
	if (random_below(r, 2)) {
		span.los = lo;
		span.widths = width;
	}
	span.clamp = random_below(r, 2);
	span.is_signed = random_below(r, 2);
	out[count] = GUARD;
	kernels->range(&span, x, out, count);
	for (uint32_t i = 0; i < count; i++) {
		float y = x[i] - (span.los ? lo[i] : span.lo);
		y = y / (span.los ? width[i] : span.width);
		if (span.clamp)
			y = !(y > 0) ? 0 : y < 1 ? y : 1;
		if (span.is_signed) {
			float twice = y + y;
			y = twice - 1;
		}
		assert_same_bits(out[i], y);
	}
	assert_same_bits(out[count], GUARD);
	free(block);
}

static void measure_body(const struct kernels *kernels, struct test_random *r)
{
	char *block;
	uint32_t count = random_size(r);
	float *centres = odd_row(r, count, &block), x = random_float(r);
	struct metric metric = {
		.natural = random_below(r, 2),
		.absolute = random_below(r, 2),
		.scale = (float)random_between(r, 0.1, 3),
		.sigma = (float)random_between(r, 0.1, 3),
	};
	bool in_place = random_below(r, 2);
	float *from = centres;
	if (in_place) {
		memcpy(out, centres, count * sizeof(float));
		from = out;
	}
	out[count] = GUARD;
	kernels->measure(&metric, x, from, out, count);
	for (uint32_t i = 0; i < count; i++) {
		float d = x - centres[i];
		if (metric.natural)
			d = d / metric.sigma;
		float t = metric.absolute ? fabsf(d) : d * d;
		float scaled = t * metric.scale;
		/* Two NaNs met: whose bits are left is the compiler's choice. */
		float expected = metric.natural ? t : scaled;
		if (isnan(x) && isnan(centres[i]))
			assert_true(isnan(out[i]));
		else
			assert_same_bits(out[i], expected);
	}
	assert_same_bits(out[count], GUARD);
	free(block);
}

/* Band by band and section by section, over a few inputs of any size. */
static void filter_body(const struct kernels *kernels, struct test_random *r)
{
	enum { BANDS = 140, COUNT = 4, INPUTS = 5 };
	static double rows[5][BANDS * COUNT], states[2][BANDS * COUNT + 50],
		plain[2][BANDS * COUNT];
	uint32_t n = 1 + random_below(r, BANDS), count = 1 + random_below(r, COUNT);
	size_t stride = n + random_below(r, 13);
	const struct sections bank = {n, count, rows[0], rows[1], rows[2], rows[3], rows[4]};
	double size = random_below(r, 3) ? 1 : random_below(r, 2) ? 1e-101 : 1e38;
	for (size_t i = 0; i < (size_t)n * count; i++) {
		for (int k = 0; k < 5; k++)
			rows[k][i] = random_between(r, -2, 2);
	}
	for (uint32_t s = 0; s < count; s++) {
		for (uint32_t i = 0; i < n; i++) {
			for (int k = 0; k < 2; k++)
				states[k][s * stride + i] = plain[k][s * n + i] =
					random_between(r, -1, 1) * size;
		}
	}
	for (int input = 0; input < INPUTS; input++) {
		float x = random_below(r, 2) ? 0 : (float)(random_between(r, -1, 1) * size);
		out[n] = GUARD;
		kernels->filter(&bank, x, states[0], states[1], stride, out);
		for (uint32_t i = 0; i < n; i++) {
			double u = (double)x;
			for (uint32_t s = 0; s < count; s++) {
				size_t at = s * n + i;
				double y = rows[0][at] * u + plain[0][at];
				double p = rows[1][at] * u - rows[3][at] * y + plain[1][at];
				double q = rows[2][at] * u - rows[4][at] * y;
				bool faded = fabs(p) + fabs(q) < 1e-100;
				plain[0][at] = faded ? 0 : p;
				plain[1][at] = faded ? 0 : q;
				u = y;
				assert_true(states[0][s * stride + i] == plain[0][at]);
				assert_true(states[1][s * stride + i] == plain[1][at]);
			}
			u = fabs(u) < 0x1p-126 ? 0 : u > 0x1.fffffep127 ? 0x1.fffffep127 : u;
			u = u < -0x1.fffffep127 ? -0x1.fffffep127 : u;
			assert_same_bits(out[i], (float)u);
		}
		assert_same_bits(out[n], GUARD);
	}
}

static void diff_body(const struct kernels *kernels, struct test_random *r)
{
	char *block, *other;
	uint32_t count = random_size(r);
	float *x = odd_row(r, count, &block), *last = odd_row(r, count, &other);
	float *expected = malloc((count + 1) * sizeof(float));
	float scale = random_below(r, 2) ? 1 : 1000;
	for (uint32_t i = 0; i < count; i++) {
		last[i] = isinf(last[i]) ? NAN : last[i];
		expected[i] = isfinite(x[i]) ? x[i] : last[i];
	}
	float *was = malloc((count + 1) * sizeof(float));
	memcpy(was, last, count * sizeof(float));
	out[count] = GUARD;
	kernels->diff(scale, x, last, out, count);
	for (uint32_t i = 0; i < count; i++) {
		float d = (x[i] - was[i]) * scale;
		if (!isfinite(x[i]) || isnan(was[i]))
			d = 0;
		if (isinf(d))
			d = d > 0 ? 0x1.fffffep127f : -0x1.fffffep127f;
		assert_same_bits(out[i], d);
		assert_true(same_float(last[i], expected[i]));
	}
	assert_same_bits(out[count], GUARD);
	free(block);
	free(other);
	free(expected);
	free(was);
}

/* Line by line, with sums that come near theta and meet it. */
static void deconvolve_body(const struct kernels *kernels, struct test_random *r)
{
	enum { ROWS = 20 };
	static _Alignas(64) float ring[ROWS * 64], left[ROWS * 64], theta[64];
	float taps[ROWS];
	uint32_t f = 2 + random_below(r, ROWS - 1);
	struct trace t = {ring, random_below(r, f), f, taps, theta};
	uint64_t hsa = 0, mhsa = 0, bsa = 0, fired = random_bits(r);
	float grain =
		random_below(r, 2) ? 0.25f : 0.3f; /* quarters are exact, so equal sums occur */
	for (uint32_t j = 0; j < f; j++)
		taps[j] = (float)random_below(r, 4) * grain;
	for (uint32_t i = 0; i < f * 64; i++)
		ring[i] = (float)random_below(r, 6) * grain - (random_below(r, 9) ? 0 : 0.25f);
	for (uint32_t i = 0; i < 64; i++) {
		float above = 0, gain = 0;
		bool under = true;
		for (uint32_t j = 0; j < f; j++) {
			float x = ring[(t.oldest + j) % f * 64 + i];
			under = under && x >= taps[j];
			above += taps[j] > x ? taps[j] - x : 0;
			gain += fabsf(x) - fabsf(x - taps[j]);
			left[(t.oldest + j) % f * 64 + i] = fired >> i & 1 ? x - taps[j] : x;
		}
		theta[i] = random_below(r, 2) ? above : fabsf(gain);
		hsa |= (uint64_t)under << i;
		mhsa |= (uint64_t)(above <= theta[i]) << i;
		bsa |= (uint64_t)(gain >= theta[i]) << i;
	}
	assert_true(kernels->fit_hsa(&t) == hsa);
	assert_true(kernels->fit_mhsa(&t) == mhsa);
	assert_true(kernels->fit_bsa(&t) == bsa);
	kernels->take_out(&t, fired);
	for (uint32_t i = 0; i < f * 64; i++)
		assert_true(ring[i] == left[i]);
}

static void test_conversions_equal_the_cast(void **unused)
{
	(void)unused;
	each_kernel(convert_body, ROUNDS / 2, 110);
	each_kernel(double_body, ROUNDS, 111);
}

static void test_merging_keeps_clamps_and_counts(void **unused)
{
	(void)unused;
	each_kernel(merge_body, ROUNDS, 112);
}

static void test_ranges_equal_the_plain_loop(void **unused)
{
	(void)unused;
	each_kernel(range_body, ROUNDS, 113);
}

static void test_distances_equal_the_plain_loop(void **unused)
{
	(void)unused;
	each_kernel(measure_body, ROUNDS, 114);
}

static void test_filters_equal_the_plain_loop(void **unused)
{
	(void)unused;
	each_kernel(filter_body, ROUNDS / 4, 115);
}

static void test_changes_equal_the_plain_loop(void **unused)
{
	(void)unused;
	each_kernel(diff_body, ROUNDS, 116);
}

static void test_deconvolution_equals_the_plain_loop(void **unused)
{
	(void)unused;
	each_kernel(deconvolve_body, ROUNDS, 117);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversions_equal_the_cast),
		cmocka_unit_test(test_merging_keeps_clamps_and_counts),
		cmocka_unit_test(test_ranges_equal_the_plain_loop),
		cmocka_unit_test(test_distances_equal_the_plain_loop),
		cmocka_unit_test(test_filters_equal_the_plain_loop),
		cmocka_unit_test(test_changes_equal_the_plain_loop),
		cmocka_unit_test(test_deconvolution_equals_the_plain_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
