/* See frame.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "frame.h"
#include "frame_rows.h"
#include "text.h"

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

void frame_print_floats(const float *values, uint32_t count, const char *between)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			fputs(between, stdout);
		if (isfinite(values[i]))
			printf("%.9g", (double)values[i]);
		else
			fputs("null", stdout); /* JSON has no other word for it */
	}
}

void frame_print_events(const struct spiked_frame *frame)
{
	const struct spiked_header *h = &frame->header;

	if (frame->missed)
		printf("-- %s: lost %" PRIu64 " messages\n", frame->topic_text, frame->missed);
	if (frame->restarted)
		printf("-- %s: spiked started anew, epoch %016" PRIx64 "\n", frame->topic_text,
			h->epoch);
	if ((h->flags & SPIKED_GAP) && frame->tick_gap > frame->missed)
		printf("-- %s: spiked skipped %" PRIu64 " ticks\n", frame->topic_text,
			frame->tick_gap - frame->missed);
}

void frame_print_text(const struct spiked_frame *frame)
{
	const struct spiked_header *h = &frame->header;
	struct spiked_iter it = {0};
	struct spiked_spike spike;
	char clock[32];

	if (frame->json) {
		text_print(stdout, frame->topic_text);
		putchar(' ');
		text_print(stdout, frame->json);
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
	if (h->kind == SPIKED_KIND_ROWS) {
		fputs("row: ", stdout);
		frame_rows_text(frame);
	} else if (h->format == SPIKED_FORMAT_F32) {
		fputs(h->kind == SPIKED_KIND_STATE ? "state: " : "values: ", stdout);
		frame_print_floats(spiked_floats(frame), h->count, " ");
	} else {
		printf("%" PRIu32 ":", h->count);
		while (spiked_next(frame, &it, &spike)) {
			printf(" %s%" PRIu32, spike.negative ? "-" : "", spike.line);
			if (h->format == SPIKED_FORMAT_GRADED)
				printf("=%.6g", (double)spike.value);
		}
	}
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
	json_decref(data);
}

/* Keys as in spiked's own json/ topics, and what only a subscriber can know. */
void frame_print_json(const struct spiked_frame *frame)
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
	if (h->kind == SPIKED_KIND_ROWS) {
		frame_rows_json(frame);
		return;
	}
	if (h->format == SPIKED_FORMAT_F32) {
		printf("\"%s\":[", h->kind == SPIKED_KIND_STATE ? "state" : "values");
		frame_print_floats(spiked_floats(frame), h->count, ",");
	} else {
		fputs("\"spikes\":[", stdout);
		print_lines(frame, false);
		if (has_negative(frame)) {
			fputs("],\"negative\":[", stdout);
			print_lines(frame, true);
		}
		if (h->format == SPIKED_FORMAT_GRADED) {
			fputs("],\"values\":[", stdout);
			frame_print_floats(spiked_floats(frame), h->count, ",");
		}
	}
	putchar(']');
}
