/* The C client's calls, answered by a daemon that this program plays itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/clients/peer.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>

#include <spiked/spiked.h>

#include "clients/c/src/jsonrpc.h"

#define SOON_MS 100

struct daemon {
	void *socket;
	pthread_t thread;
	char late_id[32]; /* of the request whose answer is overdue, "" = none */
};

/* Frames of one request: the peer's name, an empty one, the text. In a thread of its own, where cmocka
 * cannot fail a test: what is wrong here is said, and ends the daemon, and then the test's call fails. */
static bool take_request(void *socket, uint8_t *to, int *to_size, char *text, int room)
{
	*to_size = zmq_recv(socket, to, 64, 0);
	int empty = zmq_recv(socket, text, (size_t)room, 0);
	int size = zmq_recv(socket, text, (size_t)room - 1, 0);

	if (*to_size < 1 || empty != 0 || size < 1 || size >= room) {
		printf("a request of %d, %d and %d bytes: %s\n", *to_size, empty, size,
			zmq_strerror(errno));
		return false;
	}
	text[size] = '\0';
	return true;
}

static void answer(void *socket, const uint8_t *to, int to_size, const char *text)
{
	zmq_send(socket, to, (size_t)to_size, ZMQ_SNDMORE);
	zmq_send(socket, "", 0, ZMQ_SNDMORE);
	zmq_send(socket, text, strlen(text), 0);
}

static void write_answer(
	const char *method, const json_t *params, long long id, char *text, size_t size)
{
	static const struct {
		const char *method, *format;
	} rows[] = {
		{"exact", " {\"a\":{\"result\":[\"}\\\"\"]}, \"result\" : {\"x\":0.10, "
			  "\"y\":[1e2,\"]\"]} , \"id\":%lld,\"jsonrpc\":\"2.0\"}"},
		{"null", "{\"id\":%lld,\"result\":null}"},
		{"stop", "{\"id\":%lld,\"result\":true}"},
		{"refuse", "{\"id\":%lld,\"error\":{\"code\":-32602,\"message\":\"no such "
			   "stage\",\"data\":{\"path\":\"stage\"}}}"},
		{"garbage", "{\"id\":%lld"},
		{"neither", "{\"id\":%lld}"},
	};
	char *echo = json_dumps(params, JSON_COMPACT);

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].method, method) == 0)
			snprintf(text, size, rows[i].format, id);
	if (strcmp(method, "echo") == 0)
		snprintf(text, size, "{\"id\":%lld,\"result\":%s}", id, echo ? echo : "null");
	free(echo);
}

/* Answers by the method's name, until "stop"; "late" is answered just before the next request. */
static void *serve(void *arg)
{
	struct daemon *d = arg;
	bool stop = false;

	while (!stop) {
		uint8_t to[64];
		char text[4096];
		int to_size;

		if (!take_request(d->socket, to, &to_size, text, sizeof(text)))
			return NULL;
		json_t *request = json_loads(text, 0, NULL);
		const char *method = json_string_value(json_object_get(request, "method"));
		long long id = json_integer_value(json_object_get(request, "id"));

		if (!method)
			method = "stop";
		stop = strcmp(method, "stop") == 0;
		if (d->late_id[0]) {
			snprintf(text, sizeof(text), "{\"id\":%s,\"result\":\"late\"}", d->late_id);
			answer(d->socket, to, to_size, text);
			d->late_id[0] = '\0';
		}
		if (strcmp(method, "late") == 0)
			snprintf(d->late_id, sizeof(d->late_id), "%lld", id);
		write_answer(method, json_object_get(request, "params"), id, text, sizeof(text));
		if (text[0])
			answer(d->socket, to, to_size, text);
		json_decref(request);
	}
	return NULL;
}

static void daemon_start(struct daemon *d, void *socket)
{
	*d = (struct daemon){.socket = socket};
	assert_int_equal(pthread_create(&d->thread, NULL, serve, d), 0);
}

static void daemon_stop(struct daemon *d, struct spiked_control *client)
{
	assert_int_equal(spiked_call(client, "stop", NULL, WAIT_MS, NULL, NULL), 0);
	pthread_join(d->thread, NULL);
	zmq_close(d->socket);
}

