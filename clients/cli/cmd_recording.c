/* info FILE: what is in a recording.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/record/roll.h"

#include "progress.h"
#include "rec_filter.h"
#include "recording.h"
#include "text.h"

/* One topic of the recording. */
struct counted {
	enum message_kind kind;
	uint64_t messages, bytes, lost;
	uint64_t items; /* spikes, values or rows, by the headers */
	uint64_t first_tick, last_tick;
	uint64_t epochs; /* that it was seen in */
	struct message_place place;
};

struct survey {
	struct roll topics;
	struct counted *counted;
	uint64_t records;
	int64_t first_ns, last_ns;
	uint32_t states;
	char end[40];  /* how the recorder said that it stopped; "" = it did not */
	json_t *metas; /* by stream */
};

static struct counted *counted_topic(struct survey *s, const struct message *m)
{
	const char *topic = m->kind == MESSAGE_OTHER ? "(others)" : m->topic;
	uint32_t room = s->topics.room, count = s->topics.count;
	int64_t number = roll_number(&s->topics, topic, strlen(topic));
	struct counted *more;

	if (number < 0)
		return NULL;
	if (s->topics.room != room) {
		more = realloc(s->counted, s->topics.room * sizeof(*more));
		if (!more)
			return NULL;
		s->counted = more;
	}
	if (s->topics.count > count)
		s->counted[number] = (struct counted){.kind = m->kind};
	return &s->counted[number];
}

static int survey_record(struct survey *s, const struct rec_record *record)
{
	struct message m;
	struct counted *c;
	json_t *json;

	message_read(&m, record->frames, record->count);
	c = counted_topic(s, &m);
	if (!c)
		return EXIT_FAILED;
	if (!s->records || record->time_ns < s->first_ns)
		s->first_ns = record->time_ns;
	if (!s->records || record->time_ns > s->last_ns)
		s->last_ns = record->time_ns;
	s->records++;
	for (uint32_t i = 0; i < record->count; i++)
		c->bytes += record->frames[i].size;
	if (message_has_header(&m)) {
		if (!c->messages || m.header.epoch != c->place.epoch)
			c->epochs++;
		if (!c->messages)
			c->first_tick = m.header.tick;
		c->last_tick = m.header.tick;
		c->items += m.header.count;
		c->lost += message_missing(&c->place, &m);
	}
	c->messages++;
	s->states += m.kind == MESSAGE_SNAPSHOT;
	if (m.kind == MESSAGE_END || m.kind == MESSAGE_META) {
		json = json_loadb(m.text.data, m.text.size, 0, NULL);
		if (m.kind == MESSAGE_END)
			snprintf(s->end, sizeof(s->end), "%s", ctl_text(json, "reason"));
		else if (json)
			json_object_set(s->metas, m.stream, json);
		json_decref(json);
	}
	return EXIT_OK;
}

static int survey_file(struct survey *s, const struct ctl *ctl, struct rec_reader *reader)
{
	struct progress progress;
	struct rec_record record;
	int rc = EXIT_OK, more = 0;

	progress_begin(&progress, !ctl->json);
	while (rc == EXIT_OK && !ctl_stop && (more = rec_next(reader, &record)) > 0) {
		rc = survey_record(s, &record);
		if (progress_due(&progress))
			progress_line(&progress,
				(double)rec_offset(reader) / (double)rec_size(reader), "reading");
	}
	progress_end(&progress);
	if (rc != EXIT_OK)
		return ctl_fail("not enough memory");
	if (more < 0)
		return ctl_fail("%s: cannot read: %s", ctl->words[0], strerror(-more));
	return ctl_stop ? EXIT_FAILED : EXIT_OK;
}

static const char *date(int64_t ns, char *buf, size_t size)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, size, "?");
	return buf;
}

static void add_number(struct text_table *table, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	text_table_add(table, text);
}

static void print_topics(const struct survey *s)
{
	static const char *const head[] = {"TOPIC", "MESSAGES", "ITEMS", "LOST", "TICKS", "SIZE"};
	struct text_table table = {.align = "lrrrrr"};
	char text[64];

	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		text_table_add(&table, head[i]);
	for (uint32_t i = 0; i < s->topics.count; i++) {
		const struct counted *c = &s->counted[i];
		bool header = c->kind <= MESSAGE_ROWS;

		text_table_add(&table, s->topics.names[i]);
		add_number(&table, c->messages);
		if (header) {
			add_number(&table, c->items);
			add_number(&table, c->lost);
			snprintf(text, sizeof(text), "%" PRIu64 "...%" PRIu64, c->first_tick,
				c->last_tick);
			text_table_add(&table, text);
		}
		for (int k = 0; !header && k < 3; k++)
			text_table_add(&table, "");
		text_table_add(&table, progress_bytes((double)c->bytes, text, sizeof(text)));
	}
	text_table_print(&table, stdout);
	text_table_fini(&table);
}

