/* record: what spiked takes in and gives out, into a file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/record/message.h"
#include "clients/record/roll.h"
#include "clients/record/writer.h"

#include "base64.h"
#include "ctl.h"
#include "progress.h"
#include "text.h"

#define NO_METHOD      (-32601)
#define AGAIN_MS       5000 /* to a control that did not answer */
#define WAIT_MS        50
#define AT_ONCE        5000    /* messages between two looks at the clock */
#define QUEUE          1000000 /* messages that may wait while the disk takes its time */
#define META_NS        60000000000
#define SOON_MS        3000
#define STATE_PAUSE_MS 250  /* between two questions for the same stream's */
#define STATES_MS      20   /* between two questions for a state */
#define STATE_EVERY    60.0 /* seconds */
#define SYNC_EVERY     5.0

/* What is known of a stream. */
struct known {
	char *meta; /* the newest that was written */
	size_t meta_size;
	int64_t meta_ns;  /* when */
	int64_t state_ms; /* when its state is to be asked for next; INT64_MAX = never */
	int64_t asked_ms; /* when it was last */
	bool again;       /* once more soon: of the first one, rows may not have been heard yet */
};

struct recorder {
	struct ctl *ctl;
	const char *path;
	struct spiked_receiver *receiver;
	struct rec_writer writer;
	struct roll topics, streams;
	struct message_place *places; /* of the topics */
	struct known *known;          /* of the streams */
	double state_every;
	bool asks; /* control answers: states can be had */
	int64_t next_ask_ms;
	char refusal[600]; /* why one could not, "" = all could */
	uint64_t messages, lost, rows, states;
	struct progress progress;
};

static int64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Room for one more number of the names in a list beside them, zeroed. */
static void *beside(void *list, uint32_t number, uint32_t room_before, uint32_t room, size_t item)
{
	char *more = list;

	if (number < room_before || room == room_before)
		return list;
	more = realloc(list, room * item);
	if (more)
		memset(more + room_before * item, 0, (room - room_before) * item);
	return more;
}

static int no_memory(void)
{
	return ctl_fail("not enough memory");
}

/* A record of the recorder's own. Takes `json`. */
static int write_own(
	struct recorder *r, const char *topic, json_t *json, const void *more, size_t size)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	const struct rec_bytes frames[] = {
		{topic, strlen(topic)}, {text, text ? strlen(text) : 0}, {more, size}};
	int rc = text ? rec_write(&r->writer, real_ns(), frames, more ? 3 : 2) : 0;

	json_decref(json);
	if (!text)
		return no_memory();
	free(text);
	return rc < 0 ? ctl_fail("%s", r->writer.fault) : EXIT_OK;
}

static json_t *epoch_json(uint64_t epoch)
{
	return json_sprintf("%016" PRIx64, epoch);
}

static struct known *known_stream(struct recorder *r, const char *name)
{
	uint32_t room = r->streams.room, count = r->streams.count;
	int64_t number = roll_number(&r->streams, name, strlen(name));
	struct known *known = number < 0 ? NULL
					 : beside(r->known, (uint32_t)number, room, r->streams.room,
						   sizeof(*known));

	if (!known)
		return NULL;
	r->known = known;
	if (r->streams.count > count)
		known[number].state_ms = INT64_MAX;
	return &known[number];
}

/* The stream's state is wanted as soon as it can be asked for again. */
static void ask_soon(struct known *k)
{
	int64_t now_ms = ctl_now_ms(), soon_ms = k->asked_ms + STATE_PAUSE_MS;

	if (soon_ms < now_ms)
		soon_ms = now_ms;
	if (soon_ms < k->state_ms)
		k->state_ms = soon_ms;
}

/* Counts what is missing of the topic and writes that down. */
static int account(struct recorder *r, const struct message *m)
{
	uint32_t room = r->topics.room;
	int64_t number = roll_number(&r->topics, m->topic, strlen(m->topic));
	struct message_place *places = number < 0 ? NULL
						  : beside(r->places, (uint32_t)number, room,
							    r->topics.room, sizeof(*places));
	uint64_t missing;

	if (!places)
		return no_memory();
	r->places = places;
	missing = message_missing(&places[number], m);
	if (!missing)
		return EXIT_OK;
	r->lost += missing;
	if (r->asks && m->kind != MESSAGE_BUNDLE) { /* from its next state on all is known again */
		struct known *k = known_stream(r, m->stream);

		if (k)
			ask_soon(k);
	}
	return write_own(r, message_prefixes[MESSAGE_LOST],
		json_pack("{s:s, s:I, s:o, s:I, s:I}", "topic", m->topic, "lost",
			(json_int_t)missing, "epoch", epoch_json(m->header.epoch), "from",
			(json_int_t)(m->header.seq - missing), "to",
			(json_int_t)(m->header.seq - 1)),
		NULL, 0);
}

