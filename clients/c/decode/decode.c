/* The decoder of one stream's frames: what is known of the stream, and up to which tick it has come.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "spiked/decode.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "way.h"

/* What is known of the encoder's first row. Before it the encoder stands still, and its ticks are stale. */
enum row { ROW_UNSURE, ROW_NONE, ROW_SEEN };

struct spiked_frame_decoder {
	char stream[SPIKED_NAME_MAX + 1];
	double smooth;
	char fault[512];
	struct spk_way way;
	bool ready; /* there is a way */
	bool waited;
	bool seen; /* a frame of spikes/: the two below are its */
	uint64_t epoch, seq;
	bool placed; /* `tick` is known: the last one that the decoder has taken in */
	uint64_t tick;
	enum row row;
	bool first;           /* `tick` was the encoder's first: its row is where changes begin */
	bool window_known;    /* the one below is */
	uint64_t window_tick; /* the first tick of some window */
	float *lines, *mapped, *values; /* of `tick` */
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
	d->waited = true;
	return d;
}

/* Forgets the way and what goes with it. */
static void leave(struct spiked_frame_decoder *d)
{
	spk_way_fini(&d->way);
	free(d->lines);
	free(d->mapped);
	free(d->values);
	d->lines = d->mapped = d->values = NULL;
	d->ready = d->placed = false;
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

static enum spiked_decode_wait waits_for(const struct spiked_frame_decoder *d)
{
	static const enum spiked_decode_wait waits[] = {
		[SPIKED_UNKNOWN_NOTHING] = SPIKED_WAIT_NOTHING,
		[SPIKED_UNKNOWN_TICKS] = SPIKED_WAIT_TICKS,
		[SPIKED_UNKNOWN_SPIKES] = SPIKED_WAIT_SPIKES,
		[SPIKED_UNKNOWN_VALUE] = SPIKED_WAIT_VALUES,
		[SPIKED_UNKNOWN_WINDOW] = SPIKED_WAIT_WINDOW,
		[SPIKED_UNKNOWN_RESET] = SPIKED_WAIT_RESET,
	};

	if (!d->ready)
		return SPIKED_WAIT_META;
	if (d->placed && d->row != ROW_SEEN)
		return SPIKED_WAIT_ROW;
	return waits[spiked_decoder_unknown(d->way.spikes)];
}

bool spiked_frame_decoder_wants_values(const struct spiked_frame_decoder *d)
{
	enum spiked_decode_wait wait = waits_for(d);

	if (d->ready && !d->placed)
		return !d->way.empty || spiked_decoder_follows(d->way.spikes);
	return wait == SPIKED_WAIT_META || wait == SPIKED_WAIT_VALUES ||
	       (wait == SPIKED_WAIT_WINDOW && !d->way.empty) ||
	       (wait == SPIKED_WAIT_ROW &&
		       (!d->way.empty || spiked_decoder_follows(d->way.spikes)));
}

static void clear_lines(struct spiked_frame_decoder *d)
{
	memset(d->lines, 0, d->way.lines * sizeof(*d->lines));
}

static void step(struct spiked_frame_decoder *d, bool window_begins)
{
	spiked_decoder_step(d->way.spikes, d->lines, window_begins, d->mapped);
}

static void miss_all(struct spiked_frame_decoder *d)
{
	spiked_decoder_miss(d->way.spikes, UINT64_MAX, false);
	d->window_known = false;
}

static int take_way(struct spiked_frame_decoder *d, struct spk_way *next)
{
	/* A parameter was set: what is known of the values holds on. */
	if (d->ready && next->epoch == d->way.epoch &&
		spiked_decoder_carry(next->spikes, d->way.spikes)) {
		spk_way_fini(&d->way);
		d->way = *next;
		return 0;
	}
	leave(d);
	d->way = *next;
	d->lines = calloc((size_t)next->lines + 1, sizeof(*d->lines));
	d->mapped = calloc((size_t)next->width + 1, sizeof(*d->mapped));
	d->values = calloc((size_t)next->width + 1, sizeof(*d->values));
	if (!d->lines || !d->mapped || !d->values) {
		leave(d);
		return -ENOMEM;
	}
	d->ready = true;
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
		d->way.pauses = next.pauses;
		spk_way_fini(&next);
		return 0;
	}
	return take_way(d, &next);
}

/* The first tick that it sees: it is the encoder's first one too, or anything may have been. */
static void join(struct spiked_frame_decoder *d, uint64_t tick)
{
	spiked_decoder_reset(d->way.spikes, NULL);
	d->window_known = false;
	d->row = tick ? ROW_UNSURE : ROW_NONE;
	if (tick)
		miss_all(d);
}

/* Ticks of a window stream from `at` on that were not sent for want of spikes. */
static void pass_windows(struct spiked_frame_decoder *d, uint64_t at, uint64_t end)
{
	uint64_t window = d->way.window;

	if (end - at > 3 * window) { /* what was before the last two has no effect any more */
		uint64_t skip = end - at - 3 * window;

		skip += (window - (at + skip - d->window_tick) % window) % window;
		spiked_decoder_miss(d->way.spikes, skip, true);
		at += skip;
	}
	clear_lines(d);
	while (at < end) {
		uint64_t left = window - (at - d->window_tick) % window;

		if (left == window) {
			step(d, true);
			at++;
			continue;
		}
		left = left < end - at ? left : end - at;
		spiked_decoder_silence(d->way.spikes, left, true);
		at += left;
	}
}

