/* The kernels of bit planes, every variant that works on this machine against loops written
 * plainly, and the choice of a variant.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/encoders/kernels.h"

#include "tests/encoders/build.h"

#define WORDS  40u
#define ROUNDS 20000

/* From nearly empty to nearly full. */
static void random_plane(struct test_random *r, uint64_t *plane, size_t words)
{
	unsigned kind = random_below(r, 6);
	for (size_t i = 0; i < words; i++) {
		uint64_t bits = random_bits(r);
		switch (kind) {
		case 0:
			bits = 0;
			break;
		case 1:
			bits &= random_bits(r) & random_bits(r) & random_bits(r) & random_bits(r);
			break;
		case 2:
			bits |= random_bits(r) | random_bits(r) | random_bits(r);
			break;
		case 3:
			bits = UINT64_MAX;
			break;
		case 4:
			bits = i % 3 ? bits : 0;
			break;
		}
		plane[i] = bits;
	}
}

static void first_body(const struct kernels *kernels, struct test_random *r)
{
	uint64_t seen[WORDS], in[WORDS], before[WORDS], out[WORDS + 1];
	size_t words = random_below(r, WORDS + 1);
	random_plane(r, seen, WORDS);
	random_plane(r, in, WORDS);
	memcpy(before, seen, sizeof(seen));
	memset(out, 0x55, sizeof(out));
	bool in_place = random_below(r, 2);
	if (in_place)
		memcpy(out, in, words * sizeof(*in));
	kernels->first(seen, in_place ? out : in, out, words);
	for (size_t i = 0; i < words; i++) {
		assert_true(out[i] == (in[i] & ~before[i]));
		assert_true(seen[i] == (in[i] | before[i]));
	}
	assert_memory_equal(seen + words, before + words, (WORDS - words) * sizeof(*seen));
	assert_true(out[words] == 0x5555555555555555u);
}

/* Few different ticks, so that many lines meet theirs; the padding meets it too. */
static void due_body(const struct kernels *kernels, struct test_random *r)
{
	_Alignas(64) uint32_t due[64 * WORDS] = {0};
	uint64_t on[WORDS + 1];
	uint32_t count = random_below(r, 64 * WORDS + 1), spread = 1 + random_below(r, 5);
	uint32_t base = random_below(r, 2) ? UINT32_MAX - 4 : 0;
	uint32_t tick = base + random_below(r, spread);
	size_t words = lines_words(count);
	for (size_t i = 0; i < 64 * words; i++)
		due[i] = i < count ? base + random_below(r, spread) : tick;
	memset(on, 0x55, sizeof(on));
	kernels->due(due, tick, on, count);
	for (uint32_t i = 0; i < 64 * words; i++)
		assert_int_equal(line_is_on(on, i), i < count && due[i] == tick);
	assert_true(on[words] == 0x5555555555555555u);
}

static void count_body(const struct kernels *kernels, struct test_random *r)
{
	uint64_t plane[WORDS];
	size_t words = random_below(r, WORDS + 1);
	uint64_t expected = 0;
	random_plane(r, plane, WORDS);
	for (size_t i = 0; i < 64 * words; i++)
		expected += line_is_on(plane, (uint32_t)i);
	assert_int_equal(kernels->popcount(plane, words), expected);
}

/* The bytes are of exactly the size that the indices need, at any address. */
static void indices_body(const struct kernels *kernels, struct test_random *r)
{
	uint64_t on[WORDS], minus[WORDS];
	uint32_t expected[64 * WORDS];
	size_t words = random_below(r, WORDS + 1), n = 0;
	bool with_sign = random_below(r, 2);
	char *block;
	random_plane(r, on, WORDS);
	random_plane(r, minus, WORDS);
	for (uint32_t i = 0; i < WORDS; i++)
		on[i] &= with_sign ? ~minus[i] : UINT64_MAX;
	for (uint32_t i = 0; i < 64 * words; i++) {
		if (with_sign && line_is_on(minus, i))
			expected[n++] = i | 0x80000000u;
		else if (line_is_on(on, i))
			expected[n++] = i;
	}
	size_t size = n * sizeof(*expected);
	uint8_t *bytes = odd_bytes(r, size, 1, &block);
	bytes[size] = 0xa5;
	kernels->indices(on, with_sign ? minus : NULL, words, bytes);
	if (size)
		assert_memory_equal(bytes, expected, size);
	assert_int_equal(bytes[size], 0xa5);
	free(block);
}

