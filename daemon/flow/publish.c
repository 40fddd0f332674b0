/* Frames to subscribers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/publish.h"

#include "daemon/core/clock.h"
#include "daemon/flow/payload.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META_AT_ONCE  256  /* meta messages sent on one subscription; others follow in a second */
#define META_A_SLOT   1024 /* and on all of a tenth of a second */
#define SLOTS         10
#define OUTBOX_SPARE  2 /* places that rows may need */
#define SETTLE_NS     NS_PER_S
#define SWEEP_AT_ONCE 512 /* subscriptions of connections that have gone, in a tenth of a second */

static bool has_prefix(const struct topic *t, const char *prefix, size_t size)
{
	return t->size >= size && !memcmp(t->name, prefix, size);
}

static void update_wanted(const struct publisher *p, struct topic *t)
{
	t->wanted = t->offered && subscribers_want(&p->subscribers, p->acl, t->name, t->size);
}

static void update_stream(const struct publisher *p, struct stream *s, int k)
{
	update_wanted(p, &s->topics[k]);
	s->wanted = (uint8_t)(s->wanted & ~(1 << k)) | (uint8_t)(s->topics[k].wanted << k);
}

/* The stream one of whose topics `prefix` is in full, e.g. "spikes/imu/"; else NULL. */
static struct stream *named_stream(const struct publisher *p, const char *prefix, size_t size)
{
	const char *slash = memchr(prefix, '/', size);
	const char *name = slash ? slash + 1 : prefix;
	size_t rest = size - (size_t)(name - prefix);

	if (!p->set || !slash || rest < 2 || name[rest - 1] != '/')
		return NULL;
	return stream_set_find(p->set, name, rest - 1);
}

/* Works out anew who wants the topics that begin with `prefix`. Most subscriptions name one topic in
 * full: then no other stream is looked at. */
static void update_matching(struct publisher *p, const char *prefix, size_t size)
{
	struct stream *one = named_stream(p, prefix, size);
	struct stream *const *streams = one ? &one : p->set ? p->set->streams : NULL;
	uint32_t count = one ? 1 : p->set ? p->set->count : 0;

	for (uint32_t i = 0; i < count; i++)
		for (int k = 0; k < TOPIC_COUNT; k++)
			if (has_prefix(&streams[i]->topics[k], prefix, size))
				update_stream(p, streams[i], k);
	for (uint32_t i = 0; p->set && i < p->set->group_count; i++)
		if (has_prefix(&p->set->groups[i].topic, prefix, size))
			update_wanted(p, &p->set->groups[i].topic);
	if (has_prefix(&p->status, prefix, size))
		update_wanted(p, &p->status);
}

static void send_matching_meta(struct publisher *p, const char *prefix, size_t size)
{
	struct stream *one = named_stream(p, prefix, size);
	struct stream *const *streams = one ? &one : p->set ? p->set->streams : NULL;
	uint32_t count = one ? 1 : p->set ? p->set->count : 0, sent = 0;

	for (uint32_t i = 0; i < count && sent < META_AT_ONCE && p->meta_left; i++) {
		if (has_prefix(&streams[i]->topics[TOPIC_META], prefix, size)) {
			publisher_meta(p, streams[i]);
			p->meta_left--;
			sent++;
		}
	}
}

/* No topic ever begins with it: it need not be remembered. */
static bool matches_nothing(const char *prefix, size_t size)
{
	static const char *const others[] = {"bundle", "status"};
	const char *slash = memchr(prefix, '/', size);
	size_t word = slash ? (size_t)(slash - prefix) : size;

	for (size_t i = 0; i < TOPIC_COUNT + 2; i++) {
		const char *text = i < TOPIC_COUNT ? topic_words[i] : others[i - TOPIC_COUNT];

		if (strlen(text) >= word && !memcmp(text, prefix, word) &&
			(!slash || strlen(text) == word))
			return false;
	}
	return true;
}

/* One word of one connection about one prefix. */
struct wish {
	struct peer peer;
	struct subscriber *subscriber;
	const struct acl_client *client; /* NULL without keys */
	const char *prefix;
	size_t size;
};

static void note(struct publisher *p, const struct wish *w, enum refusal why)
{
	struct note note = {.kind = NOTE_SUBSCRIPTION, .number = why, .count = w->peer.serial};
	size_t size = w->size < sizeof(note.text) - 1 ? w->size : sizeof(note.text) - 1;
	int64_t now_ns = clock_mono_ns();

	if (now_ns - p->noted_ns[why] < NS_PER_S)
		return;
	p->noted_ns[why] = now_ns;
	memcpy(note.text, w->prefix, size);
	mailbox_note(p->mailbox, &note);
}