static void print_text(
	const struct survey *s, const struct ctl *ctl, const struct rec_reader *reader)
{
	const struct rec_tally *t = rec_tally(reader);
	json_t *head = json_loads(rec_text(reader), 0, NULL);
	char a[64], b[64];

	printf("%s: %s, %s in %" PRIu64 " chunks, by %s on %s\n", ctl->words[0],
		progress_bytes((double)rec_size(reader), a, sizeof(a)),
		text_uptime((double)(s->last_ns - s->first_ns) / 1e9, b, sizeof(b)), t->chunks,
		*ctl_text(head, "creator") ? ctl_text(head, "creator") : "?",
		*ctl_text(head, "host") ? ctl_text(head, "host") : "?");
	if (s->records)
		printf("from %s to %s, %" PRIu64 " records, %" PRIu32 " states\n",
			date(s->first_ns, a, sizeof(a)), date(s->last_ns, b, sizeof(b)), s->records,
			s->states);
	printf("ended: %s\n", *s->end ? s->end : "cut off, or still being written");
	if (t->rest)
		printf("the last %" PRIu64 " bytes are a chunk that was not finished\n", t->rest);
	if (t->damages)
		printf("damaged: %" PRIu64 " places, %" PRIu64 " bytes\n", t->damages,
			t->damaged_bytes);
	putchar('\n');
	print_topics(s);
	json_decref(head);
}

static json_t *topics_json(const struct survey *s)
{
	json_t *topics = json_object();

	for (uint32_t i = 0; i < s->topics.count; i++) {
		const struct counted *c = &s->counted[i];
		json_t *topic = json_pack("{s:I, s:I}", "messages", (json_int_t)c->messages,
			"bytes", (json_int_t)c->bytes);

		if (c->kind <= MESSAGE_ROWS)
			json_object_update_new(topic,
				json_pack("{s:I, s:I, s:I, s:I, s:I}", "items",
					(json_int_t)c->items, "lost", (json_int_t)c->lost,
					"first_tick", (json_int_t)c->first_tick, "last_tick",
					(json_int_t)c->last_tick, "epochs", (json_int_t)c->epochs));
		json_object_set_new(topics, s->topics.names[i], topic);
	}
	return topics;
}

static void print_json(const struct survey *s, const struct rec_reader *reader)
{
	const struct rec_tally *t = rec_tally(reader);
	json_t *head = json_loads(rec_text(reader), 0, NULL);
	json_t *out = json_pack(
		"{s:o?, s:I, s:I, s:I, s:I, s:I, s:I, s:s?, s:{s:I, s:I, s:I, s:I}, s:o, s:O}",
		"head", head, "bytes", (json_int_t)rec_size(reader), "chunks",
		(json_int_t)t->chunks, "records", (json_int_t)s->records, "states",
		(json_int_t)s->states, "first_ns", (json_int_t)s->first_ns, "last_ns",
		(json_int_t)s->last_ns, "ended", *s->end ? s->end : NULL, "damage", "places",
		(json_int_t)t->damages, "bytes", (json_int_t)t->damaged_bytes, "missing_chunks",
		(json_int_t)t->missing_chunks, "unfinished_bytes", (json_int_t)t->rest, "topics",
		topics_json(s), "meta", s->metas);

	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(out);
}

int recording_info(struct ctl *ctl)
{
	struct rec_reader *reader = rec_open_word(ctl);
	struct survey s = {.metas = json_object()};
	int rc = EXIT_FAILED;

	if (reader)
		rc = survey_file(&s, ctl, reader);
	if (rc == EXIT_OK) {
		if (ctl->json)
			print_json(&s, reader);
		else
			print_text(&s, ctl, reader);
		if (rec_tell_damage(ctl, reader))
			rc = EXIT_FAILED;
	}
	free(s.counted);
	roll_fini(&s.topics);
	json_decref(s.metas);
	rec_close(reader);
	return rc;
}
