/* The C client's receiving side: decoding, topics, losses, and the vectors that all clients share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/clients/peer.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>

#include <spiked/spiked.h>

#include "clients/c/src/table.h"
#include "clients/c/src/topic.h"

#define VECTORS "clients/vectors"

/* An XPUB that has heard of the receiver's subscription: nothing sent from here on is too early. */
static struct spiked_receiver *receiver_of(struct peer *peer, const char *prefix)
{
	char buffer[128];

	*peer = peer_open(ZMQ_XPUB);
	struct spiked_receiver *receiver = spiked_receiver_new(peer->endpoint, NULL);
	assert_non_null(receiver);
	assert_int_equal(spiked_subscribe_prefix(receiver, prefix), 0);
	assert_int_equal(zmq_recv(peer->socket, buffer, sizeof(buffer), 0), strlen(prefix) + 1);
	return receiver;
}

static void send_frame(void *socket, const char *topic, const struct spiked_header *header,
	const void *payload, size_t size)
{
	send_part(socket, topic, strlen(topic), true);
	send_part(socket, header, sizeof(*header), true);
	send_part(socket, payload, size, false);
}

static struct spiked_header header_of(uint64_t epoch, uint64_t tick, uint64_t seq)
{
	return (struct spiked_header){
		.magic = {'S', 'P', 'K', '1'},
		.kind = SPIKED_KIND_SPIKES,
		.format = SPIKED_FORMAT_WORDS,
		.epoch = epoch,
		.tick = tick,
		.seq = seq,
		.dt_ns = 1000000,
		.lines = 96,
	};
}

/* ---- vectors ---- */