static void refuse(struct publisher *p, const struct wish *w, enum refusal why)
{
	counter_add(&p->counters->subscriptions_refused, 1);
	note(p, w, why);
}

static void cut(struct publisher *p, const struct wish *w, enum refusal why)
{
	if (!conns_cut(p->subscribers.conns, &w->peer))
		return;
	counter_add(&p->counters->connections_cut, 1);
	note(p, w, why);
}

/* What nothing can be done with also costs ZeroMQ memory. */
static void count_excess(struct publisher *p, struct wish *w)
{
	if (++w->subscriber->excess == p->subscribers.limit)
		cut(p, w, REFUSAL_EXCESS);
}

/* Lets ZeroMQ send to the connection what it asked for, as far as it may hear it. False: nothing. */
static bool grant(struct publisher *p, const struct wish *w)
{
	struct acl_grant g;
	uint32_t at = 0;
	bool any = false;

	while (acl_grant(w->client, w->prefix, w->size, &at, &g)) {
		zmq_setsockopt(p->socket, ZMQ_SUBSCRIBE, g.prefix, g.size);
		any = true;
	}
	return any;
}

static void withdraw(struct publisher *p, const struct wish *w)
{
	struct acl_grant g;
	uint32_t at = 0;

	while (acl_grant(w->client, w->prefix, w->size, &at, &g))
		if (!subscribers_grant_needed(&p->subscribers, w->subscriber, w->client, &g))
			zmq_setsockopt(p->socket, ZMQ_UNSUBSCRIBE, g.prefix, g.size);
}

static void subscribe(struct publisher *p, struct wish *w)
{
	switch (subscribers_add(&p->subscribers, w->subscriber, w->prefix, w->size)) {
	case SUBSCRIBED_BEFORE:
		return;
	case SUBSCRIBED_TOO_MANY:
		refuse(p, w, REFUSAL_TOO_MANY);
		count_excess(p, w);
		return;
	case SUBSCRIBED_NEW:
		break;
	}
	if (w->client && !grant(p, w)) {
		refuse(p, w, REFUSAL_NOT_ALLOWED);
		return;
	}
	update_matching(p, w->prefix, w->size);
	send_matching_meta(p, w->prefix, w->size);
}

static void unsubscribe(struct publisher *p, struct wish *w)
{
	if (!subscribers_remove(&p->subscribers, w->subscriber, w->prefix, w->size))
		return;
	if (w->client)
		withdraw(p, w);
	update_matching(p, w->prefix, w->size);
}

/* With keys ZeroMQ is told about "the connection of the last message". Whether that one is still there
 * decides about memory (loop/conns.h). False: nothing is to be done for it. */
static bool may_speak(struct publisher *p, struct wish *w)
{
	if (!p->acl)
		return true;
	w->client = acl_by_serial(p->acl, w->peer.serial);
	if (!w->client || p->astray == p->zsock.emptied || clock_mono_ns() < p->settled_ns) {
		/* Not astray itself, it comes back and says everything again. */
		cut(p, w, w->client ? REFUSAL_ASTRAY : REFUSAL_REVOKED);
		return false;
	}
	return conns_alive(p->subscribers.conns, &w->peer);
}

/* A word that is no subscription. ZeroMQ 4.3.4 then takes the next words, until none is left, for those
 * of other connections than they came from. */
static void go_astray(struct publisher *p, struct wish *w)
{
	counter_add(&p->counters->subscriptions_ignored, 1);
	if (!p->acl)
		return;
	p->astray = p->zsock.emptied;
	cut(p, w, REFUSAL_FOREIGN);
}

static bool on_subscription(struct zsock *z, zmq_msg_t *parts, unsigned count)
{
	struct publisher *p = z->data;
	const char *bytes = zmq_msg_data(&parts[0]);
	size_t size = zmq_msg_size(&parts[0]);
	struct wish w = {.prefix = bytes + 1, .size = size - 1};

	(void)count;
	if (!peer_read(&parts[0], &w.peer))
		return true; /* ZeroMQ's own word that a connection has ended; see publisher_housekeeping */
	peer_read_fd(&parts[0], &w.peer);
	if (!size || (bytes[0] != 0 && bytes[0] != 1)) {
		w.prefix = bytes;
		w.size = size;
		go_astray(p, &w);
		return true;
	}
	if (!may_speak(p, &w))
		return true;
	w.subscriber = subscribers_of(&p->subscribers, &w.peer);
	if (!w.subscriber)
		return true;
	if (size - 1 >= TOPIC_MAX || matches_nothing(bytes + 1, size - 1)) {
		counter_add(&p->counters->subscriptions_ignored, 1);
		count_excess(p, &w);
	} else if (bytes[0]) {
		subscribe(p, &w);
	} else {
		unsubscribe(p, &w);
	}
	return true;
}

