/* What subscribers send: subscriptions of any bytes, against a simple account of who wants what.
 *
 * Input: steps of one byte and, for 0 and 1, a byte with a length and so many bytes.
 *   0, 1   the rest is the end, or the beginning, of a subscription
 *   2      the other set of streams comes into force
 *   3      another tick of the publisher's housekeeping
 *   4 - 7  what follows comes by connection 0 to 3
 *   8 - 11 connection 0 to 3 ends, and another has its descriptor
 *   else   a message as it stands
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "daemon/flow/publish.h"

#define SETS       2
#define REMEMBERED 512
#define PEERS      4

FUZZ_OPTIONS

static const char *const texts[SETS][3] = {
	{"{\"name\":\"imu\",\"channels\":2,\"encode\":[\"lif\"],\"group\":\"g\"}",
		"{\"name\":\"imu2\",\"channels\":1,\"encode\":[\"poisson\"],\"group\":\"g\"}",
		"{\"name\":\"_.-\",\"channels\":1,\"encode\":[{\"population\":{\"out_features\":4}}]}"},
	{"{\"name\":\"imu\",\"channels\":1,\"encode\":[]}",
		"{\"name\":\"x\",\"channels\":1,\"encode\":[\"lif\"],\"group\":\"spikes\"}",
		"{\"name\":\"spikes\",\"channels\":1,\"encode\":[\"if\"],\"group\":\"g\"}"},
};
static struct stream *streams[SETS][3];
static struct conf conf = {
	.path = (char *)"fuzz", .dt_ns = 1000000, .seed = 1, .max_row_bytes = 1 << 20};
static struct publisher publisher;
static struct daemon_counters counters;
static struct mailbox mailbox;
static uv_loop_t loop;
static struct zloop zl;
static unsigned sent; /* parts */

/* Connections: their descriptors are their indices. */
static struct conn_slot slots[PEERS];
static const struct conns conns = {.slots = slots, .count = PEERS};
static uint64_t ids[PEERS], last_id;
static unsigned speaker;

/* The account. */
static struct {
	uint8_t bytes[TOPIC_MAX];
	size_t size;
	unsigned peer;
} remembered[REMEMBERED];
static unsigned count;

int __wrap_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);

int __wrap_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags)
{
	(void)socket;
	promise(sent % 2 == !(flags & ZMQ_SNDMORE));
	sent++;
	zmq_msg_close(msg);
	zmq_msg_init(msg);
	return 0;
}

const char *__wrap_zmq_msg_gets(const zmq_msg_t *msg, const char *property);
int __wrap_zmq_msg_get(const zmq_msg_t *msg, int property);

const char *__wrap_zmq_msg_gets(const zmq_msg_t *msg, const char *property)
{
	static char text[PEER_TEXT_SIZE + 1];

	(void)msg;
	promise(!strcmp(property, PEER_PROPERTY));
	snprintf(text, sizeof(text), "%016llx%08x", (unsigned long long)ids[speaker], 0);
	return text;
}

int __wrap_zmq_msg_get(const zmq_msg_t *msg, int property)
{
	(void)msg;
	promise(property == ZMQ_SRCFD);
	return (int)speaker;
}

/* A connection by the descriptor; what was there before has ended. */
static void open_connection(unsigned peer)
{
	atomic_store(&slots[peer].since, ++last_id);
	atomic_store(&slots[peer].cookie, last_id);
	ids[peer] = ++last_id;
	for (unsigned i = 0; i < count; i++)
		while (i < count && remembered[i].peer == peer)
			remembered[i] = remembered[--count];
}

static struct stream *make(const char *text)
{
	struct conf_faults faults = {0};
	json_t *json = json_loads(text, 0, NULL);
	struct conf_stream *cs = conf_stream_from_json(json, &conf, &faults);
	struct fault f;
	struct stream *s;

	promise(cs);
	s = stream_new(cs, &f);
	promise(s);
	s->meta = calloc(1, sizeof(*s->meta) + 2);
	s->meta->size = 2;
	json_decref(json);
	conf_faults_fini(&faults);
	return s;
}

static struct stream_set *make_set(unsigned which)
{
	static const char groups[][SPIKED_NAME_MAX + 1] = {"g", "spikes"};
	static const uint32_t dts[] = {1000000};
	static struct hist lateness;
	struct hist *const lists[] = {&lateness};
	const struct set_plan plan = {.dts = dts,
		.lateness = lists,
		.cadence_count = 1,
		.groups = groups,
		.group_count = 2};

	struct set_member members[3];

