/* What decoders say after ticks that they did not see: nothing, or what one that saw them all says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/decoder.h"
#include "tests/encoders/build.h"

#include <math.h>

#define CHANNELS 5u
#define TICKS    6000u
#define WINDOW   24u
#define NEVER    0.0f /* share of known values: none after a loss */

struct lossy {
	const char *text;
	uint32_t window;
	float off;    /* at most, from the decoder that saw everything; 0 = equal */
	float known;  /* of the values at least so many are, in spite of the losses */
	bool counted; /* it is told how many ticks were missed */
	bool steady;  /* each channel keeps its value */
};

static const struct lossy pipelines[] = {
	/* Each tick stands alone. */
	{"range lo=-1 hi=2 | signed_poisson f_max=500 | split", WINDOW, 1e-6f, 0.4f, false, false},
	{"place", 0, 0, 0.9f, false, false},
	{"place", WINDOW, 0, 0.4f, false, false},
	/* A line's next spike, or the second. */
	{"place on_change=true", 0, 0, 0.5f, false, false},
	{"place on_change=true", WINDOW, 0, 0.4f, false, false},
	{"asdm", 0, 0, 0.1f, false, false},
	{"asdm delta=0.004", WINDOW, 0, 0.1f, false, false},
	{"pwm f=80", 0, 0, 0.5f, true, false},
	{"pwm f=80", 0, 0, NEVER, false, false},
	{"pwm f=80", WINDOW, 0, 0.3f, false, false},
	/* Some ticks. */
	{"bsa", 0, 0, 0.4f, false, false},
	{"hsa", 0, 0, 0.4f, false, false},
	{"mhsa", 0, 0, 0.4f, false, false},
	{"bsa f=20", WINDOW, 0, 0.4f, false, false},
	{"lif v_th=0.2", 0, 3e-3f, 0.3f, false, false},
	{"lif v_th=0.2 | refractory ticks=2 | drop p=0", 0, 3e-3f, 0.3f, false, false},
	/* A silent line is off by what its silence leaves open. */
	{"lif v_th=0.2", WINDOW, 0.02f, 0.3f, false, false},
	{"lif_latency v_th=0.2", WINDOW, 0.02f, 0.3f, false, false},
	{"lif v_th=0.2 | first_spike", WINDOW, 0.02f, 0.3f, false, false},
	/* Averages. */
	{"if f_max=500", 0, 0.3f, 0.3f, true, true},
	{"signed_poisson f_max=1000", 0, 1.1f, 0.3f, true, true},
	{"poisson f_max=500", 0, 2.1f, 0.3f, true, true},
	{"renewal f_max=200", 0, 6, 0.3f, true, true},
	{"if f_max=500 | jitter max=3", 0, 0.6f, 0.1f, true, true},
	{"lif_bipolar theta=0.2", 0, 0.1f, 0.3f, true, true},
	{"if f_max=500", WINDOW, 0, 0.4f, false, false},
	{"signed_poisson f_max=500", WINDOW, 0, 0.4f, false, false},
	{"renewal f_max=200", WINDOW, 0, 0.4f, false, false},
	{"lif_bipolar theta=0.2", WINDOW, 0, 0.4f, false, false},
	{"population out_features=5 | if f_max=1000", WINDOW, 1e-6f, 0.4f, false, false},
	/* Codes in time. */
	{"ttfs", WINDOW, 0, 0.3f, false, false},
	{"ttfs curve=log", WINDOW, 0, 0.3f, false, false},
	{"phase", WINDOW, 0, 0.3f, false, false},
	{"phase_bits bits=8", WINDOW, 0, 0.3f, false, false},
	{"burst", WINDOW, 0, 0.2f, false, false},
	{"grf_latency out_features=6", WINDOW, 0, 0.2f, false, false},
	/* Changes: within the bound of both. */
	{"step_forward theta=0.25", 0, 0.25f, 0.2f, false, false},
	{"range lo=0 hi=2 | step_forward theta=0.1 start=zero", 0, 0.2f, 0.2f, false, false},
	{"rectify | step_forward theta=0.1", 0, 0.1f, 0.2f, false, false},
	{"step_forward theta=0.01 max_steps=100", 0, 0.01f, 0.5f, false, false},
	{"step_forward theta=0.05 max_steps=9 leak=0.2 start=zero", 0, 0.05f, 0.2f, false, false},
	{"step_forward theta=0.1 refractory=3", 0, 0.5f, 0.05f, false, false},
	{"step_forward theta=0.1 start=zero max_steps=100", WINDOW, 0, 0.4f, false, false},
	{"send_on_delta theta=0.1 payload=graded", 0, 0.1f, 0.5f, false, false},
	{"send_on_delta theta=0.1 payload=graded first=silent", 0, 0.1f, 0.5f, false, false},
	{"send_on_delta theta=0.1 payload=graded", WINDOW, 0, 0.4f, false, false},
	{"derivative theta=0.1 off=true", 0, INFINITY, 0.5f, false, false},
	{"diff | step_forward theta=0.001 max_steps=1000", 0, 0, NEVER, false, false},
	{"step_forward theta=0.25 | jitter max=3", 0, 0, NEVER, false, false},
	{"ewma tau=0.01 | step_forward theta=0.25", 0, 0, NEVER, false, false},
};

