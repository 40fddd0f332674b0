/* Frames from spiked's publish socket: a SUB socket, checked messages, and the account of what was
 * lost on the way.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "link.h"
#include "table.h"
#include "topic.h"

/* ZMQ_MAXMSGSIZE bounds a frame but not their number. */
#define FRAMES_MAX (1 + 2 * 65536)

/* The message that was received last; its parts are what frames point into. */
struct message {
	zmq_msg_t *msgs;
	size_t count, room;
	char topic_text[SPIKED_TOPIC_MAX + 1];
	char stream[SPIKED_NAME_MAX + 1];
	enum spiked_topic topic;
	uint32_t parts, next; /* next part to hand out; next == parts: all done */
};

struct spiked_receiver {
	struct spk_link link;
	struct spk_table topics;
	struct message message;
	void *copy; /* a payload that arrived unaligned, or JSON with its NUL */
	size_t copy_room;
	struct spiked_bytes *bytes; /* of spiked_recv_raw */
	size_t bytes_room;
	struct spiked_receiver_stats stats;
	const char *fault;
};

struct spiked_receiver *spiked_receiver_new(
	const char *endpoint, const struct spiked_options *options)
{
	struct spiked_receiver *receiver = calloc(1, sizeof(*receiver));

	if (!receiver)
		return NULL;
	int rc = spk_link_open(&receiver->link, ZMQ_SUB, endpoint, options);
	if (rc < 0) {
		free(receiver);
		errno = -rc;
		return NULL;
	}
	receiver->fault = "";
	return receiver;
}

static void drop_message(struct message *message)
{
	for (size_t i = 0; i < message->count; i++)
		zmq_msg_close(&message->msgs[i]);
	message->count = 0;
	message->parts = message->next = 0;
}

void spiked_receiver_close(struct spiked_receiver *receiver)
{
	if (!receiver)
		return;
	drop_message(&receiver->message);
	free(receiver->message.msgs);
	free(receiver->copy);
	free(receiver->bytes);
	spk_link_close(&receiver->link);
	spk_table_fini(&receiver->topics);
	free(receiver);
}

int spiked_subscribe_prefix(struct spiked_receiver *receiver, const char *prefix)
{
	if (!prefix)
		return -EINVAL;
	if (zmq_setsockopt(receiver->link.socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix)) < 0)
		return -errno;
	return 0;
}

/* What passes while nobody listens here is not a loss, so the topics' positions are forgotten. */
int spiked_unsubscribe_prefix(struct spiked_receiver *receiver, const char *prefix)
{
	if (!prefix)
		return -EINVAL;
	if (zmq_setsockopt(receiver->link.socket, ZMQ_UNSUBSCRIBE, prefix, strlen(prefix)) < 0)
		return -errno;
	spk_table_forget(&receiver->topics, prefix);
	return 0;
}

int spiked_subscribe(struct spiked_receiver *receiver, enum spiked_topic topic, const char *stream)
{
	char text[SPIKED_TOPIC_MAX + 1];
	int rc = spiked_topic_text(text, topic, stream);

	return rc < 0 ? rc : spiked_subscribe_prefix(receiver, text);
}

int spiked_unsubscribe(
	struct spiked_receiver *receiver, enum spiked_topic topic, const char *stream)
{
	char text[SPIKED_TOPIC_MAX + 1];
	int rc = spiked_topic_text(text, topic, stream);

	return rc < 0 ? rc : spiked_unsubscribe_prefix(receiver, text);
}

static int make_room(struct message *message)
{
	if (message->count < message->room)
		return 0;
	size_t room = message->room ? 2 * message->room : 4;
	zmq_msg_t *msgs = malloc(room * sizeof(*msgs));
	if (!msgs)
		return -ENOMEM;
	/* A zmq_msg_t must not move by memcpy, only by zmq_msg_move. */
	for (size_t i = 0; i < message->count; i++) {
		zmq_msg_init(&msgs[i]);
		zmq_msg_move(&msgs[i], &message->msgs[i]);
		zmq_msg_close(&message->msgs[i]);
	}
	free(message->msgs);
	message->msgs = msgs;
	message->room = room;
	return 0;
}

/* Reads and forgets what is left of a message. */
static void skip_frames(void *socket)
{
	int more = 1;
	size_t size = sizeof(more);

	while (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0 && more)
		if (zmq_recv(socket, NULL, 0, 0) < 0 && errno != EINTR)
			return;
}

/* All frames of one message; libzmq hands out a message only when it has all of it. 0; -EAGAIN;
 * -EBADMSG for too many frames; -ENOMEM; in the last two cases the message is gone. */
