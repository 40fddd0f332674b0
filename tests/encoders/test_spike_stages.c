/* Stages that take spikes and give spikes, on spikes of every kind: split, refractory, jitter, drop
 * and first_spike, against definitions written down once more in another way.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/encoders/single.h"

#include "encoders/decoder.h"

#include <math.h>

static const enum kind kinds[] = {KIND_SPIKES, KIND_SIGNED, KIND_GRADED, KIND_COUNTS};
static const uint32_t widths[] = {1, 31, 32, 33, 63, 64, 65, 130, 1000};
#define KINDS  (sizeof(kinds) / sizeof(kinds[0]))
#define WIDTHS (sizeof(widths) / sizeof(widths[0]))

static void undo(const struct single *s, struct lines *back)
{
	struct decoding by = {.share = 0.1f};
	s->st.class->decoder->run(&s->st, &by, NULL, &s->out, back);
}

static void test_split_of_five_lines_by_hand(void **unused)
{
	(void)unused;
	static const float in[] = {1, -1, 0, -1, 1};
	struct single s = single_new("split", KIND_SIGNED, 5);
	assert_int_equal(s.st.out_kind, KIND_SPIKES);
	assert_int_equal(s.st.out_lines, 10);
	for (uint32_t i = 0; i < 5; i++)
		single_set(&s.in, i, in[i]);
	single_run(&s);
	/*                              line 98 76 54 32 10 */
	assert_int_equal(s.out.on[0], 0x189); /* 01 10 00 10 01 */
	single_free(&s);
}

static void test_split_sends_signs_to_lines_and_comes_back(void **unused)
{
	(void)unused;
	struct test_random r = test_random(31);
	for (size_t k = 1; k < KINDS; k++) {
		for (size_t w = 0; w < WIDTHS; w++) {
			struct single s = single_new("split", kinds[k], widths[w]);
			struct lines back = single_lines(kinds[k], widths[w]);
			for (int t = 0; t < 20; t++) {
				single_draw_all(&s.in, &r, 0.4);
				single_run(&s);
				undo(&s, &back);
				for (uint32_t i = 0; i < widths[w]; i++) {
					float x = single_get(&s.in, i);
					float on = single_get(&s.out, 2 * i);
					float off = single_get(&s.out, 2 * i + 1);
					assert_true(on == (x > 0 ? x : 0));
					assert_true(off == (x < 0 ? -x : 0));
					assert_true(single_get(&back, i) == x);
				}
				uint32_t past = s.out.count % 64;
				assert_true(!past || s.out.on[s.out.count / 64] >> past == 0);
			}
			single_free_lines(&back);
			single_free(&s);
		}
	}
}

static void test_split_decodes_both_lines_at_once_to_nothing(void **unused)
{
	(void)unused;
	struct single s = single_new("split", KIND_SIGNED, 2);
	struct lines back = single_lines(KIND_SIGNED, 2);
	single_set(&s.out, 0, 1);
	single_set(&s.out, 1, 1);
	single_set(&s.out, 3, 1);
	undo(&s, &back);
	assert_true(back.on[0] == 0 && back.minus[0] == 2);
	single_free_lines(&back);
	single_free(&s);
}

/* Brute force: a spike passes if the line's last one that did is more than n ticks ago. */
static void check_refractory(
	const char *text, enum kind kind, uint32_t width, uint32_t n, struct test_random *r)
{
	enum { TICKS = 300, WINDOW = 100 };
	struct single s = single_new(text, kind, width);
	long *last = malloc(width * sizeof(*last));
	long passed = 0, blocked = 0;
	for (long t = 0; t < TICKS; t++) {
		if (t % WINDOW == 0) {
			s.st.class->reset(&s.st, s.state, RESET_WINDOW);
			for (uint32_t i = 0; i < width; i++)
				last[i] = -100000;
		}
		single_draw_all(&s.in, r, 0.6);
		single_run(&s);
		for (uint32_t i = 0; i < width; i++) {
			float x = single_get(&s.in, i), y = single_get(&s.out, i);
			bool pass = x != 0 && t - last[i] > (long)n;
			assert_true(y == (pass ? x : 0));
			passed += pass;
			blocked += x != 0 && !pass;
			if (pass)
				last[i] = t;
		}
	}
	assert_true(passed > 0 && (blocked > 0 || n == 0 || width < 10));
	free(last);
	single_free(&s);
}

static void test_refractory_equals_brute_force(void **unused)
{
	(void)unused;
	static const uint32_t ticks[] = {0, 1, 2, 7, 8, 99, 1000};
	struct test_random r = test_random(32);
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t n = 0; n < sizeof(ticks) / sizeof(ticks[0]); n++) {
			char text[64];
			snprintf(text, sizeof(text), "refractory ticks=%u", ticks[n]);
			check_refractory(text, kinds[k], 67, ticks[n], &r);
		}
		check_refractory("refractory", kinds[k], 130, 1, &r);
		check_refractory("refractory time=2.4ms", kinds[k], 1, 2, &r);
		check_refractory("refractory time=3.6ms", kinds[k], 64, 4, &r);
	}
}

