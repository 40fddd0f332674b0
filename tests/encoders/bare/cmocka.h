/* As much of cmocka as the encoders' tests use, for machines that it is not installed for. The
 * first failure ends the program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
};

#define cmocka_unit_test(function)  \
	{                           \
#function, function \
	}

#define print_message(...) printf(__VA_ARGS__)
#define print_error(...)   fprintf(stderr, __VA_ARGS__)

#define fail_msg(...)                                           \
	do {                                                    \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__);                   \
		fprintf(stderr, "\n");                          \
		exit(1);                                        \
	} while (0)

#define assert_true(condition)                                \
	do {                                                  \
		if (!(condition))                             \
			fail_msg("not true: %s", #condition); \
	} while (0)
#define assert_false(condition)             assert_true(!(condition))
#define assert_null(pointer)                assert_true((pointer) == NULL)
#define assert_non_null(pointer)            assert_true((pointer) != NULL)
#define assert_ptr_equal(a, b)              assert_true((const void *)(a) == (const void *)(b))
#define assert_string_equal(a, b)           assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, size)     assert_true(memcmp(a, b, size) == 0)
#define assert_memory_not_equal(a, b, size) assert_true(memcmp(a, b, size) != 0)
#define assert_in_range(value, low, high) \
	assert_true((uint64_t)(value) >= (uint64_t)(low) && (uint64_t)(value) <= (uint64_t)(high))
#define assert_int_equal(a, b)                                                           \
	do {                                                                             \
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);                         \
		if (a_ != b_)                                                            \
			fail_msg("%s is %#" PRIx64 " and %s %#" PRIx64, #a, a_, #b, b_); \
	} while (0)

static inline int run_group(const struct CMUnitTest *tests, size_t count, int (*setup)(void **),
	int (*teardown)(void **))
{
	void *state = NULL;
	if (setup && setup(&state))
		return 1;
	for (size_t i = 0; i < count; i++) {
		printf("%s\n", tests[i].name);
		fflush(stdout);
		tests[i].run(&state);
	}
	return teardown ? teardown(&state) : 0;
}

#define cmocka_run_group_tests(tests, setup, teardown) \
	run_group(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
