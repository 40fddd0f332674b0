/* Population beyond the golden files: the natural form, kernels, distances, values a channel, and
 * Norse's corner cases.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/build.h"

#include <math.h>

#define LINES_MAX 512

static const double pi = 3.14159265358979323846;

/* Runs one row and copies the activities. */
static uint32_t activities(const char *text, const float *x, uint32_t channels, float *out)
{
	struct pipeline_site site = site_of(channels, 0);
	struct pipeline *p = must_build(text, &site);
	struct pipeline_state *s = pipeline_state_new(p);
	struct pipeline_out got;
	pipeline_run(p, s, x, true, &got);
	assert_true(got.last.count <= LINES_MAX);
	memcpy(out, got.last.values, got.last.count * sizeof(*out));
	uint32_t n = got.last.count;
	pipeline_state_free(s);
	pipeline_free(p);
	return n;
}

static void assert_near(double got, double expected, const char *what, uint32_t line)
{
	if (!(fabs(got - expected) <= 2e-6))
		fail_msg("%s: line %u is %.9g, not %.9g", what, line, got, expected);
}

static double gaussian(double r)
{
	return exp(-r * r / 2);
}

static double laplace(double r)
{
	return exp(-r / 2);
}

static double cosine(double r)
{
	return r < 2 ? 0.5 * (1 + cos(pi * r / 2)) : 0;
}

static double triangle(double r)
{
	return r < 2 ? 1 - r / 2 : 0;
}

/* Activity of a line by the formula of population.c, in double. */
static void test_natural_form_follows_its_formula(void **unused)
{
	(void)unused;
	static const struct {
		const char *text;
		double (*kernel)(double r);
		double lo, gap, sigma, period; /* period 0 = a straight line */
	} cases[] = {
		{"lo=-1 hi=3", gaussian, -1, 0.5, 0.5, 0},
		{"lo=-1 hi=3 sigma=0.3", gaussian, -1, 0.5, 0.3, 0},
		{"lo=-1 hi=3 distance=absolute", laplace, -1, 0.5, 0.5, 0},
		{"lo=-1 hi=3 kernel=cosine", cosine, -1, 0.5, 0.5, 0},
		{"lo=-1 hi=3 kernel=cosine distance=absolute sigma=2", cosine, -1, 0.5, 2, 0},
		{"lo=-1 hi=3 kernel=triangle", triangle, -1, 0.5, 0.5, 0},
		{"lo=0 hi=9 distance=circular", gaussian, 0, 1, 1, 9},
		{"lo=0 hi=9 distance=circular period=9", gaussian, 0, 1, 1, 9},
		{"lo=0 hi=9 distance=circular kernel=triangle sigma=2", triangle, 0, 1, 2, 9},
		{"lo=0 hi=4 distance=circular period=9", gaussian, 0, 0.5, 0.5, 9},
	};
	struct test_random r = test_random(1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[160];
		snprintf(text, sizeof(text), "population out_features=9 %s", cases[i].text);
		for (int round = 0; round < 50; round++) {
			float x[2], got[LINES_MAX];
			x[0] = (float)random_between(&r, -12, 12);
			x[1] = (float)random_between(&r, -1, 3);
			assert_int_equal(activities(text, x, 2, got), 18);
			for (uint32_t line = 0; line < 18; line++) {
				double centre = cases[i].lo + line % 9 * cases[i].gap;
				double d = (double)x[line / 9] - centre;
				if (cases[i].period > 0)
					d = remainder(d, cases[i].period);
				assert_near((double)got[line],
					cases[i].kernel(fabs(d) / cases[i].sigma), text, line);
			}
		}
	}
}

static void test_a_circle_has_no_seam(void **unused)
{
	(void)unused;
	const char *text = "population out_features=8 lo=0 hi=8 distance=circular";
	float here[LINES_MAX], round[LINES_MAX];
	for (int step = 0; step < 32; step++) {
		float x = (float)step / 4, y = x - 16;
		activities(text, &x, 1, here);
		activities(text, &y, 1, round);
		assert_same_floats(here, round, 8); /* all of it is exact in binary */
		float next = x + 1;
		activities(text, &next, 1, round);
		for (uint32_t i = 0; i < 8; i++)
			assert_true(here[i] == round[(i + 1) % 8]);
	}
}

static void test_one_line_stands_in_the_middle(void **unused)
{
	(void)unused;
	float got[LINES_MAX], x[] = {1, 3};
	assert_int_equal(activities("population out_features=1 lo=-1 hi=3", x, 2, got), 2);
	assert_true(got[0] == 1.0f);
	assert_near((double)got[1], gaussian(0.5), "one line", 1);
	/* Norse's only centre is 0, whatever the scale. */
	activities("population out_features=1 scale=2", x, 2, got);
	assert_near((double)got[0], exp(-1.0), "Norse's one line", 0);
}

