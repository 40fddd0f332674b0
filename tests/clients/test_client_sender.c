/* The C client's sender: bytes on the wire, numbering, and what happens when nobody takes the rows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/clients/peer.h"

#include <errno.h>
#include <time.h>

#include <spiked/spiked.h>

static size_t recv_part(void *socket, void *buffer, size_t room)
{
	int size = zmq_recv(socket, buffer, room, 0);

	assert_true(size >= 0 && (size_t)size <= room);
	return (size_t)size;
}

static bool more(void *socket)
{
	int value;
	size_t size = sizeof(value);

	zmq_getsockopt(socket, ZMQ_RCVMORE, &value, &size);
	return value != 0;
}

static void expect_row(void *socket, const char *stream, const void *payload, size_t size,
	const struct spiked_stamp *stamp, uint64_t seq)
{
	uint8_t buffer[256];
	struct spiked_stamp got;

	assert_int_equal(recv_part(socket, buffer, sizeof(buffer)), strlen(stream));
	assert_memory_equal(buffer, stream, strlen(stream));
	assert_int_equal(recv_part(socket, buffer, sizeof(buffer)), size);
	assert_memory_equal(buffer, payload, size);
	assert_true(more(socket));
	assert_int_equal(recv_part(socket, &got, sizeof(got)), SPIKED_STAMP_SIZE);
	assert_false(more(socket));
	assert_int_equal(got.seq, stamp ? stamp->seq : seq);
	if (stamp)
		assert_true(got.time_ns == stamp->time_ns);
	else
		assert_true(got.time_ns > 1500000000000000000);
}

static void test_rows_leave_as_the_protocol_says(void **state)
{
	static const float f32[] = {0.5f, -2.0f, 9.80665f};
	static const int16_t i16[] = {-2, 513};
	static const struct spiked_pair pairs[] = {{0, 1.5f}, {5, -0.25f}};
	static const struct spiked_stamp stamp = {1699999999998500000, 41};
	static const uint8_t pair_bytes[] = {
		0, 0, 0, 0, 0, 0, 0xc0, 0x3f, 5, 0, 0, 0, 0, 0, 0x80, 0xbe};
	uint8_t buffer[64];
	struct peer peer = peer_open(ZMQ_PULL);
	struct spiked_sender *s = spiked_sender_new(peer.endpoint, NULL);

	(void)state;
	assert_non_null(s);
	assert_int_equal(spiked_send_f32(s, "imu", f32, 1, 3, NULL), 0);
	assert_int_equal(spiked_send_f32(s, "imu", f32, 3, 1, &stamp), 0);
	assert_int_equal(spiked_send(s, "mic", SPIKED_I16, i16, 2, 1, NULL), 0);
	assert_int_equal(spiked_send_pairs(s, "skin", pairs, 2, NULL), 0);
	assert_int_equal(spiked_send_json(s, "imu", "[1,null]", NULL), 0);
	assert_int_equal(spiked_sender_skip(s, "imu", 3), 0);
	assert_int_equal(spiked_send_f32(s, "imu", f32, 1, 3, NULL), 0);
	spiked_sender_stamping(s, false);
	assert_int_equal(spiked_send_f32(s, "imu", f32, 1, 3, NULL), 0);
	expect_row(peer.socket, "imu", f32, 12, NULL, 0);
	expect_row(peer.socket, "imu", f32, 12, &stamp, 0);
	expect_row(peer.socket, "mic", i16, 4, NULL, 0);
	expect_row(peer.socket, "skin", pair_bytes, 16, NULL, 0);
	expect_row(peer.socket, "imu", "[1,null]", 8, NULL, 1);
	expect_row(peer.socket, "imu", f32, 12, NULL, 5);
	assert_int_equal(recv_part(peer.socket, buffer, sizeof(buffer)), 3);
	assert_int_equal(recv_part(peer.socket, buffer, sizeof(buffer)), 12);
	assert_false(more(peer.socket));

	assert_int_equal(spiked_send_f32(s, "a/b", f32, 1, 3, NULL), -EINVAL);
	assert_int_equal(spiked_send_f32(s, "imu", f32, 0, 3, NULL), -EINVAL);
	assert_int_equal(spiked_send_f32(s, "imu", f32, 1, 0, NULL), -EINVAL);
	assert_int_equal(spiked_send_f32(s, "imu", f32, SIZE_MAX / 2, 3, NULL), -EMSGSIZE);
	assert_int_equal(spiked_send(s, "imu", (enum spiked_type)99, f32, 1, 3, NULL), -EINVAL);
	spiked_sender_close(s);
	zmq_close(peer.socket);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_without_a_daemon_nothing_is_queued(void **state)
{
	struct spiked_options options = SPIKED_OPTIONS_INIT;
	struct peer peer = nobody();
	static const float row[] = {1.0f};

	(void)state;
	options.timeout_ms = 0;
	struct spiked_sender *s = spiked_sender_new(peer.endpoint, &options);
	assert_non_null(s);
	for (int i = 0; i < 5; i++)
		assert_int_equal(spiked_send_f32(s, "imu", row, 1, 1, NULL), -EAGAIN);
	assert_int_equal(spiked_sender_link(s), SPIKED_LINK_CONNECTING);
	spiked_sender_timeout(s, 50);
	int64_t start = now_ms();
	assert_int_equal(spiked_send_f32(s, "imu", row, 1, 1, NULL), -EAGAIN);
	assert_in_range(now_ms() - start, 45, 2000);

	/* Then one comes: the first row that arrives has number 0. */
	appear(&peer, ZMQ_PULL);
	spiked_sender_timeout(s, WAIT_MS);
	assert_int_equal(spiked_send_f32(s, "imu", row, 1, 1, NULL), 0);
	expect_row(peer.socket, "imu", row, 4, NULL, 0);
	assert_int_equal(spiked_sender_link(s), SPIKED_LINK_UP);
	zmq_close(peer.socket);
	spiked_sender_close(s);
}

