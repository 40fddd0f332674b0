/* The decoder of one stream's frames: what is known of the stream, and up to which tick it has come.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "spiked/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "way.h"

/* Silent ticks that were not sent are run through the decoder, so many lines times ticks at most:
 * about a second. Rates have long come to 0 by then, and the others do not move. */
#define SILENCE_MAX (UINT64_C(1) << 28)

struct spiked_frame_decoder {
	char stream[SPIKED_NAME_MAX + 1];
	double smooth;
	char fault[512];
	struct spk_way way;
	bool ready; /* there is a way */
	enum spiked_decode_wait wait;
	bool begun;
	bool seen; /* a frame of spikes/: the two below are its */
	uint64_t epoch, seq;
	bool placed; /* `tick` is known: the last one that the decoder has taken in */
	uint64_t tick;
	uint64_t window_tick; /* at which the window in force began */
	float *lines, *mapped, *values;
	float *offset; /* what `mapped` is off by since the decoder began in the middle */
};

struct spiked_frame_decoder *spiked_frame_decoder_new(const char *stream, double smooth)
{
	struct spiked_frame_decoder *d = spiked_name_ok(stream) ? calloc(1, sizeof(*d)) : NULL;

	if (!d) {
		errno = spiked_name_ok(stream) ? ENOMEM : EINVAL;
		return NULL;
	}
	memcpy(d->stream, stream, strlen(stream) + 1);
	d->smooth = smooth;
	d->wait = SPIKED_WAIT_META;
	return d;
}

/* Forgets the way and what goes with it. */
static void leave(struct spiked_frame_decoder *d)
{
	spk_way_fini(&d->way);
	free(d->lines);
	free(d->mapped);
	free(d->values);
	free(d->offset);
	d->lines = d->mapped = d->values = d->offset = NULL;
	d->ready = d->placed = false;
	d->wait = SPIKED_WAIT_META;
}

void spiked_frame_decoder_free(struct spiked_frame_decoder *d)
{
	if (!d)
		return;
	leave(d);
	free(d);
}

const char *spiked_frame_decoder_fault(const struct spiked_frame_decoder *d)
{
	return d->fault;
}

bool spiked_frame_decoder_wants_values(const struct spiked_frame_decoder *d)
{
	return !d->ready || d->wait == SPIKED_WAIT_VALUES ||
	       (d->wait == SPIKED_WAIT_WINDOW && !d->way.empty);
}

static void wait_for(struct spiked_frame_decoder *d, enum spiked_decode_wait wait)
{
	d->wait = wait;
	d->begun = wait == SPIKED_WAIT_NOTHING;
}

/* Something of the spikes is not known. Averages get over it. */
static void lose(struct spiked_frame_decoder *d)
{
	d->placed = false;
	if (d->way.follows)
		wait_for(d, SPIKED_WAIT_VALUES);
	else if (d->way.window)
		wait_for(d, SPIKED_WAIT_WINDOW);
}

static void step(struct spiked_frame_decoder *d, bool window_begins)
{
	spiked_decoder_step(d->way.spikes, d->lines, window_begins, d->mapped);
	for (uint32_t i = 0; i < d->way.width; i++)
		d->mapped[i] += d->offset[i];
}

static void clear_lines(struct spiked_frame_decoder *d)
{
	memset(d->lines, 0, d->way.lines * sizeof(*d->lines));
}

/* Begins to follow in the middle, from `values`, which are behind the spikes of their tick. Where an
 * encoder's first spikes tell of the whole value, the decoder is at 0 after that: the rest is an
 * offset. */
static int begin_at(struct spiked_frame_decoder *d, const float *values)
{
	int rc = spiked_decoder_reset(d->way.spikes, values);
	bool told = false;

	if (rc < 0)
		return rc;
	memset(d->offset, 0, d->way.width * sizeof(*d->offset));
	clear_lines(d);
	step(d, false);
	for (uint32_t i = 0; i < d->way.width; i++)
		told |= d->mapped[i] != 0;
	if (told || *d->way.stage)
		return 0;
	memcpy(d->offset, values, d->way.width * sizeof(*d->offset));
	memcpy(d->mapped, values, d->way.width * sizeof(*d->mapped));
	return 0;
}

