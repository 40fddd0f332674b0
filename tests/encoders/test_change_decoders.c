/* What the decoders of change detectors and rate coders promise, on a million random samples each:
 * their error bounds at every tick, and that they follow the encoder's own arithmetic.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/decoder.h"
#include "tests/encoders/build.h"

#include <float.h>
#include <math.h>

#define CHANNELS 1000u
#define TICKS    1000u

/* A pipeline and its decoder, side by side. */
struct pair {
	struct pipeline *p;
	struct pipeline_state *s;
	struct decoder *d;
	struct pipeline_out out;
	const float *decoded;
};

static struct pair pair_new(const char *text, uint32_t channels, uint32_t window)
{
	struct pipeline_site site = site_of(channels, window);
	struct fault f = {0};
	struct pair pair = {.p = must_build(text, &site)};
	pair.s = pipeline_state_new(pair.p);
	pair.d = decoder_new(pair.p, NULL, &f);
	if (!pair.d)
		fail_msg("%s: %s", text, f.text);
	assert_int_equal(decoder_stage(pair.d), 0);
	return pair;
}

static void pair_free(struct pair *pair)
{
	decoder_free(pair->d);
	pipeline_state_free(pair->s);
	pipeline_free(pair->p);
}

static void pair_window(struct pair *pair)
{
	pipeline_reset(pair->p, pair->s, RESET_WINDOW);
	decoder_reset(pair->d, RESET_WINDOW);
}

static void pair_run(struct pair *pair, const float *x)
{
	pipeline_run(pair->p, pair->s, x, true, &pair->out);
	pair->decoded = decoder_run(pair->d, &pair->out.last);
}

/* Half a unit in the last place of what lies around x: what rounding a base to float32 may cost. */
static double half_unit(double x, double theta)
{
	return (fabs(x) + theta) * 0x1p-24;
}

/* Random walks with steps of all sizes, and jumps. */
static void walk_on(struct test_random *r, float *x, uint32_t channels, double size)
{
	for (uint32_t c = 0; c < channels; c++) {
		double step = random_between(r, -size, size);
		if (random_below(r, 20) == 0)
			step *= 100;
		x[c] += (float)step;
	}
}

static float x[CHANNELS];

static void start_walk(struct test_random *r)
{
	for (uint32_t c = 0; c < CHANNELS; c++)
		x[c] = (float)random_between(r, -5, 5);
}

/* The worst error of a run, in units of what is allowed. */
static double worst_of(struct pair *pair, struct test_random *r, double theta, double size)
{
	double worst = 0;
	for (uint32_t t = 0; t < TICKS; t++) {
		if (t > 0)
			walk_on(r, x, CHANNELS, size);
		pair_run(pair, x);
		for (uint32_t c = 0; c < CHANNELS; c++) {
			double error = fabs((double)x[c] - (double)pair->decoded[c]);
			worst = fmax(worst, error / (theta + half_unit((double)x[c], theta)));
			assert_true(pair->decoded[c] == pair->out.state[c]);
		}
	}
	return worst;
}

static void test_many_steps_are_within_theta_at_every_tick(void **unused)
{
	(void)unused;
	static const double sizes[] = {0.05, 0.5, 50};
	struct test_random r = test_random(30);
	for (unsigned i = 0; i < 3; i++) {
		struct pair pair = pair_new("step_forward theta=0.1 max_steps=65535", CHANNELS, 0);
		start_walk(&r);
		assert_int_equal(decoder_start(pair.d, x), 0);
		double worst = worst_of(&pair, &r, (double)0.1f, sizes[i]);
		print_message("steps of %g: the worst error is %.9f theta\n", sizes[i], worst);
		assert_true(worst > 0.9 && worst <= 1);
		pair_free(&pair);
	}
}

static void test_many_steps_without_a_start_are_too(void **unused)
{
	(void)unused;
	struct test_random r = test_random(31);
	struct pair pair =
		pair_new("step_forward theta=0.1 max_steps=65535 start=zero", CHANNELS, 0);
	start_walk(&r);
	assert_true(worst_of(&pair, &r, (double)0.1f, 0.5) <= 1);
	pair_free(&pair);
}

