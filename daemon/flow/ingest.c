/* Rows in: messages to rows to streams, or a counter with the reason.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/ingest.h"

#include "daemon/core/clock.h"
#include "spiked/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_ROW (64 * 1024) /* bytes: those below take no time worth a word */
#define MIB       (1024 * 1024)

struct named {
	const char *name;
	size_t size;
};

/* The parts of a row message, told apart by its source. */
struct incoming {
	struct named name;
	zmq_msg_t *payload, *stamp; /* NULL = not there */
};

static counter_t *reject_counter(struct ingest *in, struct stream *s, enum reject reason)
{
	switch (reason) {
	case REJECT_LENGTH:
		return &s->counters.rejected_length;
	case REJECT_EMPTY:
		return &s->counters.rejected_empty;
	case REJECT_TOO_BIG:
		return &s->counters.rejected_too_big;
	case REJECT_CHANNEL:
		return &s->counters.rejected_channel;
	case REJECT_JSON:
		return &s->counters.rejected_json;
	case REJECT_STAMP:
		return &s->counters.rejected_stamp;
	case REJECT_FRAMES:
		return s ? &s->counters.rejected_frames : &in->counters->rejected_frames;
	case REJECT_NOT_ALLOWED:
		return s ? &s->counters.rejected_not_allowed : &in->counters->rejected_not_allowed;
	case REJECT_RATE:
		return s ? &s->counters.rejected_rate : &in->counters->rejected_rate;
	case REJECT_STEP:
		return &in->counters->rejected_step;
	case REJECT_UNKNOWN_STREAM:
		return &in->counters->rejected_unknown_stream;
	case REJECT_NONE:
	case REJECT_COUNT:
		break;
	}
	assert(0 && "a reject has a reason");
	return NULL;
}

/* Counts a rejected message; the log hears of each reason at most once a second. */
static void reject(
	struct ingest *in, struct stream *s, const struct incoming *m, enum reject reason)
{
	const struct named name = m->name;
	struct note note = {.kind = NOTE_REJECTED,
		.number = reason,
		.count = m->payload ? (int64_t)zmq_msg_size(m->payload) : 0};
	size_t size = name.size < sizeof(note.text) - 1 ? name.size : sizeof(note.text) - 1;
	int64_t now_ns;

	counter_add(reject_counter(in, s, reason), 1);
	now_ns = clock_mono_ns();
	if (now_ns - in->noted_ns[reason] < NS_PER_S)
		return;
	in->noted_ns[reason] = now_ns;
	memcpy(note.text, name.name, size);
	mailbox_note(in->mailbox, &note);
}

static enum reject split(
	const struct conf_ingest *conf, zmq_msg_t *parts, unsigned count, struct incoming *m)
{
	bool bare = conf->connect && conf->stream && !*conf->topic && count == 1;

	m->name = (struct named){zmq_msg_data(&parts[0]), zmq_msg_size(&parts[0])};
	if (conf->connect && conf->stream)
		m->name = (struct named){conf->stream, strlen(conf->stream)};
	m->payload = bare ? &parts[0] : count >= 2 ? &parts[1] : NULL;
	m->stamp = count == 3 ? &parts[2] : NULL;
	return bare || count == 2 || count == 3 ? REJECT_NONE : REJECT_FRAMES;
}

/* Whose rows these are. A connection whose key is not listed any more is ended. */
static enum reject identify(
	struct ingest *in, zmq_msg_t *part, const struct named *name, uint64_t *who)
{
	const struct acl_client *client;
	struct peer peer;

	*who = 0;
	if (peer_read(part, &peer))
		*who = in->acl ? peer.serial : peer.id;
	if (!in->acl)
		return REJECT_NONE;
	client = acl_by_serial(in->acl, peer.serial);
	if (client)
		return acl_may_send(client, name->name, name->size) ? REJECT_NONE
								    : REJECT_NOT_ALLOWED;
	peer_read_fd(part, &peer);
	if (conns_cut(in->conns, &peer))
		counter_add(&in->counters->connections_cut, 1);
	return REJECT_NOT_ALLOWED;
}

static struct sender *sender_of(struct ingest *in, uint64_t who, int64_t now_ns)
{
	struct sender *sender = &in->senders[who % INGEST_SENDERS];

	if (sender->who != who || now_ns - sender->since_ns >= NS_PER_S)
		*sender = (struct sender){.who = who, .since_ns = now_ns};
	return sender;
}

/* Falls slowly, so that one row that was quick does not make the next tick late. */
static void learn_cost(struct ingest *in, size_t bytes, int64_t cost_ns)
{
	int64_t rate = cost_ns * MIB / (int64_t)bytes, known = in->large_ns_per_mib;

	in->large_ns_per_mib =
		rate > known ? (known ? (known + rate) / 2 : rate) : known + (rate - known) / 8;
}