int publisher_init(struct publisher *p, struct zloop *zl, const struct publisher_conf *pc,
	struct daemon_counters *counters, struct mailbox *mailbox)
{
	int ret;

	*p = (struct publisher){.socket = pc->socket,
		.epoch = pc->epoch,
		.acl = pc->acl,
		.astray = UINT64_MAX,
		.meta_left = META_A_SLOT,
		.counters = counters,
		.mailbox = mailbox};
	for (int i = 0; i < REFUSALS; i++)
		p->noted_ns[i] = -NS_PER_S;
	p->status.size = (uint8_t)snprintf(p->status.name, sizeof(p->status.name), "status/");
	p->status.offered = true;
	ret = subscribers_init(&p->subscribers, pc->conns, pc->subscriptions);
	if (!ret)
		ret = zsock_init(&p->zsock, zl, pc->socket, on_subscription, p);
	p->zsock.each_part = true; /* parts of one message may come from different connections */
	if (ret) {
		subscribers_fini(&p->subscribers);
		p->socket = NULL; /* stays the caller's */
	}
	return ret;
}

static void drop_message(struct message *m)
{
	for (uint32_t i = m->sent; i < m->count; i++)
		zmq_msg_close(&m->parts[i]);
}

void publisher_close(struct publisher *p, int linger_ms)
{
	for (; p->outbox_at < p->outbox_count; p->outbox_at++)
		drop_message(&p->outbox[p->outbox_at]);
	zsock_close(&p->zsock, linger_ms);
	subscribers_fini(&p->subscribers);
}

void publisher_use(struct publisher *p, struct stream_set *set)
{
	uint32_t told = 0;

	p->set = set;
	for (uint32_t i = 0; i < set->count; i++) {
		struct stream *s = set->streams[i];

		if (s->known)
			continue;
		for (int k = 0; k < TOPIC_COUNT; k++)
			update_stream(p, s, k);
		s->known = true;
		/* Before its first tick, so that who listens to all streams can read it. */
		if (told++ < META_AT_ONCE)
			publisher_changed(p, s);
	}
	for (uint32_t i = p->known_groups; i < set->group_count; i++)
		update_wanted(p, &set->groups[i].topic);
	p->known_groups = set->group_count;
}

/* Of connections that end with their endpoint ZeroMQ lets go of the pipe first, so that one that is open
 * is no sign of the other. */
void publisher_unlisten(struct publisher *p, struct listener *at, int linger_ms)
{
	zsock_unlisten(p->socket, at, linger_ms);
	p->settled_ns = clock_mono_ns() + linger_ms * NS_PER_MS + SETTLE_NS;
}

void publisher_use_acl(struct publisher *p, const struct acl *acl)
{
	p->acl = acl;
	for (uint32_t i = 0; acl && i < p->subscribers.active_count; i++) {
		const struct subscriber *s = &p->subscribers.subscribers[p->subscribers.active[i]];

		if (!acl_by_serial(acl, s->peer.serial) &&
			conns_cut(p->subscribers.conns, &s->peer))
			counter_add(&p->counters->connections_cut, 1);
	}
}

/* False: ZeroMQ does not take it now. */
static bool send_message(struct publisher *p, struct message *m)
{
	while (m->sent < m->count) {
		int flags = ZMQ_DONTWAIT | (m->sent + 1 < m->count ? ZMQ_SNDMORE : 0);

		if (zmq_msg_send(&m->parts[m->sent], p->socket, flags) >= 0) {
			m->sent++;
			continue;
		}
		if (zmq_errno() == EINTR)
			continue;
		if (zmq_errno() == EAGAIN)
			return false;
		counter_add(&p->counters->send_errors, 1);
		mailbox_note(p->mailbox, &(struct note){.kind = NOTE_SEND, .number = zmq_errno()});
		drop_message(m);
		return true;
	}
	return true;
}

bool publisher_flush(struct publisher *p)
{
	for (; p->outbox_at < p->outbox_count; p->outbox_at++)
		if (!send_message(p, &p->outbox[p->outbox_at]))
			return false;
	p->outbox_at = p->outbox_count = 0;
	return true;
}