/* One step a tick: whatever is done to it, the decoder's value is the encoder's base. */
static void test_single_steps_decode_to_the_base(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"step_forward theta=0.1",
		"step_forward theta=0.1 theta_down=0.03 refractory=3",
		"step_forward theta=0.1 leak=50ms max_steps=3"};
	struct test_random r = test_random(32);
	for (unsigned i = 0; i < 3; i++) {
		struct pair pair = pair_new(texts[i], CHANNELS, 0);
		start_walk(&r);
		assert_int_equal(decoder_start(pair.d, x), 0);
		assert_true(worst_of(&pair, &r, (double)0.1f, 0.05) > 0);
		pair_free(&pair);
	}
}

/* Far from 0, where theta is less than the last place can hold: any value is reached, to a unit or
 * two of that. */
static void test_a_value_far_from_0_is_reached_and_decoded(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"step_forward theta=0.003",
		"step_forward theta=0.003 theta_down=0.004 max_steps=9",
		"step_forward theta=0.003 start=zero max_steps=65535 refractory=1"};
	struct test_random r = test_random(35);
	for (unsigned i = 0; i < 3; i++) {
		struct pair pair = pair_new(texts[i], CHANNELS, 0);
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[c] = (float)ldexp(
				random_between(&r, -1, 1), i < 2 ? (int)(10 + c % 100) : 15);
		assert_int_equal(decoder_start(pair.d, x), 0);
		for (uint32_t t = 0; t < TICKS; t++) {
			uint32_t units = t > 0 && t % 250 == 0 ? 50 : 0;
			for (uint32_t c = 0; c < CHANNELS; c++) {
				for (uint32_t n = random_below(&r, units + 1); n > 0; n--)
					x[c] = nextafterf(x[c], c % 2 ? INFINITY : -INFINITY);
			}
			pair_run(&pair, x);
			assert_memory_equal(pair.decoded, pair.out.state, sizeof(x));
		}
		for (uint32_t c = 0; c < CHANNELS; c++) {
			float error = fabsf(x[c] - pair.decoded[c]);
			float least = fabsf(x[c]) * 0x1p-23f;
			assert_true(error <= fmaxf(0.004f, least) + least / 2);
			assert_false(line_is_on(pair.out.last.on, c));
		}
		pair_free(&pair);
	}
}

static void test_graded_deltas_are_within_theta_at_every_tick(void **unused)
{
	(void)unused;
	struct test_random r = test_random(33);
	struct pair pair = pair_new("send_on_delta theta=0.1 payload=graded", CHANNELS, 0);
	start_walk(&r);
	double worst = worst_of(&pair, &r, (double)0.1f, 0.05);
	print_message("the worst error is %.9f theta\n", worst);
	assert_true(worst > 0.9 && worst <= 1);
	pair_free(&pair);
	pair = pair_new("send_on_delta theta=0.1 payload=graded first=silent", CHANNELS, 0);
	start_walk(&r);
	assert_int_equal(decoder_start(pair.d, x), 0);
	assert_true(worst_of(&pair, &r, (double)0.1f, 0.5) <= 1);
	pair_free(&pair);
}

/* Any change is told and what rounding leaves out is sent later: a value that stays is reached. */
static void test_a_theta_of_zero_is_exact_in_the_end(void **unused)
{
	(void)unused;
	struct test_random r = test_random(34);
	struct pair pair = pair_new("send_on_delta theta=0 payload=graded", CHANNELS, 0);
	for (uint32_t t = 0; t < TICKS / 10; t++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[c] = (float)ldexp(random_between(&r, -1, 1), (int)random_below(&r, 40));
		for (int held = 0; held < 4; held++)
			pair_run(&pair, x);
		for (uint32_t c = 0; c < CHANNELS; c++)
			assert_true(pair.decoded[c] == x[c]);
	}
	pair_free(&pair);
}

/* Spikes so far against the sum of what went in, which a long double adds up without an error that
 * matters here. `low` and `high` are the bounds of their difference, strict. */
