/* The Philox Poisson stage as a random process: rate, variance, intervals, independence. Every
 * statistic is turned into a standard normal z, and |z| must stay below 4.5: for a perfect
 * generator one statistic fails by chance with probability 7e-6, and the some 60 of this program
 * together with less than 1e-3. Seeds are fixed, so that it either always passes or never.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/build.h"

#include <math.h>

#define Z_MOST   4.5
#define CHANNELS 512u
#define TICKS    4000u

/* One bit a byte: spike of channel c at tick t. */
struct raster {
	uint8_t fired[TICKS][CHANNELS];
};

static struct raster one, two;
static unsigned statistics;

static void check_z(const char *what, double z)
{
	statistics++;
	print_message("  %-44s z = %6.2f\n", what, z);
	if (!(fabs(z) < Z_MOST))
		fail_msg("%s: z = %g is beyond %g", what, z, Z_MOST);
}

/* Chi-square to z (Wilson and Hilferty's cube root). */
static double chi_square_z(double chi, double freedom)
{
	double spread = 2 / (9 * freedom);
	return (cbrt(chi / freedom) - (1 - spread)) / sqrt(spread);
}

static void record(struct raster *r, const char *text, const struct pipeline_site *site)
{
	static float values[CHANNELS];
	struct pipeline *p = must_build(text, site);
	struct pipeline_state *s = pipeline_state_new(p);
	for (uint32_t c = 0; c < site->channels; c++)
		values[c] = 1.0f;
	for (uint32_t t = 0; t < TICKS; t++) {
		struct pipeline_out out;
		pipeline_run(p, s, values, true, &out);
		for (uint32_t c = 0; c < site->channels; c++)
			r->fired[t][c] = line_is_on(out.last.on, c);
	}
	pipeline_state_free(s);
	pipeline_free(p);
}

static void record_rate(struct raster *r, double p, uint64_t seed, const char *stream)
{
	char text[64];
	struct pipeline_site site = site_of(CHANNELS, 0);
	site.seed = seed;
	site.stream = stream;
	snprintf(text, sizeof(text), "poisson f_max=%a", p / site.dt);
	record(r, text, &site);
}

/* What the stage makes of a probability is its ceiling on the grid of 2^-24. */
static double drawn_probability(double p)
{
	return ceil((double)(float)p * 0x1p24) * 0x1p-24;
}

static const double probabilities[] = {0.0005, 0.01, 0.1, 0.5, 0.93};
#define PROBABILITIES (sizeof(probabilities) / sizeof(probabilities[0]))

static void check_rate_and_variance(double p)
{
	char what[64];
	double n = (double)CHANNELS * TICKS, total = 0, chi = 0;
	for (uint32_t c = 0; c < CHANNELS; c++) {
		double count = 0;
		for (uint32_t t = 0; t < TICKS; t++)
			count += one.fired[t][c];
		total += count;
		chi += (count - TICKS * p) * (count - TICKS * p) / (TICKS * p * (1 - p));
	}
	snprintf(what, sizeof(what), "rate at p = %g", p);
	check_z(what, (total - n * p) / sqrt(n * p * (1 - p)));
	snprintf(what, sizeof(what), "variance of channels' counts at p = %g", p);
	check_z(what, chi_square_z(chi, CHANNELS));
	chi = 0;
	for (uint32_t t = 0; t < TICKS; t++) {
		double count = 0;
		for (uint32_t c = 0; c < CHANNELS; c++)
			count += one.fired[t][c];
		chi += (count - CHANNELS * p) * (count - CHANNELS * p) / (CHANNELS * p * (1 - p));
	}
	snprintf(what, sizeof(what), "variance of ticks' counts at p = %g", p);
	check_z(what, chi_square_z(chi, TICKS));
}

static void test_rate_and_variance(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < PROBABILITIES; i++) {
		print_message("seed %zu\n", 11 + i);
		record_rate(&one, probabilities[i], 11 + i, "test");
		check_rate_and_variance(drawn_probability(probabilities[i]));
	}
}

/* Ticks from spike to spike are geometric: chi-square over the lengths 1 ... 39 and the rest. */
static void check_intervals(double p)
{
	enum { BINS = 40 };
	double seen[BINS + 1] = {0}, n = 0, chi = 0, left = 1;
	char what[64];
	for (uint32_t c = 0; c < CHANNELS; c++) {
		uint32_t last = UINT32_MAX;
		for (uint32_t t = 0; t < TICKS; t++) {
			if (!one.fired[t][c])
				continue;
			/* Only intervals that begin early enough to be seen whole, with all but
			 * certainty, so that long ones are not missed. */
			if (last != UINT32_MAX && last < TICKS - 1000) {
				uint32_t length = t - last;
				seen[length < BINS ? length : BINS]++;
				n++;
			}
			last = t;
		}
	}
	unsigned bins = 0;
	for (uint32_t k = 1; k <= BINS; k++) {
		double share = k < BINS ? left * p : left;
		left *= 1 - p;
		if (share * n < 5)
			continue;
		chi += (seen[k] - share * n) * (seen[k] - share * n) / (share * n);
		bins++;
	}
	snprintf(what, sizeof(what), "intervals at p = %g, %u bins", p, bins);
	check_z(what, chi_square_z(chi, bins - 1));
}

static void test_intervals_are_geometric(void **unused)
{
	(void)unused;
	static const double rates[] = {0.05, 0.1, 0.3};
	for (size_t i = 0; i < 3; i++) {
		print_message("seed %zu\n", 21 + i);
		record_rate(&one, rates[i], 21 + i, "test");
		check_intervals(drawn_probability(rates[i]));
	}
}