	for (unsigned i = 0; i < 3; i++) {
		struct stream *s = streams[which][i];

		s->known = false;
		members[i] = (struct set_member){.stream = s,
			.conf = s->conf,
			.group = s->conf->group && *s->conf->group == 's'};
	}
	return stream_set_new(members, 3, &plan);
}

static void start(void)
{
	void *context = zmq_ctx_new();

	uv_loop_init(&loop);
	promise(!zloop_init(&zl, &loop) && !mailbox_init(&mailbox, &counters.notes_dropped));
	promise(!publisher_init(&publisher, &zl,
		&(struct publisher_conf){.socket = zmq_socket(context, ZMQ_XPUB),
			.epoch = 1,
			.conns = &conns,
			.subscriptions = REMEMBERED},
		&counters, &mailbox));
	for (unsigned set = 0; set < SETS; set++)
		for (unsigned i = 0; i < 3; i++)
			streams[set][i] = make(texts[set][i]);
}

static unsigned find(const uint8_t *bytes, size_t size)
{
	unsigned i = 0;

	while (i < count && (remembered[i].size != size || remembered[i].peer != speaker ||
				    memcmp(remembered[i].bytes, bytes, size)))
		i++;
	return i;
}

/* What a message of these bytes means; the publisher may leave out those that match nothing. */
static void account(const uint8_t *bytes, size_t size)
{
	unsigned i;

	if (!size || bytes[0] > 1 || size > TOPIC_MAX)
		return;
	i = find(bytes + 1, size - 1);
	if (bytes[0] && i == count && count < REMEMBERED) {
		memcpy(remembered[count].bytes, bytes + 1, size - 1);
		remembered[count].peer = speaker;
		remembered[count++].size = size - 1;
	} else if (!bytes[0] && i < count) {
		remembered[i] = remembered[--count];
	}
}

static bool wanted(const struct topic *t)
{
	for (unsigned i = 0; i < count; i++)
		if (remembered[i].size <= t->size &&
			!memcmp(remembered[i].bytes, t->name, remembered[i].size))
			return true;
	return false;
}

static void compare(const struct stream_set *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct stream *s = set->streams[i];

		for (int k = 0; k < TOPIC_COUNT; k++) {
			promise(s->topics[k].wanted ==
				(s->topics[k].offered && wanted(&s->topics[k])));
			promise((s->wanted >> k & 1) == s->topics[k].wanted);
		}
	}
	for (uint32_t i = 0; i < set->group_count; i++)
		if (set->groups[i].topic.offered)
			promise(set->groups[i].topic.wanted == wanted(&set->groups[i].topic));
	promise(publisher.status.wanted == wanted(&publisher.status));
}

static void deliver(const uint8_t *bytes, size_t size)
{
	zmq_msg_t part;

	zmq_msg_init_size(&part, size);
	if (size)
		memcpy(zmq_msg_data(&part), bytes, size);
	promise(publisher.zsock.on_message(&publisher.zsock, &part, 1));
	zmq_msg_close(&part);
	account(bytes, size);
}

static void step(struct input *in, struct stream_set *sets[SETS], unsigned *force)
{
	uint8_t bytes[256] = {(uint8_t)input_number(in, 1)};

	if (bytes[0] == 2) {
		*force = !*force;
		for (unsigned i = 0; i < 3; i++)
			streams[*force][i]->known = false;
		publisher.known_groups = 0;
		publisher_use(&publisher, sets[*force]);
	} else if (bytes[0] == 3) {
		publisher_housekeeping(&publisher);
	} else if (bytes[0] >= 4 && bytes[0] < 4 + PEERS) {
		speaker = bytes[0] - 4;
	} else if (bytes[0] >= 8 && bytes[0] < 8 + PEERS) {
		open_connection(bytes[0] - 8);
		publisher_housekeeping(&publisher); /* REMEMBERED are not too many for one */
	} else {
		struct input part = input_part(in, input_number(in, 1));

		memcpy(bytes + 1, part.at, part.left);
		deliver(bytes, part.left + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct stream_set *sets[SETS];
	unsigned force = 0;

	if (!publisher.socket)
		start();
	for (unsigned i = 0; i < SETS; i++)
		sets[i] = make_set(i);
	for (unsigned peer = 0; peer < PEERS; peer++)
		open_connection(peer);
	speaker = 0;
	publisher.set = NULL;
	publisher_housekeeping(&publisher);
	publisher_housekeeping(&publisher);
	publisher.known_groups = 0;
	publisher_use(&publisher, sets[0]);
	while (in.left && count < REMEMBERED) {
		step(&in, sets, &force);
		compare(sets[force]);
	}
	for (unsigned i = 0; i < SETS; i++)
		stream_set_free(sets[i]);
	return 0;
}
