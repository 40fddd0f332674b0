/* What clients have not read is known to the byte, whoever reads, leaves or never was there.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/answers.h"
#include "tests/test.h"

#include <string.h>

#define SIZE 100000

struct site {
	void *context, *router, *client;
	struct answers answers;
	zmq_msg_t id; /* the client's, as the router gave it */
};

static int setup(void **state)
{
	struct site *s = test_calloc(1, sizeof(*s));
	int hwm = 4;
	char body[8];

	s->context = zmq_ctx_new();
	s->router = zmq_socket(s->context, ZMQ_ROUTER);
	s->client = zmq_socket(s->context, ZMQ_DEALER);
	zmq_setsockopt(s->router, ZMQ_SNDHWM, &hwm, sizeof(hwm));
	zmq_setsockopt(s->client, ZMQ_RCVHWM, &hwm, sizeof(hwm));
	assert_int_equal(zmq_bind(s->router, "inproc://control"), 0);
	assert_int_equal(zmq_connect(s->client, "inproc://control"), 0);
	assert_int_equal(zmq_send(s->client, "hello", 5, 0), 5);
	zmq_msg_init(&s->id);
	assert_true(zmq_msg_recv(&s->id, s->router, 0) > 0);
	assert_int_equal(zmq_recv(s->router, body, sizeof(body), 0), 5);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct site *s = *state;

	answers_fini(&s->answers); /* before ZeroMQ lets go of what is on its way */
	zmq_msg_close(&s->id);
	if (s->client)
		zmq_close(s->client);
	zmq_close(s->router);
	zmq_ctx_term(s->context);
	test_free(s);
	return 0;
}

static void answer(struct site *s, zmq_msg_t *to)
{
	char *text = malloc(SIZE);
	zmq_msg_t envelope;

	assert_non_null(text);
	memset(text, 'x', SIZE);
	zmq_msg_init(&envelope);
	zmq_msg_copy(&envelope, to);
	assert_int_equal(answers_send(&s->answers, s->router, &envelope, 1, text, SIZE), 0);
	zmq_msg_close(&envelope);
}

static void read_one(struct site *s)
{
	zmq_msg_t body;

	zmq_msg_init(&body);
	assert_int_equal(zmq_msg_recv(&body, s->client, 0), SIZE);
	zmq_msg_close(&body);
}

static void test_what_is_read_is_forgotten(void **state)
{
	struct site *s = *state;

	assert_int_equal(answers_unread(&s->answers, &s->id), 0);
	for (unsigned i = 1; i <= 3; i++) {
		answer(s, &s->id);
		assert_int_equal(answers_unread(&s->answers, &s->id), i * SIZE);
	}
	for (unsigned i = 3; i-- > 0;) {
		read_one(s);
		assert_int_equal(answers_unread(&s->answers, &s->id), i * SIZE);
	}
}

static void test_what_zeromq_drops_does_not_count(void **state)
{
	struct site *s = *state;

	for (int i = 0; i < 20; i++)
		answer(s, &s->id);
	assert_int_equal(answers_unread(&s->answers, &s->id), 8 * SIZE); /* both queues of 4 */
}

static void test_who_is_not_there_has_nothing_unread(void **state)
{
	struct site *s = *state;
	zmq_msg_t nobody;

	zmq_msg_init_size(&nobody, 5);
	memcpy(zmq_msg_data(&nobody), "nobdy", 5);
	answer(s, &nobody);
	assert_int_equal(answers_unread(&s->answers, &nobody), 0);
	answer(s, &s->id);
	assert_int_equal(answers_unread(&s->answers, &nobody), 0);
	assert_int_equal(answers_unread(&s->answers, &s->id), SIZE);
	zmq_msg_close(&nobody);
}

static void test_who_leaves_takes_it_along(void **state)
{
	struct site *s = *state;

	answer(s, &s->id);
	zmq_close(s->client);
	s->client = NULL;
	for (int i = 0; i < 100 && answers_unread(&s->answers, &s->id); i++) {
		zmq_pollitem_t item = {.socket = s->router, .events = ZMQ_POLLIN};

		zmq_poll(&item, 1, 10); /* lets the router hear of it */
	}
	assert_int_equal(answers_unread(&s->answers, &s->id), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_read_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_zeromq_drops_does_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_who_is_not_there_has_nothing_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_leaves_takes_it_along, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