static size_t unhex(const char *hex, uint8_t *out, size_t room)
{
	size_t n = strlen(hex) / 2;

	assert_true(n <= room);
	for (size_t i = 0; i < n; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static void send_vector(void *socket, const json_t *frames)
{
	size_t index;
	json_t *frame;

	json_array_foreach(frames, index, frame)
	{
		uint8_t bytes[4096];
		size_t size = unhex(json_string_value(frame), bytes, sizeof(bytes));
		send_part(socket, bytes, size, index + 1 < json_array_size(frames));
	}
}

static uint64_t number_text(const json_t *object, const char *key, int base)
{
	return strtoull(json_string_value(json_object_get(object, key)), NULL, base);
}

static unsigned flags_of(const json_t *names)
{
	static const char *const all[] = {"late", "gap", "stale", "reset", "window", "restored"};
	unsigned flags = 0;
	size_t index;
	json_t *name;

	json_array_foreach(names, index,
		name) for (unsigned i = 0; i < 6;
			   i++) if (strcmp(json_string_value(name), all[i]) == 0) flags |= 1u << i;
	return flags;
}

static void check_part(const struct spiked_frame *frame, const json_t *want)
{
	static const char *const kinds[] = {"", "spikes", "state", "values"};
	static const char *const formats[] = {"", "words", "bitmap", "f32", "graded"};
	const struct spiked_header *h = &frame->header;
	const json_t *lines = json_object_get(want, "line"), *signs = json_object_get(want, "sign");
	const json_t *values = json_object_get(want, "values");
	struct spiked_iter it = {0};
	struct spiked_spike spike;
	size_t n = 0;

	assert_string_equal(kinds[h->kind], json_string_value(json_object_get(want, "kind")));
	assert_string_equal(formats[h->format], json_string_value(json_object_get(want, "format")));
	assert_int_equal(h->flags, flags_of(json_object_get(want, "flags")));
	assert_true(h->epoch == number_text(want, "epoch", 16));
	assert_true(h->tick == number_text(want, "tick", 10));
	assert_true(h->seq == number_text(want, "seq", 10));
	assert_true(h->time_ns == (int64_t)number_text(want, "time_ns", 10));
	assert_true(h->source_ns == (int64_t)number_text(want, "source_ns", 10));
	assert_int_equal(h->dt_ns, json_integer_value(json_object_get(want, "dt_ns")));
	assert_int_equal(h->lines, json_integer_value(json_object_get(want, "lines")));
	assert_int_equal(h->count, json_integer_value(json_object_get(want, "count")));
	while (spiked_next(frame, &it, &spike)) {
		assert_int_equal(spike.line, json_integer_value(json_array_get(lines, n)));
		if (signs)
			assert_int_equal(spike.negative ? -1 : 1,
				json_integer_value(json_array_get(signs, n)));
		if (values)
			assert_true(
				spike.value == (float)json_number_value(json_array_get(values, n)));
		n++;
	}
	assert_int_equal(n, json_array_size(lines));
	if (h->format == SPIKED_FORMAT_F32)
		for (size_t i = 0; i < h->count; i++)
			assert_true(spiked_floats(frame)[i] ==
				    (float)json_number_value(json_array_get(values, i)));
}

static void check_out(struct spiked_receiver *receiver, const json_t *decoded, const char *name)
{
	const json_t *parts = json_object_get(decoded, "parts");
	const char *topic = json_string_value(json_object_get(decoded, "topic"));
	struct spiked_frame frame;
	size_t index = 0;

	do {
		if (spiked_recv(receiver, &frame, WAIT_MS) != 0)
			fail_msg("%s did not come: %s", name, spiked_receiver_fault(receiver));
		if (topic)
			assert_string_equal(frame.topic_text, topic);
		assert_int_equal(frame.part, index);
		if (frame.json) {
			json_t *json = json_loads(frame.json, 0, NULL);
			assert_non_null(json);
			json_decref(json);
		} else {
			check_part(&frame, json_array_get(parts, index));
		}
		index++;
	} while (index < frame.parts);
}

/* Good vectors come out as they say, bad ones are counted and passed over. */
static void test_vectors_out(void **state)
{
	struct spiked_receiver_stats before, after;
	struct peer peer;
	struct spiked_receiver *receiver = receiver_of(&peer, "");
	struct dirent *entry;
	int good = 0, bad = 0;
	DIR *dir = opendir(VECTORS);

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[512];
		const char *end = strrchr(entry->d_name, '.');

		if (!end || strcmp(end, ".json") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", VECTORS, entry->d_name);
		json_t *vector = json_load_file(path, 0, NULL);
		const json_t *decoded = json_object_get(vector, "decoded");
		const char *way = json_string_value(json_object_get(vector, "way"));

		assert_non_null(vector);
		if (strcmp(way, "out") == 0) {
			struct spiked_header after_it = header_of(9, 0, 0);

			spiked_receiver_stats(receiver, &before);
			send_vector(peer.socket, json_object_get(vector, "frames"));
			if (json_is_null(decoded)) {
				struct spiked_frame frame;
				send_frame(peer.socket, "spikes/marker/", &after_it, "", 0);
				assert_int_equal(spiked_recv(receiver, &frame, WAIT_MS), 0);
				assert_string_equal(frame.stream, "marker");
			} else {
				check_out(receiver, decoded, entry->d_name);
			}
			spiked_receiver_stats(receiver, &after);
			assert_int_equal(
				after.malformed - before.malformed, json_is_null(decoded) ? 1 : 0);
			*(json_is_null(decoded) ? &bad : &good) += 1;
		}
		json_decref(vector);
	}
	closedir(dir);
	printf("%d good and %d bad vectors\n", good, bad);
	assert_true(good >= 10 && bad >= 4);
	spiked_receiver_close(receiver);
	zmq_close(peer.socket);
}

/* ---- decoding ---- */

/* Whatever is accepted can be walked, and holds what the header says. */
static void check_accepted(const struct spiked_frame *frame)
{
	struct spiked_iter it = {0};
	struct spiked_spike spike;
	uint32_t n = 0, last = 0;

	while (spiked_next(frame, &it, &spike)) {
		assert_true(spike.line < frame->header.lines);
		assert_true(spike.line >= last);
		last = spike.line;
		n++;
	}
	if (frame->header.format == SPIKED_FORMAT_F32)
		assert_int_equal(n, 0);
	else
		assert_int_equal(n, frame->header.count);
}

static void test_decode_survives_anything(void **state)
{
	struct test_random r = test_random(0x5eed);
	uint32_t payload[64];
	struct spiked_frame frame;
	unsigned accepted = 0;

	(void)state;
	for (unsigned round = 0; round < 300000; round++) {
		struct spiked_header h = header_of(1, round, round);
		size_t header_size = sizeof(h), size;

		h.format = (uint8_t)(1 + random_below(&r, 4));
		h.kind = h.format == 3 ? 2 : 1;
		h.lines = random_below(&r, 40);
		h.count = random_below(&r, 8);
		if (h.format == 3)
			h.count = h.lines;
		for (unsigned i = 0; i < 64; i++)
			payload[i] = i * 3 + random_below(&r, 3);
		size = h.format == 2 ? (h.lines + 7) / 8 * (1 + random_below(&r, 2)) : 4 * h.count;
		if (h.format == 4)
			size *= 2;
		if (h.format == 2) {
			uint8_t *bits = (uint8_t *)payload;
			memset(bits, 0, sizeof(payload));
			for (unsigned i = 0; h.lines && i < h.count; i++) {
				unsigned line = random_below(&r, h.lines);
				bits[line / 8] |= (uint8_t)(1u << line % 8);
			}
		}
		if (random_below(&r, 4) == 0) /* break it somewhere */
			((uint8_t *)&h)[random_below(&r, 64)] ^=
				(uint8_t)(1u << random_below(&r, 8));
		if (random_below(&r, 8) == 0)
			size = random_below(&r, sizeof(payload));
		if (random_below(&r, 16) == 0)
			header_size = random_below(&r, 64);
		const char *why = NULL;
		/* Of its own size, so that a sanitizer sees a read past the end. */
		void *copy = malloc(size ? size : 1);
		assert_non_null(copy);
		memcpy(copy, payload, size);
		int rc = spiked_decode(&h, header_size, copy, size, &frame, &why);
		if (rc == 0) {
			check_accepted(&frame);
			accepted++;
		} else {
			assert_int_equal(rc, -EBADMSG);
			assert_non_null(why);
		}
		free(copy);
	}
	printf("%u of 300000 accepted\n", accepted);
	assert_in_range(accepted, 30000, 270000);
}

static void test_decode_refuses_each_fault(void **state)
{
	static const uint32_t unordered[] = {5, 3}, signed_pair[] = {3, 3 | SPIKED_NEGATIVE};
	static const uint8_t both_planes[] = {1, 1, 0, 0}, past_end[] = {0, 0x10, 0, 0};
	struct spiked_frame frame;
	struct spiked_header h = header_of(1, 0, 0);

	(void)state;
	h.count = 2;
	assert_int_equal(spiked_decode(&h, 64, signed_pair, 8, &frame, NULL), 0);
	assert_int_equal(spiked_decode(&h, 64, unordered, 8, &frame, NULL), -EBADMSG);
	assert_int_equal(spiked_decode(&h, 64, signed_pair, 4, &frame, NULL), -EBADMSG);
	assert_int_equal(
		spiked_decode(&h, 64, (const char *)signed_pair + 1, 4, &frame, NULL), -EINVAL);
	h.epoch = 0;
	assert_int_equal(spiked_decode(&h, 64, signed_pair, 8, &frame, NULL), -EBADMSG);
	h.epoch = 1;
	h.kind = SPIKED_KIND_STATE;
	assert_int_equal(spiked_decode(&h, 64, signed_pair, 8, &frame, NULL), -EBADMSG);
	h.kind = SPIKED_KIND_SPIKES;
	h.format = SPIKED_FORMAT_BITMAP;
	h.lines = 12;
	assert_int_equal(spiked_decode(&h, 64, both_planes, 2, &frame, NULL), 0);
	h.lines = 8;
	assert_int_equal(spiked_decode(&h, 64, both_planes, 2, &frame, NULL), -EBADMSG);
	h.lines = 12;
	h.count = 1;
	assert_int_equal(spiked_decode(&h, 64, past_end, 2, &frame, NULL), -EBADMSG);
}

static void test_topics(void **state)
{
	static const char *const bad[] = {"", "spikes", "spikes/", "spikes//", "spikes/imu",
		"spikes/i mu/", "spikes/a/b/", "status", "status/x/", "Spikes/imu/", "x/imu/"};
	char text[SPIKED_TOPIC_MAX + 1], longest[SPIKED_NAME_MAX + 2];
	enum spiked_topic topic;
	const char *name;
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			spk_topic_parse(bad[i], strlen(bad[i]), &topic, &name, &size), -EBADMSG);
	memset(longest, 'a', sizeof(longest));
	longest[SPIKED_NAME_MAX] = '\0';
	assert_int_equal(spiked_topic_text(text, SPIKED_TOPIC_BUNDLE, longest), 0);
	assert_int_equal(strlen(text), SPIKED_TOPIC_MAX);
	assert_int_equal(spk_topic_parse(text, strlen(text), &topic, &name, &size), 0);
	assert_int_equal(topic, SPIKED_TOPIC_BUNDLE);
	assert_int_equal(size, SPIKED_NAME_MAX);
	longest[SPIKED_NAME_MAX] = 'a';
	longest[SPIKED_NAME_MAX + 1] = '\0';
	assert_false(spiked_name_ok(longest));
	assert_false(spiked_name_ok(""));
	assert_false(spiked_name_ok(NULL));
	assert_int_equal(spiked_topic_text(text, SPIKED_TOPIC_STATUS, "x"), -EINVAL);
	assert_int_equal(spiked_topic_text(text, SPIKED_TOPIC_STATUS, NULL), 0);
	assert_string_equal(text, "status/");
}

static void test_table_is_bounded(void **state)
{
	struct spk_table table = {0};
	char name[32];
	unsigned n = 0;

	(void)state;
	for (; n < 200000; n++) {
		snprintf(name, sizeof(name), "spikes/%u/", n);
		struct spk_place *place = spk_table_get(&table, name);
		if (!place)
			break;
		place->seq = n;
	}
	assert_in_range(n, 50000, 150000);
	assert_int_equal(spk_table_get(&table, "spikes/777/")->seq, 777);
	spk_table_fini(&table);
}

/* ---- receiver ---- */

static void test_losses_and_restarts(void **state)
{
	static const struct {
		uint64_t epoch, tick, seq, missed, gap;
		bool restarted;
	} rows[] = {
		{7, 100, 50, 0, 0, false}, /* where we came in */
		{7, 101, 51, 0, 0, false},
		{7, 105, 55, 3, 3, false}, /* three messages lost */
		{7, 110, 56, 0, 4, false}, /* four ticks without a message */
		{7, 110, 56, 0, 0, false}, /* said twice */
		{8, 3, 2, 0, 0, true},     /* started anew */
		{8, 4, 3, 0, 0, false},
	};
	struct spiked_receiver_stats stats;
	struct spiked_frame frame;
	struct peer peer;
	struct spiked_receiver *receiver = receiver_of(&peer, "spikes/");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spiked_header h = header_of(rows[i].epoch, rows[i].tick, rows[i].seq);
		struct spiked_header other = header_of(rows[i].epoch, 0, i);

		send_frame(peer.socket, "spikes/imu/", &h, "", 0);
		send_frame(peer.socket, "spikes/imu2/", &other, "", 0);
		assert_int_equal(spiked_recv(receiver, &frame, WAIT_MS), 0);
		assert_string_equal(frame.stream, "imu");
		assert_int_equal(frame.missed, rows[i].missed);
		assert_int_equal(frame.tick_gap, rows[i].gap);
		assert_int_equal(frame.restarted, rows[i].restarted);
		assert_int_equal(spiked_recv(receiver, &frame, WAIT_MS), 0);
		assert_string_equal(frame.stream, "imu2");
		assert_int_equal(frame.missed, 0);
	}
	spiked_receiver_stats(receiver, &stats);
	assert_int_equal(stats.missed, 3);
	assert_int_equal(stats.repeated, 1);
	assert_int_equal(stats.restarts, 2); /* of both topics */
	assert_int_equal(spiked_receiver_link(receiver), SPIKED_LINK_UP);
	assert_int_equal(spiked_recv(receiver, &frame, 0), -EAGAIN);
	spiked_receiver_close(receiver);
	zmq_close(peer.socket);
}

