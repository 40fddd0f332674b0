/* sub: frames as lines, for people or as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "text.h"

#define WAIT_MS  100
#define QUIET_MS 3000 /* connected, but nothing comes: say so once */

static const char *const flag_names[] = {"late", "gap", "stale", "reset", "window", "restored"};
#define FLAGS (sizeof(flag_names) / sizeof(flag_names[0]))

static void print_flags(uint16_t flags, const char *quote)
{
	const char *comma = "";

	for (size_t i = 0; i < FLAGS; i++) {
		if (!(flags >> i & 1))
			continue;
		printf("%s%s%s%s", comma, quote, flag_names[i], quote);
		comma = ",";
	}
}

static void print_floats(const struct spiked_frame *frame, const char *between)
{
	const float *values = spiked_floats(frame);

	for (uint32_t i = 0; i < frame->header.count; i++) {
		if (i)
			fputs(between, stdout);
		if (isfinite(values[i]))
			printf("%.9g", (double)values[i]);
		else
			fputs("null", stdout); /* JSON has no other word for it */
	}
}

static void print_text(const struct spiked_frame *frame)
{
	const struct spiked_header *h = &frame->header;
	struct spiked_iter it = {0};
	struct spiked_spike spike;
	char clock[32];

	if (frame->missed)
		printf("-- %s: lost %" PRIu64 " messages\n", frame->topic_text, frame->missed);
	if (frame->restarted)
		printf("-- %s: spiked started anew, epoch %016" PRIx64 "\n", frame->topic_text,
			h->epoch);
	if ((h->flags & SPIKED_GAP) && frame->tick_gap > frame->missed)
		printf("-- %s: spiked skipped %" PRIu64 " ticks\n", frame->topic_text,
			frame->tick_gap - frame->missed);
	if (frame->json) {
		text_print(stdout, frame->topic_text);
		putchar(' ');
		text_print(stdout, frame->json);
		putchar('\n');
		return;
	}

	printf("%s %s", text_clock(h->time_ns, clock, sizeof(clock)), frame->stream);
	if (frame->topic == SPIKED_TOPIC_BUNDLE)
		printf("[%" PRIu32 "]", frame->part);
	printf(" %" PRIu64 " ", h->tick);
	if (h->flags) {
		putchar('(');
		print_flags(h->flags, "");
		fputs(") ", stdout);
	}
	if (h->format == SPIKED_FORMAT_F32) {
		fputs(h->kind == SPIKED_KIND_STATE ? "state: " : "values: ", stdout);
		print_floats(frame, " ");
	} else {
		printf("%" PRIu32 ":", h->count);
		while (spiked_next(frame, &it, &spike)) {
			printf(" %s%" PRIu32, spike.negative ? "-" : "", spike.line);
			if (h->format == SPIKED_FORMAT_GRADED)
				printf("=%.6g", (double)spike.value);
		}
	}
	putchar('\n');
}

/* Lines of one sign; graded spikes carry their sign in the value and are all in the first list. */
static void print_lines(const struct spiked_frame *frame, bool negative)
{
	bool graded = frame->header.format == SPIKED_FORMAT_GRADED;
	struct spiked_iter it = {0};
	struct spiked_spike spike;
	const char *comma = "";

	while (spiked_next(frame, &it, &spike)) {
		if (!graded && spike.negative != negative)
			continue;
		printf("%s%" PRIu32, comma, spike.line);
		comma = ",";
	}
}

static bool has_negative(const struct spiked_frame *frame)
{
	struct spiked_iter it = {0};
	struct spiked_spike spike;

	if (frame->header.format == SPIKED_FORMAT_GRADED)
		return false;
	while (spiked_next(frame, &it, &spike))
		if (spike.negative)
			return true;
	return spiked_bitmap(frame, true) != NULL;
}

