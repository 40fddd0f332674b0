/* The filter bank against closed forms and against filters written another way: Butterworth's |H|,
 * a gammatone as complex one-poles, bands by the scales' textbook formulas, sines at centres, edges
 * and far away.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/pipeline_private.h"
#include "encoders/stage.h"
#include "tests/encoders/build.h"

#include <complex.h>
#include <float.h>
#include <math.h>

#define PI 3.14159265358979323846

static struct pipeline *bank_of(const char *text, double dt, uint32_t channels)
{
	struct pipeline_site site = site_of(channels, 0);
	site.dt = dt;
	return must_build(text, &site);
}

/* Runs one channel over `n` values, which come out as n x lines. */
static float *run(const struct pipeline *p, const float *x, size_t n)
{
	struct pipeline_state *s = pipeline_state_new(p);
	float *y = malloc(n * p->out_lines * sizeof(*y));
	for (size_t t = 0; t < n; t++) {
		struct pipeline_out out;
		pipeline_run(p, s, &x[t], true, &out);
		memcpy(y + t * p->out_lines, out.last.values, p->out_lines * sizeof(*y));
	}
	pipeline_state_free(s);
	return y;
}

/* The response at `f` cycles a tick of line i, from its answer to an impulse. */
static double complex response(const float *y, size_t n, uint32_t lines, uint32_t i, double f)
{
	double complex sum = 0;
	for (size_t t = 0; t < n; t++)
		sum += (double)y[t * lines + i] * cexp(-I * (2 * PI * f * (double)t));
	return sum;
}

static double butterworth(double f, double lo, double hi, int order)
{
	double v = tan(PI * f), low = tan(PI * lo), high = tan(PI * hi);
	double u = (v * v - low * high) / ((high - low) * v);
	return 1 / sqrt(1 + pow(u * u, order));
}

static void test_butterworth_has_the_closed_form_s_size(void **unused)
{
	(void)unused;
	static const struct {
		double dt, lo, hi;
	} bands[] = {{0.001, 20, 30}, {0.001, 100, 400}, {0.001, 5, 495}, {1 / 16000.0, 900, 1100},
		{0.01, 1, 2}};
	double worst = 0;
	enum { N = 8000 };
	static float x[N] = {1};
	for (size_t b = 0; b < sizeof(bands) / sizeof(bands[0]); b++) {
		double dt = bands[b].dt, lo = bands[b].lo, hi = bands[b].hi;
		for (int order = 1; order <= 8; order++) {
			char text[160];
			snprintf(text, sizeof(text),
				"filterbank bands=1 f_lo=%.17g f_hi=%.17g order=%d", lo, hi, order);
			struct pipeline *p = bank_of(text, dt, 1);
			float *y = run(p, x, N);
			for (int k = 1; k < 60; k++) {
				double f = k / 120.0;
				double got = cabs(response(y, N, 1, 0, f));
				worst = fmax(
					worst, fabs(got - butterworth(f, lo * dt, hi * dt, order)));
			}
			double edge = cabs(response(y, N, 1, 0, lo * dt));
			worst = fmax(worst, fabs(edge - sqrt(0.5)));
			edge = cabs(response(y, N, 1, 0, hi * dt));
			worst = fmax(worst, fabs(edge - sqrt(0.5)));
			free(y);
			pipeline_free(p);
		}
	}
	print_message("|H| off by %.3g at most\n", worst);
	assert_true(worst < 2e-6);
}

/* Size of what comes out of line i for a sine of size 1, once it has settled. */
static double sine(const struct pipeline *p, uint32_t i, double f)
{
	enum { N = 30000, FROM = 20000 };
	float *x = malloc(N * sizeof(*x));
	for (int t = 0; t < N; t++)
		x[t] = (float)sin(2 * PI * f * t);
	float *y = run(p, x, N);
	double complex sum = 0;
	double weight = 0;
	for (int t = FROM; t < N; t++) {
		double w = 1 - cos(2 * PI * (t - FROM) / (N - FROM)); /* no leakage */
		sum += w * (double)y[(size_t)t * p->out_lines + i] * cexp(-I * (2 * PI * f * t));
		weight += w;
	}
	free(x);
	free(y);
	return 2 * cabs(sum) / weight;
}

static double decibel(double size)
{
	return 20 * log10(size);
}