static void test_refractory_of_each_channel_has_its_own_time(void **unused)
{
	(void)unused;
	struct single s = single_new("refractory time=[1ms,2ms,5ms]", KIND_SPIKES, 3);
	int count[3] = {0};
	for (int t = 0; t < 30; t++) {
		for (uint32_t i = 0; i < 3; i++)
			single_set(&s.in, i, 1);
		single_run(&s);
		for (uint32_t i = 0; i < 3; i++)
			count[i] += single_get(&s.out, i) != 0;
	}
	assert_true(count[0] == 15 && count[1] == 10 && count[2] == 5);
	single_free(&s);
}

static void assert_refuses(const char *text, const char *key, const char *part)
{
	struct pipeline_site site = site_of(2, 0);
	struct fault f = {0};
	struct pipeline *p = build(text, &site, &f);
	if (p)
		fail_msg("took %s", text);
	if (!strstr(f.text, part) || strcmp(f.key, key) != 0)
		fail_msg("%s: %s: %s", text, f.key, f.text);
}

static void test_what_cannot_work_is_refused_with_the_numbers(void **unused)
{
	(void)unused;
	assert_refuses("lif | refractory time=0.4ms", "time", "0.4");
	assert_refuses("lif | refractory time=1ms ticks=2", "time", "one of them");
	assert_refuses("lif | refractory time=[1ms,3000000s]", "time", "2^31-1");
	assert_refuses("lif | split", "", "signed spikes");
	assert_refuses("lif | split", "", "gives those before it, such as step_forward");
	assert_refuses("split", "", "such as step_forward");
	assert_refuses("drop p=0.5", "", "such as lif");
	assert_refuses("lif | drop p=1.5", "p", "1.5");
	assert_refuses("lif | jitter max=70000", "max", "70000");
}

#define Z_MAX 4.5

static double z_of(double count, double n, double p)
{
	return (count - n * p) / sqrt(n * p * (1 - p));
}

static void test_drop_loses_its_share_of_every_line(void **unused)
{
	(void)unused;
	enum { LINES = 130, TICKS = 6000 };
	struct test_random r = test_random(33);
	double worst = 0;
	static const struct {
		const char *text;
		double p;
	} cases[] = {{"drop", 0.1}, {"drop p=0.003", 0.003}, {"drop p=0.5 seed=9", 0.5},
		{"drop p=0.97", 0.97}};
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct single s = single_new(cases[c].text, kinds[c], LINES);
		double lost[LINES] = {0}, sent[LINES] = {0}, all_lost = 0, all_sent = 0;
		for (int t = 0; t < TICKS; t++) {
			single_draw_all(&s.in, &r, 0.3);
			single_run(&s);
			for (uint32_t i = 0; i < LINES; i++) {
				float x = single_get(&s.in, i), y = single_get(&s.out, i);
				assert_true(y == x || y == 0);
				sent[i] += x != 0;
				lost[i] += x != 0 && y == 0;
			}
		}
		for (uint32_t i = 0; i < LINES; i++) {
			worst = fmax(worst, fabs(z_of(lost[i], sent[i], cases[c].p)));
			all_lost += lost[i];
			all_sent += sent[i];
		}
		worst = fmax(worst, fabs(z_of(all_lost, all_sent, cases[c].p)));
		single_free(&s);
	}
	print_message("drop: worst |z| of 524: %.2f\n", worst);
	assert_true(worst < Z_MAX);
}

static void test_drop_of_none_and_of_all(void **unused)
{
	(void)unused;
	struct single s = single_new("drop p=[0,1,0]", KIND_COUNTS, 3);
	for (int t = 0; t < 5000; t++) {
		for (uint32_t i = 0; i < 3; i++)
			single_set(&s.in, i, 4);
		single_run(&s);
		assert_true(single_get(&s.out, 0) == 4 && single_get(&s.out, 2) == 4);
		assert_true(single_get(&s.out, 1) == 0);
	}
	single_free(&s);
}

/* More lines, another kind, other spikes: a line's fate at a tick stays. */
static void test_drop_depends_on_tick_and_line_alone(void **unused)
{
	(void)unused;
	struct test_random r = test_random(34);
	struct single a = single_new("drop p=0.4", KIND_SPIKES, 70);
	struct single b = single_new("drop p=0.4", KIND_GRADED, 300);
	for (int t = 0; t < 200; t++) {
		single_draw_all(&a.in, &r, 0.2);
		single_draw_all(&b.in, &r, 0.2);
		single_run(&a);
		single_run(&b);
		for (uint32_t i = 0; i < 70; i++) {
			if (single_get(&a.in, i) != 0 && single_get(&b.in, i) != 0)
				assert_int_equal(
					single_get(&a.out, i) != 0, single_get(&b.out, i) != 0);
		}
	}
	single_free(&a);
	single_free(&b);
}

