/* hsa, mhsa and bsa against their definition over a whole recording, one line after another, f - 1
 * ticks earlier; and what their way back promises.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/decoder.h"
#include "tests/encoders/build.h"

#include <math.h>

enum test { HSA, MHSA, BSA };

static const char *const names[] = {"hsa", "mhsa", "bsa"};

struct recording {
	uint32_t lines, ticks;
	float *x;       /* ticks x lines */
	uint8_t *s;     /* what the encoder gave, ticks x lines */
	float *decoded; /* ticks x lines */
};

static struct recording record_new(uint32_t lines, uint32_t ticks)
{
	size_t n = (size_t)lines * ticks;
	return (struct recording){
		lines, ticks, calloc(n, sizeof(float)), calloc(n, 1), calloc(n, sizeof(float))};
}

static void record_free(struct recording *r)
{
	free(r->x);
	free(r->s);
	free(r->decoded);
}

/* Slow waves with noise, now and then below 0 or above what spikes can say. */
static void fill(struct recording *rec, struct test_random *r)
{
	for (uint32_t i = 0; i < rec->lines; i++) {
		double period = random_between(r, 10, 200), phase = random_between(r, 0, 6);
		double high = random_between(r, 0.2, 0.7), noise = random_between(r, 0, 0.2);
		for (uint32_t t = 0; t < rec->ticks; t++)
			rec->x[t * rec->lines + i] =
				(float)(0.5 + high * sin(t / period * 6.2831853 + phase) +
					random_between(r, -noise, noise));
	}
}

static void run(const char *text, struct recording *rec)
{
	struct pipeline_site site = site_of(rec->lines, 0);
	struct pipeline *p = must_build(text, &site);
	struct pipeline_state *s = pipeline_state_new(p);
	struct fault f;
	struct decoder *d = decoder_new(p, NULL, &f);
	assert_non_null(d);
	for (uint32_t t = 0; t < rec->ticks; t++) {
		struct pipeline_out out;
		pipeline_run(p, s, rec->x + t * rec->lines, true, &out);
		for (uint32_t i = 0; i < rec->lines; i++)
			rec->s[t * rec->lines + i] = line_is_on(out.last.on, i);
		memcpy(rec->decoded + t * rec->lines, decoder_run(d, &out.last),
			rec->lines * sizeof(float));
	}
	decoder_free(d);
	pipeline_state_free(s);
	pipeline_free(p);
}

/* As spikify and its kind have it, in double: two sums for bsa, not the sum of a difference. */
static bool fits(enum test test, const float *r, const float *h, uint32_t f, double theta)
{
	double e1 = 0, e2 = 0;
	for (uint32_t j = 0; j < f; j++) {
		double left = (double)r[j] - (double)h[j];
		if (test == HSA && left < 0)
			return false;
		e1 += test == BSA ? fabs(left) : fmax(-left, 0);
		e2 += fabs((double)r[j]);
	}
	return test == HSA || (test == MHSA ? e1 <= theta : e1 <= e2 - theta);
}

/* The batch form of one line: the window walks over the whole signal, which is eaten up. Returns the
 * number of spikes; `s` is the first line's place of them in a record. */
static uint32_t batch(enum test test, const struct recording *rec, uint32_t line, const float *h,
	uint32_t f, float theta, uint8_t *s)
{
	float *r = malloc(rec->ticks * sizeof(*r));
	uint32_t count = 0;
	for (uint32_t t = 0; t < rec->ticks; t++)
		r[t] = rec->x[t * rec->lines + line];
	memset(s, 0, rec->ticks);
	for (uint32_t i = 0; i + f <= rec->ticks; i++) {
		if (!fits(test, r + i, h, f, (double)theta))
			continue;
		s[i] = 1;
		count++;
		for (uint32_t j = 0; j < f; j++)
			r[i + j] -= h[j];
	}
	free(r);
	return count;
}

static size_t taps_text(char *text, size_t size, const float *h, uint32_t f)
{
	size_t at = (size_t)snprintf(text, size, "taps=[");
	for (uint32_t j = 0; j < f; j++)
		at += (size_t)snprintf(text + at, size - at, "%s%.9g", j ? "," : "", (double)h[j]);
	return at + (size_t)snprintf(text + at, size - at, "]");
}