#define assert_near(a, b, by)                                                              \
	do {                                                                               \
		double a_ = (a), b_ = (b);                                                 \
		if (!(fabs(a_ - b_) <= (by)))                                              \
			fail_msg("line %d: %.9g is not within %.3g of %.9g", __LINE__, a_, \
				(double)(by), b_);                                         \
	} while (0)

static void test_sines_pass_at_the_centre_and_not_far_away(void **unused)
{
	(void)unused;
	/* An octave around 100 Hz, order 3: 18 dB an octave far away. */
	struct pipeline *p = bank_of("filterbank centres=100 width=1 order=3", 0.0001, 1);
	double lo = 100 / sqrt(2), hi = 100 * sqrt(2), dt = 0.0001;
	assert_near(decibel(sine(p, 0, 100 * dt)), 0, 0.001);
	assert_near(decibel(sine(p, 0, lo * dt)), -3.0103, 0.001);
	assert_near(decibel(sine(p, 0, hi * dt)), -3.0103, 0.001);
	assert_near(decibel(sine(p, 0, 800 * dt)) - decibel(sine(p, 0, 400 * dt)), -18, 2);
	assert_true(decibel(sine(p, 0, 10 * dt)) < -60);
	pipeline_free(p);
	p = bank_of("filterbank design=gammatone centres=1000 width=0.25", 1 / 16000.0, 1);
	double width = 1000 * (exp2(0.125) - exp2(-0.125));
	assert_near(decibel(sine(p, 0, 1000 / 16000.0)), 0, 0.001);
	assert_near(decibel(sine(p, 0, (1000 - width / 2) / 16000)), -3.0103, 0.01);
	assert_near(decibel(sine(p, 0, (1000 + width / 2) / 16000)), -3.0103, 0.01);
	assert_true(decibel(sine(p, 0, 2000 / 16000.0)) < -55);
	assert_true(decibel(sine(p, 0, 250 / 16000.0)) < -45);
	pipeline_free(p);
}

/* Hohmann's form: four complex one-poles in a row and the real part of the last. */
static void test_gammatone_equals_complex_one_poles(void **unused)
{
	(void)unused;
	struct test_random r = test_random(51);
	enum { N = 4000 };
	double worst = 0;
	for (int round = 0; round < 20; round++) {
		double f = random_between(&r, 0.005, 0.4), octaves = random_between(&r, 0.1, 0.3);
		char text[160];
		snprintf(text, sizeof(text),
			"filterbank design=gammatone centres=[%.17g,%.17g] width=%.17g", f * 1000,
			f * 800, octaves);
		double width = f * (exp2(octaves / 2) - exp2(-octaves / 2));
		double u = exp2(-0.25), q = (1 - u * cos(PI * width)) / (1 - u);
		double complex a = (q - sqrt(q * q - 1)) * cexp(I * 2 * PI * f);
		double complex up = cpow(1 / (1 - a * cexp(-I * 2 * PI * f)), 4);
		double complex down = cpow(1 / (1 - conj(a) * cexp(-I * 2 * PI * f)), 4);
		double gain = cabs((up + down) / 2);
		struct pipeline *p = bank_of(text, 0.001, 1);
		static float x[N];
		double complex v[4] = {0};
		for (int t = 0; t < N; t++)
			x[t] = (float)random_between(&r, -1, 1);
		float *y = run(p, x, N);
		for (int t = 0; t < N; t++) {
			double complex in = (double)x[t];
			for (int k = 0; k < 4; k++)
				in = v[k] = a * v[k] + in;
			worst = fmax(worst, fabs(creal(in) / gain - (double)y[2 * t]));
		}
		free(y);
		pipeline_free(p);
	}
	print_message("gammatone off by %.3g at most\n", worst);
	assert_true(worst < 1e-6);
}

static double mel(double f)
{
	return 2595 * log10(1 + f / 700);
}

static double hertz_of_mel(double m)
{
	return 700 * (pow(10, m / 2595) - 1);
}

static double erb(double f)
{
	return 21.4 * log10(1 + 0.00437 * f);
}

static double hertz_of_erb(double e)
{
	return (pow(10, e / 21.4) - 1) / 0.00437;
}

