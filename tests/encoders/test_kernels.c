/* Every kernel variant that works on this machine against loops written plainly: odd lengths,
 * unaligned input, any bit pattern. Bits past the count come out 0 and nothing is read past it
 * (the sanitizers see to that).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "encoders/kernels/bits.h"
#include "encoders/kernels/kernels.h"
#include "encoders/kernels/philox.h"
#include "tests/encoders/build.h"

#include <math.h>

#define ROOM   320u /* lines, a multiple of 64 */
#define ROUNDS 4000

struct arrays {
	_Alignas(64) float v[ROOM], a[ROOM], leak[ROOM], threshold[ROOM], reset[ROOM], rates[ROOM];
	_Alignas(64) uint64_t on[ROOM / 64], minus[ROOM / 64];
};

/* Exactly `count` floats at an odd address of the heap, so that reading on is seen. */
static float *unaligned_row(struct test_random *r, uint32_t count, char **block)
{
	size_t shift = random_below(r, 16) * sizeof(float);
	*block = malloc(shift + count * sizeof(float) + 1);
	assert_non_null(*block);
	float *x = (float *)(void *)(*block + shift);
	for (uint32_t i = 0; i < count; i++)
		x[i] = random_below(r, 4) ? (float)random_between(r, -2, 10)
					  : bits_float((uint32_t)random_bits(r));
	return x;
}

static void random_arrays(struct test_random *r, struct arrays *k)
{
	for (uint32_t i = 0; i < ROOM; i++) {
		k->v[i] = (float)random_between(r, -1, 1);
		k->a[i] = (float)random_between(r, 0, 2);
		k->leak[i] = (float)random_between(r, -1, 1);
		k->threshold[i] = (float)random_between(r, 0, 2);
		k->reset[i] = (float)random_between(r, -1, 1);
		k->rates[i] = (float)random_between(r, 0, 1);
	}
	memset(k->on, 0xff, sizeof(k->on));
	memset(k->minus, 0xff, sizeof(k->minus));
}

static void check_tail(const uint64_t *plane, uint32_t count)
{
	if (count % 64)
		assert_int_equal(plane[count / 64] >> count % 64, 0);
}

static void check_lif(const struct kernels *kernels, struct test_random *r, bool each)
{
	static struct arrays k;
	float before[ROOM];
	char *block;
	uint32_t count = random_below(r, ROOM + 1);
	float *x = unaligned_row(r, count, &block);
	random_arrays(r, &k);
	memcpy(before, k.v, sizeof(before));
	const struct lif_rule rule = {k.a[0], k.leak[0], k.threshold[0], k.reset[0]};
	const struct lif_rules rules = {k.a, k.leak, k.threshold, k.reset};
	if (each)
		kernels->lif_each(&rules, k.v, x, k.on, count);
	else
		kernels->lif(&rule, k.v, x, k.on, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t c = each ? i : 0;
		float pull = (k.leak[c] - before[i]) + x[i];
		float step = k.a[c] * pull;
		float w = before[i] + step;
		float z = w - k.threshold[c] > 0 ? 1.0f : 0.0f;
		float drop = z * (w - k.reset[c]);
		float next = w - drop;
		assert_int_equal(
			float_bits(k.v[i]), float_bits(isfinite(next) ? next : k.reset[c]));
		assert_int_equal(line_is_on(k.on, i), z > 0);
	}
	check_tail(k.on, count);
	free(block);
}

static uint32_t plain_draw(const struct draw *draw, uint32_t line)
{
	return philox_half(draw->key, draw->tick, line, 0) << 8 |
	       philox_low(draw->key, draw->tick, line);
}

/* Puts each line's probability on or beside its own draw, so that the lower 8 bits decide. */
static void tie_all(struct draw *draw, float *x, uint32_t count, struct test_random *r)
{
	draw->rate = 1;
	draw->rates = NULL;
	for (uint32_t i = 0; i < count; i++) {
		float p = (float)(plain_draw(draw, i) + random_below(r, 3)) * 0x1p-24f;
		x[i] = random_below(r, 2) ? p : -p;
	}
}

static void check_draws(const struct kernels *kernels, struct test_random *r, bool with_sign)
{
	static struct arrays k;
	char *block;
	uint32_t count = random_below(r, ROOM + 1);
	float *x = unaligned_row(r, count, &block);
	random_arrays(r, &k);
	struct draw draw = {.key = random_bits(r), .tick = random_bits(r), .rate = k.rates[0]};
	bool each = random_below(r, 2);
	if (each)
		draw.rates = k.rates;
	bool tied = random_below(r, 4) == 0;
	if (tied)
		tie_all(&draw, x, count, r);
	each = each && !tied;
	if (with_sign)
		kernels->signed_poisson(&draw, x, k.on, k.minus, count);
	else
		kernels->poisson(&draw, x, k.on, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t u = plain_draw(&draw, i);
		float p = (each ? k.rates[i] : draw.rate) * (with_sign ? fabsf(x[i]) : x[i]);
		bool fired = (float)u * 0x1p-24f < p, negative = with_sign && x[i] < 0;
		assert_int_equal(line_is_on(k.on, i), fired && !negative);
		if (with_sign)
			assert_int_equal(line_is_on(k.minus, i), fired && negative);
	}
	check_tail(k.on, count);
	if (with_sign)
		check_tail(k.minus, count);
	free(block);
}

static void each_kernel(void (*body)(const struct kernels *, struct test_random *))
{
	size_t n;
	const struct kernels *const *all = kernels_all(&n);
	for (size_t i = 0; i < n; i++) {
		struct test_random r = test_random(100);
		if (all[i]->works && !all[i]->works()) {
			print_message("%s: not on this machine\n", all[i]->name);
			continue;
		}
		print_message("%s\n", all[i]->name);
		for (int round = 0; round < ROUNDS; round++)
			body(all[i], &r);
	}
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
	each_kernel(lif_body);
}

static void test_draw_kernels_equal_the_plain_loop(void **unused)
{
	(void)unused;
	each_kernel(draws_body);
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