static void test_unsubscribing_is_no_loss(void **state)
{
	struct spiked_header h = header_of(1, 0, 0);
	struct spiked_frame frame;
	char buffer[64];
	struct peer peer;
	struct spiked_receiver *receiver = receiver_of(&peer, "spikes/imu/");

	(void)state;
	send_frame(peer.socket, "spikes/imu/", &h, "", 0);
	assert_int_equal(spiked_recv(receiver, &frame, WAIT_MS), 0);
	assert_int_equal(spiked_unsubscribe(receiver, SPIKED_TOPIC_SPIKES, "imu"), 0);
	assert_true(zmq_recv(peer.socket, buffer, sizeof(buffer), 0) > 0);
	h.seq = 10;
	assert_int_equal(spiked_subscribe(receiver, SPIKED_TOPIC_SPIKES, "imu"), 0);
	assert_true(zmq_recv(peer.socket, buffer, sizeof(buffer), 0) > 0);
	send_frame(peer.socket, "spikes/imu/", &h, "", 0);
	assert_int_equal(spiked_recv(receiver, &frame, WAIT_MS), 0);
	assert_int_equal(frame.missed, 0);
	assert_int_equal(spiked_subscribe(receiver, SPIKED_TOPIC_SPIKES, "a b"), -EINVAL);
	spiked_receiver_close(receiver);
	zmq_close(peer.socket);
}