static void check_count(
	const char *text, double f_max, double from, double to, bool rectify, double low)
{
	static long double sums[CHANNELS];
	struct test_random r = test_random(40);
	struct pair pair = pair_new(text, CHANNELS, 0);
	const float gain = (float)(f_max * 0.001);
	double least = 2, most = -2;
	memset(sums, 0, sizeof(sums));
	for (uint32_t c = 0; c < CHANNELS; c++)
		x[c] = (float)random_between(&r, from, to);
	for (uint32_t t = 0; t < TICKS; t++) {
		/* Half the channels hold their value: their roundings are always the same. */
		for (uint32_t c = 0; c < CHANNELS / 2; c++)
			x[c] = (float)random_between(&r, from, to);
		pair_run(&pair, x);
		for (uint32_t c = 0; c < CHANNELS; c++) {
			float step = gain * x[c];
			const struct lines *l = &pair.out.last;
			long double n = line_is_on(l->on, c);
			if (l->kind == KIND_COUNTS && line_is_on(l->on, c))
				n = (long double)l->values[c];
			if (l->kind == KIND_SIGNED)
				n -= line_is_on(l->minus, c);
			sums[c] += (long double)(rectify ? fabsf(step) : step) - n;
			least = fmin(least, (double)sums[c]);
			most = fmax(most, (double)sums[c]);
		}
	}
	print_message("%s: between %.9f and %.9f spikes off\n", text, least, most);
	assert_true(least >= low && most < 1 && most > 0.99);
	pair_free(&pair);
}

static void test_counts_are_less_than_a_spike_off(void **unused)
{
	(void)unused;
	/* A spike comes early by the rounding of v when it fires, which does not grow with time. */
	const double below = -0x1p-24, cap_below = 7 * below;
	check_count("if f_max=300", 300, 0, 3.3, false, below);
	check_count("if f_max=999 cap=7", 999, 0, 7, false, cap_below);
	check_count("if f_max=300 mode=rectify", 300, -3.3, 3.3, true, below);
	check_count("if f_max=300 mode=bipolar", 300, -3.3, 3.3, false, -1 + 1e-12);
	check_count("if f_max=999 mode=bipolar cap=7", 999, -7, 7, false, -1 + 1e-12);
}

/* Ten million ticks of one value whose sum a float32 would round the same way each time. */
static void test_counts_do_not_drift(void **unused)
{
	(void)unused;
	struct pair pair = pair_new("if f_max=100", 1, 0);
	const float value = 0.9999f, step = (float)(100 * 0.001) * value;
	long double left = 0;
	for (uint32_t t = 0; t < 10000000; t++) {
		pipeline_run(pair.p, pair.s, &value, true, &pair.out);
		left += (long double)step - (long double)line_is_on(pair.out.last.on, 0);
		if (!(left > -1e-7L && left < 1))
			fail_msg("tick %u: %g spikes off", t, (double)left);
	}
	pair_free(&pair);
}

/* A window of 1.4e8 spikes, of which a float32 would not see those of one tick as they are. */
static void test_a_long_window_is_counted_exactly(void **unused)
{
	(void)unused;
	enum { WINDOW = 4000000 };
	struct pair pair = pair_new("if f_max=35000 cap=1000", 1, WINDOW);
	const float value = 1;
	pair_window(&pair);
	pipeline_run(pair.p, pair.s, &value, true, &pair.out);
	assert_true(line_is_on(pair.out.last.on, 0) && pair.out.last.values[0] == 35);
	for (uint32_t t = 0; t < WINDOW; t++)
		pair.decoded = decoder_run(pair.d, &pair.out.last);
	assert_true(fabs((double)pair.decoded[0] - 1) <= 0x1p-23);
	pair_free(&pair);
}

/* With a window the decoded value is, at each of its ticks, less than a spike's worth off the mean. */
static void test_rates_of_a_window_are_less_than_a_spike_off(void **unused)
{
	(void)unused;
	enum { WINDOW = 50 };
	static double sums[CHANNELS];
	struct test_random r = test_random(41);
	struct pair pair = pair_new("if f_max=300 theta=2 mode=bipolar", CHANNELS, WINDOW);
	for (uint32_t t = 0; t < TICKS; t++) {
		if (t % WINDOW == 0) {
			pair_window(&pair);
			memset(sums, 0, sizeof(sums));
		}
		for (uint32_t c = 0; c < CHANNELS; c++)
			x[c] = (float)random_between(&r, -6, 6);
		pair_run(&pair, x);
		uint32_t ticks = t % WINDOW + 1;
		double spike = 2 / (300 * 0.001) / ticks;
		for (uint32_t c = 0; c < CHANNELS; c++) {
			sums[c] += (double)x[c];
			double error = fabs((double)pair.decoded[c] - sums[c] / ticks);
			assert_true(error < spike * (1 + 1e-5)); /* the sum of float values */
		}
	}
	pair_free(&pair);
}