static void init_part(zmq_msg_t *part, size_t size)
{
	/* Like everywhere on Linux, memory that was promised is there; libzmq aborts likewise. */
	if (zmq_msg_init_size(part, size))
		abort();
}

static void copy_part(zmq_msg_t *part, const void *bytes, size_t size)
{
	init_part(part, size);
	if (size)
		memcpy(zmq_msg_data(part), bytes, size);
}

/* Places for the next message's parts in the outbox. */
static struct message *next_message(struct publisher *p, uint32_t parts)
{
	struct message *m = &p->outbox[p->outbox_count];

	assert(p->outbox_count < PUBLISH_MESSAGES && parts <= PUBLISH_PARTS);
	*m = (struct message){.parts = &p->parts[PUBLISH_PARTS * p->outbox_count], .count = parts};
	p->outbox_count++;
	return m;
}

static void put_header(zmq_msg_t *part, const struct publisher *p, const struct stream *s,
	const struct frame *f, const struct spiked_header *own)
{
	struct spiked_header h = *own; /* kind, format, seq, lines, count */

	memcpy(h.magic, SPIKED_MAGIC, sizeof(h.magic));
	h.flags = f->flags;
	h.epoch = p->epoch;
	h.tick = f->tick;
	h.time_ns = f->time_ns;
	h.source_ns = f->source_ns;
	h.dt_ns = s->conf->dt_ns;
	copy_part(part, &h, sizeof(h));
}

static void put_spikes(zmq_msg_t *parts, const struct publisher *p, const struct stream *s,
	const struct frame *f, uint64_t seq)
{
	const struct lines *lines = &f->out.last;
	enum spiked_format format = payload_format(s->conf->payload, lines, f->spikes);

	put_header(&parts[0], p, s, f,
		&(struct spiked_header){.kind = SPIKED_KIND_SPIKES,
			.format = (uint8_t)format,
			.seq = seq,
			.lines = lines->count,
			.count = f->spikes});
	init_part(&parts[1], payload_size(format, lines, f->spikes));
	payload_write(format, lines, f->spikes, zmq_msg_data(&parts[1]));
}

static void put_floats(zmq_msg_t *parts, const struct publisher *p, const struct stream *s,
	const struct frame *f, uint64_t seq, enum spiked_kind kind)
{
	bool state = kind == SPIKED_KIND_STATE;
	uint32_t n = state ? f->out.state_lines : s->conf->channels;

	put_header(&parts[0], p, s, f,
		&(struct spiked_header){.kind = (uint8_t)kind,
			.format = SPIKED_FORMAT_F32,
			.seq = seq,
			.lines = n,
			.count = n});
	copy_part(&parts[1], state ? f->out.state : f->out.values, (size_t)n * sizeof(float));
}

static void put_json(zmq_msg_t *part, const struct publisher *p, const struct stream *s,
	const struct frame *f, uint64_t seq)
{
	struct json_site site = {
		.stream = s->conf->name, .epoch = p->epoch, .seq = seq, .dt_ns = s->conf->dt_ns};

	init_part(part, payload_json(&site, f, NULL));
	payload_json(&site, f, zmq_msg_data(part));
}

static void build_topics(struct publisher *p, struct stream *s, const struct frame *f)
{
	bool speaks = s->conf->publish_empty || f->spikes;

	for (int k = 0; k < TOPIC_TICKS; k++) {
		struct topic *t = &s->topics[k];
		struct message *m;

		if (!(s->wanted >> k & 1) || ((k == TOPIC_SPIKES || k == TOPIC_JSON) && !speaks))
			continue;
		m = next_message(p, k == TOPIC_JSON ? 2 : 3);
		copy_part(&m->parts[0], t->name, t->size);
		switch (k) {
		case TOPIC_SPIKES:
			put_spikes(&m->parts[1], p, s, f, t->seq);
			break;
		case TOPIC_STATE:
			put_floats(&m->parts[1], p, s, f, t->seq, SPIKED_KIND_STATE);
			break;
		case TOPIC_VALUES:
			put_floats(&m->parts[1], p, s, f, t->seq, SPIKED_KIND_VALUES);
			break;
		case TOPIC_JSON:
			put_json(&m->parts[1], p, s, f, t->seq);
			break;
		}
		t->seq++;
		counter_add(&s->counters.frames, 1);
	}
}