struct both {
	struct pipeline *p;
	struct pipeline_state *s;
	struct decoder *whole, *lossy;
	float values[CHANNELS];
	uint64_t missed, known, after, wrong;
	bool lost;
};

static struct both open_both(const struct lossy *of)
{
	struct pipeline_site site = site_of(CHANNELS, of->window);
	struct both b = {.p = must_build(of->text, &site)};
	struct fault f;
	b.s = pipeline_state_new(b.p);
	b.whole = decoder_new(b.p, NULL, &f);
	b.lossy = decoder_new(b.p, NULL, &f);
	if (!b.whole || !b.lossy)
		fail_msg("%s: %s", of->text, f.text);
	return b;
}

static void close_both(struct both *b)
{
	decoder_free(b->whole);
	decoder_free(b->lossy);
	pipeline_state_free(b->s);
	pipeline_free(b->p);
}

static void wander(float *values, struct test_random *r)
{
	for (unsigned c = 0; c < CHANNELS; c++) {
		values[c] += (float)random_between(r, -0.15, 0.15);
		if (random_below(r, 50) == 0)
			values[c] = (float)random_between(r, 0, 1);
		values[c] = fminf(fmaxf(values[c], 0), 1);
	}
}

static void compare(
	struct both *b, const struct lossy *of, uint32_t t, const float *x, const float *y)
{
	for (uint32_t i = 0; b->lost && i < decoder_lines(b->whole); i++) {
		b->after++;
		if (isnan(y[i]))
			continue;
		b->known++;
		if (of->off > 0 ? !(fabsf(x[i] - y[i]) <= of->off + 1e-5f) : x[i] != y[i])
			fail_msg("%s, window %u: tick %u, line %u is %g, and %g to who missed some",
				of->text, of->window, t, i, (double)x[i], (double)y[i]);
	}
}