static int receive_frames(struct spiked_receiver *receiver)
{
	struct message *message = &receiver->message;
	void *socket = receiver->link.socket;
	bool more = true;
	int rc = 0;

	while (more) {
		if (message->count == FRAMES_MAX)
			rc = -EBADMSG;
		else
			rc = make_room(message);
		if (rc < 0)
			break;

		zmq_msg_t *msg = &message->msgs[message->count];
		zmq_msg_init(msg);
		if (zmq_msg_recv(msg, socket, ZMQ_DONTWAIT) < 0) {
			rc = -errno;
			if (rc == -EINTR && message->count > 0)
				continue;
			break;
		}
		message->count++;
		more = zmq_msg_more(msg) != 0;
	}
	if (rc < 0) {
		if (message->count > 0)
			skip_frames(socket);
		drop_message(message);
	}
	return rc;
}

static int copy_out(struct spiked_receiver *receiver, const void *data, size_t size, size_t extra)
{
	if (size + extra > receiver->copy_room) {
		void *copy = realloc(receiver->copy, size + extra);
		if (!copy)
			return -ENOMEM;
		receiver->copy = copy;
		receiver->copy_room = size + extra;
	}
	if (size)
		memcpy(receiver->copy, data, size);
	return 0;
}

/* libzmq's buffers start anywhere; words and floats may not. */
static int align(struct spiked_receiver *receiver, zmq_msg_t *msg, const void **data)
{
	*data = zmq_msg_data(msg);
	if ((uintptr_t)*data % sizeof(uint32_t) == 0)
		return 0;
	int rc = copy_out(receiver, *data, zmq_msg_size(msg), 0);
	*data = receiver->copy;
	return rc;
}

static int decode_part(struct spiked_receiver *receiver, uint32_t part, struct spiked_frame *frame)
{
	zmq_msg_t *msgs = &receiver->message.msgs[1 + 2 * part];
	const void *payload;

	int rc = align(receiver, &msgs[1], &payload);
	if (rc < 0)
		return rc;
	return spiked_decode(zmq_msg_data(&msgs[0]), zmq_msg_size(&msgs[0]), payload,
		zmq_msg_size(&msgs[1]), frame, &receiver->fault);
}

static int bad(struct spiked_receiver *receiver, const char *fault)
{
	receiver->fault = fault;
	return -EBADMSG;
}

static int check_topic(struct spiked_receiver *receiver)
{
	struct message *m = &receiver->message;
	const char *text = zmq_msg_data(&m->msgs[0]), *name;
	size_t size = zmq_msg_size(&m->msgs[0]), name_size;

	if (spk_topic_parse(text, size, &m->topic, &name, &name_size) < 0)
		return bad(receiver, "the topic is not one of the protocol's");
	memcpy(m->topic_text, text, size);
	m->topic_text[size] = '\0';
	memcpy(m->stream, name, name_size);
	m->stream[name_size] = '\0';
	return 0;
}

static int check_json(struct spiked_receiver *receiver)
{
	struct message *m = &receiver->message;

	if (m->count != 2)
		return bad(receiver, "a JSON topic does not come in two frames");
	if (memchr(zmq_msg_data(&m->msgs[1]), '\0', zmq_msg_size(&m->msgs[1])))
		return bad(receiver, "there is a NUL in the JSON");
	m->parts = 1;
	return 0;
}

static bool frames_fit(const struct message *m)
{
	if (m->topic == SPIKED_TOPIC_BUNDLE)
		return m->count >= 3 && m->count % 2;
	/* The sensor's stamp comes along with its rows. */
	return m->count == 3 ||
	       (m->topic == SPIKED_TOPIC_ROWS && m->count == 4 &&
		       zmq_msg_size((zmq_msg_t *)&m->msgs[3]) == SPIKED_STAMP_SIZE);
}

/* A message is taken or refused as a whole: every part of a bundle is checked before the first one
 * is handed out. */
static int check_binary(struct spiked_receiver *receiver)
{
	static const uint8_t kinds[] = {
		[SPIKED_TOPIC_SPIKES] = SPIKED_KIND_SPIKES,
		[SPIKED_TOPIC_STATE] = SPIKED_KIND_STATE,
		[SPIKED_TOPIC_VALUES] = SPIKED_KIND_VALUES,
		[SPIKED_TOPIC_ROWS] = SPIKED_KIND_ROWS,
	};
	struct message *m = &receiver->message;
	struct spiked_frame frame;

	if (!frames_fit(m))
		return bad(receiver, "the topic does not come with the right number of frames");
	m->parts = m->topic == SPIKED_TOPIC_ROWS ? 1 : (uint32_t)(m->count - 1) / 2;
	for (uint32_t part = 0; part < m->parts; part++) {
		int rc = decode_part(receiver, part, &frame);
		if (rc < 0)
			return rc;
		if (m->topic != SPIKED_TOPIC_BUNDLE && frame.header.kind != kinds[m->topic])
			return bad(receiver, "the header's kind does not go with the topic");
	}
	return 0;
}

