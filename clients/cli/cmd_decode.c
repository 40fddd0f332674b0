/* decode: spikes, and the values that they stand for, tick by tick.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spiked/decode.h>

#include "ctl.h"
#include "frame.h"

#define WAIT_MS  100
#define QUIET_MS 3000 /* connected, but nothing comes: say so once */

/* With --check: decoded values beside those that the ticks used. */
struct check {
	float *decoded; /* of `tick`, in the units of values/ */
	uint32_t count, room;
	uint64_t tick;
	bool known; /* the three above are */
	uint64_t ticks;
	double largest, squares; /* of the differences: the largest, sum of all squares */
	uint64_t largest_tick, numbers;
	uint32_t largest_channel;
};

struct decode {
	struct ctl *ctl;
	struct spiked_receiver *receiver;
	struct spiked_frame_decoder *decoder;
	bool checks, values; /* values/ is subscribed to */
	bool told_stage;
	struct check check;
};

static int keep(struct check *check, const struct spiked_decoded *got)
{
	check->known = got->mapped && !*got->stage;
	if (!check->known)
		return 0;
	if (got->count > check->room) {
		float *decoded = realloc(check->decoded, got->count * sizeof(*decoded));
		if (!decoded)
			return -ENOMEM;
		check->decoded = decoded;
		check->room = got->count;
	}
	memcpy(check->decoded, got->mapped, got->count * sizeof(*check->decoded));
	check->count = got->count;
	check->tick = got->tick;
	return 0;
}

static void compare(struct check *check, const struct spiked_frame *frame)
{
	const float *values = spiked_floats(frame);

	if (!check->known || frame->header.tick != check->tick ||
		frame->header.count != check->count)
		return;
	for (uint32_t i = 0; i < check->count; i++) {
		double off = fabs((double)check->decoded[i] - (double)values[i]);

		if (isnan(check->decoded[i]))
			continue;
		check->numbers++;
		check->squares += off * off;
		if (off <= check->largest)
			continue;
		check->largest = off;
		check->largest_channel = i;
		check->largest_tick = check->tick;
	}
	check->ticks++;
	check->known = false;
}

static void print_check(const struct ctl *ctl, const struct check *check)
{
	double rms = check->numbers ? sqrt(check->squares / (double)check->numbers) : 0;

	if (ctl->json)
		printf("{\"checked\":%" PRIu64
		       ",\"max_error\":%.9g,\"rms_error\":%.9g,\"channel\":%" PRIu32
		       ",\"tick\":%" PRIu64 "}\n",
			check->ticks, check->largest, rms, check->largest_channel,
			check->largest_tick);
	else if (check->ticks)
		printf("-- %" PRIu64 " ticks against values/: off by %.6g at most (channel %" PRIu32
		       ", tick %" PRIu64 "), rms %.6g\n",
			check->ticks, check->largest, check->largest_channel, check->largest_tick,
			rms);
	else
		printf("-- no tick could be held against values/\n");
}

static const struct {
	const char *word, *text;
} waits[] = {
	[SPIKED_WAIT_META] = {"meta", "meta/"},
	[SPIKED_WAIT_ROW] = {"row", "a fresh row"},
	[SPIKED_WAIT_TICKS] = {"ticks", "some more ticks"},
	[SPIKED_WAIT_SPIKES] = {"spikes", "spikes of the lines that are not known"},
	[SPIKED_WAIT_VALUES] = {"values", "a fresh row in values/"},
	[SPIKED_WAIT_WINDOW] = {"window", "the next window"},
	[SPIKED_WAIT_RESET] = {"reset", "a reset of the stream, or a new start: nothing else tells "
					"where this encoder is"},
};

static void print_text(
	struct decode *d, const struct spiked_frame *frame, const struct spiked_decoded *got)
{
	frame_print_events(frame);
	if (*got->stage && !d->told_stage) {
		printf("-- what is before %s cannot be decoded: these are the values that came into it\n",
			got->stage);
		d->told_stage = true;
	}
	frame_print_text(frame);
	fputs(" ->", stdout);
	if (got->values) {
		putchar(' ');
		frame_print_floats(got->values, got->count, " ");
	}
	if (got->wait != SPIKED_WAIT_NOTHING)
		printf(" (waits for %s)", waits[got->wait].text);
	putchar('\n');
}

static void print_json(const struct spiked_frame *frame, const struct spiked_decoded *got)
{
	frame_print_json(frame);
	if (got->values) {
		fputs(",\"decoded\":[", stdout);
		frame_print_floats(got->values, got->count, ",");
		printf("],\"begun\":%s", got->begun ? "true" : "false");
	} else {
		fputs(",\"decoded\":null", stdout);
	}
	if (got->wait != SPIKED_WAIT_NOTHING)
		printf(",\"waits\":\"%s\"", waits[got->wait].word);
	if (*got->stage)
		printf(",\"stage\":\"%s\"", got->stage);
	puts("}");
}