/* meta/ comes every second; it is written when it says something else, and now and then. *write says
 * which. A stream that is new, or has changed, has its state asked for. */
static int take_meta(struct recorder *r, const struct message *m, int64_t now_ns, bool *write)
{
	struct known *k = known_stream(r, m->stream);
	char *copy;

	if (!k)
		return no_memory();
	*write = true;
	if (k->meta && k->meta_size == m->text.size &&
		!memcmp(k->meta, m->text.data, k->meta_size)) {
		*write = now_ns - k->meta_ns >= META_NS;
		k->meta_ns = *write ? now_ns : k->meta_ns;
		return EXIT_OK;
	}
	copy = malloc(m->text.size + 1);
	if (!copy)
		return no_memory();
	memcpy(copy, m->text.data, m->text.size);
	free(k->meta);
	k->meta = copy;
	k->meta_size = m->text.size;
	k->meta_ns = now_ns;
	if (r->asks) {
		k->state_ms = ctl_now_ms();
		k->again = true;
	}
	return EXIT_OK;
}

static int take(struct recorder *r, const struct spiked_bytes *raw, size_t count)
{
	_Static_assert(sizeof(struct spiked_bytes) == sizeof(struct rec_bytes), "the same thing");
	const struct rec_bytes *frames = (const struct rec_bytes *)raw;
	int64_t now_ns = real_ns();
	struct message m;
	bool write = true;
	int rc = EXIT_OK;

	message_read(&m, frames, count);
	if (message_has_header(&m) || m.kind == MESSAGE_BUNDLE)
		rc = account(r, &m);
	else if (m.kind == MESSAGE_META)
		rc = take_meta(r, &m, now_ns, &write);
	if (rc != EXIT_OK || !write)
		return rc;
	if (rec_write(&r->writer, now_ns, frames, count) < 0)
		return ctl_fail("%s", r->writer.fault);
	r->messages++;
	r->rows += m.kind == MESSAGE_ROWS ? m.header.count : 0;
	return EXIT_OK;
}

/* Asks for a stream's state and writes it down. */
static int ask_state(struct recorder *r, const char *name, struct known *k)
{
	struct spiked_error refusal;
	json_t *answer = ctl_try(r->ctl, "snapshot", json_pack("{s:s}", "name", name), &refusal);
	const char *text = json_string_value(json_object_get(answer, "snapshot"));
	uint8_t *bytes;
	char topic[100];
	size_t size;
	int rc;

	k->asked_ms = ctl_now_ms();
	k->state_ms = INT64_MAX;
	if (k->again)
		k->state_ms = k->asked_ms + SOON_MS;
	else if (r->state_every > 0)
		k->state_ms = k->asked_ms + (int64_t)(r->state_every * 1e3);
	k->again = false;
	bytes = text ? base64_decode(text, &size) : NULL;
	if (!bytes) {
		if (*refusal.message)
			snprintf(r->refusal, sizeof(r->refusal), "%s", refusal.message);
		else
			k->state_ms = r->next_ask_ms = ctl_now_ms() + AGAIN_MS;
		r->asks = refusal.code != NO_METHOD;
		json_decref(answer);
		return EXIT_OK;
	}
	/* A state is of use to those only who know the stream. */
	snprintf(topic, sizeof(topic), "%s%s/", message_prefixes[MESSAGE_META], name);
	const struct rec_bytes meta[] = {{topic, strlen(topic)}, {k->meta, k->meta_size}};

	k->meta_ns = real_ns();
	if (rec_write(&r->writer, k->meta_ns, meta, 2) < 0) {
		free(bytes);
		json_decref(answer);
		return ctl_fail("%s", r->writer.fault);
	}
	json_object_del(answer, "snapshot");
	snprintf(topic, sizeof(topic), "%s%s/", message_prefixes[MESSAGE_SNAPSHOT], name);
	rc = write_own(r, topic, answer, bytes, size);
	free(bytes);
	r->states++;
	return rc;
}

/* One at a time, so that messages do not pile up meanwhile. With the last one, the file can be verified: it
 * is written at once. */
