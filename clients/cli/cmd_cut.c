/* cut: a part of a recording as a recording of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/record/roll.h"
#include "clients/record/writer.h"

#include "progress.h"
#include "rec_filter.h"

/* A record that what follows may need: descriptions. */
struct kept {
	int64_t time_ns;
	uint8_t *bytes; /* its frames, one after the other */
	struct rec_bytes frames[2];
};

struct cut {
	const struct ctl *ctl;
	struct rec_filter filter;
	struct rec_writer writer;
	struct roll topics; /* of the kept ones: rec/begin/ and each meta/ */
	struct kept *kept;
	uint32_t kept_room;
	bool begun, ended;
	int64_t newest_ns;
	uint64_t records;
};

static int no_memory(void)
{
	return ctl_fail("not enough memory");
}

/* The newest of its topic. */
static int keep(struct cut *c, int64_t time_ns, const struct message *m)
{
	size_t topic = strlen(m->topic);
	int64_t number = roll_number(&c->topics, m->topic, topic);
	struct kept *k;
	uint8_t *bytes;

	if (number < 0)
		return no_memory();
	if (c->topics.room != c->kept_room) {
		k = realloc(c->kept, c->topics.room * sizeof(*k));
		if (!k)
			return no_memory();
		memset(k + c->kept_room, 0, (c->topics.room - c->kept_room) * sizeof(*k));
		c->kept = k;
		c->kept_room = c->topics.room;
	}
	k = &c->kept[number];
	bytes = malloc(topic + m->text.size + 1);
	if (!bytes)
		return no_memory();
	memcpy(bytes, m->topic, topic);
	if (m->text.size)
		memcpy(bytes + topic, m->text.data, m->text.size);
	free(k->bytes);
	*k = (struct kept){.time_ns = time_ns, .bytes = bytes};
	k->frames[0] = (struct rec_bytes){bytes, topic};
	k->frames[1] = (struct rec_bytes){bytes + topic, m->text.size};
	return EXIT_OK;
}

static int put(struct cut *c, int64_t time_ns, const struct rec_bytes *frames, size_t count)
{
	if (rec_write(&c->writer, time_ns, frames, count) < 0)
		return ctl_fail("%s", c->writer.fault);
	c->newest_ns = time_ns;
	c->records++;
	return EXIT_OK;
}

/* What the first records need comes before them. */
static int begin(struct cut *c)
{
	int rc = EXIT_OK;

	c->begun = true;
	for (uint32_t i = 0; i < c->topics.count && rc == EXIT_OK; i++)
		rc = put(c, c->kept[i].time_ns, c->kept[i].frames, 2);
	return rc;
}

/* A range of ticks says nothing of messages without any: those in between are taken. */
static bool takes(struct cut *c, int64_t time_ns, const struct message *m)
{
	struct rec_filter in_time = c->filter;
	bool ticks = message_has_header(m) || m->kind == MESSAGE_BUNDLE;

	if (ticks || !c->filter.ticks) {
		if (ticks && c->filter.ticks && m->header.tick >= c->filter.to_tick &&
			rec_filter_names(&c->filter, m))
			c->ended = true;
		return rec_filter_takes(&c->filter, time_ns, m);
	}
	in_time.ticks = false;
	return c->begun && !c->ended && rec_filter_takes(&in_time, time_ns, m);
}

static int cut_record(struct cut *c, const struct rec_record *record)
{
	bool described;
	struct message m;
	int rc = EXIT_OK;

	message_read(&m, record->frames, record->count);
	described = m.kind == MESSAGE_BEGIN ||
		    (m.kind == MESSAGE_META && rec_filter_names(&c->filter, &m));
	if (!c->begun && described)
		return keep(c, record->time_ns, &m);
	/* The beginning of the rest, and the end of the whole, are not this one's. */
	if (m.kind == MESSAGE_BEGIN || m.kind == MESSAGE_END || !takes(c, record->time_ns, &m))
		return EXIT_OK;
	if (!c->begun)
		rc = begin(c);
	return rc == EXIT_OK ? put(c, record->time_ns, record->frames, record->count) : rc;
}

static int cut_file(struct cut *c, struct rec_reader *reader)
{
	struct progress progress;
	struct rec_record record;
	int rc = EXIT_OK, more = 0;

	progress_begin(&progress, !c->ctl->json);
	while (rc == EXIT_OK && !ctl_stop && (more = rec_next(reader, &record)) > 0) {
		rc = cut_record(c, &record);
		if (progress_due(&progress))
			progress_line(&progress,
				(double)rec_offset(reader) / (double)rec_size(reader), "cutting");
	}
	progress_end(&progress);
	if (more < 0)
		return ctl_fail("%s: cannot read: %s", c->ctl->words[0], strerror(-more));
	if (rc == EXIT_OK && ctl_stop)
		return ctl_fail("interrupted: %s has the first part only", c->writer.path);
	return rc;
}

/* As a recorder that has come to its end. */
static int end(struct cut *c)
{
	char text[80];
	int size = snprintf(
		text, sizeof(text), "{\"reason\":\"cut\",\"messages\":%" PRIu64 "}", c->records);
	const struct rec_bytes frames[] = {
		{message_prefixes[MESSAGE_END], strlen(message_prefixes[MESSAGE_END])},
		{text, (size_t)size}};

	return put(c, c->newest_ns, frames, 2);
}

static int open_part(struct cut *c, const struct rec_reader *reader, const char *path)
{
	json_t *head = json_loads(rec_text(reader), 0, NULL);
	struct rec_writer_conf conf = {.zstd = c->ctl->opts.value[OPT_ZSTD] != NULL,
		.replace = c->ctl->opts.value[OPT_FORCE] != NULL,
		.sync_ns = INT64_MAX};
	char *text;
	int rc;

	if (!head)
		head = json_object();
	json_object_set_new(head, "cut_from", json_string(c->ctl->words[0]));
	text = json_dumps(head, JSON_COMPACT);
	json_decref(head);
	if (!text)
		return no_memory();
	conf.text = text;
	rc = rec_writer_open(&c->writer, path, &conf);
	free(text);
	return rc < 0 ? ctl_fail("%s", c->writer.fault) : EXIT_OK;
}

static void report(const struct cut *c)
{
	char bytes[32];

	if (c->ctl->json)
		printf("{\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", c->records,
			c->writer.bytes);
	else
		printf("%s: %" PRIu64 " records, %s\n", c->writer.path, c->records,
			progress_bytes((double)c->writer.bytes, bytes, sizeof(bytes)));
}

int cmd_cut(struct ctl *ctl)
{
	struct cut c = {.ctl = ctl, .writer.fd = -1};
	struct rec_reader *reader = rec_open_word(ctl);
	int rc;

	if (!reader)
		return EXIT_FAILED;
	signal(SIGXFSZ, SIG_IGN);
	rc = rec_filter_read(&c.filter, ctl, reader);
	c.filter.words++; /* the second word is the part's file */
	c.filter.n_words--;
	if (rc == EXIT_OK)
		rc = open_part(&c, reader, ctl->words[1]);
	if (rc == EXIT_OK) {
		rc = cut_file(&c, reader);
		if (rc == EXIT_OK && c.begun)
			rc = end(&c);
		if (rec_writer_close(&c.writer) < 0)
			rc = ctl_fail("%s", c.writer.fault);
		report(&c);
		if (rec_tell_damage(ctl, reader))
			rc = EXIT_FAILED;
	}
	for (uint32_t i = 0; i < c.topics.count; i++)
		free(c.kept[i].bytes);
	free(c.kept);
	roll_fini(&c.topics);
	rec_close(reader);
	return rc;
}
