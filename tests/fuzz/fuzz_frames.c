/* What a subscriber gets: topics, headers with payloads, meta texts, and the decoder of a stream that
 * believes them.
 *
 * Input: frames, each of a byte that says what it is, a 16-bit length and so many bytes.
 *   0  meta JSON of the stream "s"
 *   1  64 bytes of header and a payload, as they stand, of spikes/s/
 *   2  the same of values/s/
 *   3  a frame of spikes/s/ with a header that fits: flags, ticks since the last frame, frames lost,
 *      lines, and spike words
 *   4  a frame of values/s/ with a header that fits: flags, ticks since the last frame, floats
 *   5  a topic's text
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "clients/c/src/topic.h"
#include "spiked/decode.h"

#include <math.h>

#define EPOCH 0x77u

FUZZ_OPTIONS

struct talk {
	struct spiked_frame_decoder *decoder;
	uint64_t tick, seq;
};

static void walk(const struct spiked_frame *frame)
{
	struct spiked_iter it = {0};
	struct spiked_spike spike;
	uint32_t last = 0, spikes = 0;
	float sum = 0;

	while (spiked_next(frame, &it, &spike)) {
		promise(spike.line < frame->header.lines && spike.line >= last);
		last = spike.line;
		spikes++;
	}
	if (frame->header.kind == SPIKED_KIND_SPIKES)
		promise(spikes == frame->header.count);
	for (uint32_t i = 0; spiked_floats(frame) && i < frame->header.count; i++)
		sum += spiked_floats(frame)[i];
	for (uint32_t i = 0; spiked_bitmap(frame, true) && i < (frame->header.lines + 7) / 8; i++)
		sum += (float)spiked_bitmap(frame, true)[i];
	promise(sum == sum || isnan(sum));
}

static void give(struct talk *t, struct spiked_frame *frame, enum spiked_topic topic)
{
	struct spiked_decoded got = {0};
	float sum = 0;
	int rc;

	frame->topic = topic;
	frame->stream = "s";
	rc = spiked_frame_decoder_take(t->decoder, frame, &got);
	promise(rc <= 1);
	promise(rc >= 0 || *spiked_frame_decoder_fault(t->decoder));
	if (rc != 1)
		return;
	promise((got.values == NULL) == (got.known == 0) && got.known <= got.count);
	promise(got.values || got.wait != SPIKED_WAIT_NOTHING || got.count > 0);
	for (uint32_t i = 0; got.values && i < got.count; i++)
		sum += got.values[i] + got.mapped[i];
	promise(sum == sum || isnan(sum));
}

static void raw(struct talk *t, struct input in, enum spiked_topic topic)
{
	struct input header = input_part(&in, SPIKED_HEADER_SIZE);
	void *payload = input_copy(in, in.left);
	struct spiked_frame frame;
	const char *why = NULL;

	if (spiked_decode(header.at, header.left, payload, in.left, &frame, &why) == 0) {
		walk(&frame);
		give(t, &frame, topic);
	} else {
		promise(why && *why);
	}
	free(payload);
}

static void send(struct talk *t, struct spiked_header *h, struct input in, enum spiked_topic topic)
{
	size_t size = 4 * (size_t)h->count;
	uint32_t *payload = input_copy(in, size);
	struct spiked_frame frame;

	memcpy(h->magic, SPIKED_MAGIC, sizeof(h->magic));
	h->epoch = EPOCH;
	h->tick = t->tick;
	h->dt_ns = 1000000;
	/* Words in order: the fuzzer finds other things more easily. */
	for (uint32_t i = 0, last = 0; topic == SPIKED_TOPIC_SPIKES && i < h->count; i++) {
		last += (payload[i] & 0xffff) % (h->lines - last);
		payload[i] = last | (payload[i] & SPIKED_NEGATIVE);
	}
	promise(spiked_decode(h, sizeof(*h), payload, size, &frame, NULL) == 0);
	walk(&frame);
	give(t, &frame, topic);
	free(payload);
}

static void spikes(struct talk *t, struct input in)
{
	struct spiked_header h = {.kind = SPIKED_KIND_SPIKES, .format = SPIKED_FORMAT_WORDS};

	h.flags = (uint16_t)input_number(&in, 1);
	t->tick += input_number(&in, 2);
	t->seq += 1 + input_number(&in, 1) % 3;
	h.seq = t->seq;
	h.lines = (uint32_t)input_number(&in, 1) + 1;
	h.count = (uint32_t)(in.left / 4);
	send(t, &h, in, SPIKED_TOPIC_SPIKES);
}

static void values(struct talk *t, struct input in)
{
	struct spiked_header h = {.kind = SPIKED_KIND_VALUES, .format = SPIKED_FORMAT_F32};

	h.flags = (uint16_t)input_number(&in, 1);
	t->tick += input_number(&in, 1);
	h.lines = h.count = (uint32_t)(in.left / 4);
	send(t, &h, in, SPIKED_TOPIC_VALUES);
}

static void meta(struct talk *t, struct input in)
{
	char *text = input_copy(in, in.left + 1);
	struct spiked_frame frame = {.json = text, .json_size = in.left};

	give(t, &frame, SPIKED_TOPIC_META);
	free(text);
}

static void topic(struct input in)
{
	char *text = input_copy(in, in.left), again[SPIKED_TOPIC_MAX + 1],
	     stream[SPIKED_NAME_MAX + 1];
	enum spiked_topic kind;
	const char *name;
	size_t size;

	if (spk_topic_parse(text, in.left, &kind, &name, &size) == 0) {
		promise(size <= SPIKED_NAME_MAX);
		memcpy(stream, name, size);
		stream[size] = '\0';
		promise(spiked_topic_text(again, kind, size ? stream : NULL) == 0);
		promise(strlen(again) == in.left && !memcmp(again, text, in.left));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct talk t = {.decoder = spiked_frame_decoder_new("s", 0)};

	promise(t.decoder);
	while (in.left) {
		unsigned kind = (unsigned)input_number(&in, 1) % 6;
		struct input part = input_part(&in, input_number(&in, 2));

		switch (kind) {
		case 0:
			meta(&t, part);
			break;
		case 1:
			raw(&t, part, SPIKED_TOPIC_SPIKES);
			break;
		case 2:
			raw(&t, part, SPIKED_TOPIC_VALUES);
			break;
		case 3:
			spikes(&t, part);
			break;
		case 4:
			values(&t, part);
			break;
		case 5:
			topic(part);
			break;
		}
	}
	spiked_frame_decoder_free(t.decoder);
	return 0;
}
