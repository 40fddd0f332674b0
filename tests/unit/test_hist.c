/* Histogram quantiles and the ring between the loops.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "daemon/core/hist.h"
#include "daemon/core/ring.h"

#include <pthread.h>

static void test_quantiles_are_within_an_eighth(void **state)
{
	static struct hist h;
	struct hist_summary s;

	(void)state;
	for (int64_t i = 1; i <= 100000; i++)
		hist_add(&h, i);
	hist_summarise(&h, &s);
	assert_int_equal(s.count, 100000);
	assert_int_equal(s.max, 100000);
	assert_true(s.p50 >= 50000 && s.p50 <= 50000 * 9 / 8);
	assert_true(s.p99 >= 99000 && s.p99 <= 100000);
	assert_true(s.mean == 50000.5);
}

static void test_extremes_find_a_bucket(void **state)
{
	static struct hist h;
	struct hist_summary s;

	(void)state;
	hist_summarise(&h, &s);
	assert_int_equal(s.count, 0);
	hist_add(&h, -1);
	hist_add(&h, 0);
	hist_add(&h, INT64_MAX);
	hist_summarise(&h, &s);
	assert_int_equal(s.count, 3);
	assert_true(s.max == INT64_MAX && s.p999 == INT64_MAX && s.p50 < 100);
}

#define RECORDS 200000

static void *produce(void *arg)
{
	struct ring *r = arg;

	for (uint64_t i = 0; i < RECORDS;)
		i += ring_push(r, &(uint64_t[2]){i, ~i});
	return NULL;
}

static void test_ring_keeps_order_across_threads(void **state)
{
	pthread_t thread;
	struct ring r;
	uint64_t got[2];

	(void)state;
	assert_int_equal(ring_init(&r, sizeof(got), 64), 0);
	assert_false(ring_pop(&r, got));
	pthread_create(&thread, NULL, produce, &r);
	for (uint64_t i = 0; i < RECORDS;) {
		if (!ring_pop(&r, got))
			continue;
		assert_true(got[0] == i && got[1] == ~i);
		i++;
	}
	pthread_join(thread, NULL);
	for (uint64_t i = 0; i < 64; i++)
		assert_true(ring_push(&r, got));
	assert_false(ring_push(&r, got));
	ring_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles_are_within_an_eighth),
		cmocka_unit_test(test_extremes_find_a_bucket),
		cmocka_unit_test(test_ring_keeps_order_across_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