static void take(struct ingest *in, struct stream *s, const struct rows *rows, size_t bytes,
	int64_t arrival_ns)
{
	int64_t began_ns;

	if (bytes < LARGE_ROW) {
		stream_put(s, rows, in->engine->set->scratch, arrival_ns);
		return;
	}
	began_ns = clock_mono_ns();
	stream_put(s, rows, in->engine->set->scratch, arrival_ns);
	learn_cost(in, bytes, clock_mono_ns() - began_ns);
}

static void send_on(struct ingest *in, struct stream *s, const struct rows *rows,
	const struct incoming *m, int64_t arrival_ns)
{
	const struct engine *e = in->engine;
	const struct taken taken = {.payload = m->payload,
		.stamp = m->stamp,
		.rows = rows,
		.tick = stream_coming_tick(s),
		.time_ns = e->start_real_ns + (arrival_ns - e->start_mono_ns)};

	if (s->wanted >> TOPIC_ROWS & 1)
		publisher_rows(e->publisher, s, &taken);
}

/* What could not be done whole is gone on with by the loop; until then sensors are held back. */
static bool settle(struct ingest *in, enum progress progress)
{
	if (progress == PROGRESS_DONE)
		return true;
	ingest_pause(in);
	in->on_unfinished(in->arg);
	return false;
}

/* Ticks of clock manual that are asked for in line with the rows that they are to use. */
static enum reject take_step(struct ingest *in, const struct source *source,
	const zmq_msg_t *payload, enum progress *how)
{
	size_t size = zmq_msg_size(payload);
	uint64_t ticks[2] = {0}; /* to run, and to pass over before */

	if (in->engine->conf.clock != CLOCK_MANUAL || source->conf->connect)
		return REJECT_STEP;
	if (size != sizeof(ticks[0]) && size != sizeof(ticks))
		return REJECT_STEP;
	memcpy(ticks, zmq_msg_data((zmq_msg_t *)payload), size);
	if (engine_step_after(in->engine, ticks[1], ticks[0]))
		return REJECT_STEP;
	*how = engine_run(in->engine);
	return REJECT_NONE;
}

/* False: as zsock_on_message says. */
static bool take_message(struct source *source, zmq_msg_t *parts, unsigned count, int64_t now_ns)
{
	struct ingest *in = source->ingest;
	struct engine *engine = in->engine;
	enum reject reason;
	struct incoming m;
	struct stream *s;
	struct rows rows;
	const uint8_t *stamp = NULL;
	struct sender *sender = NULL;
	enum progress progress = PROGRESS_DONE;
	uint64_t who;

	reason = split(source->conf, parts, count, &m);
	s = stream_set_find(engine->set, m.name.name, m.name.size);
	if (!reason && !source->conf->connect) {
		reason = identify(in, &parts[0], &m.name, &who);
		sender = sender_of(in, who, now_ns);
	}
	if (!reason && !m.name.size) {
		reason = take_step(in, source, m.payload, &progress);
		if (!reason)
			return settle(in, progress);
	}
	if (!s && !reason)
		reason = REJECT_UNKNOWN_STREAM;
	if (!reason && sender && sender->rows >= in->rows_per_second)
		reason = REJECT_RATE;
	if (!reason && zmq_msg_size(m.payload) > in->max_row_bytes)
		reason = REJECT_TOO_BIG;
	if (!reason && m.stamp) {
		stamp = zmq_msg_data(m.stamp);
		if (zmq_msg_size(m.stamp) != SPIKED_STAMP_SIZE)
			reason = REJECT_STAMP;
	}
	if (!reason)
		reason = rows_decode(&rows, s->conf->type, s->conf->channels,
			zmq_msg_data(m.payload), zmq_msg_size(m.payload), stamp, in->scratch);
	if (reason) {
		reject(in, s, &m, reason);
		return true;
	}
	send_on(in, s, &rows, &m, now_ns);
	stream_count_message(s, &rows);
	if (sender)
		sender->rows += rows.count;
	if (engine->conf.clock == CLOCK_DATA) {
		progress = engine_feed(engine, s, &rows, m.payload, now_ns);
	} else {
		take(in, s, &rows, zmq_msg_size(m.payload), now_ns);
		if (engine->publisher->outbox_count)
			progress = PROGRESS_HELD;
	}
	return settle(in, progress);
}

static bool delays_a_tick(const struct ingest *in, zmq_msg_t *parts, unsigned count, int64_t now_ns)
{
	size_t bytes = 0;

	if (in->engine->conf.clock != CLOCK_WALL)
		return false;
	for (unsigned i = 0; i < count && i < ZSOCK_PARTS; i++)
		bytes += zmq_msg_size(&parts[i]);
	if (bytes < LARGE_ROW)
		return false;
	return now_ns + (int64_t)bytes * in->large_ns_per_mib / MIB > engine_next_due(in->engine);
}

