/* Kernels of the change detectors and rate coders, every variant that works on this machine against
 * loops written plainly: odd lengths, unaligned input, any bit pattern. Bits past the count come out
 * 0, padding stays as it is, and nothing is read past the count (the sanitizers see to that).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/encoders/kernels.h"

#include "tests/encoders/build.h"

#include <float.h>

#define ROUNDS 1200

/* A kernel's state and what it gives; `before` is the state as it was. */
static _Alignas(64) float level[ROOM], rest[ROOM], values[ROOM], first[ROOM], second[ROOM];
static _Alignas(64) uint32_t wait[ROOM];
static _Alignas(64) uint64_t on[ROOM / 64], minus[ROOM / 64], high[ROOM / 64];
static float level_before[ROOM], rest_before[ROOM];
static uint32_t wait_before[ROOM];
static uint64_t high_before[ROOM / 64];

/* One kernel's turn: count lines, and either one rule for all or one a line. */
struct turn {
	const struct kernels *k;
	struct test_random *r;
	uint32_t count;
	bool each;
	float *x;
	char *block;
};

/* A positive number of any size. */
static float random_size_of(struct test_random *r)
{
	static const float sizes[] = {0.1f, 0.25f, 1.0f, 3.0f, 1e-20f, 1e30f, 1e-38f};
	return random_below(r, 3) ? (float)random_between(r, 0.01, 2)
				  : sizes[random_below(r, sizeof(sizes) / sizeof(*sizes))];
}

/* One step up or down, or many: where x is met exactly but for rounding. */
static float random_steps(struct test_random *r)
{
	uint32_t many = random_below(r, 2) ? 1 : random_below(r, 5000);
	return random_below(r, 2) ? (float)many : -(float)many;
}

static void begin(struct turn *t, const struct kernels *k, struct test_random *r)
{
	*t = (struct turn){.k = k, .r = r, .count = random_size(r), .each = random_below(r, 2)};
	t->x = odd_row(r, t->count, &t->block);
	bool odd = random_below(r, 2);
	uint32_t used = SMALL / 64 * 64 + 64;
	for (uint32_t i = 0; i < ROOM; i++) {
		if (i >= used && i >= t->count)
			break;
		float any = random_float(r);
		level[i] = odd && isfinite(any) ? any : (float)random_between(r, -2, 2);
		rest[i] = (float)random_between(r, -3e-8, 3e-8);
		wait[i] = random_below(r, 3);
		first[i] = random_size_of(r);
		second[i] = random_size_of(r);
		if (i < t->count && random_below(r, 8) == 0)
			t->x[i] = level[i] + random_steps(r) * first[t->each ? i : 0];
		else if (i < t->count && random_below(r, 8) == 0)
			t->x[i] = nextafterf(level[i], random_below(r, 2) ? INFINITY : -INFINITY);
	}
	memset(on, 0xff, sizeof(on));
	memset(minus, 0xff, sizeof(minus));
	for (size_t w = 0; w < ROOM / 64; w++)
		high[w] = w * 64 < t->count ? random_bits(r) & random_bits(r) : 0;
	if (t->count % 64)
		high[t->count / 64] &= ((uint64_t)1 << t->count % 64) - 1;
	memcpy(level_before, level, sizeof(level));
	memcpy(rest_before, rest, sizeof(rest));
	memcpy(wait_before, wait, sizeof(wait));
	memcpy(high_before, high, sizeof(high));
}

static void end(struct turn *t)
{
	size_t padding = (ROOM - t->count) * sizeof(float);
	assert_memory_equal(level + t->count, level_before + t->count, padding);
	assert_memory_equal(rest + t->count, rest_before + t->count, padding);
	assert_memory_equal(wait + t->count, wait_before + t->count, padding);
	assert_tail_is_clean(on, t->count);
	free(t->block);
}

static float rule_at(const struct turn *t, const float *each, float one, uint32_t i)
{
	return t->each ? each[i] : one;
}

/* Steps from b towards x, which is further than one. */
static float count_steps(float b, float x, float step, float most)
{
	float n = ceilf(fminf(fabsf(x - b) / step, most + 1)) - 1;
	bool up = x > b;
	float there = up ? b + n * step : b - n * step;
	if (up ? x > there + step : x < there - step)
		n++;
	return fmaxf(1, fminf(n, most));
}