/* Begins to follow with the encoder, at its first tick. */
static int begin_with(struct spiked_frame_decoder *d, const float *values, uint64_t tick)
{
	int rc = spiked_decoder_reset(d->way.spikes, values);

	if (rc < 0)
		return rc;
	memset(d->offset, 0, d->way.width * sizeof(*d->offset));
	if (!d->placed || d->tick != tick)
		clear_lines(d); /* it was not sent: it had no spikes */
	step(d, false);
	return 0;
}

/* Begins as new, with the encoder or in the middle of its work. */
static void begin(struct spiked_frame_decoder *d)
{
	spiked_decoder_reset(d->way.spikes, NULL);
	memset(d->offset, 0, d->way.width * sizeof(*d->offset));
	wait_for(d, SPIKED_WAIT_NOTHING);
	lose(d);
}

static int take_way(struct spiked_frame_decoder *d, struct spk_way *next)
{
	bool same = d->ready && next->epoch == d->way.epoch && next->channels == d->way.channels &&
		    next->lines == d->way.lines && next->width == d->way.width &&
		    next->window == d->way.window && next->follows == d->way.follows &&
		    strcmp(next->stage, d->way.stage) == 0;

	if (same) {
		/* A parameter changed: what is known of the values holds on. */
		bool carries = d->wait == SPIKED_WAIT_NOTHING && next->follows && !*next->stage;

		spk_way_fini(&d->way);
		d->way = *next;
		if (carries) {
			memcpy(d->values, d->mapped, next->width * sizeof(*d->values));
			return begin_at(d, d->values);
		}
		if (d->wait == SPIKED_WAIT_NOTHING)
			lose(d);
		return 0;
	}
	leave(d);
	d->way = *next;
	d->lines = calloc((size_t)next->lines + 1, sizeof(*d->lines));
	d->mapped = calloc((size_t)next->width + 1, sizeof(*d->mapped));
	d->values = calloc((size_t)next->width + 1, sizeof(*d->values));
	d->offset = calloc((size_t)next->width + 1, sizeof(*d->offset));
	if (!d->lines || !d->mapped || !d->values || !d->offset) {
		leave(d);
		return -ENOMEM;
	}
	d->ready = true;
	begin(d);
	return 0;
}

static int take_meta(struct spiked_frame_decoder *d, const struct spiked_frame *frame)
{
	struct spk_way next;
	int rc = spk_way_read(
		&next, frame->json, frame->json_size, d->smooth, d->fault, sizeof(d->fault));

	if (rc < 0) {
		spk_way_fini(&next);
		leave(d);
		return rc;
	}
	if (d->ready && next.epoch == d->way.epoch && strcmp(next.text, d->way.text) == 0) {
		d->way.empty = next.empty;
		spk_way_fini(&next);
		return 0;
	}
	return take_way(d, &next);
}

/* A window that began without a spike; where such ticks are sent, the flag comes with spikes/. */
static void begin_window(struct spiked_frame_decoder *d, uint64_t tick)
{
	wait_for(d, SPIKED_WAIT_NOTHING);
	clear_lines(d);
	step(d, true);
	d->placed = true;
	d->tick = d->window_tick = tick;
}

/* The spikes of the same tick came before: they have brought the encoder to these values. */
static int take_values(struct spiked_frame_decoder *d, const struct spiked_frame *frame)
{
	const struct spiked_header *h = &frame->header;
	bool first = (h->flags & SPIKED_RESET) || h->tick == 0;
	int rc;

	if (!d->ready || h->epoch != d->way.epoch || h->count != d->way.channels)
		return 0;
	if (d->wait == SPIKED_WAIT_WINDOW && (h->flags & SPIKED_WINDOW))
		begin_window(d, h->tick);
	if (!d->way.follows || (d->wait != SPIKED_WAIT_VALUES && !first))
		return 0;
	if (h->flags & SPIKED_STALE) { /* perhaps before the first row: not what it will be */
		wait_for(d, SPIKED_WAIT_VALUES);
		return 0;
	}
	rc = first ? begin_with(d, spiked_floats(frame), h->tick)
		   : begin_at(d, spiked_floats(frame));
	if (rc < 0)
		return rc;
	wait_for(d, SPIKED_WAIT_NOTHING);
	d->placed = true;
	d->tick = h->tick;
	return 0;
}

