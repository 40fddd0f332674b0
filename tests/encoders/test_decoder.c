/* What every decoder owes its users, driven from the registry: as wide as promised, finite on any
 * spikes, as new after a reset. How well each decodes is held by the tests of its class.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/decoder.h"
#include "tests/encoders/build.h"

#include <math.h>

#define CHANNELS 67u
#define TICKS    60u
#define WINDOW   16u

/* A pipeline that ends in the class, with what it needs before it. */
static struct pipeline *pipeline_of(const struct encoder_class *class)
{
	char text[512];
	int size = snprintf(text, sizeof(text), "%s%s",
		class->in & KIND_VALUES   ? ""
		: class->in & KIND_SPIKES ? "lif | "
					  : "signed_poisson f_max=500 | ",
		class->name);
	for (const struct param *row = class->params; row->name; row++) {
		if (row->preset || row->flags & PARAM_OPTIONAL)
			continue;
		size += snprintf(text + size, sizeof(text) - (size_t)size, " %s=%s", row->name,
			row->type == PARAM_CHOICE ? row->choices[0]
			: row->type == PARAM_BOOL ? "true"
						  : "3");
	}
	struct pipeline_site site = site_of(CHANNELS, WINDOW);
	return must_build(text, &site);
}

static void run_some(const struct pipeline *p, struct pipeline_state *s, struct decoder *d,
	uint64_t seed, float *sums)
{
	struct test_random r = {seed};
	float values[CHANNELS];
	for (uint32_t t = 0; t < TICKS; t++) {
		struct pipeline_out out;
		for (uint32_t c = 0; c < CHANNELS; c++)
			values[c] = (float)random_between(&r, -0.2, 1.2);
		if (t % WINDOW == 0) {
			pipeline_reset(p, s, RESET_WINDOW);
			decoder_reset(d, RESET_WINDOW);
		}
		pipeline_run(p, s, values, true, &out);
		const float *decoded = decoder_run(d, &out.last);
		for (uint32_t i = 0; i < decoder_lines(d); i++) {
			if (!isfinite(decoded[i]))
				fail_msg("%s: tick %u line %u is %g",
					p->stages[p->count - 1].class->name, t, i,
					(double)decoded[i]);
			sums[t] += decoded[i];
		}
	}
}

static void test_every_decoder_is_finite_and_as_new_after_a_reset(void **unused)
{
	(void)unused;
	size_t classes, decoders = 0;
	const struct encoder_class *const *all = encoder_classes(&classes);
	for (size_t i = 0; i < classes; i++) {
		struct fault f;
		struct pipeline *p = pipeline_of(all[i]);
		struct decoder *d = decoder_new(p, NULL, &f);
		if (!d) {
			assert_true(f.text[0] != '\0' && f.stage >= 0 && f.stage < (int)p->count);
			pipeline_free(p);
			continue;
		}
		decoders++;
		assert_true(all[i]->decoder->help && all[i]->decoder->help[0]);
		assert_int_equal(decoder_lines(d), p->stages[decoder_stage(d)].in_lines);
		float first[TICKS] = {0}, again[TICKS] = {0};
		struct pipeline_state *s = pipeline_state_new(p);
		run_some(p, s, d, 1, first);
		pipeline_reset(p, s, RESET_ALL);
		decoder_reset(d, RESET_ALL);
		run_some(p, s, d, 1, again);
		assert_memory_equal(first, again, sizeof(first));
		pipeline_state_free(s);
		decoder_free(d);
		pipeline_free(p);
	}
	assert_true(decoders >= 1);
	print_message("%zu decoders\n", decoders);
}