static int receive_message(struct spiked_receiver *receiver)
{
	int rc = receive_frames(receiver);

	if (rc == -EBADMSG)
		bad(receiver, "a message has too many frames");
	if (rc == 0)
		rc = check_topic(receiver);
	if (rc == 0)
		rc = spk_topic_is_json(receiver->message.topic) ? check_json(receiver)
								: check_binary(receiver);
	if (rc == -EBADMSG)
		receiver->stats.malformed++;
	if (rc < 0)
		drop_message(&receiver->message);
	return rc;
}

static void account(struct spiked_receiver *receiver, struct spiked_frame *frame)
{
	struct spk_place *place = spk_table_get(&receiver->topics, receiver->message.topic_text);
	const struct spiked_header *h = &frame->header;

	if (!place)
		return;
	if (place->seen && place->epoch != h->epoch) {
		frame->restarted = true;
		receiver->stats.restarts++;
	} else if (place->seen) {
		if (h->seq > place->seq)
			frame->missed = h->seq - place->seq - 1;
		else
			receiver->stats.repeated++;
		if (h->tick > place->tick)
			frame->tick_gap = h->tick - place->tick - 1;
		receiver->stats.missed += frame->missed;
	}
	place->seen = true;
	place->epoch = h->epoch;
	place->seq = h->seq;
	place->tick = h->tick;
}

static int give_json(struct spiked_receiver *receiver, struct spiked_frame *frame)
{
	zmq_msg_t *msg = &receiver->message.msgs[1];
	size_t size = zmq_msg_size(msg);

	int rc = copy_out(receiver, zmq_msg_data(msg), size, 1);
	if (rc < 0)
		return rc;
	((char *)receiver->copy)[size] = '\0';
	*frame = (struct spiked_frame){.json = receiver->copy, .json_size = size};
	return 0;
}

/* Hands out the next part of the message that is there. */
static int give_part(struct spiked_receiver *receiver, struct spiked_frame *out)
{
	struct message *m = &receiver->message;
	struct spiked_frame frame;
	uint32_t part = m->next++;
	int rc;

	if (spk_topic_is_json(m->topic))
		rc = give_json(receiver, &frame);
	else
		rc = decode_part(receiver, part, &frame);
	if (rc < 0) {
		drop_message(m);
		return rc;
	}
	frame.topic = m->topic;
	frame.topic_text = m->topic_text;
	frame.stream = m->stream;
	frame.part = part;
	frame.parts = m->parts;
	if (part == 0) {
		receiver->stats.messages++;
		if (!frame.json)
			account(receiver, &frame);
	}
	*out = frame;
	return 0;
}

int spiked_recv(struct spiked_receiver *receiver, struct spiked_frame *frame, int timeout_ms)
{
	struct message *m = &receiver->message;
	int64_t deadline = spk_deadline_ms(timeout_ms);

	if (m->next < m->parts)
		return give_part(receiver, frame);
	drop_message(m);
	for (;;) {
		int rc = receive_message(receiver);
		if (rc == 0)
			return give_part(receiver, frame);
		/* The deadline also ends a flood of messages that are all malformed. */
		if (rc == -EBADMSG && spk_now_ms() >= deadline)
			return -EAGAIN;
		if (rc == -EAGAIN)
			rc = spk_link_wait(&receiver->link, ZMQ_POLLIN, deadline);
		if (rc < 0 && rc != -EBADMSG)
			return rc;
	}
}

int spiked_recv_raw(struct spiked_receiver *receiver, const struct spiked_bytes **frames,
	size_t *count, int timeout_ms)
{
	struct message *m = &receiver->message;
	int64_t deadline = spk_deadline_ms(timeout_ms);
	int rc;

	drop_message(m);
	while ((rc = receive_frames(receiver)) == -EAGAIN) {
		rc = spk_link_wait(&receiver->link, ZMQ_POLLIN, deadline);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	if (m->count > receiver->bytes_room) {
		struct spiked_bytes *more = realloc(receiver->bytes, m->room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		receiver->bytes = more;
		receiver->bytes_room = m->room;
	}
	for (size_t i = 0; i < m->count; i++)
		receiver->bytes[i] =
			(struct spiked_bytes){zmq_msg_data(&m->msgs[i]), zmq_msg_size(&m->msgs[i])};
	*frames = receiver->bytes;
	*count = m->count;
	return 0;
}

int spiked_receiver_fd(struct spiked_receiver *receiver)
{
	int fd = -1;
	size_t size = sizeof(fd);

	if (zmq_getsockopt(receiver->link.socket, ZMQ_FD, &fd, &size) < 0)
		return -errno;
	return fd;
}

enum spiked_link spiked_receiver_link(struct spiked_receiver *receiver)
{
	return spk_link_state(&receiver->link);
}

void spiked_receiver_stats(
	const struct spiked_receiver *receiver, struct spiked_receiver_stats *stats)
{
	*stats = receiver->stats;
}

const char *spiked_receiver_fault(const struct spiked_receiver *receiver)
{
	return receiver->fault;
}