static double mean_decoded(const char *text, float value, uint32_t ticks)
{
	struct pair pair = pair_new(text, 1, 0);
	double sum = 0;
	for (uint32_t t = 0; t < ticks; t++) {
		pair_run(&pair, &value);
		if (t >= ticks / 2)
			sum += (double)pair.decoded[0];
	}
	pair_free(&pair);
	return sum / (ticks - ticks / 2);
}

static void test_rates_are_the_value_on_average(void **unused)
{
	(void)unused;
	assert_true(fabs(mean_decoded("if f_max=300", 0.7f, 20000) - 0.7) < 1e-3);
	assert_true(fabs(mean_decoded("if f_max=300 mode=bipolar", -0.7f, 20000) + 0.7) < 1e-3);
	assert_true(fabs(mean_decoded("if f_max=300 cap=9", 11, 20000) - 11) < 2e-2);
	/* It leaks little: 0.004 a tick of 1.5, and reaches more than theta by up to 1/75. */
	double x_hat = mean_decoded("lif_bipolar theta=1.5 beta=0.9999", -0.02f, 60000);
	assert_true(x_hat > -0.02 && x_hat < -0.0190);
}

/* The peer's decoder of lif_bipolar, r' = beta r + theta s, times (1 - beta). */
static void test_bipolar_lif_decodes_as_the_peer(void **unused)
{
	(void)unused;
	struct test_random r = test_random(42);
	struct pair pair = pair_new("lif_bipolar theta=0.5 beta=0.9", 1, 0);
	double peer = 0;
	for (uint32_t t = 0; t < TICKS; t++) {
		float value = (float)random_between(&r, -1, 1);
		pair_run(&pair, &value);
		const struct lines *l = &pair.out.last;
		peer = 0.9 * peer + 0.5 * (line_is_on(l->on, 0) - line_is_on(l->minus, 0));
		assert_true(fabs((double)pair.decoded[0] - 0.1 * peer) < 1e-6);
	}
	pair_free(&pair);
}

static void test_a_derivative_adds_up(void **unused)
{
	(void)unused;
	struct pair pair = pair_new("derivative theta=0.5", 1, 0);
	const float in[] = {3, 4, 4, 4.25f, 3}, out[] = {3, 3.5f, 3.5f, 3.5f, 3};
	assert_int_equal(decoder_start(pair.d, in), 0);
	for (uint32_t t = 0; t < 5; t++) {
		pair_run(&pair, &in[t]);
		assert_true(pair.decoded[0] == out[t]);
	}
	pair_free(&pair);
}

static void test_what_cannot_be_decoded_says_so(void **unused)
{
	(void)unused;
	static const struct {
		const char *text;
		uint32_t window;
		const char *key;
	} cases[] = {
		{"step_forward", 10, "start"},
		{"send_on_delta payload=sign", 0, "payload"},
		{"send_on_delta payload=graded first=silent", 10, "first"},
		{"derivative off=false", 0, "off"},
		{"derivative", 10, "pad"},
		{"threshold edge=both", 0, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pipeline_site site = site_of(1, cases[i].window);
		struct pipeline *p = must_build(cases[i].text, &site);
		struct fault f = {0};
		assert_null(decoder_new(p, NULL, &f));
		assert_string_equal(f.key, cases[i].key);
		assert_true(f.text[0] != '\0');
		pipeline_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_steps_are_within_theta_at_every_tick),
		cmocka_unit_test(test_many_steps_without_a_start_are_too),
		cmocka_unit_test(test_single_steps_decode_to_the_base),
		cmocka_unit_test(test_a_value_far_from_0_is_reached_and_decoded),
		cmocka_unit_test(test_graded_deltas_are_within_theta_at_every_tick),
		cmocka_unit_test(test_a_theta_of_zero_is_exact_in_the_end),
		cmocka_unit_test(test_counts_are_less_than_a_spike_off),
		cmocka_unit_test(test_counts_do_not_drift),
		cmocka_unit_test(test_a_long_window_is_counted_exactly),
		cmocka_unit_test(test_rates_of_a_window_are_less_than_a_spike_off),
		cmocka_unit_test(test_rates_are_the_value_on_average),
		cmocka_unit_test(test_bipolar_lif_decodes_as_the_peer),
		cmocka_unit_test(test_a_derivative_adds_up),
		cmocka_unit_test(test_what_cannot_be_decoded_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