static void test_calls(void **state)
{
	struct peer peer = peer_open(ZMQ_ROUTER);
	struct spiked_error error;
	struct daemon daemon;
	char *result;

	(void)state;
	daemon_start(&daemon, peer.socket);
	struct spiked_control *c = spiked_control_new(peer.endpoint, NULL);
	assert_non_null(c);

	assert_int_equal(spiked_call(c, "exact", NULL, WAIT_MS, &result, &error), 0);
	assert_string_equal(result, "{\"x\":0.10, \"y\":[1e2,\"]\"]}");
	free(result);
	assert_int_equal(spiked_call(c, "null", NULL, WAIT_MS, &result, NULL), 0);
	assert_string_equal(result, "null");
	free(result);
	assert_int_equal(
		spiked_call(c, "echo", "{\"name\": \"imu\"}", WAIT_MS, &result, &error), 0);
	assert_string_equal(result, "{\"name\":\"imu\"}");
	free(result);
	assert_int_equal(spiked_call(c, "refuse", NULL, WAIT_MS, &result, &error), -EREMOTEIO);
	assert_null(result);
	assert_int_equal(error.code, -32602);
	assert_string_equal(error.message, "no such stage");
	assert_string_equal(error.path, "stage");
	assert_int_equal(spiked_call(c, "garbage", NULL, WAIT_MS, &result, &error), -EBADMSG);
	assert_true(error.message[0]);
	assert_int_equal(spiked_call(c, "neither", NULL, WAIT_MS, &result, &error), -EBADMSG);
	assert_int_equal(spiked_call(c, "echo", "{", WAIT_MS, &result, &error), -EINVAL);
	assert_int_equal(spiked_call(c, "echo", "5", WAIT_MS, &result, &error), -EINVAL);

	/* A call that got no answer does not spoil the next, even when its answer comes first. */
	assert_int_equal(spiked_call(c, "late", NULL, SOON_MS, &result, &error), -ETIMEDOUT);
	assert_true(strstr(error.message, peer.endpoint) != NULL);
	assert_int_equal(spiked_call(c, "echo", "[1]", WAIT_MS, &result, &error), 0);
	assert_string_equal(result, "[1]");
	free(result);

	daemon_stop(&daemon, c);
	spiked_control_close(c);
}

static void test_a_request_is_not_kept_for_a_daemon_to_come(void **state)
{
	struct peer peer = nobody();
	struct spiked_error error;
	struct daemon daemon;
	char *result;

	(void)state;
	struct spiked_control *c = spiked_control_new(peer.endpoint, NULL);
	assert_int_equal(spiked_call(c, "refuse", NULL, SOON_MS, &result, &error), -ENOTCONN);
	assert_true(strstr(error.message, peer.endpoint) != NULL);

	appear(&peer, ZMQ_ROUTER);
	daemon_start(&daemon, peer.socket);
	assert_int_equal(spiked_call(c, "echo", "[2]", WAIT_MS, &result, &error), 0);
	assert_string_equal(result, "[2]");
	free(result);
	daemon_stop(&daemon, c);
	spiked_control_close(c);
}

static void test_an_answer_with_a_nul_byte_is_none(void **state)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":[1\0,\"\\\"}\"]}";
	struct spiked_error error = {0};
	char *result;

	(void)state;
	assert_int_equal(spk_answer(text, sizeof(text) - 1, 5, &result, &error), -EBADMSG);
	assert_null(result);
	assert_string_not_equal(error.message, "");
}

static void test_answers_survive_anything(void **state)
{
	static const char good[] =
		"{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"a\":[1,\"x\\\"}\",null]},\"error\":null}";
	struct test_random r = test_random(0xc0de);
	unsigned accepted = 0;

	(void)state;
	for (unsigned round = 0; round < 50000; round++) {
		struct spiked_error error = {0};
		char text[sizeof(good)], *result;
		size_t size = sizeof(good) - 1;

		memcpy(text, good, sizeof(good));
		for (uint32_t i = random_below(&r, 3); i > 0; i--)
			text[random_below(&r, (uint32_t)size)] = (char)random_bits(&r);
		if (random_below(&r, 4) == 0)
			size = random_below(&r, (uint32_t)size);
		if (spk_answer(text, size, 5, &result, &error) == 0) {
			json_t *json = json_loads(result, JSON_DECODE_ANY, NULL);
			assert_non_null(json);
			json_decref(json);
			accepted++;
		}
		free(result);
	}
	printf("%u of 50000 accepted\n", accepted);
	assert_in_range(accepted, 5000, 45000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_a_request_is_not_kept_for_a_daemon_to_come),
		cmocka_unit_test(test_an_answer_with_a_nul_byte_is_none),
		cmocka_unit_test(test_answers_survive_anything),
	};

	return cmocka_run_group_tests(tests, open_context, close_context);
}