static int ask_states(struct recorder *r)
{
	int64_t now_ms = ctl_now_ms();
	uint32_t due = 0, first = 0;
	int rc;

	if (!r->asks || now_ms < r->next_ask_ms)
		return EXIT_OK;
	for (uint32_t i = r->streams.count; i-- > 0;) {
		if (r->known[i].state_ms > now_ms)
			continue;
		due++;
		first = i;
	}
	if (!due)
		return EXIT_OK;
	r->next_ask_ms = now_ms + STATES_MS;
	rc = ask_state(r, r->streams.names[first], &r->known[first]);
	if (rc == EXIT_OK && due == 1 && rec_writer_flush(&r->writer) < 0)
		return ctl_fail("%s", r->writer.fault);
	return rc;
}

static void show(struct recorder *r, int64_t start_ms)
{
	char bytes[32], time[32];

	if (!progress_due(&r->progress))
		return;
	progress_line(&r->progress, -1,
		"%s  %" PRIu32 " streams  %" PRIu64 " messages  %" PRIu64 " rows  lost %" PRIu64
		"  %s",
		text_uptime((double)((ctl_now_ms() - start_ms) / 1000), time, sizeof(time)),
		r->streams.count, r->messages, r->rows, r->lost,
		progress_bytes((double)(r->writer.bytes + r->writer.used), bytes, sizeof(bytes)));
}

static int receive(struct recorder *r, double seconds)
{
	int64_t start_ms = ctl_now_ms();
	struct ctl_watch watch;

	ctl_watch_init(&watch, r->ctl, "publish", r->ctl->publish);
	while (!ctl_stop && (double)(ctl_now_ms() - start_ms) < seconds * 1e3) {
		int rc = 0;

		for (int i = 0; i < AT_ONCE && rc == 0 && !ctl_stop; i++) {
			const struct spiked_bytes *frames;
			size_t count;

			rc = spiked_recv_raw(r->receiver, &frames, &count, i ? 0 : WAIT_MS);
			if (rc == 0 && take(r, frames, count) != EXIT_OK)
				return EXIT_FAILED;
		}
		if (rc < 0 && rc != -EAGAIN && rc != -EINTR && rc != -EBADMSG)
			return ctl_fail(
				"receiving from %s: %s", r->ctl->publish, spiked_strerror(rc));
		if (!ctl_watch_link(&watch, spiked_receiver_link(r->receiver)))
			return EXIT_FAILED;
		if (ask_states(r) != EXIT_OK)
			return EXIT_FAILED;
		if (rec_writer_poll(&r->writer) < 0)
			return ctl_fail("%s", r->writer.fault);
		show(r, start_ms);
	}
	return EXIT_OK;
}

static int subscribe_stream(struct recorder *r, const char *stream)
{
	static const enum spiked_topic topics[] = {
		SPIKED_TOPIC_ROWS, SPIKED_TOPIC_SPIKES, SPIKED_TOPIC_STATE};
	const struct ctl *ctl = r->ctl;
	int rc = 0;

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]) && rc == 0; i++)
		rc = spiked_subscribe(r->receiver, topics[i], stream);
	if (rc == 0 && ctl->opts.value[OPT_VALUES])
		rc = spiked_subscribe(r->receiver, SPIKED_TOPIC_VALUES, stream);
	/* The last: when it comes, all the others are in force. */
	return rc == 0 ? spiked_subscribe(r->receiver, SPIKED_TOPIC_META, stream) : rc;
}

static int subscribe(struct recorder *r)
{
	struct ctl *ctl = r->ctl;
	int rc = spiked_subscribe(r->receiver, SPIKED_TOPIC_STATUS, NULL);

	if (rc == 0 && ctl->n_words == 1)
		rc = subscribe_stream(r, NULL);
	for (int i = 1; rc == 0 && i < ctl->n_words; i++) {
		const char *word = ctl->words[i];

		rc = strchr(word, '/') ? spiked_subscribe_prefix(r->receiver, word)
				       : subscribe_stream(r, word);
		if (rc < 0)
			return ctl_usage(ctl,
				"record: \"%s\" is no stream's name (letters, digits, _ . -, at most "
				"64) and no topic (with a slash)",
				word);
	}
	return rc < 0 ? ctl_fail("cannot subscribe: %s", spiked_strerror(rc)) : EXIT_OK;
}

/* Who records what, for the head of the file. */
static char *head_text(const struct recorder *r)
{
	json_t *words = json_array(), *head;
	char host[256] = "";
	char *text;

	gethostname(host, sizeof(host) - 1);
	for (int i = 1; i < r->ctl->n_words; i++)
		json_array_append_new(words, json_string(r->ctl->words[i]));
	head = json_pack("{s:o, s:s, s:{s:s, s:s}, s:o}", "creator",
		json_sprintf("spikectl %s", spiked_client_version()), "host", host, "endpoints",
		"publish", r->ctl->publish, "control", r->ctl->control, "topics", words);
	text = head ? json_dumps(head, JSON_COMPACT) : NULL;
	json_decref(head);
	return text;
}