/* Ticks up to `end` that were not sent for want of spikes. */
static void pass_silence(struct spiked_frame_decoder *d, uint64_t end)
{
	uint64_t window = d->way.window, at = d->tick + 1, most = SILENCE_MAX / (d->way.lines + 1);

	clear_lines(d);
	if (end - at > most) {
		at = end - most;
		at -= window ? (at - d->window_tick) % window : 0;
	}
	for (; at < end; at++) {
		bool begins = window && at - d->window_tick >= window;

		if (begins)
			d->window_tick = at;
		step(d, begins);
	}
}

/* True if frames between the last one and this one are missing. Also a hole at the very beginning,
 * where there is no seq to tell. */
static bool lost_some(const struct spiked_frame_decoder *d, const struct spiked_header *h)
{
	if (d->seen && h->epoch == d->epoch && h->seq != d->seq + 1)
		return true;
	return d->placed && h->tick != d->tick + 1 && d->way.empty && !(h->flags & SPIKED_GAP);
}

/* Everything that a frame tells before its spikes count. */
static void follow(struct spiked_frame_decoder *d, const struct spiked_header *h)
{
	bool lost = lost_some(d, h);

	d->seen = true;
	d->epoch = h->epoch;
	d->seq = h->seq;
	if (d->ready && (h->epoch != d->way.epoch || h->lines != d->way.lines))
		leave(d); /* another daemon or stream: its meta is on its way */
	if (!d->ready)
		return;
	if (h->flags & SPIKED_RESET)
		begin(d);
	else if (lost || (h->flags & SPIKED_RESTORED))
		lose(d);
	else if (d->placed && d->wait == SPIKED_WAIT_NOTHING && h->tick > d->tick + 1 &&
		 !(h->flags & SPIKED_GAP))
		pass_silence(d, h->tick);
	if (d->way.window && (h->flags & SPIKED_WINDOW)) {
		if (d->wait == SPIKED_WAIT_WINDOW)
			wait_for(d, SPIKED_WAIT_NOTHING);
		d->window_tick = h->tick;
	}
	d->placed = true;
	d->tick = h->tick;
}

static void fill_lines(struct spiked_frame_decoder *d, const struct spiked_frame *frame)
{
	bool graded = frame->header.format == SPIKED_FORMAT_GRADED;
	struct spiked_iter it = {0};
	struct spiked_spike spike;

	clear_lines(d);
	while (spiked_next(frame, &it, &spike))
		d->lines[spike.line] += graded ? spike.value : spike.negative ? -1.0f : 1.0f;
}

static int take_spikes(struct spiked_frame_decoder *d, const struct spiked_frame *frame,
	struct spiked_decoded *out)
{
	const struct spiked_header *h = &frame->header;

	if (d->placed && d->seen && h->epoch == d->epoch && h->tick <= d->tick)
		return 0; /* values/ were ahead of it */
	follow(d, h);
	*out = (struct spiked_decoded){.tick = h->tick, .stage = "", .wait = d->wait};
	if (d->ready)
		fill_lines(d, frame);
	if (d->wait != SPIKED_WAIT_NOTHING)
		return 1;
	step(d, d->way.window && (h->flags & SPIKED_WINDOW));
	if (d->way.range)
		spiked_decoder_run(d->way.range, d->mapped, 1, d->values);
	out->mapped = d->mapped;
	out->values = d->way.range ? d->values : d->mapped;
	out->count = d->way.width;
	out->stage = d->way.stage;
	out->begun = d->begun;
	d->begun = false;
	return 1;
}

static int take(struct spiked_frame_decoder *d, const struct spiked_frame *frame,
	struct spiked_decoded *decoded)
{
	if (strcmp(frame->stream, d->stream) != 0)
		return 0;
	switch (frame->topic) {
	case SPIKED_TOPIC_META:
		return take_meta(d, frame);
	case SPIKED_TOPIC_VALUES:
		return take_values(d, frame);
	case SPIKED_TOPIC_SPIKES:
		return take_spikes(d, frame, decoded);
	default:
		return 0;
	}
}

int spiked_frame_decoder_take(struct spiked_frame_decoder *d, const struct spiked_frame *frame,
	struct spiked_decoded *decoded)
{
	int rc = take(d, frame, decoded);

	if (rc == -ENOMEM)
		snprintf(d->fault, sizeof(d->fault), "not enough memory");
	return rc;
}
