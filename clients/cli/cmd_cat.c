/* cat: the records of a recording as lines, for people or as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "rec_filter.h"
#include "text.h"

/* A payload where words and floats may be read. */
struct aligned {
	void *bytes;
	size_t room;
};

static const void *align(struct aligned *a, const struct rec_bytes *payload)
{
	static const uint32_t nothing;

	if (!payload->size)
		return &nothing;
	if ((uintptr_t)payload->data % sizeof(uint32_t) == 0)
		return payload->data;
	if (payload->size > a->room) {
		free(a->bytes);
		a->bytes = malloc(payload->size);
		a->room = a->bytes ? payload->size : 0;
	}
	return a->bytes ? memcpy(a->bytes, payload->data, payload->size) : NULL;
}

static enum spiked_topic topic_of(const struct message *m)
{
	static const enum spiked_topic topics[] = {
		[MESSAGE_SPIKES] = SPIKED_TOPIC_SPIKES,
		[MESSAGE_STATE] = SPIKED_TOPIC_STATE,
		[MESSAGE_VALUES] = SPIKED_TOPIC_VALUES,
		[MESSAGE_ROWS] = SPIKED_TOPIC_ROWS,
	};

	return m->kind == MESSAGE_BUNDLE ? SPIKED_TOPIC_BUNDLE : topics[m->kind];
}

static void print_broken(const struct ctl *ctl, const struct message *m, const char *why)
{
	if (ctl->json)
		printf("{\"topic\":\"%s\",\"fault\":\"%s\"",
			m->kind == MESSAGE_OTHER ? "" : m->topic, why);
	else
		printf("-- %s: %s", m->topic, why);
}

static void print_frame(
	const struct ctl *ctl, const struct message *m, size_t at, struct aligned *a)
{
	const void *payload = align(a, &m->frames[at + 1]);
	const char *why = "not enough memory";
	struct spiked_frame frame;

	if (!payload || spiked_decode(m->frames[at].data, m->frames[at].size, payload,
				m->frames[at + 1].size, &frame, &why)) {
		print_broken(ctl, m, why);
		return;
	}
	frame.topic = topic_of(m);
	frame.topic_text = m->topic;
	frame.stream = m->stream;
	frame.part = (uint32_t)(at - 1) / 2;
	frame.parts = (uint32_t)(m->count - 1) / 2;
	if (ctl->json)
		frame_print_json(&frame);
	else
		frame_print_text(&frame);
}

/* A topic of JSON; a snapshot's bytes are only counted. */
static void print_document(const struct ctl *ctl, const struct message *m)
{
	json_t *data = json_loadb(m->text.data, m->text.size, JSON_DECODE_ANY, NULL);
	char *text = data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	json_decref(data);
	if (!text) {
		print_broken(ctl, m, "this is no JSON");
		return;
	}
	if (ctl->json) {
		printf("{\"topic\":\"%s\",\"data\":%s", m->topic, text);
	} else {
		printf("%s ", m->topic);
		text_print(stdout, text);
	}
	if (m->payload.data)
		printf(ctl->json ? ",\"bytes\":%zu" : " and %zu bytes", m->payload.size);
	free(text);
}

static void end_line(const struct ctl *ctl, int64_t time_ns)
{
	if (ctl->json)
		printf(",\"received_ns\":%" PRId64 "}", time_ns);
	putchar('\n');
}

static void print_record(const struct ctl *ctl, const struct rec_record *record,
	const struct message *m, struct aligned *a)
{
	if (m->kind == MESSAGE_OTHER) {
		print_broken(ctl, m, "a topic that this program does not know, or broken");
		end_line(ctl, record->time_ns);
		return;
	}
	if (!message_has_header(m) && m->kind != MESSAGE_BUNDLE) {
		print_document(ctl, m);
		end_line(ctl, record->time_ns);
		return;
	}
	for (size_t at = 1; at + 1 < m->count; at += 2) {
		print_frame(ctl, m, at, a);
		end_line(ctl, record->time_ns);
		if (m->kind == MESSAGE_ROWS) /* the stamp is in the header */
			break;
	}
}

int cmd_cat(struct ctl *ctl)
{
	double count = HUGE_VAL, got = 0;
	struct rec_filter filter;
	struct rec_record record;
	struct aligned aligned = {0};
	struct message m;
	int rc;

	if (!ctl_number(ctl, OPT_COUNT, 1, 1e18, &count))
		return EXIT_USAGE;
	struct rec_reader *reader = rec_open_word(ctl);
	if (!reader)
		return EXIT_FAILED;
	rc = rec_filter_read(&filter, ctl, reader);
	if (rc == EXIT_OK)
		rc = rec_filter_seek(&filter, ctl, reader);
	while (rc == EXIT_OK && !ctl_stop && got < count) {
		int more = rec_next(reader, &record);

		if (more < 0)
			rc = ctl_fail("%s: cannot read: %s", ctl->words[0], strerror(-more));
		if (more <= 0)
			break;
		message_read(&m, record.frames, record.count);
		if (!rec_filter_takes(&filter, record.time_ns, &m))
			continue;
		print_record(ctl, &record, &m, &aligned);
		got++;
		if (ferror(stdout))
			ctl_flush();
	}
	if (rc == EXIT_OK && rec_tell_damage(ctl, reader))
		rc = EXIT_FAILED;
	rec_close(reader);
	free(aligned.bytes);
	return rc;
}