static void print_json_topic(const struct spiked_frame *frame)
{
	json_error_t fault;
	json_t *data = json_loadb(frame->json, frame->json_size, JSON_DECODE_ANY, &fault);

	printf("{\"topic\":\"%s\",", frame->topic_text);
	if (data) {
		fputs("\"data\":", stdout);
		json_dumpf(data, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	} else {
		fputs("\"fault\":\"the daemon sent no JSON\"", stdout);
	}
	fputs("}\n", stdout);
	json_decref(data);
}

/* Keys as in spiked's own json/ topics, and what only a subscriber can know. */
static void print_json(const struct spiked_frame *frame)
{
	const struct spiked_header *h = &frame->header;

	if (frame->json) {
		print_json_topic(frame);
		return;
	}
	printf("{\"topic\":\"%s\",\"stream\":\"%s\",", frame->topic_text, frame->stream);
	if (frame->topic == SPIKED_TOPIC_BUNDLE)
		printf("\"part\":%" PRIu32 ",\"parts\":%" PRIu32 ",", frame->part, frame->parts);
	printf("\"epoch\":\"%016" PRIx64 "\",\"tick\":%" PRIu64 ",\"seq\":%" PRIu64
	       ",\"time_ns\":%" PRId64 ",\"source_ns\":%" PRId64 ",\"dt_ns\":%" PRIu32
	       ",\"lines\":%" PRIu32 ",\"flags\":[",
		h->epoch, h->tick, h->seq, h->time_ns, h->source_ns, h->dt_ns, h->lines);
	print_flags(h->flags, "\"");
	printf("],\"missed\":%" PRIu64 ",\"restarted\":%s,", frame->missed,
		frame->restarted ? "true" : "false");
	if (h->format == SPIKED_FORMAT_F32) {
		printf("\"%s\":[", h->kind == SPIKED_KIND_STATE ? "state" : "values");
		print_floats(frame, ",");
	} else {
		fputs("\"spikes\":[", stdout);
		print_lines(frame, false);
		if (has_negative(frame)) {
			fputs("],\"negative\":[", stdout);
			print_lines(frame, true);
		}
		if (h->format == SPIKED_FORMAT_GRADED) {
			fputs("],\"values\":[", stdout);
			print_floats(frame, ",");
		}
	}
	fputs("]}\n", stdout);
}

static int subscribe_word(const struct ctl *ctl, struct spiked_receiver *receiver, const char *word)
{
	static const struct {
		enum opt opt;
		enum spiked_topic topic;
	} kinds[] = {
		{OPT_STATE, SPIKED_TOPIC_STATE},
		{OPT_VALUES, SPIKED_TOPIC_VALUES},
		{OPT_JSON_TOPIC, SPIKED_TOPIC_JSON},
	};
	bool any = false;
	int rc = 0;

	if (word && strchr(word, '/'))
		return spiked_subscribe_prefix(receiver, word);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && rc == 0; i++) {
		if (!ctl->opts.value[kinds[i].opt])
			continue;
		rc = spiked_subscribe(receiver, kinds[i].topic, word);
		any = true;
	}
	return any ? rc : spiked_subscribe(receiver, SPIKED_TOPIC_SPIKES, word);
}

static int subscribe(struct ctl *ctl, struct spiked_receiver *receiver)
{
	if (ctl->n_words == 0)
		return subscribe_word(ctl, receiver, NULL) < 0 ? EXIT_FAILED : EXIT_OK;
	for (int i = 0; i < ctl->n_words; i++)
		if (subscribe_word(ctl, receiver, ctl->words[i]) < 0)
			return ctl_usage(ctl,
				"sub: \"%s\" is no stream's name (letters, digits, _ . -, at "
				"most 64) and no topic (with a slash)",
				ctl->words[i]);
	return EXIT_OK;
}

static int receive(struct ctl *ctl, struct spiked_receiver *receiver, double count, double seconds)
{
	int64_t start = ctl_now_ms();
	struct ctl_watch watch;
	struct spiked_frame frame;
	double got = 0;
	bool told = false;

	ctl_watch_init(&watch, ctl, "publish", ctl->publish);
	while (!ctl_stop && got < count) {
		int64_t now = ctl_now_ms();
		if ((double)(now - start) >= seconds * 1e3)
			break;
		int rc = spiked_recv(receiver, &frame, 0);
		if (rc == -EAGAIN) { /* caught up: now the lines may be seen */
			ctl_flush();
			if (!ctl_watch_link(&watch, spiked_receiver_link(receiver)))
				return EXIT_FAILED;
			if (got == 0 && !told && now - start >= QUIET_MS) {
				ctl_fail("connected to %s, but nothing comes; \"spikectl streams\" "
					 "lists what there is",
					ctl->publish);
				told = true;
			}
			rc = spiked_recv(receiver, &frame, WAIT_MS);
		}
		if (rc == -EAGAIN || rc == -EINTR)
			continue;
		if (rc < 0)
			return ctl_fail("receiving from %s: %s", ctl->publish, spiked_strerror(rc));
		if (ctl->json)
			print_json(&frame);
		else
			print_text(&frame);
		got++;
	}
	ctl_flush();
	return EXIT_OK;
}

int cmd_sub(struct ctl *ctl)
{
	double count = HUGE_VAL, seconds = HUGE_VAL;
	struct spiked_receiver_stats stats;

	if (!ctl_number(ctl, OPT_COUNT, 1, 1e18, &count) ||
		!ctl_number(ctl, OPT_SECONDS, 0, 1e9, &seconds))
		return EXIT_USAGE;
	struct spiked_receiver *receiver = spiked_receiver_new(ctl->publish, NULL);
	if (!receiver)
		return ctl_fail("cannot use the publish endpoint \"%s\": %s", ctl->publish,
			spiked_strerror(-errno));
	int rc = subscribe(ctl, receiver);
	if (rc == EXIT_OK)
		rc = receive(ctl, receiver, count, seconds);
	spiked_receiver_stats(receiver, &stats);
	if (stats.malformed)
		ctl_fail("%" PRIu64
			 " messages broke the protocol and were passed over, the last one: %s",
			stats.malformed, spiked_receiver_fault(receiver));
	spiked_receiver_close(receiver);
	return rc;
}