/* Each band's edges, by the textbook, are where it is -3 dB, and its neighbour too. */
static void test_bands_are_spaced_as_the_scales_say(void **unused)
{
	(void)unused;
	enum { N = 20000, BANDS = 9 };
	static float x[N] = {1};
	static const char *const names[] = {"log", "mel", "erb"};
	double dt = 1 / 16000.0, worst = 0;
	for (int scale = 0; scale < 3; scale++) {
		char text[160];
		snprintf(text, sizeof(text), "filterbank bands=%d f_lo=100 f_hi=6000 scale=%s",
			BANDS, names[scale]);
		struct pipeline *p = bank_of(text, dt, 1);
		assert_int_equal(p->out_lines, BANDS);
		float *y = run(p, x, N);
		for (int i = 0; i <= BANDS; i++) {
			double part = (double)i / BANDS;
			double edge =
				scale == 0 ? 100 * pow(60, part)
				: scale == 1
					? hertz_of_mel(mel(100) + part * (mel(6000) - mel(100)))
					: hertz_of_erb(erb(100) + part * (erb(6000) - erb(100)));
			for (int line = i - 1; line <= i; line++) {
				if (line < 0 || line >= BANDS)
					continue;
				double got = cabs(response(y, N, BANDS, (uint32_t)line, edge * dt));
				worst = fmax(worst, fabs(got - sqrt(0.5)));
			}
		}
		free(y);
		pipeline_free(p);
	}
	print_message("edges off by %.3g at most\n", worst);
	assert_true(worst < 1e-4);
}

static void test_defaults_and_listed_widths_lie_where_the_help_says(void **unused)
{
	(void)unused;
	enum { N = 20000 };
	static float x[N] = {1};
	struct pipeline *p = bank_of("filterbank", 0.001, 1);
	assert_int_equal(p->out_lines, 16);
	float *y = run(p, x, N);
	assert_near(cabs(response(y, N, 16, 15, 0.4)), sqrt(0.5), 1e-5);
	assert_near(cabs(response(y, N, 16, 0, 0.4 / 64)), sqrt(0.5), 1e-5);
	free(y);
	pipeline_free(p);
	p = bank_of("filterbank centres=[50,120,70]", 0.001, 1);
	y = run(p, x, N);
	static const double centres[] = {50, 120, 70};
	for (uint32_t i = 0; i < 3; i++) {
		double f = centres[i] / 1000;
		assert_near(cabs(response(y, N, 3, i, f * exp2(-1 / 6.0))), sqrt(0.5), 1e-5);
		assert_near(cabs(response(y, N, 3, i, f * exp2(1 / 6.0))), sqrt(0.5), 1e-5);
	}
	free(y);
	pipeline_free(p);
}

/* Channel c's bands are lines c * N ..., and nobody's neighbour changes them; behind another fan-out
 * too. */
static void test_lines_are_channel_major(void **unused)
{
	(void)unused;
	struct test_random r = test_random(52);
	struct pipeline *three = bank_of("filterbank bands=5", 0.001, 3);
	struct pipeline *one = bank_of("filterbank bands=5", 0.001, 1);
	struct pipeline *deep = bank_of("filterbank bands=2 | filterbank bands=3", 0.001, 2);
	assert_int_equal(three->out_lines, 15);
	assert_int_equal(deep->out_lines, 12);
	struct pipeline_state *s = pipeline_state_new(three), *single[3];
	for (int c = 0; c < 3; c++)
		single[c] = pipeline_state_new(one);
	for (int t = 0; t < 500; t++) {
		float x[3];
		struct pipeline_out all, each;
		for (int c = 0; c < 3; c++)
			x[c] = (float)random_between(&r, -1, 1);
		pipeline_run(three, s, x, true, &all);
		for (int c = 0; c < 3; c++) {
			pipeline_run(one, single[c], &x[c], true, &each);
			assert_same_floats(all.last.values + 5 * c, each.last.values, 5);
		}
	}
	for (int c = 0; c < 3; c++)
		pipeline_state_free(single[c]);
	pipeline_state_free(s);
	pipeline_free(three);
	pipeline_free(one);
	pipeline_free(deep);
}

static void test_no_sample_is_the_last_one_and_a_window_changes_nothing(void **unused)
{
	(void)unused;
	struct test_random r = test_random(53);
	struct pipeline *p = bank_of("filterbank design=gammatone bands=4", 0.001, 1);
	struct pipeline_state *odd = pipeline_state_new(p), *held = pipeline_state_new(p);
	float last = 0;
	for (int t = 0; t < 2000; t++) {
		struct pipeline_out a, b;
		float x = (float)random_between(&r, -1, 1);
		bool lost = random_below(&r, 3) == 0;
		last = lost ? last : x;
		x = lost ? (t % 2 ? NAN : -INFINITY) : x;
		if (t % 10 == 0)
			pipeline_reset(p, odd, RESET_WINDOW);
		pipeline_run(p, odd, &x, true, &a);
		pipeline_run(p, held, &last, true, &b);
		assert_same_floats(a.last.values, b.last.values, 4);
	}
	pipeline_state_free(odd);
	pipeline_state_free(held);
	pipeline_free(p);
}