static void test_closing_is_bounded(void **state)
{
	struct spiked_options options = SPIKED_OPTIONS_INIT;
	struct peer peer = peer_open(ZMQ_PULL); /* never reads */
	static const float rows[65536];

	(void)state;
	options.timeout_ms = 0;
	options.linger_ms = 100;
	struct spiked_sender *s = spiked_sender_new(peer.endpoint, &options);
	assert_non_null(s);
	int64_t start = now_ms();
	while (spiked_sender_link(s) != SPIKED_LINK_UP && now_ms() - start < WAIT_MS)
		usleep(1000);
	for (int i = 0; i < 500; i++) {
		int rc = spiked_send_f32(s, "imu", rows, 65536, 1, NULL);
		assert_true(rc == 0 || rc == -EAGAIN);
	}
	start = now_ms();
	spiked_sender_close(s);
	assert_in_range(now_ms() - start, 0, 2000);
	zmq_close(peer.socket);
}

static void test_bad_options_and_endpoints(void **state)
{
	struct spiked_options options = SPIKED_OPTIONS_INIT;

	(void)state;
	assert_null(spiked_sender_new("not an endpoint", NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(spiked_receiver_new(NULL, NULL));
	assert_int_equal(errno, EINVAL);
	options.queue = 0;
	assert_null(spiked_sender_new(SPIKED_INGEST_DEFAULT, &options));
	options.queue = 1;
	options.size--;
	assert_null(spiked_control_new(SPIKED_CONTROL_DEFAULT, &options));
	assert_int_equal(errno, EINVAL);
	spiked_sender_close(NULL);
	spiked_receiver_close(NULL);
	spiked_control_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_leave_as_the_protocol_says),
		cmocka_unit_test(test_without_a_daemon_nothing_is_queued),
		cmocka_unit_test(test_closing_is_bounded),
		cmocka_unit_test(test_bad_options_and_endpoints),
	};

	return cmocka_run_group_tests(tests, open_context, close_context);
}
