/* Rows to spiked's ingest socket: a PUSH socket, two or three frames a message.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "link.h"
#include "table.h"

struct spiked_sender {
	struct spk_link link;
	struct spk_table streams; /* seq: the next one */
	bool stamping;
};

struct part {
	const void *data;
	size_t size;
};

struct spiked_sender *spiked_sender_new(const char *endpoint, const struct spiked_options *options)
{
	struct spiked_sender *sender = calloc(1, sizeof(*sender));

	if (!sender)
		return NULL;
	int rc = spk_link_open(&sender->link, ZMQ_PUSH, endpoint, options);
	if (rc < 0) {
		free(sender);
		errno = -rc;
		return NULL;
	}
	sender->stamping = true;
	return sender;
}

void spiked_sender_close(struct spiked_sender *sender)
{
	if (!sender)
		return;
	spk_link_close(&sender->link);
	spk_table_fini(&sender->streams);
	free(sender);
}

size_t spiked_type_size(enum spiked_type type)
{
	static const size_t sizes[] = {
		[SPIKED_F32] = 4,
		[SPIKED_F64] = 8,
		[SPIKED_I8] = 1,
		[SPIKED_U8] = 1,
		[SPIKED_I16] = 2,
		[SPIKED_U16] = 2,
		[SPIKED_I32] = 4,
	};

	return (size_t)type < sizeof(sizes) / sizeof(sizes[0]) ? sizes[type] : 0;
}

static int64_t unix_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The first frame decides: once it is in, the message's pipe is chosen and has room for the rest.
 * Only a pipe that dies at that very moment refuses a later frame; then the message is lost, but
 * has to be ended all the same, or its last frames would head the next one. */
static int send_parts(struct spiked_sender *sender, const struct part *parts, int count)
{
	int64_t deadline = spk_deadline_ms(sender->link.timeout_ms);
	int rc = 0;

	for (int i = 0; i < count; i++) {
		int flags = ZMQ_DONTWAIT | (i < count - 1 ? ZMQ_SNDMORE : 0);

		while (zmq_send(sender->link.socket, parts[i].data, parts[i].size, flags) < 0) {
			if (i > 0 && errno == EINTR)
				continue;
			if (i > 0) {
				rc = -errno;
				break;
			}
			if (errno != EAGAIN)
				return -errno;
			rc = spk_link_wait(&sender->link, ZMQ_POLLOUT, deadline);
			if (rc < 0)
				return rc;
		}
	}
	return rc;
}

static int send_message(struct spiked_sender *sender, const char *stream, const void *payload,
	size_t size, const struct spiked_stamp *stamp)
{
	struct spiked_stamp own = {0};
	struct spk_place *place = NULL;

	if (!spiked_name_ok(stream))
		return -EINVAL;
	if (!stamp && sender->stamping) {
		place = spk_table_get(&sender->streams, stream);
		if (!place)
			return -ENOMEM;
		own.time_ns = unix_ns();
		own.seq = place->seq;
		stamp = &own;
	}

	const struct part parts[] = {
		{stream, strlen(stream)},
		{payload, size},
		{stamp, sizeof(*stamp)},
	};
	int rc = send_parts(sender, parts, stamp ? 3 : 2);
	if (rc == 0 && place)
		place->seq++;
	return rc;
}

int spiked_send(struct spiked_sender *sender, const char *stream, enum spiked_type type,
	const void *rows, size_t n_rows, size_t n_channels, const struct spiked_stamp *stamp)
{
	size_t value = spiked_type_size(type), values, size;

	if (value == 0 || !rows || n_rows == 0 || n_channels == 0)
		return -EINVAL;
	if (__builtin_mul_overflow(n_rows, n_channels, &values) ||
		__builtin_mul_overflow(values, value, &size))
		return -EMSGSIZE;
	return send_message(sender, stream, rows, size, stamp);
}

int spiked_send_f32(struct spiked_sender *sender, const char *stream, const float *rows,
	size_t n_rows, size_t n_channels, const struct spiked_stamp *stamp)
{
	return spiked_send(sender, stream, SPIKED_F32, rows, n_rows, n_channels, stamp);
}

int spiked_send_pairs(struct spiked_sender *sender, const char *stream,
	const struct spiked_pair *pairs, size_t n_pairs, const struct spiked_stamp *stamp)
{
	size_t size;

	_Static_assert(sizeof(*pairs) == 8, "wire layout");
	if (!pairs || n_pairs == 0)
		return -EINVAL;
	if (__builtin_mul_overflow(n_pairs, sizeof(*pairs), &size))
		return -EMSGSIZE;
	return send_message(sender, stream, pairs, size, stamp);
}

int spiked_send_json(struct spiked_sender *sender, const char *stream, const char *json,
	const struct spiked_stamp *stamp)
{
	if (!json || !*json)
		return -EINVAL;
	return send_message(sender, stream, json, strlen(json), stamp);
}

int spiked_send_raw(struct spiked_sender *sender, const char *stream, const void *payload,
	size_t size, const struct spiked_stamp *stamp)
{
	const struct part parts[] = {
		{stream, stream ? strlen(stream) : 0},
		{payload, size},
		{stamp, sizeof(*stamp)},
	};

	if (!spiked_name_ok(stream) || (!payload && size))
		return -EINVAL;
	return send_parts(sender, parts, stamp ? 3 : 2);
}

int spiked_send_step(struct spiked_sender *sender, uint64_t ticks, uint64_t pass)
{
	const uint64_t payload[] = {ticks, pass};
	const struct part parts[] = {{"", 0}, {payload, sizeof(payload)}};

	return send_parts(sender, parts, 2);
}

void spiked_sender_timeout(struct spiked_sender *sender, int timeout_ms)
{
	sender->link.timeout_ms = timeout_ms;
}

void spiked_sender_stamping(struct spiked_sender *sender, bool on)
{
	sender->stamping = on;
}

int spiked_sender_skip(struct spiked_sender *sender, const char *stream, uint64_t messages)
{
	if (!spiked_name_ok(stream))
		return -EINVAL;

	struct spk_place *place = spk_table_get(&sender->streams, stream);
	if (!place)
		return -ENOMEM;
	place->seq += messages;
	return 0;
}

enum spiked_link spiked_sender_link(struct spiked_sender *sender)
{
	return spk_link_state(&sender->link);
}
