/* A run whose values are said to be those of the last one gives what a run that does not know it
 * gives: every class, random interleavings of new rows, held rows, resets, idle ticks, loads and
 * programs that are swapped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/build.h"

#define CHANNELS 70u
#define TICKS    3000u
#define WINDOW   50u

static const char *const pipelines[] = {
	"range lo=-1 hi=3",
	"range lo=-1 hi=3 | poisson f_max=400",
	"poisson f_max=300",
	"poisson f_max=300 rng=mt19937",
	"signed_poisson f_max=300",
	"signed_poisson f_max=300 rng=mt19937",
	"poisson f_max=300 law=hazard",
	"signed_poisson f_max=300 law=hazard",
	"renewal f_max=300 t_ref=2ms",
	"tbr tau=20ms",
	"moving_window w=5",
	"two_window",
	"predictive",
	"adaptive_if",
	"resonate lines=3 f_lo=20 f_hi=200 theta=2",
	"asdm",
	"pwm",
	"population out_features=5 scale=2",
	"population out_features=5",
	"range lo=0 hi=4 signed=true | population out_features=4 lo=-1 hi=1 | poisson f_max=500",
	"population out_features=3 lo=0 hi=6 distance=circular | lif",
	"range lo=0 hi=2 | lif | first_spike",
	"signed_poisson f_max=300 | first_spike",
	"lif_latency",
	"range lo=0 hi=2 | ttfs",
	"ttfs curve=log x_min=0.01 | first_spike",
	"phase_bits bits=11",
	"range lo=-1 hi=4 | phase",
	"burst n_max=9 t_min=1 t_max=6",
	"grf_latency out_features=4 lo=-1 hi=3",
	"place out_features=5 hi=3",
	"place out_features=5 hi=3 on_change=true",
	"rank_order stride=2 floor=1",
	"range lo=-1 hi=3 | step_forward",
	"step_forward max_steps=9 refractory=2 start=zero",
	"send_on_delta",
	"send_on_delta payload=graded first=silent",
	"derivative pad=zero",
	"threshold hysteresis=0.2 edge=both",
	"lif_bipolar",
	"if f_max=300 mode=bipolar",
	"population out_features=3 lo=0 hi=6 | if f_max=900 cap=3",
	"rectify | poisson f_max=300",
	"diff | rectify mode=full",
	"ewma tau=20ms | rectify | lif",
	"filterbank bands=3 | rectify | ewma mode=mean",
	"rectify mode=full | filterbank design=gammatone centres=[50,100]",
	"signed_poisson f_max=500 | jitter max=5 | drop p=0.3 | refractory ticks=3 | split",
	"range lo=-1 hi=4 | hsa",
	"range lo=-1 hi=4 | mhsa",
	"range lo=-1 hi=4 | bsa taps=[0.2,0.3,0.3,0.2] theta=0.5",
};

/* The same state twice: `held` is told when nothing changed, `plain` never. */
struct pair {
	struct pipeline *program, *other; /* of the same layout */
	struct pipeline_state *held, *plain;
	float values[CHANNELS];
	bool same; /* values are those of the last run */
};

static void compare(
	const struct pair *p, const struct pipeline_out *a, const struct pipeline_out *b)
{
	const struct lines *x = &a->last, *y = &b->last;
	size_t plane = lines_words(x->count) * sizeof(uint64_t);
	assert_memory_equal(a->values, b->values, p->program->site.channels * sizeof(float));
	if (x->kind == KIND_VALUES)
		assert_memory_equal(x->values, y->values, x->count * sizeof(float));
	else
		assert_memory_equal(x->on, y->on, plane);
	if (x->kind == KIND_SIGNED)
		assert_memory_equal(x->minus, y->minus, plane);
	for (uint32_t i = 0; x->kind & KIND_VALUED && i < x->count; i++) {
		if (line_is_on(x->on, i))
			assert_int_equal(float_bits(x->values[i]), float_bits(y->values[i]));
	}
	assert_int_equal(a->state_lines, b->state_lines);
	if (a->state_lines)
		assert_memory_equal(a->state, b->state, a->state_lines * sizeof(float));
}

