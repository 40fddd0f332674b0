/* LIF and draw kernels of every variant that works on this machine against loops written plainly:
 * odd lengths, unaligned input, any bit pattern. Bits past the count come out 0, padding stays as
 * it is, and nothing is read past the count (the sanitizers see to that).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/encoders/kernels.h"

#include "encoders/kernels/bits.h"
#include "encoders/kernels/philox.h"
#include "tests/encoders/build.h"

#define ROUNDS 4000

struct arrays {
	_Alignas(64) float v[ROOM], a[ROOM], leak[ROOM], threshold[ROOM], reset[ROOM], rates[ROOM];
	_Alignas(64) uint64_t on[ROOM / 64], minus[ROOM / 64], always[ROOM / 64];
	_Alignas(64) uint16_t upper[ROOM];
	_Alignas(64) uint8_t lower[ROOM];
};

static struct odds odds_of(struct arrays *k)
{
	return (struct odds){.upper = k->upper, .lower = k->lower, .always = k->always};
}

static void random_arrays(struct test_random *r, struct arrays *k)
{
	uint32_t used = SMALL / 64 * 64 + 64;
	for (uint32_t i = 0; i < ROOM; i++) {
		/* The large ones repeat the small ones' contents: random numbers cost time. */
		k->v[i] = i < used ? (float)random_between(r, -1, 1) : k->v[i % used];
		k->a[i] = i < used ? (float)random_between(r, 0, 2) : k->a[i % used];
		k->leak[i] = i < used ? (float)random_between(r, -1, 1) : k->leak[i % used];
		k->threshold[i] =
			i < used ? (float)random_between(r, 0, 2) : k->threshold[i % used];
		k->reset[i] = i < used ? (float)random_between(r, -1, 1) : k->reset[i % used];
		k->rates[i] = i < used ? (float)random_between(r, 0, 1) : k->rates[i % used];
	}
	memset(k->on, 0xff, sizeof(k->on));
	memset(k->minus, 0xff, sizeof(k->minus));
	memset(k->always, 0xff, sizeof(k->always));
	memset(k->upper, 0xff, sizeof(k->upper));
	memset(k->lower, 0xff, sizeof(k->lower));
}

/* Rules on which the formula is delicate: no reset, resets so large that w - reset
 * overflows, a step longer than tau, thresholds that a voltage meets exactly. */
static struct lif_rule random_rule(struct test_random *r, const struct arrays *k)
{
	static const float resets[] = {0.0f, 0.25f, -0.5f, 3.4e38f, -3.4e38f, 1e-42f};
	struct lif_rule rule = {k->a[0], k->leak[0], k->threshold[0], k->reset[0]};
	if (random_below(r, 4))
		rule.reset = resets[random_below(r, sizeof(resets) / sizeof(*resets))];
	if (random_below(r, 4) == 0)
		rule.threshold = rule.leak = 0;
	if (random_below(r, 4) == 0)
		rule.a = 1;
	return rule;
}

/* Voltages of zero, and beyond what a step leaves: a loaded state may hold them. An input that a step
 * takes so little of that it rounds to -0 must not make the voltage so. */
static void odd_voltages(struct test_random *r, float *v, float *x, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += 1 + random_below(r, 4)) {
		float odd = random_float(r);
		if (isfinite(odd) && (odd != 0.0f || !signbit(odd)))
			v[i] = odd;
		if (random_below(r, 8) == 0) {
			v[i] = 0.0f;
			x[i] = -1e-45f;
		}
	}
}

static void check_lif(const struct kernels *kernels, struct test_random *r, bool each)
{
	static struct arrays k;
	static float before[ROOM];
	char *block;
	uint32_t count = random_size(r);
	float *x = odd_row(r, count, &block);
	random_arrays(r, &k);
	if (random_below(r, 2))
		odd_voltages(r, k.v, x, count);
	memcpy(before, k.v, sizeof(before));
	const struct lif_rule rule = random_rule(r, &k);
	const struct lif_rules rules = {k.a, k.leak, k.threshold, k.reset};
	if (each)
		kernels->lif_each(&rules, k.v, x, k.on, count);
	else
		kernels->lif(&rule, k.v, x, k.on, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct lif_rule here =
			each ? (struct lif_rule){k.a[i], k.leak[i], k.threshold[i], k.reset[i]}
			     : rule;
		float pull = (here.leak - before[i]) + x[i];
		float step = here.a * pull;
		float w = before[i] + step;
		float z = w - here.threshold > 0 ? 1.0f : 0.0f;
		float drop = z * (w - here.reset);
		float next = w - drop;
		assert_same_bits(k.v[i], isfinite(next) ? next : here.reset);
		assert_int_equal(line_is_on(k.on, i), z > 0);
	}
	assert_memory_equal(k.v + count, before + count, (ROOM - count) * sizeof(float));
	assert_tail_is_clean(k.on, count);
	free(block);
}

static uint32_t plain_draw(uint64_t key, uint64_t tick, uint32_t line)
{
	return philox_half(key, tick, line, 0) << 8 | philox_low(key, tick, line);
}

/* Probabilities at which the comparison is delicate, for `u`, what the line will draw: on and
 * beside it, so that the lower 8 bits decide, and between; multiples of 2^-16 and one 2^-24 off; the
 * ends. */