static void test_values_a_channel_equal_streams_of_one(void **unused)
{
	(void)unused;
	static const struct {
		const char *all, *each[3];
	} cases[] = {
		{"scale=[1,2,3]", {"scale=1", "scale=2", "scale=3"}},
		{"lo=[0,-1,2] hi=[1,3,9]", {"lo=0 hi=1", "lo=-1 hi=3", "lo=2 hi=9"}},
		{"lo=0 hi=4 sigma=[1,0.5,3]",
			{"lo=0 hi=4 sigma=1", "lo=0 hi=4 sigma=0.5", "lo=0 hi=4 sigma=3"}},
		{"scale=2 distance=circular period=[1,2,6]",
			{"scale=2 distance=circular period=1", "scale=2 distance=circular period=2",
				"scale=2 distance=circular period=6"}},
	};
	const float x[] = {0.3f, 1.7f, 2.9f};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[160];
		float all[LINES_MAX], one[LINES_MAX];
		snprintf(text, sizeof(text), "population out_features=20 %s", cases[i].all);
		activities(text, x, 3, all);
		for (uint32_t c = 0; c < 3; c++) {
			snprintf(text, sizeof(text), "population out_features=20 %s",
				cases[i].each[c]);
			activities(text, x + c, 1, one);
			assert_same_floats(all + 20 * c, one, 20);
		}
	}
}

static void test_auto_equals_the_scale_that_it_finds(void **unused)
{
	(void)unused;
	struct test_random r = test_random(2);
	for (int round = 0; round < 300; round++) {
		char text[96];
		float x[7], most = 0, moving[LINES_MAX], fixed[LINES_MAX];
		unsigned n = 1 + random_below(&r, 70);
		for (int i = 0; i < 7; i++) {
			x[i] = (float)random_between(&r, -1, 5);
			most = i == 0 || x[i] > most ? x[i] : most;
		}
		if (most <= 0)
			continue;
		snprintf(text, sizeof(text), "population out_features=%u", n);
		activities(text, x, 7, moving);
		snprintf(
			text, sizeof(text), "population out_features=%u scale=%a", n, (double)most);
		activities(text, x, 7, fixed);
		assert_same_floats(moving, fixed, 7 * n);
	}
}

static void test_norses_corner_cases(void **unused)
{
	(void)unused;
	float got[LINES_MAX];
	const float zeros[] = {0, 0, 0}, negative[] = {-1, -2, -3}, odd[] = {NAN, 1, INFINITY};
	activities("population out_features=5", zeros, 3, got);
	for (int i = 0; i < 15; i++)
		assert_true(got[i] == 1.0f);
	activities("population out_features=5", negative, 3, got);
	assert_true(got[10] > 1.0f); /* a negative scale turns the curves over */
	activities("population out_features=5 kernel=triangle", negative, 3, got);
	for (int i = 0; i < 15; i++)
		assert_true(got[i] == 1.0f);
	/* Where Norse would lose every line, only the channel itself is lost. */
	activities("population out_features=5", odd, 3, got);
	float alone[LINES_MAX], one = 1;
	activities("population out_features=5", &one, 1, alone);
	for (int i = 0; i < 5; i++) {
		assert_true(isnan(got[i]));
		assert_true(got[5 + i] == alone[i]);
		assert_true(got[10 + i] == 0.0f);
	}
}

/* Norse's form with sigma and with another distance, in Norse's order of operations. */
static void test_norses_form_takes_sigma_and_distance(void **unused)
{
	(void)unused;
	const float x[] = {0.7f, 1.9f};
	float got[LINES_MAX];
	activities("population out_features=5 scale=2 sigma=0.4", x, 2, got);
	for (uint32_t i = 0; i < 10; i++) {
		float d = x[i / 5] - (float)(i % 5) * 0.5f;
		float t = d * d;
		t = t * 2.0f;
		assert_int_equal(
			float_bits(got[i]), float_bits(expf(-t / (float)(2 * (0.4 * 0.4)))));
	}
	activities("population out_features=5 scale=2 distance=absolute", x, 2, got);
	for (uint32_t i = 0; i < 10; i++) {
		float d = fabsf(x[i / 5] - (float)(i % 5) * 0.5f);
		assert_int_equal(float_bits(got[i]), float_bits(expf(-(d * 2.0f) / 2.0f)));
	}
	activities("population out_features=5 scale=2 kernel=cosine sigma=0.5", x, 2, got);
	for (uint32_t i = 0; i < 10; i++) {
		double d = (double)x[i / 5] - i % 5 * 0.5;
		assert_near((double)got[i], cosine(fabs(d) * sqrt(2) / 0.5), "cosine", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_natural_form_follows_its_formula),
		cmocka_unit_test(test_a_circle_has_no_seam),
		cmocka_unit_test(test_one_line_stands_in_the_middle),
		cmocka_unit_test(test_values_a_channel_equal_streams_of_one),
		cmocka_unit_test(test_auto_equals_the_scale_that_it_finds),
		cmocka_unit_test(test_norses_corner_cases),
		cmocka_unit_test(test_norses_form_takes_sigma_and_distance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