/* A bump of some length whose taps are multiples of 2^-grain, or any if grain is 0. */
static uint32_t random_taps(struct test_random *r, float *h, int grain)
{
	uint32_t f = 2 + random_below(r, 20);
	for (uint32_t j = 0; j < f; j++) {
		double tap = random_between(r, 0.2, 1) * sin((j + 1) * 3.14159 / (f + 1)) / f * 2;
		h[j] = (float)(grain ? ldexp(rint(ldexp(tap, grain)), -grain) : tap);
	}
	return f;
}

static void test_spikes_are_those_of_the_batch_form_f_1_ticks_later(void **unused)
{
	(void)unused;
	struct test_random r = test_random(41);
	uint32_t spikes = 0, compared = 0;
	uint8_t s[1000];
	for (int round = 0; round < 60; round++) {
		enum test test = (enum test)(round % 3);
		float h[32], theta = (float)random_between(&r, 0, 0.3);
		static const uint32_t widths[] = {1, 3, 64, 65, 100};
		struct recording rec = record_new(widths[round % 5], 1000);
		uint32_t f = random_taps(&r, h, 0);
		char text[1024];
		int at = snprintf(text, sizeof(text), "%s ", names[test]);
		at += (int)taps_text(text + at, sizeof(text) - (size_t)at, h, f);
		if (test != HSA)
			snprintf(
				text + at, sizeof(text) - (size_t)at, " theta=%.9g", (double)theta);
		fill(&rec, &r);
		run(text, &rec);
		for (uint32_t i = 0; i < rec.lines; i++) {
			spikes += batch(test, &rec, i, h, f, theta, s);
			for (uint32_t t = 0; t < rec.ticks; t++, compared++) {
				uint8_t due = t + 1 >= f ? s[t + 1 - f] : 0;
				if (rec.s[t * rec.lines + i] != due)
					fail_msg("%s: line %u tick %u", text, i, t);
			}
		}
		record_free(&rec);
	}
	print_message("%u spikes in %u ticks, 0 differences\n", spikes, compared);
	assert_true(spikes > compared / 20);
}

/* The scipy formula by itself: a Hann window times a sinc, sum 1. */
static uint32_t design(uint32_t f, double cutoff, float *h)
{
	double sum = 0, w[64];
	for (uint32_t m = 0; m < f; m++) {
		double x = ((double)m - (f - 1) * 0.5) * cutoff * 3.14159265358979;
		double s = sin(3.14159265358979 * m / (f - 1));
		w[m] = s * s * (fabs(x) < 1e-12 ? 1 : sin(x) / x);
		sum += w[m];
	}
	for (uint32_t m = 0; m < f; m++)
		h[m] = (float)(w[m] / sum);
	return f;
}

/* A lone spike's response is the taps. */
static void test_designed_taps_are_a_hann_low_pass_of_sum_1(void **unused)
{
	(void)unused;
	static const struct {
		uint32_t f;
		double cutoff;
	} cases[] = {{16, 0.1}, {24, 0.05}, {3, 0.5}, {9, 0.9}};
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		uint32_t f = cases[c].f;
		struct recording rec = record_new(1, 3 * f);
		float h[64], sum = 0;
		char text[64];
		snprintf(text, sizeof(text), "bsa f=%u cutoff=%g theta=0.98", f, cases[c].cutoff);
		design(f, cases[c].cutoff, h);
		for (uint32_t j = 0; j < f; j++)
			rec.x[f + j] = h[j];
		run(text, &rec);
		for (uint32_t t = 0; t < rec.ticks; t++)
			assert_int_equal(rec.s[t], t == 2 * f - 1);
		for (uint32_t j = 0; j < f; j++) {
			float tap = rec.decoded[2 * f - 1 + j];
			sum += tap;
			assert_true(fabsf(tap - h[j]) < 1e-7f);
		}
		assert_true(fabsf(sum - 1) < 1e-6f);
		record_free(&rec);
	}
}