/* Exactly as much as there are lines, at any address. */
static void expand_body(const struct kernels *kernels, struct test_random *r)
{
	uint64_t on[WORDS], minus[WORDS];
	float values[64 * WORDS];
	uint32_t count = random_below(r, 64 * WORDS + 1);
	bool with_sign = random_below(r, 2);
	char *block, *i8_block;
	random_plane(r, on, WORDS);
	random_plane(r, minus, WORDS);
	for (uint32_t i = 0; i < WORDS; i++)
		on[i] &= with_sign ? ~minus[i] : UINT64_MAX;
	float *to = odd_bytes(r, count * sizeof(*to), sizeof(*to), &block);
	int8_t *bytes = odd_bytes(r, count, 1, &i8_block);
	bytes[count] = 0x5a;
	kernels->expand_f32(on, with_sign ? minus : NULL, to, count);
	kernels->expand_i8(on, with_sign ? minus : NULL, bytes, count);
	for (uint32_t i = 0; i < count; i++) {
		int expected = with_sign && line_is_on(minus, i) ? -1 : line_is_on(on, i);
		assert_same_bits(to[i], (float)expected);
		assert_int_equal(bytes[i], expected);
		values[i] = random_float(r);
	}
	assert_int_equal(bytes[count], 0x5a);
	kernels->expand_valued(on, values, to, count);
	for (uint32_t i = 0; i < count; i++)
		assert_same_bits(to[i], line_is_on(on, i) ? values[i] : 0.0f);
	free(block);
	free(i8_block);
}

static void test_planes_become_arrays(void **unused)
{
	(void)unused;
	each_kernel(expand_body, ROUNDS / 40, 123);
}

static void test_first_lets_each_line_through_once(void **unused)
{
	(void)unused;
	each_kernel(first_body, ROUNDS, 120);
}

static void test_due_lines_are_those_of_the_tick(void **unused)
{
	(void)unused;
	each_kernel(due_body, ROUNDS / 20, 123);
}

static void test_popcount_counts(void **unused)
{
	(void)unused;
	each_kernel(count_body, ROUNDS / 10, 121);
}

static void test_indices_are_those_of_the_bits(void **unused)
{
	(void)unused;
	each_kernel(indices_body, ROUNDS, 122);
}

static void test_every_table_is_full(void **unused)
{
	(void)unused;
	size_t n;
	const struct kernels *const *all = kernels_all(&n);
	for (size_t i = 0; i < n; i++) {
		void *operations[(sizeof(struct kernels) - offsetof(struct kernels, lif)) /
				 sizeof(void *)];
		memcpy(operations, &all[i]->lif, sizeof(operations));
		for (size_t k = 0; k < sizeof(operations) / sizeof(*operations); k++)
			assert_non_null(operations[k]);
	}
	assert_string_equal(all[n - 1]->name, "c");
}

/* The choice follows SPIKED_KERNELS, which the build's test list sets to each word in turn. */
static void test_the_environment_caps_the_choice(void **unused)
{
	(void)unused;
	const char *asked = getenv("SPIKED_KERNELS");
	char sentence[256] = "";
	int err = kernels_check_env(sentence, sizeof(sentence));
	size_t n;
	const struct kernels *const *all = kernels_all(&n);
	print_message("SPIKED_KERNELS=%s: %s. %s\n", asked ? asked : "", kernels_name(), sentence);
	assert_int_equal(err != 0, sentence[0] != '\0');
	bool capped = false, below = false;
	for (size_t i = 0; asked && i < n; i++)
		capped |= strcmp(all[i]->name, asked) == 0;
	for (size_t i = 0; i < n; i++) {
		below |= !capped || strcmp(all[i]->name, asked) == 0;
		if (!below || (all[i]->works && !all[i]->works()))
			continue;
		assert_ptr_equal(kernels_get(), all[i]);
		break;
	}
	assert_int_equal(err != 0, asked && strcmp(asked, kernels_name()) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_environment_caps_the_choice),
		cmocka_unit_test(test_every_table_is_full),
		cmocka_unit_test(test_first_lets_each_line_through_once),
		cmocka_unit_test(test_due_lines_are_those_of_the_tick),
		cmocka_unit_test(test_popcount_counts),
		cmocka_unit_test(test_indices_are_those_of_the_bits),
		cmocka_unit_test(test_planes_become_arrays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