static void reload(struct pipeline *program, struct pipeline_state *from, struct pipeline_state *to)
{
	size_t size = pipeline_saved_size(program);
	uint8_t *bytes = malloc(size);
	struct fault f;
	pipeline_save(program, from, bytes);
	assert_int_equal(pipeline_load(program, to, bytes, size, &f), 0);
	free(bytes);
}

/* One thing that may happen between two runs. */
static void disturb(struct pair *p, struct test_random *r)
{
	struct pipeline_out a, b;
	struct pipeline *swap = p->program;
	switch (random_below(r, 40)) {
	case 0:
		pipeline_reset(p->program, p->held, RESET_ALL);
		pipeline_reset(p->program, p->plain, RESET_ALL);
		break;
	case 1:
		pipeline_reset(p->program, p->held, RESET_WINDOW);
		pipeline_reset(p->program, p->plain, RESET_WINDOW);
		break;
	case 2: /* of other values than the runs around it */
		p->values[3] += 1;
		pipeline_idle(p->program, p->held, p->values, &a);
		pipeline_idle(p->program, p->plain, p->values, &b);
		compare(p, &a, &b);
		p->values[3] -= 1;
		break;
	case 3:
		pipeline_skip(p->held, 5);
		pipeline_skip(p->plain, 5);
		break;
	case 4:
		reload(p->program, p->plain, p->held);
		break;
	case 5:
		p->program = p->other;
		p->other = swap;
		break;
	}
}

static void new_row(struct pair *p, struct test_random *r)
{
	static const float odd[] = {-0.0f, 1e-42f, 3e38f, -3e38f, 1.0f};
	for (uint32_t c = 0; c < CHANNELS; c++) {
		p->values[c] = random_below(r, 20) ? (float)random_between(r, -1, 4)
						   : odd[random_below(r, 5)];
	}
}

static void run_text(const char *text, struct test_random *r)
{
	struct pipeline_site site = site_of(CHANNELS, WINDOW);
	struct pair p = {.program = must_build(text, &site)};
	/* Another program of the same layout: on a clock twice as slow. */
	site.dt *= 2;
	p.other = must_build(text, &site);
	assert_true(pipeline_same_layout(p.program, p.other));
	p.held = pipeline_state_new(p.program);
	p.plain = pipeline_state_new(p.program);
	new_row(&p, r);
	for (uint32_t t = 0; t < TICKS; t++) {
		struct pipeline_out a, b;
		bool row = random_below(r, 8) == 0;
		if (row)
			new_row(&p, r);
		disturb(&p, r);
		bool fresh = t == 0 || row || random_below(r, 16) == 0;
		pipeline_run(p.program, p.held, p.values, fresh, &a);
		pipeline_run(p.program, p.plain, p.values, true, &b);
		compare(&p, &a, &b);
	}
	pipeline_state_free(p.held);
	pipeline_state_free(p.plain);
	pipeline_free(p.program);
	pipeline_free(p.other);
}

static void test_held_rows_give_what_fresh_ones_give(void **unused)
{
	(void)unused;
	struct test_random r = test_random(130);
	for (size_t i = 0; i < sizeof(pipelines) / sizeof(*pipelines); i++) {
		print_message("%s\n", pipelines[i]);
		run_text(pipelines[i], &r);
	}
}

/* The flag does what it is for: told that nothing is new, pure stages do not look at the values. */
static void test_held_values_are_not_looked_at(void **unused)
{
	(void)unused;
	const struct pipeline_site site = site_of(1, 0);
	struct pipeline *p = must_build("range lo=0 hi=2", &site);
	struct pipeline_state *s = pipeline_state_new(p);
	struct pipeline_out out;
	pipeline_run(p, s, &(float){1}, false, &out);
	assert_true(out.last.values[0] == 0.5f); /* a new state's first run is fresh */
	pipeline_run(p, s, &(float){2}, false, &out);
	assert_true(out.last.values[0] == 0.5f);
	pipeline_run(p, s, &(float){2}, true, &out);
	assert_true(out.last.values[0] == 1.0f);
	pipeline_state_free(s);
	pipeline_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held_rows_give_what_fresh_ones_give),
		cmocka_unit_test(test_held_values_are_not_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