/* One tick, which the one decoder may not see. */
static void go(struct both *b, const struct lossy *of, uint32_t t, bool lost)
{
	struct pipeline_out out;
	bool begins = of->window && t % of->window == 0;
	if (begins) {
		pipeline_reset(b->p, b->s, RESET_WINDOW);
		decoder_reset(b->whole, RESET_WINDOW);
	}
	pipeline_run(b->p, b->s, b->values, true, &out);
	if (t == 0 && decoder_needs_start(b->whole)) {
		assert_int_equal(decoder_start(b->whole, b->values), 0);
		assert_int_equal(decoder_start(b->lossy, b->values), 0);
	}
	const float *x = decoder_run(b->whole, &out.last);
	b->lost |= lost;
	b->missed += lost;
	if (lost)
		return;
	if (b->missed)
		decoder_miss(b->lossy, b->missed, of->counted);
	b->missed = 0;
	if (begins)
		decoder_reset(b->lossy, RESET_WINDOW);
	const float *y = decoder_run(b->lossy, &out.last);
	bool all = true;
	for (uint32_t i = 0; i < decoder_lines(b->lossy); i++)
		all &= !isnan(y[i]);
	assert_true(all || decoder_waits(b->lossy) != WAITS_NOTHING);
	compare(b, of, t, x, y);
	assert_true(decoder_resumes(b->lossy) || decoder_waits(b->lossy) != WAITS_VALUE);
	if (decoder_waits(b->lossy) == WAITS_VALUE)
		assert_int_equal(decoder_resume(b->lossy, &out.last, b->values), 0);
}

static void losses(const struct lossy *of)
{
	struct test_random r = test_random(23);
	struct both b = open_both(of);
	uint32_t left = 0;
	for (unsigned c = 0; c < CHANNELS; c++)
		b.values[c] = (float)random_between(&r, 0.2, 1);
	for (uint32_t t = 0; t < TICKS; t++) {
		if (!of->steady && (of->window ? t % of->window == 0 : random_below(&r, 3) == 0))
			wander(b.values, &r);
		if (left)
			left--;
		else if (random_below(&r, 200) == 0)
			left = 1 + random_below(&r, random_below(&r, 2) ? 3 : 60);
		go(&b, of, t, left > 0);
	}
	double share = (double)b.known / (double)b.after;
	if (of->known > 0 ? share < (double)of->known : b.known > 0)
		fail_msg(
			"%s, window %u: %.3f of the values are known", of->text, of->window, share);
	close_both(&b);
}

static void test_what_is_known_is_what_it_would_have_been(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(pipelines) / sizeof(pipelines[0]); i++)
		losses(&pipelines[i]);
}

static void test_no_decoder_is_left_out(void **unused)
{
	(void)unused;
	size_t count;
	const struct encoder_class *const *all = encoder_classes(&count);
	for (size_t i = 0; i < count; i++) {
		bool found = !all[i]->decoder;
		for (size_t j = 0; j < sizeof(pipelines) / sizeof(pipelines[0]); j++) {
			struct pipeline_site site = site_of(CHANNELS, pipelines[j].window);
			struct pipeline *p = must_build(pipelines[j].text, &site);
			for (uint32_t k = 0; k < p->count; k++)
				found |= p->stages[k].class == all[i] ||
					 p->stages[k].class->decoder == all[i]->decoder;
			pipeline_free(p);
		}
		if (!found)
			fail_msg("%s is in no pipeline here", all[i]->name);
	}
}

static const float *run_tick(struct both *b, struct decoder *d)
{
	struct pipeline_out out;
	pipeline_run(b->p, b->s, b->values, true, &out);
	return decoder_run(d, &out.last);
}

/* Each line by itself: those that have been heard are known, the others are not. */
static void test_lines_are_known_one_by_one(void **unused)
{
	(void)unused;
	struct both b = open_both(&(struct lossy){.text = "place on_change=true"});
	run_tick(&b, b.lossy);
	decoder_miss(b.lossy, TICKS_SOME, false);
	assert_int_equal(decoder_waits(b.lossy), WAITS_SPIKES);
	b.values[3] = 0.83f;
	const float *x = run_tick(&b, b.lossy);
	for (unsigned c = 0; c < CHANNELS; c++)
		assert_true(c == 3 ? fabsf(x[c] - 0.85f) < 1e-6f : isnan(x[c]));
	assert_int_equal(decoder_waits(b.lossy), WAITS_SPIKES);
	decoder_reset(b.lossy, RESET_ALL);
	assert_int_equal(decoder_waits(b.lossy), WAITS_NOTHING);
	close_both(&b);
}