/* Whoever does not say so needs no first value. */
static void test_only_followers_need_a_start(void **unused)
{
	(void)unused;
	size_t classes, followers = 0;
	const struct encoder_class *const *all = encoder_classes(&classes);
	for (size_t i = 0; i < classes; i++) {
		struct pipeline *p = pipeline_of(all[i]);
		struct decoder *d = decoder_new(p, NULL, NULL);
		if (d && !decoder_follows(d)) {
			float bare[TICKS] = {0}, started[TICKS] = {0}, first[CHANNELS];
			struct pipeline_state *s = pipeline_state_new(p);
			run_some(p, s, d, 1, bare);
			pipeline_reset(p, s, RESET_ALL);
			decoder_reset(d, RESET_ALL);
			for (uint32_t c = 0; c < CHANNELS; c++)
				first[c] = 0.5f + (float)c;
			assert_int_equal(decoder_start(d, first), 0);
			run_some(p, s, d, 1, started);
			if (memcmp(bare, started, sizeof(bare)) != 0)
				fail_msg("%s decodes otherwise after a start", all[i]->name);
			pipeline_state_free(s);
		}
		followers += d && decoder_follows(d);
		decoder_free(d);
		pipeline_free(p);
	}
	print_message("%zu followers\n", followers);
}

/* Spikes that no encoder would give, at parameters that leave no room for their values. */
static void test_decoded_values_are_finite_at_the_ends_of_parameters(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"renewal f_max=1e-40",
		"renewal f_max=1e-36 t_ref=1000s", "asdm delta=1e38",
		"asdm b=1e38 delta=1.6e38 kappa=1e-3s", "if f_max=1e-34",
		"poisson f_max=1e-40 law=hazard", "step_forward theta=1e30 start=zero",
		"send_on_delta payload=graded", "derivative theta=3e38 pad=zero", "lif v_th=1e38",
		"lif_bipolar theta=1e38", "diff"};
	for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
		struct pipeline_site site = site_of(1, 0);
		struct pipeline *p = must_build(texts[k], &site);
		struct decoder *d = decoder_new(p, NULL, NULL);
		assert_non_null(d);
		for (uint32_t t = 0; t < 2 * TICKS; t++) {
			float value = t < TICKS ? 3e38f : -3e38f;
			bool signed_minus = p->out_kind == KIND_SIGNED && t >= TICKS;
			uint64_t on = !signed_minus, minus = signed_minus;
			struct lines l = {p->out_kind, 1, &value, &on, &minus};
			float x = decoder_run(d, &l)[0];
			if (!isfinite(x))
				fail_msg("%s: tick %u is %g", texts[k], t, (double)x);
		}
		decoder_free(d);
		pipeline_free(p);
	}
}

/* A change that is not a number is none, and the next ones count again. */
static void test_a_nan_among_changes_is_passed_over(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(1, 0);
	struct pipeline *p = must_build("diff", &site);
	struct decoder *d = decoder_new(p, NULL, NULL);
	float changes[] = {1, NAN, 1, INFINITY, -INFINITY, NAN};
	const float sums[] = {1, 1, 2, 3.402823466e38f, -3.402823466e38f, -3.402823466e38f};
	for (uint32_t t = 0; t < 6; t++) {
		struct lines l = {.kind = KIND_VALUES, .count = 1, .values = &changes[t]};
		assert_true(decoder_run(d, &l)[0] == sums[t]);
	}
	decoder_free(d);
	pipeline_free(p);
}

static void test_a_range_comes_back(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(3, 0);
	struct pipeline *p = must_build("range lo=[-1,0,10] hi=[1,5,30] signed=true", &site);
	struct fault f;
	struct decoder *d = decoder_new(p, NULL, &f);
	struct pipeline_state *s = pipeline_state_new(p);
	const float values[] = {-0.5f, 5, 12};
	struct pipeline_out out;
	pipeline_run(p, s, values, true, &out);
	const float *decoded = decoder_run(d, &out.last);
	for (unsigned i = 0; i < 3; i++)
		assert_true(fabsf(decoded[i] - values[i]) < 1e-5f);
	pipeline_state_free(s);
	decoder_free(d);
	pipeline_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_decoder_is_finite_and_as_new_after_a_reset),
		cmocka_unit_test(test_only_followers_need_a_start),
		cmocka_unit_test(test_decoded_values_are_finite_at_the_ends_of_parameters),
		cmocka_unit_test(test_a_nan_among_changes_is_passed_over),
		cmocka_unit_test(test_a_range_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