static float odd_probability(struct test_random *r, uint32_t u)
{
	uint32_t off = random_below(r, 3);
	switch (random_below(r, 7)) {
	case 0:
		return (float)(u + off) * 0x1p-24f;
	case 6: /* between two draws, where a float can be */
		return nextafterf((float)(u + off) * 0x1p-24f, (float)random_below(r, 2));
	case 1:
		return (float)((u & 0xffff00) + off) * 0x1p-24f;
	case 2:
		return (float)((random_below(r, 0x10001) << 8) + off) * 0x1p-24f;
	case 3:
		return 1.0f - (float)off * 0x1p-24f;
	case 4:
		return bits_float(random_below(r, 0x800000)); /* denormal */
	default:
		return random_float(r);
	}
}

/* The first words of further ticks, those beyond 2^32 and 2^64 among them. */
static void check_ahead(
	const struct kernels *kernels, uint64_t key, uint64_t tick, const struct odds *odds)
{
	const uint64_t starts[] = {tick, UINT32_MAX - 1, UINT64_MAX - 1};
	uint64_t ahead[DRAW_AHEAD], one[1];
	for (size_t s = 0; kernels->draw_ahead && s < 3; s++) {
		kernels->draw_ahead(key, starts[s], odds, ahead);
		for (unsigned t = 0; t < DRAW_AHEAD; t++) {
			kernels->draw(key, starts[s] + t, odds, one, WORD_LINES);
			assert_true(ahead[t] == one[0]);
		}
	}
}

static void check_draws(const struct kernels *kernels, struct test_random *r, bool with_sign)
{
	static struct arrays k;
	char *block;
	uint32_t count = random_size(r);
	float *x = odd_row(r, count, &block);
	uint64_t key = random_bits(r), tick = random_bits(r) >> random_below(r, 64);
	random_arrays(r, &k);
	struct chance chance = {.rate = k.rates[0], .rates = random_below(r, 2) ? k.rates : NULL};
	if (random_below(r, 2)) {
		chance = (struct chance){.rate = 1};
		for (uint32_t i = 0; i < count; i++) {
			float p = odd_probability(r, plain_draw(key, tick, i));
			x[i] = random_below(r, 8) ? p : -p;
		}
	}
	const struct odds odds = odds_of(&k);
	kernels->odds(&chance, x, &odds, with_sign ? k.minus : NULL, count);
	kernels->draw(key, tick, &odds, k.on, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t u = plain_draw(key, tick, i);
		float size = with_sign ? fabsf(x[i]) : x[i];
		float p = (chance.rates ? chance.rates[i] : chance.rate) * size;
		assert_int_equal(line_is_on(k.on, i), (float)u * 0x1p-24f < p);
		if (with_sign)
			assert_int_equal(line_is_on(k.minus, i), x[i] < 0);
	}
	for (uint32_t i = count; i < (count + 63) / 64 * 64; i++)
		assert_true(k.upper[i] == 0 && k.lower[i] == 0);
	assert_tail_is_clean(k.always, count);
	assert_tail_is_clean(k.on, count);
	if (with_sign)
		assert_tail_is_clean(k.minus, count);
	check_ahead(kernels, key, tick, &odds);
	free(block);
}

static void lif_body(const struct kernels *kernels, struct test_random *r)
{
	check_lif(kernels, r, false);
	check_lif(kernels, r, true);
}

static void draws_body(const struct kernels *kernels, struct test_random *r)
{
	check_draws(kernels, r, false);
	check_draws(kernels, r, true);
}

static void test_lif_kernels_equal_the_plain_loop(void **unused)
{
	(void)unused;
	each_kernel(lif_body, ROUNDS, 100);
}

static void test_draw_kernels_equal_the_plain_loop(void **unused)
{
	(void)unused;
	each_kernel(draws_body, ROUNDS / 4, 100);
}

/* Held rows: many ticks of the same odds, with every tie of the upper 16 bits that comes. */
static void held_body(const struct kernels *kernels, struct test_random *r)
{
	static struct arrays k;
	float x[SMALL];
	uint32_t count = SMALL - 1, ties = 0;
	uint64_t key = random_bits(r), first = random_bits(r);
	random_arrays(r, &k);
	for (uint32_t i = 0; i < count; i++)
		x[i] = odd_probability(r, plain_draw(key, first + i, i));
	const struct odds odds = odds_of(&k);
	kernels->odds(&(struct chance){.rate = 1}, x, &odds, NULL, count);
	for (uint64_t t = 0; t < 2000; t++) {
		kernels->draw(key, first + t, &odds, k.on, count);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t u = plain_draw(key, first + t, i);
			ties += u >> 8 == k.upper[i];
			if (line_is_on(k.on, i) != ((float)u * 0x1p-24f < x[i]))
				fail_msg("tick %llu line %u: %06x against %a",
					(unsigned long long)(first + t), i, u, (double)x[i]);
		}
	}
	assert_true(ties > 0);
}

static void test_draws_of_a_held_row_equal_the_plain_comparison(void **unused)
{
	(void)unused;
	each_kernel(held_body, 1, 102);
}

static void test_bytes_are_packed_in_order(void **unused)
{
	(void)unused;
	struct test_random r = test_random(101);
	for (int round = 0; round < 100000; round++) {
		uint64_t expected = random_bits(&r) & random_bits(&r);
		uint8_t bytes[64];
		for (unsigned i = 0; i < 64; i++)
			bytes[i] = expected >> i & 1;
		assert_true(bits_from_bytes(bytes) == expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_packed_in_order),
		cmocka_unit_test(test_lif_kernels_equal_the_plain_loop),
		cmocka_unit_test(test_draw_kernels_equal_the_plain_loop),
		cmocka_unit_test(test_draws_of_a_held_row_equal_the_plain_comparison),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