/* A base that lags behind is not taken for the value, also not while it waits. */
static void test_a_base_that_is_held_back_is_not_resumed(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"step_forward theta=0.1",
		"step_forward theta=0.1 max_steps=3", "step_forward theta=0.1 refractory=5"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct both b = open_both(&(struct lossy){.text = texts[i]});
		run_tick(&b, b.whole);
		for (unsigned c = 0; c < CHANNELS; c++)
			b.values[c] = 5;
		unsigned ticks = 0;
		decoder_miss(b.lossy, TICKS_SOME, false);
		for (const float *x = NULL; !x || isnan(x[0]); ticks++) {
			struct pipeline_out out;
			pipeline_run(b.p, b.s, b.values, true, &out);
			x = decoder_run(b.lossy, &out.last);
			if (decoder_waits(b.lossy) == WAITS_VALUE)
				assert_int_equal(decoder_resume(b.lossy, &out.last, b.values), 0);
			if (!isnan(x[0]))
				assert_true(fabsf(x[0] - 5) < 0.2f);
			assert_true(ticks < 1000);
		}
		assert_true(ticks > 15);
		close_both(&b);
	}
}

/* The rest of a resumed base leaks as the encoder's does. */
static void test_a_resumed_base_leaks(void **unused)
{
	(void)unused;
	struct both b = open_both(&(struct lossy){
		.text = "step_forward theta=0.01 start=zero leak=0.2 max_steps=100"});
	for (unsigned t = 0; t < 2000; t++) {
		struct pipeline_out out;
		for (unsigned c = 0; c < CHANNELS; c++)
			b.values[c] = 1;
		pipeline_run(b.p, b.s, b.values, true, &out);
		if (t == 500)
			decoder_miss(b.lossy, TICKS_SOME, false);
		if (t < 500)
			continue;
		const float *x = decoder_run(b.lossy, &out.last);
		if (t == 500)
			assert_int_equal(decoder_resume(b.lossy, &out.last, b.values), 0);
		else
			assert_true(fabsf(x[0] - 1) <= 0.02f + 1e-5f);
	}
	close_both(&b);
}

/* Ticks without spikes that were not sent, if it is not known how many they were. */
static void test_silence_of_unknown_length(void **unused)
{
	(void)unused;
	static const struct {
		const char *text;
		enum decoder_waits exact, some, many;
	} of[] = {
		{"place on_change=true", WAITS_NOTHING, WAITS_NOTHING, WAITS_NOTHING},
		{"step_forward", WAITS_NOTHING, WAITS_NOTHING, WAITS_NOTHING},
		{"step_forward leak=1", WAITS_VALUE, WAITS_VALUE, WAITS_VALUE},
		{"pwm f=80", WAITS_SPIKES, WAITS_RESET, WAITS_RESET},
		{"if", WAITS_NOTHING, WAITS_NOTHING, WAITS_TICKS},
		{"lif", WAITS_TICKS, WAITS_TICKS, WAITS_TICKS},
	};
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct both b = open_both(&(struct lossy){.text = of[i].text});
		run_tick(&b, b.lossy);
		decoder_idle(b.lossy, 5, true);
		assert_int_equal(decoder_waits(b.lossy), of[i].exact);
		decoder_reset(b.lossy, RESET_ALL);
		decoder_idle(b.lossy, 5, false);
		assert_int_equal(decoder_waits(b.lossy), of[i].some);
		decoder_reset(b.lossy, RESET_ALL);
		decoder_idle(b.lossy, 5000, false);
		assert_int_equal(decoder_waits(b.lossy), of[i].many);
		close_both(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_known_is_what_it_would_have_been),
		cmocka_unit_test(test_no_decoder_is_left_out),
		cmocka_unit_test(test_lines_are_known_one_by_one),
		cmocka_unit_test(test_a_base_that_is_held_back_is_not_resumed),
		cmocka_unit_test(test_a_resumed_base_leaks),
		cmocka_unit_test(test_silence_of_unknown_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