static void check_stairs(const struct kernels *k, struct test_random *r, bool counts)
{
	struct turn t;
	begin(&t, k, r);
	static const float mosts[] = {2, 3, 100, STAIRS_MOST};
	bool waits = t.each && random_below(r, 2);
	struct stairs rule = {
		.up = first[0],
		.down = random_below(r, 2) ? second[0] : first[0],
		.ups = t.each ? first : NULL,
		.downs = t.each ? second : NULL,
		.keep = random_below(r, 2) ? 1 : (float)random_between(r, 0, 1),
		.most = counts ? mosts[random_below(r, 4)] : 1,
		.refractory = random_below(r, 3),
	};
	if (counts)
		k->stairs_counts(&rule, level, waits ? wait : NULL, t.x, on, values, t.count);
	else
		k->stairs(&rule, level, waits ? wait : NULL, t.x, on, minus, t.count);
	for (uint32_t i = 0; i < t.count; i++) {
		float up = rule_at(&t, first, rule.up, i), down = rule_at(&t, second, rule.down, i);
		float b = level_before[i] * rule.keep, n = 0, x = t.x[i];
		up = fmaxf(up, ldexpf(fabsf(b), -23));
		down = fmaxf(down, ldexpf(fabsf(b), -23));
		if (isfinite(x) && (!waits || wait_before[i] == 0))
			n = x > b + up ? 1.0f : x < b - down ? -1.0f : 0.0f;
		if (counts && n != 0)
			n *= count_steps(b, x, n > 0 ? up : down, rule.most);
		float moved = n > 0 ? b + n * up : n < 0 ? b + n * down : b;
		assert_same_bits(level[i], fmaxf(-FLT_MAX, fminf(moved, FLT_MAX)));
		assert_int_equal(line_is_on(on, i), counts ? n != 0 : n > 0);
		if (!counts)
			assert_int_equal(line_is_on(minus, i), n < 0);
		else if (n != 0)
			assert_same_bits(values[i], n);
		if (waits)
			assert_int_equal(wait[i], n != 0               ? rule.refractory
						  : wait_before[i] > 0 ? wait_before[i] - 1
								       : 0);
	}
	if (!waits)
		assert_memory_equal(wait, wait_before, sizeof(wait));
	if (!counts)
		assert_tail_is_clean(minus, t.count);
	end(&t);
}

static void check_send(const struct kernels *k, struct test_random *r, bool graded)
{
	struct turn t;
	begin(&t, k, r);
	struct change rule = {.theta = random_below(r, 3) ? first[0] : 0};
	if (t.each)
		rule.thetas = first;
	if (graded)
		k->send_graded(&rule, level, t.x, on, values, t.count);
	else
		k->send(&rule, level, t.x, on, minus, t.count);
	for (uint32_t i = 0; i < t.count; i++) {
		float theta = rule_at(&t, first, rule.theta, i), was = level_before[i];
		float d = fmaxf(-FLT_MAX, fminf(t.x[i] - was, FLT_MAX));
		bool fires = isfinite(t.x[i]) && (d > theta || d < -theta);
		float sum = fmaxf(-FLT_MAX, fminf(was + d, FLT_MAX));
		assert_same_bits(level[i], !fires ? was : graded ? sum : t.x[i]);
		assert_int_equal(line_is_on(on, i), fires && (graded || d > 0));
		if (!graded)
			assert_int_equal(line_is_on(minus, i), fires && d < 0);
		else if (fires)
			assert_same_bits(values[i], d);
	}
	if (!graded)
		assert_tail_is_clean(minus, t.count);
	end(&t);
}

static void derive_body(const struct kernels *k, struct test_random *r)
{
	struct turn t;
	begin(&t, k, r);
	bool off = random_below(r, 2);
	/* No row lets theta be 0, at which any value is as much a rise as a fall. */
	for (uint32_t i = 0; i < t.count; i += 7)
		first[i] = 0;
	struct change rule = {.theta = first[0], .thetas = t.each ? first : NULL};
	k->derive(&rule, level, t.x, on, off ? minus : NULL, t.count);
	for (uint32_t i = 0; i < t.count; i++) {
		float theta = rule_at(&t, first, rule.theta, i), d = t.x[i] - level_before[i];
		bool sample = isfinite(t.x[i]);
		assert_same_bits(level[i], sample ? t.x[i] : level_before[i]);
		assert_int_equal(line_is_on(on, i), sample && d >= theta);
		if (off)
			assert_int_equal(line_is_on(minus, i), sample && -d >= theta && d < theta);
	}
	if (off)
		assert_tail_is_clean(minus, t.count);
	end(&t);
}

static void cross_body(const struct kernels *k, struct test_random *r)
{
	struct turn t;
	begin(&t, k, r);
	struct crossing rule = {.rise = first[0], .edge = (enum edge)random_below(r, 4)};
	rule.fall = random_below(r, 2) ? rule.rise : rule.rise - second[0];
	for (uint32_t i = 0; i < t.count; i++)
		second[i] = first[i] - second[i];
	if (t.each) {
		rule.rises = first;
		rule.falls = second;
	}
	bool both = rule.edge == EDGE_BOTH;
	k->cross(&rule, high, t.x, on, both ? minus : NULL, t.count);
	for (uint32_t i = 0; i < t.count; i++) {
		float rise = rule_at(&t, first, rule.rise, i);
		float fall = rule_at(&t, second, rule.fall, i);
		bool was = line_is_on(high_before, i);
		bool is = isnan(t.x[i]) ? was : was ? t.x[i] > fall : t.x[i] > rise;
		const bool told[] = {is, is && !was, was && !is, is && !was};
		assert_int_equal(line_is_on(high, i), is);
		assert_int_equal(line_is_on(on, i), told[rule.edge]);
		if (both)
			assert_int_equal(line_is_on(minus, i), was && !is);
	}
	assert_tail_is_clean(high, t.count);
	if (both)
		assert_tail_is_clean(minus, t.count);
	end(&t);
}

