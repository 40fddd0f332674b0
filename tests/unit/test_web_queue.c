/* Messages that wait for browsers: shared, in order, and bounded for each and for all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGE (64u << 10)

static struct packet *make(size_t size)
{
	struct packet *m = packet_new(false, 16);

	m = packet_resize(m, size);
	assert_non_null(m);
	memset(m->bytes, 7, size);
	m->size = size;
	return m;
}

/* How many new messages a queue takes. */
static unsigned fill(struct queue *q, size_t size)
{
	unsigned n = 0;
	bool taken = true;

	while (taken) {
		struct packet *m = make(size);

		taken = queue_put(q, m);
		n += taken;
		packet_drop(m);
	}
	return n;
}

static void one_is_bounded(void **state)
{
	struct queue q = {0};

	(void)state;
	assert_int_equal(fill(&q, MESSAGE), QUEUE_BYTES_MAX / MESSAGE);
	queue_fini(&q);
	assert_int_equal(fill(&q, 0), QUEUE_MESSAGES_MAX);
	queue_fini(&q);
	assert_int_equal(fill(&q, 2 * QUEUE_BYTES_MAX), 1);
	queue_fini(&q);
}

static void all_are_bounded(void **state)
{
	enum { QUEUES = 256 };
	static struct queue queues[QUEUES];
	size_t bytes = 0;

	(void)state;
	for (int i = 0; i < QUEUES; i++) {
		assert_true(fill(&queues[i], MESSAGE) >= QUEUE_SHORT_BYTES_MAX / MESSAGE);
		bytes += queues[i].bytes;
	}
	assert_true(
		bytes <= QUEUE_ALL_BYTES_MAX + QUEUE_BYTES_MAX + QUEUES * QUEUE_SHORT_BYTES_MAX);
	for (int i = 0; i < QUEUES; i++)
		queue_fini(&queues[i]);
	/* Nothing is left over. */
	assert_int_equal(fill(&queues[0], MESSAGE), QUEUE_BYTES_MAX / MESSAGE);
	queue_fini(&queues[0]);
}

/* What is shared counts once. */
static void shared_ones_cost_one(void **state)
{
	enum { QUEUES = 64 };
	static struct queue queues[QUEUES];

	(void)state;
	for (unsigned n = 0; n < QUEUE_BYTES_MAX / MESSAGE; n++) {
		struct packet *m = make(MESSAGE);

		for (int i = 0; i < QUEUES; i++)
			assert_true(queue_put(&queues[i], m));
		packet_drop(m);
	}
	for (int i = 0; i < QUEUES; i++)
		queue_fini(&queues[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_bounded),
		cmocka_unit_test(all_are_bounded),
		cmocka_unit_test(shared_ones_cost_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