/* After a burst, silence: on the way to 0 nothing is ever denormal, and 0 it becomes. */
static void test_silence_fades_to_nothing_without_denormal_numbers(void **unused)
{
	(void)unused;
	static const char *const texts[] = {
		"filterbank bands=6 order=4", "filterbank design=gammatone bands=6"};
	for (int k = 0; k < 2; k++) {
		struct pipeline *p = bank_of(texts[k], 0.001, 1);
		struct pipeline_state *s = pipeline_state_new(p);
		const double *states =
			(const double *)((char *)s->slots[0].block + stage_float_bytes(1));
		size_t n = 2 * 4 * 6;
		bool silent = false;
		for (int t = 0; t < 100000 && !silent; t++) {
			struct pipeline_out out;
			float x = t < 100 ? (float)(t % 7) * 1e30f : 0;
			pipeline_run(p, s, &x, true, &out);
			silent = t > 100;
			for (size_t i = 0; i < n; i++) {
				assert_true(states[i] == 0 || fabs(states[i]) > 1e-200);
				silent = silent && states[i] == 0;
			}
			for (uint32_t i = 0; i < 6; i++)
				assert_true(out.last.values[i] == 0 ||
					    fabsf(out.last.values[i]) >= FLT_MIN);
		}
		assert_true(silent);
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

static void test_the_largest_values_stay_finite(void **unused)
{
	(void)unused;
	struct pipeline *p = bank_of("filterbank bands=3 order=8", 0.001, 1);
	float x[2000];
	for (int t = 0; t < 2000; t++)
		x[t] = t / 50 % 2 ? FLT_MAX : -FLT_MAX;
	float *y = run(p, x, 2000);
	for (int t = 0; t < 6000; t++)
		assert_true(isfinite(y[t]));
	free(y);
	pipeline_free(p);
}

static void assert_refuses(const char *text, const char *key, int item, const char *part)
{
	struct pipeline_site site = site_of(2, 0);
	struct fault f = {.item = -1};
	if (build(text, &site, &f))
		fail_msg("took %s", text);
	if (!strstr(f.text, part) || strcmp(f.key, key) != 0 || f.item != item)
		fail_msg("%s: %s[%d]: %s", text, f.key, f.item, f.text);
}

static void test_what_cannot_work_is_refused_with_the_numbers(void **unused)
{
	(void)unused;
	assert_refuses("filterbank f_hi=500", "f_hi", -1, "below 500 Hz");
	assert_refuses("filterbank f_hi=0.6kHz bands=2", "f_hi", -1, "band 1 of 2 reaches from");
	assert_refuses("filterbank centres=[10,490,20]", "centres", 1, "to 550.");
	assert_refuses("filterbank f_lo=100 f_hi=50", "f_hi", -1, "f_lo is 100 Hz and f_hi 50 Hz");
	assert_refuses("filterbank centres=[10] bands=3", "bands", -1, "leave bands out");
	assert_refuses("filterbank centres=10 f_lo=3", "f_lo", -1, "leave f_lo out");
	assert_refuses("filterbank width=1", "width", -1, "listed centres");
	assert_refuses("filterbank design=gammatone order=3", "order", -1, "of order 4");
	assert_refuses("filterbank f_lo=10 f_hi=10.0000000000001 bands=100", "f_hi", -1, "narrow");
	assert_refuses("filterbank bands=0", "bands", -1, "from 1 to 4096");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_butterworth_has_the_closed_form_s_size),
		cmocka_unit_test(test_sines_pass_at_the_centre_and_not_far_away),
		cmocka_unit_test(test_gammatone_equals_complex_one_poles),
		cmocka_unit_test(test_bands_are_spaced_as_the_scales_say),
		cmocka_unit_test(test_defaults_and_listed_widths_lie_where_the_help_says),
		cmocka_unit_test(test_lines_are_channel_major),
		cmocka_unit_test(test_no_sample_is_the_last_one_and_a_window_changes_nothing),
		cmocka_unit_test(test_silence_fades_to_nothing_without_denormal_numbers),
		cmocka_unit_test(test_the_largest_values_stay_finite),
		cmocka_unit_test(test_what_cannot_work_is_refused_with_the_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