static void leak_body(const struct kernels *k, struct test_random *r)
{
	struct turn t;
	begin(&t, k, r);
	struct leaky rule = {.theta = first[0], .beta = (float)random_between(r, 0, 1)};
	for (uint32_t i = 0; i < t.count; i++)
		second[i] = (float)random_between(r, 0, 1);
	if (t.each) {
		rule.thetas = first;
		rule.betas = second;
	}
	k->leak(&rule, level, t.x, on, minus, t.count);
	for (uint32_t i = 0; i < t.count; i++) {
		float theta = rule_at(&t, first, rule.theta, i);
		float kept = rule_at(&t, second, rule.beta, i) * level_before[i];
		float w = kept + t.x[i];
		int s = w > theta ? 1 : w < -theta ? -1 : 0;
		assert_same_bits(level[i], s ? 0 : isnan(w) ? level_before[i] : w);
		assert_int_equal(line_is_on(on, i), s > 0);
		assert_int_equal(line_is_on(minus, i), s < 0);
	}
	assert_tail_is_clean(minus, t.count);
	end(&t);
}

/* What becomes of one line; returns its spikes. */
static float plain_meter(const struct meter *rule, float gain, float x, float *v, float *small)
{
	float limit = rule->most - rule->least + 2 * rule->carry;
	float a = gain * x;
	if (isnan(a))
		a = 0;
	if (rule->flip < 0)
		a = fabsf(a);
	a = fmaxf(-limit, fminf(a, limit));
	float sum = *v + a;
	float part = sum - *v;
	float lost = (*v - (sum - part)) + (a - part);
	lost = lost + *small;
	float all = sum + lost;
	lost = lost - (all - sum);
	float n = fmaxf(rule->least, fminf(truncf(all) + 0.0f, rule->most));
	float left = all - n;
	bool kept = fabsf(left) <= rule->carry;
	*v = kept ? left : left > 0 ? rule->carry : -rule->carry;
	*small = kept ? lost : 0;
	return n;
}

static void check_meter(const struct kernels *k, struct test_random *r, bool counts)
{
	struct turn t;
	begin(&t, k, r);
	for (uint32_t i = 0; i < t.count; i++) /* no more than any carry leaves */
		level[i] = level_before[i] = fmaxf(-1024, fminf(level[i], 1024));
	float cap = counts ? (float)(2 + random_below(r, 100)) : 1;
	struct meter rule = {
		.gain = first[0],
		.gains = t.each ? first : NULL,
		.flip = random_below(r, 2) ? 1 : -1,
		.most = cap,
		.least = random_below(r, 2) ? -cap : 0,
		.carry = (float)(1 + random_below(r, 5)),
	};
	bool with_minus = rule.least < 0;
	if (counts)
		k->meter_counts(&rule, level, rest, t.x, on, values, t.count);
	else
		k->meter(&rule, level, rest, t.x, on, with_minus ? minus : NULL, t.count);
	for (uint32_t i = 0; i < t.count; i++) {
		float v = level_before[i], small = rest_before[i];
		float n = plain_meter(&rule, rule_at(&t, first, rule.gain, i), t.x[i], &v, &small);
		assert_same_bits(level[i], v);
		assert_same_bits(rest[i], small);
		assert_int_equal(line_is_on(on, i), counts ? n != 0 : n > 0);
		if (!counts && with_minus)
			assert_int_equal(line_is_on(minus, i), n < 0);
		if (counts && n != 0)
			assert_same_bits(values[i], n);
	}
	if (!counts && with_minus)
		assert_tail_is_clean(minus, t.count);
	end(&t);
}

static void stairs_body(const struct kernels *k, struct test_random *r)
{
	check_stairs(k, r, false);
	check_stairs(k, r, true);
}

static void send_body(const struct kernels *k, struct test_random *r)
{
	check_send(k, r, false);
	check_send(k, r, true);
}

static void meter_body(const struct kernels *k, struct test_random *r)
{
	check_meter(k, r, false);
	check_meter(k, r, true);
}

#define KERNEL_TEST(name, seed)                                        \
	static void test_##name##_equals_the_plain_loop(void **unused) \
	{                                                              \
		(void)unused;                                          \
		each_kernel(name##_body, ROUNDS, seed);                \
	}

KERNEL_TEST(stairs, 120)
KERNEL_TEST(send, 121)
KERNEL_TEST(derive, 122)
KERNEL_TEST(cross, 123)
KERNEL_TEST(leak, 124)
KERNEL_TEST(meter, 125)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stairs_equals_the_plain_loop),
		cmocka_unit_test(test_send_equals_the_plain_loop),
		cmocka_unit_test(test_derive_equals_the_plain_loop),
		cmocka_unit_test(test_cross_equals_the_plain_loop),
		cmocka_unit_test(test_leak_equals_the_plain_loop),
		cmocka_unit_test(test_meter_equals_the_plain_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