/* values/ cost more than spikes: they are subscribed to while they are of use. */
static int want_values(struct decode *d)
{
	bool want = d->checks || spiked_frame_decoder_wants_values(d->decoder);
	const char *stream = d->ctl->words[0];

	if (want == d->values)
		return 0;
	d->values = want;
	return want ? spiked_subscribe(d->receiver, SPIKED_TOPIC_VALUES, stream)
		    : spiked_unsubscribe(d->receiver, SPIKED_TOPIC_VALUES, stream);
}

static int take(struct decode *d, const struct spiked_frame *frame, double *got_frames)
{
	struct spiked_decoded got;
	int rc = spiked_frame_decoder_take(d->decoder, frame, &got);

	if (rc < 0)
		return rc;
	if (frame->topic == SPIKED_TOPIC_VALUES && d->checks)
		compare(&d->check, frame);
	if (rc == 0)
		return 0;
	if (d->ctl->json)
		print_json(frame, &got);
	else
		print_text(d, frame, &got);
	++*got_frames;
	return d->checks ? keep(&d->check, &got) : 0;
}

static int receive(struct decode *d, double count, double seconds)
{
	struct ctl *ctl = d->ctl;
	int64_t start = ctl_now_ms();
	struct ctl_watch watch;
	struct spiked_frame frame;
	double got = 0;
	bool told = false;

	ctl_watch_init(&watch, ctl, "publish", ctl->publish);
	/* The frame after the last one may be the values/ that it is held against. */
	while (!ctl_stop && (got < count || (d->checks && d->check.known))) {
		int64_t now = ctl_now_ms();
		if ((double)(now - start) >= seconds * 1e3)
			break;
		int rc = spiked_recv(d->receiver, &frame, 0);
		if (rc == -EAGAIN) {
			ctl_flush();
			if (!ctl_watch_link(&watch, spiked_receiver_link(d->receiver)))
				return EXIT_FAILED;
			if (got == 0 && !told && now - start >= QUIET_MS) {
				ctl_fail(
					"connected to %s, but no spikes of \"%s\" come; \"spikectl "
					"streams\" lists what there is",
					ctl->publish, ctl->words[0]);
				told = true;
			}
			rc = spiked_recv(d->receiver, &frame, WAIT_MS);
		}
		if (rc == -EAGAIN || rc == -EINTR)
			continue;
		if (rc < 0)
			return ctl_fail("receiving from %s: %s", ctl->publish, spiked_strerror(rc));
		rc = take(d, &frame, &got);
		if (rc == -ENOTSUP || rc == -EBADMSG || rc == -ENOMEM)
			return ctl_fail(
				"%s: %s", ctl->words[0], spiked_frame_decoder_fault(d->decoder));
		if (rc == 0)
			rc = want_values(d);
		if (rc < 0)
			return ctl_fail("%s: %s", ctl->words[0], spiked_strerror(rc));
	}
	return EXIT_OK;
}

/* Spikes first: what comes before the values/ that the decoder begins with is then known. */
static int subscribe(struct decode *d)
{
	static const enum spiked_topic topics[] = {
		SPIKED_TOPIC_SPIKES, SPIKED_TOPIC_VALUES, SPIKED_TOPIC_META};
	int rc = 0;

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]) && rc == 0; i++)
		rc = spiked_subscribe(d->receiver, topics[i], d->ctl->words[0]);
	d->values = true;
	return rc;
}

int cmd_decode(struct ctl *ctl)
{
	double count = HUGE_VAL, seconds = HUGE_VAL, smooth = 0;
	struct decode d = {.ctl = ctl, .checks = ctl->opts.value[OPT_CHECK] != NULL};

	if (!ctl_number(ctl, OPT_COUNT, 1, 1e18, &count) ||
		!ctl_number(ctl, OPT_SECONDS, 0, 1e9, &seconds) ||
		!ctl_number(ctl, OPT_SMOOTH, 0, 1e9, &smooth))
		return EXIT_USAGE;
	d.decoder = spiked_frame_decoder_new(ctl->words[0], smooth);
	if (!d.decoder)
		return ctl_usage(ctl,
			"decode: \"%s\" is no stream's name (letters, digits, _ . -, at most 64)",
			ctl->words[0]);
	d.receiver = spiked_receiver_new(ctl->publish, &ctl->options);
	int rc = EXIT_FAILED;
	if (!d.receiver)
		ctl_fail("cannot use the publish endpoint \"%s\": %s", ctl->publish,
			spiked_strerror(-errno));
	else if (subscribe(&d) < 0)
		ctl_fail("cannot subscribe");
	else
		rc = receive(&d, count, seconds);
	if (rc == EXIT_OK && d.checks)
		print_check(ctl, &d.check);
	ctl_flush();
	free(d.check.decoded);
	spiked_receiver_close(d.receiver);
	spiked_frame_decoder_free(d.decoder);
	return rc;
}