static int open_file(struct recorder *r, double sync)
{
	char *text = head_text(r);
	const struct rec_writer_conf conf = {.text = text,
		.zstd = r->ctl->opts.value[OPT_ZSTD] != NULL,
		.replace = r->ctl->opts.value[OPT_FORCE] != NULL,
		.sync_ns = (int64_t)(sync * 1e9)};
	int rc;

	if (!text)
		return ctl_fail(
			"the words given are no text (UTF-8), or there is not enough memory");
	rc = rec_writer_open(&r->writer, r->path, &conf);
	free(text);
	return rc < 0 ? ctl_fail("%s", r->writer.fault) : EXIT_OK;
}

/* What spiked says of itself. It may do without control, and so does a recording. */
static int write_begin(struct recorder *r)
{
	json_t *info = NULL, *streams = NULL;

	/* Just started, it may have more urgent things to do. */
	for (int i = 0; !info && i < 4; i++)
		info = ctl_try(r->ctl, "info", NULL, NULL);
	r->asks = true;
	if (info)
		streams = ctl_try(r->ctl, "streams", NULL, NULL);
	return write_own(r, message_prefixes[MESSAGE_BEGIN],
		json_pack("{s:o?, s:o?}", "info", info, "streams", streams), NULL, 0);
}

static int finish(struct recorder *r, int rc)
{
	if (rc == EXIT_OK)
		rc = write_own(r, message_prefixes[MESSAGE_END],
			json_pack("{s:s, s:I, s:I}", "reason", ctl_stop ? "interrupted" : "time",
				"messages", (json_int_t)r->messages, "lost", (json_int_t)r->lost),
			NULL, 0);
	if (rec_writer_close(&r->writer) < 0)
		rc = ctl_fail("%s", r->writer.fault);
	return rc;
}

static void report(const struct recorder *r)
{
	char bytes[32];

	if (r->ctl->json) {
		printf("{\"messages\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"lost\":%" PRIu64
		       ",\"states\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
			r->messages, r->rows, r->lost, r->states, r->writer.bytes);
		return;
	}
	printf("%s: %" PRIu64 " messages, %" PRIu64 " rows of %" PRIu32 " streams, %s\n", r->path,
		r->messages, r->rows, r->streams.count,
		progress_bytes((double)r->writer.bytes, bytes, sizeof(bytes)));
	if (r->lost)
		printf("%" PRIu64 " messages were lost on the way here, each gap is written down; "
		       "a larger send_queue in spiked's configuration, or fewer topics, helps\n",
			r->lost);
	if (*r->refusal || !r->states)
		printf("without the streams' state (%s), so \"spikectl verify\" can only begin where "
		       "a stream began or was reset\n",
			*r->refusal ? r->refusal : "control does not answer");
}

static void tidy_up(struct recorder *r)
{
	for (uint32_t i = 0; i < r->streams.count; i++)
		free(r->known[i].meta);
	free(r->known);
	free(r->places);
	roll_fini(&r->streams);
	roll_fini(&r->topics);
	spiked_receiver_close(r->receiver);
}

int cmd_record(struct ctl *ctl)
{
	double seconds = HUGE_VAL, sync = SYNC_EVERY;
	struct recorder r = {
		.ctl = ctl, .path = ctl->words[0], .state_every = STATE_EVERY, .writer.fd = -1};
	int rc;

	if (!ctl_number(ctl, OPT_SECONDS, 0, 1e9, &seconds) ||
		!ctl_number(ctl, OPT_SYNC, 0, 1e6, &sync) ||
		!ctl_number(ctl, OPT_STATE_EVERY, 0, 1e9, &r.state_every))
		return EXIT_USAGE;
	ctl->options.queue = QUEUE;
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is told like a full disk */
	r.receiver = spiked_receiver_new(ctl->publish, &ctl->options);
	if (!r.receiver)
		return ctl_fail("cannot use the publish endpoint \"%s\": %s", ctl->publish,
			spiked_strerror(-errno));
	rc = subscribe(&r);
	if (rc == EXIT_OK)
		rc = open_file(&r, sync);
	if (rc == EXIT_OK) {
		progress_begin(&r.progress, !ctl->json);
		rc = write_begin(&r);
		if (rc == EXIT_OK)
			rc = receive(&r, seconds);
		progress_end(&r.progress);
		rc = finish(&r, rc);
		report(&r);
	}
	tidy_up(&r);
	return rc;
}