static void test_payloads_are_aligned(void **state)
{
	struct peer peer;
	struct spiked_receiver *receiver = receiver_of(&peer, "");
	uint32_t words[96];

	(void)state;
	for (uint32_t i = 0; i < 96; i++)
		words[i] = i;
	for (uint32_t n = 1; n <= 96; n++) {
		struct spiked_header h = header_of(1, n, n);
		struct spiked_frame frame;
		char topic[32] = "spikes/";

		/* Names of all lengths move the payload about in libzmq's buffers. */
		memset(topic + 7, 'a', 1 + n % 8);
		topic[7 + 1 + n % 8] = '/';
		h.count = n;
		send_frame(peer.socket, topic, &h, words, 4 * n);
		assert_int_equal(spiked_recv(receiver, &frame, WAIT_MS), 0);
		assert_int_equal((uintptr_t)spiked_words(&frame) % 4, 0);
		assert_memory_equal(spiked_words(&frame), words, 4 * n);
	}
	spiked_receiver_close(receiver);
	zmq_close(peer.socket);
}

static void test_a_bundle_with_one_bad_part_is_refused_whole(void **state)
{
	struct spiked_header good = header_of(1, 0, 0), bad = header_of(1, 0, 0);
	struct spiked_receiver_stats stats;
	struct spiked_frame frame;
	struct peer peer;
	struct spiked_receiver *receiver = receiver_of(&peer, "");

	(void)state;
	bad.count = 1;
	for (int round = 0; round < 2; round++) {
		send_part(peer.socket, "bundle/g/", 9, true);
		for (int i = 0; i < 5; i++) {
			bool spoil = round == 0 && i == 4;
			send_part(peer.socket, spoil ? &bad : &good, 64, true);
			send_part(peer.socket, "", 0, i < 4);
		}
	}
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(spiked_recv(receiver, &frame, WAIT_MS), 0);
		assert_int_equal(frame.part, i);
		assert_int_equal(frame.parts, 5);
	}
	spiked_receiver_stats(receiver, &stats);
	assert_int_equal(stats.malformed, 1);
	assert_int_equal(stats.messages, 1);
	spiked_receiver_close(receiver);
	zmq_close(peer.socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_table_is_bounded),
		cmocka_unit_test(test_decode_refuses_each_fault),
		cmocka_unit_test(test_decode_survives_anything),
		cmocka_unit_test(test_vectors_out),
		cmocka_unit_test(test_losses_and_restarts),
		cmocka_unit_test(test_unsubscribing_is_no_loss),
		cmocka_unit_test(test_payloads_are_aligned),
		cmocka_unit_test(test_a_bundle_with_one_bad_part_is_refused_whole),
	};

	return cmocka_run_group_tests(tests, open_context, close_context);
}