/* There was no frame for the `ticks` ticks before this one, and none was lost. */
static void pass(struct spiked_frame_decoder *d, const struct spiked_header *h, uint64_t ticks)
{
	bool skipped = h->flags & SPIKED_GAP;

	if (d->way.empty && skipped)
		return; /* they never ran */
	if (d->row == ROW_NONE)
		d->row = ROW_UNSURE; /* it may have come in one of them */
	/* Nobody was connected then. */
	if (d->way.empty) {
		spiked_decoder_miss(d->way.spikes, ticks, false);
		d->window_known = false;
	} else if (!d->way.window) {
		/* All of them ran, as far as frames that were sent can tell. */
		bool all = !skipped && !d->way.pauses && d->row == ROW_SEEN;

		spiked_decoder_silence(d->way.spikes, ticks, all && !d->way.frail);
	} else if (skipped || !d->window_known) {
		spiked_decoder_silence(d->way.spikes, ticks, false);
	} else {
		pass_windows(d, d->tick + 1, h->tick);
	}
}

/* Everything that a tick's header tells before its spikes count; `lost` frames were before it. */
static void follow(struct spiked_frame_decoder *d, const struct spiked_header *h, uint64_t lost)
{
	struct spiked_decoder *spikes = d->way.spikes;
	uint64_t between = d->placed ? h->tick - d->tick - 1 : 0;

	if (!d->placed || h->tick <= d->tick) {
		join(d, h->tick);
	} else if (lost) {
		/* If they were all that there were in between, each of them ran. */
		bool all = lost == between && d->way.empty && !d->way.pauses && d->row == ROW_SEEN;

		spiked_decoder_miss(spikes, between, all);
		d->window_known = false;
		d->row = d->row == ROW_SEEN ? ROW_SEEN : ROW_UNSURE;
	} else if (between) {
		pass(d, h, between);
	}
	if (h->flags & SPIKED_RESTORED) {
		miss_all(d);
		d->row = ROW_UNSURE;
	}
	if (h->flags & SPIKED_RESET) {
		spiked_decoder_reset(spikes, NULL);
		d->window_known = false;
	}
	d->first = (h->flags & SPIKED_RESET) || d->row == ROW_NONE;
	if (!(h->flags & SPIKED_STALE))
		d->row = ROW_SEEN;
	if (d->first && d->row == ROW_SEEN && spiked_decoder_needs_first(spikes))
		miss_all(d);
	if (d->way.window && (h->flags & SPIKED_WINDOW)) {
		d->window_known = true;
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

	while (spiked_next(frame, &it, &spike))
		d->lines[spike.line] += graded ? spike.value : spike.negative ? -1.0f : 1.0f;
}

/* One tick with the spikes of `frame`, or, if that is NULL, without any. */
static void take_tick(struct spiked_frame_decoder *d, const struct spiked_header *h,
	const struct spiked_frame *frame, uint64_t lost)
{
	bool stale = h->flags & SPIKED_STALE;

	follow(d, h, lost);
	clear_lines(d);
	if (frame)
		fill_lines(d, frame);
	if (stale && d->row == ROW_UNSURE)
		miss_all(d); /* it stands still, or it runs on a row that came before */
	if (!stale || (d->row == ROW_SEEN && !d->way.pauses))
		step(d, d->way.window && (h->flags & SPIKED_WINDOW));
}

/* The spikes of the same tick came before: they have brought the encoder to these values. */
static int take_values(struct spiked_frame_decoder *d, const struct spiked_frame *frame)
{
	const struct spiked_header *h = &frame->header;
	int rc = 0;

	if (!d->ready || h->epoch != d->way.epoch || h->count != d->way.channels)
		return 0;
	if (!d->way.empty && (!d->placed || h->tick > d->tick))
		take_tick(d, h, NULL, 0); /* nothing else tells of it: it had no spikes */
	if (!d->placed || h->tick != d->tick || (h->flags & SPIKED_STALE))
		return 0;
	if (!d->first || !spiked_decoder_needs_first(d->way.spikes))
		return waits_for(d) == SPIKED_WAIT_VALUES
			       ? spiked_decoder_resume(d->way.spikes, spiked_floats(frame))
			       : 0;
	rc = spiked_decoder_reset(d->way.spikes, spiked_floats(frame));
	step(d, d->way.window && (h->flags & SPIKED_WINDOW));
	d->first = false;
	return rc;
}

static void tell(struct spiked_frame_decoder *d, struct spiked_decoded *out)
{
	out->stage = d->way.stage;
	out->count = d->way.width;
	for (uint32_t i = 0; d->row == ROW_SEEN && i < d->way.width; i++)
		out->known += isnan(d->mapped[i]) ? 0 : 1;
	if (out->known) {
		if (d->way.range)
			spiked_decoder_run(d->way.range, d->mapped, 1, d->values);
		out->mapped = d->mapped;
		out->values = d->way.range ? d->values : d->mapped;
	}
	out->begun = out->known == out->count && d->waited;
	d->waited = out->known < out->count;
}

static int take_spikes(struct spiked_frame_decoder *d, const struct spiked_frame *frame,
	struct spiked_decoded *out)
{
	const struct spiked_header *h = &frame->header;
	uint64_t lost = d->seen && h->epoch == d->epoch ? h->seq - d->seq - 1 : 0;

	d->seen = true;
	d->epoch = h->epoch;
	d->seq = h->seq;
	*out = (struct spiked_decoded){.tick = h->tick, .stage = "", .wait = SPIKED_WAIT_META};
	if (d->ready && (h->epoch != d->way.epoch || h->lines != d->way.lines))
		leave(d); /* another daemon or stream: its meta is on its way */
	if (!d->ready) {
		d->waited = true;
		return 1;
	}
	take_tick(d, h, frame, lost);
	out->wait = waits_for(d);
	tell(d, out);
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
