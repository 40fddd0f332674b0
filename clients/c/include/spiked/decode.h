/* Values from spikes, live: what a subscriber receives of one stream, decoded tick by tick.
 *
 * The decoder learns the stream's pipeline from meta/ and where changes begin from values/; from then
 * on spikes/ is enough. It knows what was lost, and what that costs: values that it cannot know are
 * NaN. The rules are in PROTOCOL.md, "Values from spikes".
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

/* What a decoder waits for before it knows all values (again). */
enum spiked_decode_wait {
	SPIKED_WAIT_NOTHING = 0,
	SPIKED_WAIT_META,   /* what the stream is: it comes within a second */
	SPIKED_WAIT_ROW,    /* a fresh row: before its first one an encoder stands still */
	SPIKED_WAIT_TICKS,  /* some more ticks */
	SPIKED_WAIT_SPIKES, /* a spike or two of the lines that are not known */
	SPIKED_WAIT_VALUES, /* where changes start from: a fresh frame of values/ */
	SPIKED_WAIT_WINDOW, /* a window that is seen from its beginning on */
	SPIKED_WAIT_RESET,  /* a reset of the stream: nothing else tells where the encoder is */
};

/* One tick. Pointers hold until the decoder's next call. */
struct spiked_decoded {
	uint64_t tick;
	const float *values; /* in the sensor's units, NaN = not known; NULL = none is known */
	uint32_t count;      /* channels, unless `stage` says otherwise */
	uint32_t known;      /* so many of them are */
	const float *mapped; /* the same after the stream's range, as values/ has them */
	const char *stage; /* "": all the way back; else these are what came into this stage, since
			      * what is before it cannot be decoded, and values == mapped */
	enum spiked_decode_wait wait;
	bool begun; /* the first tick with all values since the decoder has waited */
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

/* True while frames of values/ are of use: until meta has come; while changes wait for one, or for the
 * first row; while a window is waited for whose first tick may not be sent. A subscriber that wants to
 * save what they cost subscribes and unsubscribes accordingly. */
SPIKED_API bool spiked_frame_decoder_wants_values(const struct spiked_frame_decoder *decoder);

/* A sentence about the last negative result; "" = there was none. */
SPIKED_API const char *spiked_frame_decoder_fault(const struct spiked_frame_decoder *decoder);

#ifdef __cplusplus
}
#endif

#endif
