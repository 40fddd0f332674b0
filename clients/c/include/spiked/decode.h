/* Values from spikes, live: what a subscriber receives of one stream, decoded tick by tick.
 *
 * The decoder learns the stream's pipeline from meta/ and where the values begin from values/; from
 * then on spikes/ is enough. It knows what was lost, and begins anew where that matters.
 *
 *	struct spiked_frame_decoder *d = spiked_frame_decoder_new("imu", 0);
 *	struct spiked_decoded got;
 *	spiked_subscribe(receiver, SPIKED_TOPIC_SPIKES, "imu");
 *	spiked_subscribe(receiver, SPIKED_TOPIC_VALUES, "imu");
 *	spiked_subscribe(receiver, SPIKED_TOPIC_META, "imu");
 *	while (spiked_recv(receiver, &frame, -1) == 0)
 *		if (spiked_frame_decoder_take(d, &frame, &got) == 1 && got.values)
 *			use(got.tick, got.values, got.count);
 *
 * Link with `pkg-config --cflags --libs spiked-decode`. One thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPIKED_DECODE_H
#define SPIKED_DECODE_H

#include <spiked/spiked.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a decoder waits for before it has values again. */
enum spiked_decode_wait {
	SPIKED_WAIT_NOTHING = 0,
	SPIKED_WAIT_META,   /* what the stream is: it comes within a second */
	SPIKED_WAIT_VALUES, /* where changes start from: a fresh frame of values/ */
	SPIKED_WAIT_WINDOW, /* a whole window: some of this one is not known */
};

/* One tick. Pointers hold until the decoder's next call. */
struct spiked_decoded {
	uint64_t tick;
	const float *values; /* in the sensor's units; NULL while the decoder waits */
	uint32_t count;      /* channels, unless `stage` says otherwise */
	const float *mapped; /* the same after the stream's range, as values/ has them */
	const char *stage; /* "": all the way back; else these are what came into this stage, since
			      * what is before it cannot be decoded, and values == mapped */
	enum spiked_decode_wait wait;
	bool begun; /* the first tick with values since the decoder has waited */
};

struct spiked_frame_decoder;

/* `smooth`: seconds over which rates are averaged, 0 = ten ticks. NULL: errno is EINVAL (the name)
 * or ENOMEM. */
SPIKED_API struct spiked_frame_decoder *spiked_frame_decoder_new(const char *stream, double smooth);
SPIKED_API void spiked_frame_decoder_free(struct spiked_frame_decoder *decoder); /* accepts NULL */

/* Takes a frame of any topic; those of other streams, and of bundles, are passed over.
 * 1: a tick of spikes/, *decoded is filled. 0: nothing to tell. -ENOTSUP: the stream cannot be
 * decoded, spiked_frame_decoder_fault() says why; a later meta may change that. -EBADMSG: meta is
 * not what the protocol says. -ENOMEM. */
SPIKED_API int spiked_frame_decoder_take(struct spiked_frame_decoder *decoder,
	const struct spiked_frame *frame, struct spiked_decoded *decoded);

/* True while frames of values/ are of use: until meta has come; while the decoder of changes waits for
 * one; while that of windows waits for the next one, if silent ticks are not sent. A subscriber that wants to save what they cost subscribes and
 * unsubscribes accordingly. */
SPIKED_API bool spiked_frame_decoder_wants_values(const struct spiked_frame_decoder *decoder);

/* A sentence about the last negative result; "" = there was none. */
SPIKED_API const char *spiked_frame_decoder_fault(const struct spiked_frame_decoder *decoder);

#ifdef __cplusplus
}
#endif

#endif