/* Adds the stream's frame to its group's message; the last member sends it on its way. */
static void build_bundle(struct publisher *p, struct stream *s, const struct frame *f, bool alone)
{
	struct group *g = s->group;

	if (!g->ticked++)
		g->building = g->topic.wanted; /* whole bundles or none */
	if (g->building) {
		zmq_msg_t *parts = &g->parts[g->collected];

		if (!g->collected) {
			copy_part(parts++, g->topic.name, g->topic.size);
			g->collected++;
		}
		if (s->program->out_kind == KIND_VALUES)
			put_floats(parts, p, s, f, g->topic.seq, SPIKED_KIND_STATE);
		else
			put_spikes(parts, p, s, f, g->topic.seq);
		g->collected += 2;
	}
	if (g->ticked < g->count && !alone)
		return;
	g->ticked = 0;
	if (!g->collected)
		return;
	p->outbox[p->outbox_count++] = (struct message){.parts = g->parts, .count = g->collected};
	g->collected = 0;
	g->topic.seq++;
	counter_add(&s->counters.frames, 1);
}

void publisher_frame(struct publisher *p, struct stream *s, const struct frame *frame, bool alone)
{
	assert(!p->outbox_count);
	build_topics(p, s, frame);
	if (s->group)
		build_bundle(p, s, frame, alone);
	publisher_flush(p);
}

/* The payload is shared, not copied. */
static void share_part(zmq_msg_t *part, zmq_msg_t *from)
{
	zmq_msg_init(part);
	zmq_msg_copy(part, from);
}

void publisher_rows(struct publisher *p, struct stream *s, const struct taken *taken)
{
	struct topic *t = &s->topics[TOPIC_ROWS];
	struct spiked_header h = {.kind = SPIKED_KIND_ROWS,
		.format = (uint8_t)(SPIKED_FORMAT_ROWS_F32 + s->conf->type),
		.epoch = p->epoch,
		.tick = taken->tick,
		.seq = s->messages,
		.time_ns = taken->time_ns,
		.source_ns = taken->rows->source_ns,
		.dt_ns = s->conf->dt_ns,
		.lines = s->conf->channels,
		.count = (uint32_t)taken->rows->count};
	struct message *m;

	memcpy(h.magic, SPIKED_MAGIC, sizeof(h.magic));
	m = next_message(p, taken->stamp ? 4 : 3);
	copy_part(&m->parts[0], t->name, t->size);
	copy_part(&m->parts[1], &h, sizeof(h));
	share_part(&m->parts[2], taken->payload);
	if (taken->stamp)
		share_part(&m->parts[3], taken->stamp);
	counter_add(&s->counters.frames, 1);
	publisher_flush(p);
}

static void publish_blob(struct publisher *p, struct topic *t, const struct blob *blob)
{
	zmq_msg_t parts[2];
	struct message m = {.parts = parts, .count = 2};

	if (!t->wanted || p->outbox_count)
		return;
	copy_part(&parts[0], t->name, t->size);
	copy_part(&parts[1], blob->bytes, blob->size);
	if (!send_message(p, &m))
		drop_message(&m); /* it comes again in a second */
}

/* What has changed is told between the ticks that it lies between: behind what waits, if anything does. */
void publisher_changed(struct publisher *p, struct stream *s)
{
	struct topic *t = &s->topics[TOPIC_META];
	struct message *m;

	if (!s->meta || !t->wanted || p->outbox_count >= PUBLISH_MESSAGES - OUTBOX_SPARE)
		return; /* then it comes in a second */
	m = next_message(p, 2);
	copy_part(&m->parts[0], t->name, t->size);
	copy_part(&m->parts[1], s->meta->bytes, s->meta->size);
	publisher_flush(p);
}

void publisher_meta(struct publisher *p, struct stream *s)
{
	if (s->meta)
		publish_blob(p, &s->topics[TOPIC_META], s->meta);
}

void publisher_status(struct publisher *p, const struct blob *blob)
{
	publish_blob(p, &p->status, blob);
}

void publisher_housekeeping(struct publisher *p)
{
	uint64_t n = p->set ? p->set->count : 0;
	char prefix[TOPIC_MAX];
	size_t size;

	for (int k = 0; k < SWEEP_AT_ONCE && subscribers_sweep(&p->subscribers, prefix, &size); k++)
		update_matching(p, prefix, size);
	p->meta_left = META_A_SLOT;

	for (uint64_t i = n * p->slot / SLOTS; i < n * (p->slot + 1) / SLOTS; i++)
		publisher_meta(p, p->set->streams[i]);
	p->slot = (p->slot + 1) % SLOTS;
}