/* The definition over the whole recording: a spike at k takes place k + d, or the next free one. */
static void check_jitter(
	uint32_t max, enum kind kind, uint32_t width, double silent, struct test_random *r)
{
	enum { TICKS = 200 };
	char text[64];
	snprintf(text, sizeof(text), "jitter max=%u", max);
	struct single s = single_new(text, kind, width);
	size_t room = TICKS + max + 1;
	float *expected = calloc(room * width, sizeof(float));
	for (uint32_t t = 0; t < TICKS + max; t++) {
		single_draw_all(&s.in, r, t < TICKS ? silent : 1);
		for (uint32_t i = 0; i < width; i++) {
			float x = single_get(&s.in, i);
			double u = (philox_half(s.st.key, t, i, 0) * 256.0 +
					   (philox_half(s.st.key, t, i, 1) & 255)) /
				   16777216.0;
			size_t at = t + (size_t)floor(u * (max + 1.0));
			while (x != 0 && expected[at * width + i] != 0)
				at++;
			assert_true(at <= t + max || x == 0);
			if (x != 0)
				expected[at * width + i] = x;
		}
		single_run(&s);
		for (uint32_t i = 0; i < width; i++)
			assert_true(single_get(&s.out, i) == expected[t * width + i]);
	}
	free(expected);
	single_free(&s);
}

static void test_jitter_equals_the_definition_over_a_recording(void **unused)
{
	(void)unused;
	static const uint32_t most[] = {0, 1, 3, 10, 50};
	struct test_random r = test_random(35);
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t m = 0; m < sizeof(most) / sizeof(most[0]); m++) {
			check_jitter(most[m], kinds[k], 67, 0.0, &r); /* every tick */
			check_jitter(most[m], kinds[k], 130, 0.5, &r);
			check_jitter(most[m], kinds[k], 1, 0.9, &r);
		}
	}
}

static void test_jitter_delays_lone_spikes_evenly(void **unused)
{
	(void)unused;
	enum { LINES = 1000, MAX = 6, ROUNDS = 200 };
	struct single s = single_new("jitter max=6", KIND_SPIKES, LINES);
	double count[MAX + 1] = {0}, worst = 0;
	for (uint32_t t = 0; t < ROUNDS * (MAX + 1); t++) {
		for (uint32_t i = 0; i < LINES; i++)
			single_set(&s.in, i, t % (MAX + 1) == 0);
		single_run(&s);
		for (uint32_t i = 0; i < LINES; i++)
			count[t % (MAX + 1)] += single_get(&s.out, i);
	}
	double n = (double)LINES * ROUNDS, all = 0;
	for (int d = 0; d <= MAX; d++) {
		all += count[d];
		worst = fmax(worst, fabs(z_of(count[d], n, 1.0 / (MAX + 1))));
	}
	print_message("jitter: worst |z| of %d delays: %.2f\n", MAX + 1, worst);
	assert_true(all == n); /* none is lost */
	assert_true(worst < Z_MAX);
	single_free(&s);
}

static void test_first_spike_passes_what_it_carries_once_a_window(void **unused)
{
	(void)unused;
	struct test_random r = test_random(36);
	for (size_t k = 0; k < KINDS; k++) {
		struct single s = single_new("first_spike", kinds[k], 130);
		bool seen[130];
		for (int t = 0; t < 200; t++) {
			if (t % 8 == 0) {
				s.st.class->reset(&s.st, s.state, RESET_WINDOW);
				memset(seen, 0, sizeof(seen));
			}
			single_draw_all(&s.in, &r, 0.8);
			single_run(&s);
			for (uint32_t i = 0; i < 130; i++) {
				float x = single_get(&s.in, i);
				assert_true(single_get(&s.out, i) == (seen[i] ? 0 : x));
				seen[i] |= x != 0;
			}
		}
		single_free(&s);
	}
}

/* Decoding stops nowhere in the middle of spikes. */
static void test_spikes_of_an_encoder_that_has_no_way_back_are_not_decoded(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(2, 8);
	struct pipeline *p = must_build("resonate | jitter | drop", &site);
	struct fault f = {0};
	assert_null(p->stages[0].class->decoder);
	assert_null(decoder_new(p, NULL, &f));
	assert_int_equal(f.stage, 0);
	assert_non_null(strstr(f.text, "resonate"));
	pipeline_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_of_five_lines_by_hand),
		cmocka_unit_test(test_split_sends_signs_to_lines_and_comes_back),
		cmocka_unit_test(test_split_decodes_both_lines_at_once_to_nothing),
		cmocka_unit_test(test_refractory_equals_brute_force),
		cmocka_unit_test(test_refractory_of_each_channel_has_its_own_time),
		cmocka_unit_test(test_what_cannot_work_is_refused_with_the_numbers),
		cmocka_unit_test(test_drop_loses_its_share_of_every_line),
		cmocka_unit_test(test_drop_of_none_and_of_all),
		cmocka_unit_test(test_drop_depends_on_tick_and_line_alone),
		cmocka_unit_test(test_jitter_equals_the_definition_over_a_recording),
		cmocka_unit_test(test_jitter_delays_lone_spikes_evenly),
		cmocka_unit_test(test_first_spike_passes_what_it_carries_once_a_window),
		cmocka_unit_test(test_spikes_of_an_encoder_that_has_no_way_back_are_not_decoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