/* 1, 2, 1 in quarters; worked out by hand, and all of it exact in float32. */
static void test_four_ticks_by_hand(void **unused)
{
	(void)unused;
	static const float x[] = {0.25f, 0.75f, 0.75f, 0.25f, 0, 0};
	static const struct {
		const char *text;
		uint8_t s[6];
	} cases[] = {
		/* 0.25 0.5 0.25 out at tick 2 leaves 0 0.25 0.5 0.25: out again at tick 3. */
		{"hsa taps=[0.25,0.5,0.25]", {0, 0, 1, 1, 0, 0}},
		{"mhsa taps=[0.25,0.5,0.25] theta=0", {0, 0, 1, 1, 0, 0}},
		/* e2 - e1 is 1 both times: exactly theta fires. */
		{"bsa taps=[0.25,0.5,0.25] theta=1", {0, 0, 1, 1, 0, 0}},
	};
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct recording rec = record_new(1, 6);
		memcpy(rec.x, x, sizeof(x));
		run(cases[c].text, &rec);
		assert_memory_equal(rec.s, cases[c].s, 6);
		static const float back[] = {0, 0, 0.25f, 0.75f, 0.75f, 0.25f};
		assert_same_floats(rec.decoded, back, 6);
		record_free(&rec);
	}
	/* A theta of just what is missing: 0.25 at the last tap. */
	struct recording rec = record_new(1, 3);
	rec.x[0] = 0.25f;
	rec.x[1] = 0.5f;
	run("mhsa taps=[0.25,0.5,0.25] theta=0.25", &rec);
	assert_int_equal(rec.s[2], 1);
	run("mhsa taps=[0.25,0.5,0.25] theta=0.2499", &rec);
	assert_int_equal(rec.s[2], 0);
	record_free(&rec);
}

/* However far: as soon as float32 no longer sees a tap beside a value, both sums would be the same. */
static void test_values_far_beyond_the_range_are_as_good_as_near_ones(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"hsa", "mhsa", "bsa", "bsa theta=0", "bsa cutoff=0.5",
		"bsa f=4000 cutoff=0.01 theta=0.9", "bsa taps=[0.1,0.5,-0.2,0.1] theta=0"};
	static const float sizes[] = {4, 1e3f, 1e6f, 1e7f, 1e8f, 3e38f};
	enum { LINES = sizeof(sizes) / sizeof(*sizes), TICKS = 4400 };
	for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
		struct recording rec = record_new(LINES, TICKS);
		for (uint32_t t = 0; t < TICKS; t++) {
			for (uint32_t i = 0; i < LINES; i++)
				rec.x[t * LINES + i] = t < 4200   ? -sizes[i]
						       : t < 4350 ? sizes[i]
								  : 0.01f * (float)(t % 7);
		}
		run(texts[k], &rec);
		for (uint32_t t = 0; t < TICKS; t++) {
			for (uint32_t i = 0; i < LINES; i++) {
				uint8_t fires = rec.s[t * LINES + i];
				if (fires != rec.s[t * LINES] || (t < 4200 && fires))
					fail_msg(
						"%s: %g at tick %u", texts[k], (double)sizes[i], t);
			}
		}
		record_free(&rec);
	}
}

/* 10^6 samples: x - decoded is never below 0 for hsa; bsa's error shrinks by theta a spike. */
static void test_what_the_way_back_promises_holds(void **unused)
{
	(void)unused;
	enum { LINES = 100, TICKS = 10000, F = 16 };
	struct test_random r = test_random(42);
	struct recording rec = record_new(LINES, TICKS);
	fill(&rec, &r);
	run("hsa", &rec);
	double most = 0, worst = 0, slack = 1e9;
	for (uint32_t t = F - 1; t < TICKS; t++) {
		for (uint32_t i = 0; i < LINES; i++) {
			float x = rec.x[(t - (F - 1)) * LINES + i];
			float above = rec.decoded[t * LINES + i] - (x > 0 ? x : 0);
			worst = above > worst ? (double)above : worst;
		}
	}
	print_message("hsa: above the signal by %.3g at most\n", worst);
	assert_true(worst < 1e-6);
	static const double thetas[] = {0, 0.5, 0.9};
	for (size_t k = 0; k < 3; k++) {
		char text[64];
		snprintf(text, sizeof(text), "bsa theta=%g", thetas[k]);
		run(text, &rec);
		for (uint32_t i = 0; i < LINES; i++) {
			/* The last spikes' responses go on behind what is decoded, so the bound is
			 * that of all inputs. */
			double bound = 0, error = 0;
			for (uint32_t t = 0; t < TICKS; t++) {
				bound += fabs((double)rec.x[t * LINES + i]);
				bound -= thetas[k] * rec.s[t * LINES + i];
				if (t >= F - 1)
					error += fabs((double)rec.x[(t - (F - 1)) * LINES + i] -
						      (double)rec.decoded[t * LINES + i]);
			}
			slack = fmin(slack, bound - error);
			most = fmax(most, error / (TICKS - F + 1));
		}
	}
	print_message(
		"bsa: bound less error %.3g at least, mean |error| up to %.3g\n", slack, most);
	assert_true(slack >= 0);
	record_free(&rec);
}