/* Correlation of a[t][c] with b[t + later][c + aside]. The products of centred, independent
 * variables are uncorrelated, so their sum's variance is known. */
static void check_pair(const char *what, const struct raster *a, const struct raster *b, double p,
	uint32_t later, uint32_t aside)
{
	double sum = 0, n = 0;
	for (uint32_t t = 0; t + later < TICKS; t++) {
		for (uint32_t c = 0; c + aside < CHANNELS; c++)
			sum += (a->fired[t][c] - p) * (b->fired[t + later][c + aside] - p);
		n += CHANNELS - aside;
	}
	check_z(what, sum / (p * (1 - p) * sqrt(n)));
}

static void test_channels_and_ticks_are_independent(void **unused)
{
	(void)unused;
	static const struct {
		uint32_t later, aside;
	} pairs[] = {{0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 7}, {0, 8}, {0, 16}, {0, 64}, {0, 256},
		{1, 0}, {2, 0}, {3, 0}, {8, 0}, {64, 0}, {256, 0}, {1, 1}, {1, 8}, {8, 1}};
	static const double rates[] = {0.02, 0.5};
	for (size_t i = 0; i < 2; i++) {
		print_message("seed %zu\n", 31 + i);
		record_rate(&one, rates[i], 31 + i, "test");
		double p = drawn_probability(rates[i]);
		for (size_t k = 0; k < sizeof(pairs) / sizeof(pairs[0]); k++) {
			char what[64];
			snprintf(what, sizeof(what), "p = %g, %u ticks later, %u lines on",
				rates[i], pairs[k].later, pairs[k].aside);
			check_pair(what, &one, &one, p, pairs[k].later, pairs[k].aside);
		}
	}
}

static void test_streams_seeds_and_stages_are_independent(void **unused)
{
	(void)unused;
	const double p = drawn_probability(0.3);
	print_message("seeds 41, 42\n");
	record_rate(&one, 0.3, 41, "imu");
	record_rate(&two, 0.3, 41, "imu2");
	check_pair("streams imu and imu2", &one, &two, p, 0, 0);
	check_pair("streams imu and imu2, next tick", &one, &two, p, 1, 0);
	check_pair("streams imu and imu2, next line", &one, &two, p, 0, 1);
	record_rate(&two, 0.3, 42, "imu");
	check_pair("seeds 41 and 42", &one, &two, p, 0, 0);
	check_pair("seeds 41 and 42, next tick", &one, &two, p, 1, 0);
	check_pair("seeds 41 and 42, next line", &one, &two, p, 0, 1);
	struct pipeline_site site = site_of(CHANNELS, 0);
	site.seed = 41;
	site.stream = "imu";
	record(&two, "range | poisson f_max=300", &site);
	check_pair("first and second stage", &one, &two, p, 0, 0);
	record(&two, "poisson f_max=300 seed=42", &site);
	struct pipeline_site other = site;
	other.seed = 42;
	record(&one, "poisson f_max=300", &other);
	assert_memory_equal(&one, &two, sizeof(one)); /* the stage's seed takes the other's place */
	assert_true(statistics >= 60);
}

/* The spikes of a channel depend on seed, stream, tick and channel alone. */
static void test_spikes_do_not_depend_on_the_rest(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(37, 0);
	const char *text = "poisson f_max=300";
	print_message("seed 51\n");
	site.seed = 51;
	record(&one, text, &site);
	site.channels = CHANNELS; /* channels are added */
	record(&two, text, &site);
	for (uint32_t t = 0; t < TICKS; t++)
		assert_memory_equal(one.fired[t], two.fired[t], 37);
	record(&one, text, &site); /* a second instance */
	assert_memory_equal(&one, &two, sizeof(one));

	/* Resumed in the middle: by a snapshot, and by the tick's number alone. */
	static float values[CHANNELS];
	struct pipeline *p = must_build(text, &site);
	struct pipeline_state *a = pipeline_state_new(p), *b = pipeline_state_new(p);
	struct pipeline_state *c = pipeline_state_new(p);
	struct pipeline_out out;
	size_t size = pipeline_saved_size(p);
	uint8_t *bytes = malloc(size);
	for (uint32_t i = 0; i < CHANNELS; i++)
		values[i] = 1;
	for (uint32_t t = 0; t < 1000; t++)
		pipeline_run(p, a, values, true, &out);
	pipeline_save(p, a, bytes);
	assert_int_equal(pipeline_load(p, b, bytes, size, NULL), 0);
	pipeline_set_tick(c, 900);
	pipeline_skip(c, 100);
	for (uint32_t t = 1000; t < 1100; t++) {
		struct pipeline_out again;
		pipeline_run(p, b, values, true, &out);
		pipeline_run(p, c, values, true, &again);
		for (uint32_t i = 0; i < CHANNELS; i++) {
			assert_int_equal(line_is_on(out.last.on, i), one.fired[t][i]);
			assert_int_equal(line_is_on(again.last.on, i), one.fired[t][i]);
		}
	}
	free(bytes);
	pipeline_state_free(a);
	pipeline_state_free(b);
	pipeline_state_free(c);
	pipeline_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_and_variance),
		cmocka_unit_test(test_intervals_are_geometric),
		cmocka_unit_test(test_channels_and_ticks_are_independent),
		cmocka_unit_test(test_streams_seeds_and_stages_are_independent),
		cmocka_unit_test(test_spikes_do_not_depend_on_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