static bool on_message(struct zsock *z, zmq_msg_t *parts, unsigned count)
{
	struct source *source = z->data;
	struct ingest *in = source->ingest;
	int64_t now_ns = clock_mono_ns();

	if (!delays_a_tick(in, parts, count, now_ns))
		return take_message(source, parts, count, now_ns);
	for (unsigned i = 0; i < count && i < ZSOCK_PARTS; i++) {
		zmq_msg_init(&in->kept[i]);
		zmq_msg_move(&in->kept[i], &parts[i]);
	}
	counter_add(&in->counters->rows_postponed, 1);
	in->kept_count = count;
	in->kept_by = source;
	in->kept_ns = now_ns;
	ingest_pause(in);
	return false;
}

static void drop_kept(struct ingest *in)
{
	for (unsigned i = 0; i < in->kept_count && i < ZSOCK_PARTS; i++)
		zmq_msg_close(&in->kept[i]);
	in->kept_count = 0;
}

/* However long it takes: where no two ticks leave room for it, it would wait for ever. */
void ingest_after_tick(struct ingest *in)
{
	if (!in->kept_count)
		return;
	take_message(in->kept_by, in->kept, in->kept_count, in->kept_ns);
	drop_kept(in);
	ingest_resume(in);
}

struct source *source_new(void *socket, const struct conf_ingest *conf)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source) {
		zmq_close(socket);
		return NULL;
	}
	source->socket = socket;
	source->conf = conf;
	return source;
}

void source_free(struct source *source)
{
	if (source && source->socket)
		zmq_close(source->socket);
	free(source);
}

struct source_list *source_list_new(uint32_t count)
{
	struct source_list *list = calloc(1, sizeof(*list) + count * sizeof(list->items[0]));

	if (list)
		list->count = count;
	return list;
}

void source_list_free(struct source_list *list)
{
	for (uint32_t i = 0; list && i < list->count; i++)
		source_free(list->items[i]);
	free(list);
}

int ingest_init(struct ingest *in, struct zloop *zl, struct source_list *sources,
	const struct conf *conf, struct engine *engine, struct daemon_counters *counters,
	struct mailbox *mailbox)
{
	int ret = 0;

	*in = (struct ingest){
		.sources = sources,
		.engine = engine,
		.max_row_bytes = conf->max_row_bytes,
		.rows_per_second =
			conf->clock == CLOCK_WALL ? conf->limits.rows_per_second : UINT64_MAX,
		.counters = counters,
		.mailbox = mailbox,
	};
	in->scratch = calloc(rows_scratch_floats(conf->max_row_bytes), sizeof(float));
	if (!in->scratch)
		return -ENOMEM;
	for (int reason = 0; reason < REJECT_COUNT; reason++)
		in->noted_ns[reason] = -NS_PER_S;
	for (uint32_t i = 0; !ret && i < sources->count; i++)
		ret = ingest_open(in, zl, sources->items[i]);
	ingest_use(in, sources);
	return ret;
}

int ingest_open(struct ingest *in, struct zloop *zl, struct source *source)
{
	int ret;

	zsock_change_thread();
	ret = zsock_init(&source->zsock, zl, source->socket, on_message, source);
	if (ret)
		return ret;
	source->socket = NULL;
	source->ingest = in;
	zsock_pause(&source->zsock);
	return 0;
}

static void on_source_closed(struct zsock *z)
{
	struct source *source = z->data;

	source->on_closed(source->arg);
}

void ingest_close_source(struct source *source, void (*on_closed)(void *arg), void *arg)
{
	if (source->ingest->kept_by == source)
		ingest_after_tick(source->ingest);
	source->on_closed = on_closed;
	source->arg = arg;
	source->zsock.on_closed = on_source_closed;
	zsock_close(&source->zsock, 0);
}

struct source_list *ingest_use(struct ingest *in, struct source_list *sources)
{
	struct source_list *before = in->sources;

	in->sources = sources;
	for (uint32_t i = 0; !in->paused && i < sources->count; i++)
		zsock_resume(&sources->items[i]->zsock);
	return before;
}

void ingest_use_acl(struct ingest *in, const struct acl *acl)
{
	in->acl = acl;
}

void ingest_close(struct ingest *in)
{
	for (uint32_t i = 0; in->sources && i < in->sources->count; i++)
		if (in->sources->items[i]->zsock.socket)
			zsock_close(&in->sources->items[i]->zsock, 0);
}

void ingest_fini(struct ingest *in)
{
	drop_kept(in);
	source_list_free(in->sources);
	free(in->scratch);
	in->sources = NULL;
	in->scratch = NULL;
}

void ingest_pause(struct ingest *in)
{
	in->paused = true;
	for (uint32_t i = 0; i < in->sources->count; i++)
		zsock_pause(&in->sources->items[i]->zsock);
}

void ingest_resume(struct ingest *in)
{
	if (!in->paused)
		return;
	in->paused = false;
	for (uint32_t i = 0; i < in->sources->count; i++)
		zsock_resume(&in->sources->items[i]->zsock);
}