static void test_the_way_back_is_the_filter_of_the_spikes(void **unused)
{
	(void)unused;
	enum { LINES = 70, TICKS = 500 };
	struct test_random r = test_random(43);
	struct recording rec = record_new(LINES, TICKS);
	float h[32];
	char text[1024] = "mhsa theta=0.1 ";
	uint32_t f = random_taps(&r, h, 0);
	taps_text(text + strlen(text), sizeof(text) - strlen(text), h, f);
	fill(&rec, &r);
	run(text, &rec);
	for (uint32_t t = 0; t < TICKS; t++) {
		for (uint32_t i = 0; i < LINES; i++) {
			double sum = 0;
			for (uint32_t k = t < f ? 0 : t - f + 1; k <= t; k++)
				sum += (double)h[t - k] * rec.s[k * LINES + i];
			assert_true(fabs(sum - (double)rec.decoded[t * LINES + i]) < 1e-6);
		}
	}
	record_free(&rec);
}

/* As if the tick before came again. */
static void test_a_sample_that_is_no_number_is_the_last_one(void **unused)
{
	(void)unused;
	struct test_random r = test_random(44);
	struct recording odd = record_new(3, 600), held = record_new(3, 600);
	fill(&odd, &r);
	for (uint32_t i = 0; i < 3; i++) {
		for (uint32_t t = 0; t < 600; t++) {
			uint32_t at = t * 3 + i;
			bool lost = random_below(&r, 4) == 0;
			held.x[at] = lost ? (t ? held.x[at - 3] : 0) : odd.x[at];
			if (lost)
				odd.x[at] = random_below(&r, 2) ? NAN : INFINITY;
		}
	}
	for (int test = 0; test < 3; test++) {
		run(names[test], &odd);
		run(names[test], &held);
		assert_memory_equal(odd.s, held.s, 1800);
	}
	record_free(&odd);
	record_free(&held);
}

static void assert_refuses(const char *text, uint32_t window, const char *key, const char *part)
{
	struct pipeline_site site = site_of(2, window);
	struct fault f = {0};
	if (build(text, &site, &f))
		fail_msg("took %s", text);
	if (!strstr(f.text, part) || strcmp(f.key, key) != 0)
		fail_msg("%s: %s: %s", text, f.key, f.text);
}

static void test_what_cannot_work_is_refused_with_the_numbers(void **unused)
{
	(void)unused;
	assert_refuses("bsa", 15, "f", "16 ticks at a time and the stream's window has 15");
	assert_refuses("bsa taps=[1,2,3]", 2, "taps", "3 ticks");
	assert_refuses("bsa taps=[1,2] f=2", 0, "f", "must be");
	assert_refuses("bsa taps=[1,2] f=5", 0, "f", "leave f out");
	assert_refuses("bsa taps=[1,2] cutoff=0.5", 0, "cutoff", "leave cutoff out");
	assert_refuses("hsa taps=[1]", 0, "taps", "from 2 to");
	assert_refuses("hsa taps=[0,0]", 0, "taps", "not be 0");
	assert_refuses("hsa taps=[0.5,-0.25,1]", 0, "taps", "tap 1 is -0.25");
	assert_refuses("mhsa f=24 cutoff=0.5", 0, "cutoff", "0.087");
	assert_refuses("mhsa taps=[0.5,0.5] theta=[0.2,1]", 0, "theta", "silence");
	assert_refuses("bsa taps=[0.5,0.5] theta=1.01", 0, "theta", "ever fire");
	struct pipeline_site site = site_of(2, 16);
	pipeline_free(must_build("bsa theta=[0.5,0.9]", &site));
	pipeline_free(must_build("mhsa taps=[0.5,0.5] theta=0.99", &site));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_ticks_by_hand),
		cmocka_unit_test(test_spikes_are_those_of_the_batch_form_f_1_ticks_later),
		cmocka_unit_test(test_designed_taps_are_a_hann_low_pass_of_sum_1),
		cmocka_unit_test(test_the_way_back_is_the_filter_of_the_spikes),
		cmocka_unit_test(test_values_far_beyond_the_range_are_as_good_as_near_ones),
		cmocka_unit_test(test_what_the_way_back_promises_holds),
		cmocka_unit_test(test_a_sample_that_is_no_number_is_the_last_one),
		cmocka_unit_test(test_what_cannot_work_is_refused_with_the_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
