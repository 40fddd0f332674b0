/* Who subscribes to what, against a plain account of the same, with random words, ends and successors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/subscribers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FDS    5
#define TOPICS 6
#define STEPS  200000

static const char *const topics[TOPICS] = {
	"", "s", "spikes/", "spikes/imu/", "spikes/imu2/", "state/imu/"};
static struct conn_slot slots[FDS];
static const struct conns conns = {.slots = slots, .count = FDS};
static uint64_t now;

static struct peer open_connection(int fd)
{
	struct peer peer = {.fd = fd};

	atomic_store(&slots[fd].since, ++now);
	atomic_store(&slots[fd].cookie, now);
	peer.id = ++now;
	return peer;
}

static void close_connection(int fd)
{
	atomic_store(&slots[fd].cookie, 0);
}

static bool want(const struct subscribers *t, const char *topic)
{
	return subscribers_want(t, NULL, topic, strlen(topic));
}

static void sweep(struct subscribers *t)
{
	char prefix[TOPIC_MAX];
	size_t size;

	while (subscribers_sweep(t, prefix, &size))
		;
}

static void test_random_words(void **state)
{
	unsigned seed = 20261124;
	struct subscribers t;
	struct peer peers[FDS];
	bool has[FDS][TOPICS] = {{false}};
	const char *given = getenv("SEED");

	(void)state;
	seed = given ? (unsigned)atoi(given) : seed;
	print_message("SEED=%u\n", seed);
	srand(seed);
	assert_int_equal(subscribers_init(&t, &conns, TOPICS - 1), 0);
	for (int fd = 0; fd < FDS; fd++)
		peers[fd] = open_connection(fd);
	for (int step = 0; step < STEPS; step++) {
		int fd = rand() % FDS, topic = rand() % TOPICS, what = rand() % 20;
		struct subscriber *s;
		unsigned held = 0;

		if (what == 0) {
			close_connection(fd);
			peers[fd] = open_connection(fd);
			memset(has[fd], 0, sizeof(has[fd]));
			sweep(&t);
			continue;
		}
		s = subscribers_of(&t, &peers[fd]);
		assert_non_null(s);
		for (int i = 0; i < TOPICS; i++)
			held += has[fd][i];
		assert_int_equal(s->count, held);
		if (what < 10) {
			enum subscribed got =
				subscribers_add(&t, s, topics[topic], strlen(topics[topic]));

			assert_int_equal(got, has[fd][topic]       ? SUBSCRIBED_BEFORE
					      : held >= TOPICS - 1 ? SUBSCRIBED_TOO_MANY
								   : SUBSCRIBED_NEW);
			has[fd][topic] |= got == SUBSCRIBED_NEW;
		} else {
			assert_int_equal(
				subscribers_remove(&t, s, topics[topic], strlen(topics[topic])),
				has[fd][topic]);
			has[fd][topic] = false;
		}
		for (int i = 0; i < TOPICS; i++) {
			bool wanted = false;

			for (int k = 0; k < TOPICS; k++)
				for (int f = 0; f < FDS; f++)
					wanted |= has[f][k] &&
						  !strncmp(topics[i], topics[k], strlen(topics[k]));
			assert_int_equal(want(&t, topics[i]), wanted);
		}
	}
	subscribers_fini(&t);
}

static void test_a_word_from_before_the_end_counts_for_nobody(void **state)
{
	struct subscribers t;
	struct peer gone = open_connection(0), here = open_connection(0);

	(void)state;
	assert_int_equal(subscribers_init(&t, &conns, 10), 0);
	assert_int_equal(
		subscribers_add(&t, subscribers_of(&t, &here), "spikes/", 7), SUBSCRIBED_NEW);
	assert_null(subscribers_of(&t, &gone));
	assert_true(want(&t, "spikes/imu/"));
	assert_null(subscribers_of(&t, &(struct peer){.id = ++now, .fd = -1}));
	assert_null(subscribers_of(&t, &(struct peer){.id = ++now, .fd = FDS}));
	close_connection(0);
	sweep(&t);
	assert_false(want(&t, "spikes/imu/"));
	assert_int_equal(t.active_count, 0);
	subscribers_fini(&t);
}

static void test_full_tables_take_nothing_more_and_empty_again(void **state)
{
	struct subscribers t;
	struct peer peer = open_connection(0);
	char text[32];

	(void)state;
	assert_int_equal(subscribers_init(&t, &conns, SUBSCRIPTIONS_MAX), 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < PREFIXES_MAX + 5; i++) {
			int size = snprintf(text, sizeof(text), "spikes/%d/", i);

			assert_int_equal(
				subscribers_add(&t, subscribers_of(&t, &peer), text, (size_t)size),
				i < PREFIXES_MAX ? SUBSCRIBED_NEW : SUBSCRIBED_TOO_MANY);
		}
		assert_true(want(&t, "spikes/77/"));
		assert_false(want(&t, "spikes/x/"));
		close_connection(0);
		sweep(&t);
		assert_false(want(&t, "spikes/77/"));
		peer = open_connection(0);
	}
	subscribers_fini(&t);
}

static void test_only_who_may_hear_counts(void **state)
{
	struct acl_client *clients = calloc(2, sizeof(*clients));
	uint32_t serial = 7;
	struct subscribers t;
	struct peer peer = open_connection(0);
	struct subscriber *s;
	struct acl *acl;

	(void)state;
	clients[0].hears = calloc(2, sizeof(*clients[0].hears));
	strcpy(clients[0].hears[0], "spikes/imu/");
	strcpy(clients[0].hears[1], "state/");
	clients[0].hears_count = 2;
	acl = acl_new(clients, 1, NULL, &serial);
	peer.serial = acl->clients[0].serial;
	assert_int_equal(subscribers_init(&t, &conns, 10), 0);
	s = subscribers_of(&t, &peer);
	subscribers_add(&t, s, "", 0);
	assert_true(subscribers_want(&t, acl, "spikes/imu/", 11));
	assert_false(subscribers_want(&t, acl, "spikes/arm/", 11));
	assert_true(want(&t, "spikes/arm/"));

	/* "" stands for spikes/imu/ as well as a subscription of that name does. */
	const struct acl_grant imu = {"spikes/imu/", 11}, state_all = {"state/", 6};
	subscribers_add(&t, s, "spikes/imu/", 11);
	subscribers_remove(&t, s, "", 0);
	assert_true(subscribers_grant_needed(&t, s, acl->clients, &imu));
	assert_false(subscribers_grant_needed(&t, s, acl->clients, &state_all));
	subscribers_add(&t, s, "spik", 4);
	subscribers_remove(&t, s, "spikes/imu/", 11);
	assert_true(subscribers_grant_needed(&t, s, acl->clients, &imu));
	subscribers_remove(&t, s, "spik", 4);
	assert_false(subscribers_grant_needed(&t, s, acl->clients, &imu));
	subscribers_fini(&t);
	acl_free(acl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_words),
		cmocka_unit_test(test_a_word_from_before_the_end_counts_for_nobody),
		cmocka_unit_test(test_full_tables_take_nothing_more_and_empty_again),
		cmocka_unit_test(test_only_who_may_hear_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
