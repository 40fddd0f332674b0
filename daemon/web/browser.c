/* One WebSocket.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/browser.h"

#include "daemon/conf/json.h"
#include "daemon/core/clock.h"
#include "daemon/web/server.h"
#include "spiked/wire.h"

#include <endian.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX 64 /* that wait to be sent, before further ones stay with ZeroMQ, */
#define ANSWERS_BYTES \
	(256 << 10) /* which counts what is not read, and has the daemon refuse more */
#define SENT_AT_ONCE  256
#define LOST_PAUSE_NS NS_PER_S
#define GATHER_MS_MAX 1000
#define GATHER_BYTES \
	(64u << 10)    /* so much waits for no timer, and is the most that is copied at once */
#define ROOM_FIRST 256 /* bytes of a message that arrives */
#define ROOM_KEPT  (256 << 10)
#define ROOM_ALL   (128 << 20) /* of all browsers; two of the largest messages always fit */

/* JSON-RPC's own codes, and control's. */
enum { INVALID_REQUEST = -32600, NO_METHOD = -32601, INVALID_PARAMS = -32602, BUSY = -32003 };

struct topic {
	uint8_t size;
	char text[255];
};

struct browser {
	struct browser *next, **self;
	struct server *server;
	struct lws *wsi;
	struct feed *feed;
	void *control; /* NULL = none */
	struct topic *topics;
	uint32_t topic_count;
	struct queue texts, frames;
	uint32_t gather_ms; /* how long published messages may wait for others; 0 = they do not */
	bool gathering;     /* the timer runs */
	char *in;           /* a message that arrives in pieces */
	size_t in_size, in_room;
	struct queue rows; /* that ZeroMQ does not take yet; the browser is held back meanwhile */
	uint64_t lost, lost_told;      /* messages */
	int64_t lost_told_ns, said_ns; /* when it was told last; when a refusal was */
};

struct browser *browser_new(struct server *s, struct lws *wsi, struct feed *feed)
{
	struct browser *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	*b = (struct browser){.server = s, .wsi = wsi, .feed = feed, .next = s->browsers};
	b->control = feed_control(feed);
	b->self = &s->browsers;
	if (b->next)
		b->next->self = &b->next;
	s->browsers = b;
	return b;
}

static void set_room(struct browser *b, char *in, size_t room)
{
	b->server->unfinished += room - b->in_room;
	b->in = in;
	b->in_room = room;
}

void browser_free(struct browser *b)
{
	*b->self = b->next;
	if (b->next)
		b->next->self = b->self;
	for (uint32_t i = 0; i < b->topic_count; i++)
		feed_unsubscribe(b->feed, b->topics[i].text, b->topics[i].size);
	feed_control_close(b->feed, b->control);
	queue_fini(&b->rows);
	queue_fini(&b->texts);
	queue_fini(&b->frames);
	free(b->topics);
	free(b->in);
	set_room(b, NULL, 0);
	free(b);
}

struct browser *browser_next(const struct browser *b)
{
	return b->next;
}

static void send_text(struct browser *b, const char *text, size_t size)
{
	struct packet *m = packet_text(text, size);

	if (m && queue_put(&b->texts, m))
		lws_callback_on_writable(b->wsi);
	packet_drop(m);
}

/* Takes `json` over. */
static void send_json(struct browser *b, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	if (text)
		send_text(b, text, strlen(text));
	free(text);
	json_decref(json);
}

/* NULL = none. Lists and objects are none, as on the control socket. */
static json_t *read_id(const json_t *request)
{
	json_t *id = json_object_get(request, "id");

	return json_is_string(id) || json_is_number(id) ? id : NULL;
}

static void answer(struct browser *b, const json_t *request, json_t *result)
{
	json_t *id = read_id(request);

	if (id)
		send_json(b,
			json_pack("{s:s, s:o, s:O}", "jsonrpc", "2.0", "result", result, "id", id));
	else
		json_decref(result);
}

/* `request` NULL: of something that has no id. */
static void answer_error(struct browser *b, const json_t *request, int code, const char *text)
{
	json_t *id = read_id(request);

	send_json(b, json_pack("{s:s, s:{s:i, s:s}, s:o}", "jsonrpc", "2.0", "error", "code", code,
			     "message", text, "id", id ? json_incref(id) : json_null()));
}

static void notify(struct browser *b, const char *method, json_t *params)
{
	send_json(b,
		json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params));
}

/* About rows, which have no answer; at most once a second. */
static void refuse_row(struct browser *b, const char *why)
{
	int64_t now_ns = clock_mono_ns();

	if (b->said_ns && now_ns - b->said_ns < NS_PER_S)
		return;
	b->said_ns = now_ns;
	notify(b, "refused", json_pack("{s:s}", "message", why));
}

static json_t *list_topics(const struct browser *b)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < b->topic_count; i++)
		json_array_append_new(list, json_stringn(b->topics[i].text, b->topics[i].size));
	return json_pack("{s:o}", "topics", list);
}

static uint32_t find_topic(const struct browser *b, const char *text, size_t size)
{
	uint32_t i = 0;

	while (i < b->topic_count &&
		(b->topics[i].size != size || memcmp(b->topics[i].text, text, size)))
		i++;
	return i;
}

/* False = out of memory. */
static bool subscribe(struct browser *b, const char *text, size_t size)
{
	struct topic *more;

	if (find_topic(b, text, size) < b->topic_count)
		return true;
	more = realloc(b->topics, (b->topic_count + 1) * sizeof(*more));
	if (!more)
		return false;
	b->topics = more;
	b->topics[b->topic_count].size = (uint8_t)size;
	memcpy(b->topics[b->topic_count++].text, text, size);
	feed_subscribe(b->feed, text, size);
	return true;
}

static void unsubscribe(struct browser *b, const char *text, size_t size)
{
	uint32_t i = find_topic(b, text, size);

	if (i == b->topic_count)
		return;
	b->topics[i] = b->topics[--b->topic_count];
	feed_unsubscribe(b->feed, text, size);
}

/* The list of a request, whose texts all fit; NULL = it has been answered. */
static const json_t *read_topics(struct browser *b, const json_t *request)
{
	const json_t *list = json_object_get(json_object_get(request, "params"), "topics");

	for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)) ||
			json_string_length(json_array_get(list, i)) > UINT8_MAX)
			list = NULL;
	if (json_is_array(list))
		return list;
	answer_error(b, request, INVALID_PARAMS,
		"takes {\"topics\": [\"spikes/imu/\", …]}: texts of at most 255 bytes");
	return NULL;
}

/* False: it has been answered. */
static bool read_gather(struct browser *b, const json_t *request)
{
	const json_t *ms = json_object_get(json_object_get(request, "params"), "gather_ms");
	json_int_t n = json_integer_value(ms);

	if (!ms)
		return true;
	if (!json_is_integer(ms) || n < 0 || n > GATHER_MS_MAX) {
		answer_error(b, request, INVALID_PARAMS,
			"gather_ms is how many ms messages may wait for others: a whole number from 0 to "
			"1000");
		return false;
	}
	b->gather_ms = (uint32_t)n;
	return true;
}

static void on_topics(struct browser *b, const json_t *request, bool wanted)
{
	const json_t *list = read_topics(b, request);
	size_t n = json_array_size(list);
	char text[160];

	if (!list)
		return;
	if (!b->feed->subscriber) {
		answer_error(b, request, INVALID_REQUEST, "this token's client may hear nothing");
		return;
	}
	if (wanted && !read_gather(b, request))
		return;
	if (wanted && b->feed->topics + n > b->server->subscriptions_max) {
		snprintf(text, sizeof(text),
			"at most %u topics (limits.subscriptions), and all browsers of one token have "
			"%u; leave some, or subscribe to what they begin with",
			b->server->subscriptions_max, b->feed->topics);
		answer_error(b, request, INVALID_REQUEST, text);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const json_t *topic = json_array_get(list, i);

		if (!wanted)
			unsubscribe(b, json_string_value(topic), json_string_length(topic));
		else if (!subscribe(b, json_string_value(topic), json_string_length(topic)))
			break;
	}
	answer(b, request, list_topics(b));
}

/* NULL = no JSON, or beyond the limits of the control socket: it might take all of this thread's stack. */
static json_t *read_request(const struct browser *b, const char *text, size_t size)
{
	const struct server *s = b->server;

	if (size > s->request_max || json_too_deep(text, size, s->request_depth))
		return NULL;
	return json_loadb(text, size, 0, NULL);
}

/* True if it is one of the two methods that are carried out here, and has been. */
static bool is_ours(struct browser *b, const char *text, size_t size)
{
	json_t *request;
	const char *method;
	bool wanted, ours;

	/* Most are not, and need not be read twice. */
	if (!memmem(text, size, "subscribe\"", 10))
		return false;
	request = read_request(b, text, size);
	method = json_string_value(json_object_get(request, "method"));
	wanted = method && !strcmp(method, "subscribe");
	ours = wanted || (method && !strcmp(method, "unsubscribe"));
	if (ours)
		on_topics(b, request, wanted);
	json_decref(request);
	return ours;
}

static void on_text(struct browser *b, const char *text, size_t size)
{
	json_t *request;

	if (is_ours(b, text, size))
		return;
	if (b->control && zmq_send(b->control, text, size, ZMQ_DONTWAIT) >= 0)
		return;
	request = read_request(b, text, size);
	if (b->control)
		answer_error(b, request, BUSY, "too many requests wait to be answered; try again");
	else
		answer_error(b, request, NO_METHOD,
			b->feed->site->control ? "this token's client has no control"
					       : "control is none in this daemon's configuration");
	json_decref(request);
}

/* What had been read before the browser was held back comes here too. */
static void hold_row(struct browser *b)
{
	struct packet *m = packet_text(b->in, b->in_size);

	if (!m || !queue_put(&b->rows, m))
		refuse_row(b, "rows come faster than this daemon takes them: some were lost");
	packet_drop(m);
	lws_rx_flow_control(b->wsi, 0);
}

static void on_row(struct browser *b)
{
	if (!b->feed->pusher)
		refuse_row(b,
			"this daemon takes no rows from here: the token's client may send none, "
			"or `ingest` listens nowhere");
	else if (!feed_row_fits((const unsigned char *)b->in, b->in_size))
		refuse_row(b,
			"a binary message is a row: 1 byte, the length of the stream's name; "
			"the name; then for each further frame 4 bytes, its length, and the frame");
	else if (b->rows.count || !feed_send_row(b->feed, (const unsigned char *)b->in, b->in_size))
		hold_row(b);
}

/* Room for so many bytes and one more. False: there is none. */
static bool grow(struct browser *b, size_t size, size_t max)
{
	const struct server *s = b->server;
	size_t largest = s->text_max > s->row_max ? s->text_max : s->row_max;
	size_t all = 2 * largest > ROOM_ALL ? 2 * largest : ROOM_ALL;
	size_t room = 2 * size + ROOM_FIRST;
	char *in;

	if (room > max + 1)
		room = max + 1; /* an empty message is a message, too */
	if (room > ROOM_KEPT && s->unfinished - b->in_room + room > all)
		return false;
	in = realloc(b->in, room);
	if (in)
		set_room(b, in, room);
	return in;
}

/* 0, or not 0 = the connection ends. */
static int keep(struct browser *b, const void *bytes, size_t size, size_t max)
{
	static char too_long[] = "longer than this daemon takes";
	static char no_room[] = "too many long messages at once; try again";

	if (size > max - b->in_size) {
		lws_close_reason(b->wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE,
			(unsigned char *)too_long, strlen(too_long));
		return -1;
	}
	if (b->in_size + size >= b->in_room && !grow(b, b->in_size + size, max)) {
		lws_close_reason(b->wsi, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION,
			(unsigned char *)no_room, strlen(no_room));
		return -1;
	}
	memcpy(b->in + b->in_size, bytes, size);
	b->in_size += size;
	return 0;
}

int browser_receive(struct browser *b, const void *bytes, size_t size)
{
	bool binary = lws_frame_is_binary(b->wsi);

	if (keep(b, bytes, size, binary ? b->server->row_max : b->server->text_max))
		return -1;
	if (!lws_is_final_fragment(b->wsi) || lws_remaining_packet_payload(b->wsi))
		return 0;
	if (binary)
		on_row(b);
	else
		on_text(b, b->in, b->in_size);
	b->in_size = 0;
	if (b->in_room > ROOM_KEPT) {
		free(b->in);
		set_room(b, NULL, 0);
	}
	return 0;
}

/* At once, or when others have come along. */
static void send_soon(struct browser *b)
{
	if (!b->gather_ms || b->frames.bytes >= GATHER_BYTES) {
		lws_callback_on_writable(b->wsi);
	} else if (!b->gathering) {
		b->gathering = true;
		lws_set_timer_usecs(b->wsi, (lws_usec_t)b->gather_ms * 1000);
	}
}

void browser_gathered(struct browser *b)
{
	b->gathering = false;
	if (b->frames.count)
		lws_callback_on_writable(b->wsi);
}

void browser_offer(
	struct browser *b, const struct feed *f, struct packet *m, const char *topic, size_t size)
{
	uint32_t i = 0;

	if (b->feed != f)
		return;
	while (i < b->topic_count &&
		(b->topics[i].size > size || memcmp(b->topics[i].text, topic, b->topics[i].size)))
		i++;
	if (i == b->topic_count)
		return;
	if (queue_put(&b->frames, m)) {
		send_soon(b);
		return;
	}
	b->lost++;
	counter_add(&b->server->counters->web_dropped, 1);
}

static void take_answers(struct browser *b)
{
	while (b->control && b->texts.count < ANSWERS_MAX && b->texts.bytes < ANSWERS_BYTES) {
		struct packet *m;
		zmq_msg_t part;
		bool got;

		zmq_msg_init(&part);
		got = zmq_msg_recv(&part, b->control, ZMQ_DONTWAIT) >= 0;
		m = got ? packet_text(zmq_msg_data(&part), zmq_msg_size(&part)) : NULL;
		if (m && queue_add(&b->texts, m))
			lws_callback_on_writable(b->wsi);
		packet_drop(m);
		zmq_msg_close(&part);
		if (!got)
			break;
	}
}

void browser_go_on(struct browser *b)
{
	struct packet *m;

	take_answers(b);
	feed_settle(b->control);
	if (!b->rows.count)
		return;
	while ((m = queue_first(&b->rows)) && feed_send_row(b->feed, m->bytes, m->size))
		packet_drop(queue_take(&b->rows));
	if (b->rows.count)
		lws_validity_confirmed(b->wsi); /* its answer to a ping waits behind them */
	else
		lws_rx_flow_control(b->wsi, 1);
}

static void tell_lost(struct browser *b)
{
	int64_t now_ns = clock_mono_ns();

	if (b->lost == b->lost_told ||
		(b->lost_told_ns && now_ns - b->lost_told_ns < LOST_PAUSE_NS))
		return;
	notify(b, "lost",
		json_pack("{s:I, s:I}", "messages", (json_int_t)(b->lost - b->lost_told), "total",
			(json_int_t)b->lost));
	b->lost_told = b->lost;
	b->lost_told_ns = now_ns;
}

/* 0, or not 0 = the connection ends. */
static int send_one(struct browser *b, struct packet *m)
{
	int sent =
		lws_write(b->wsi, m->bytes, m->size, m->text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);

	packet_drop(m);
	return sent < 0 ? -1 : 0;
}

/* Several messages as one: a byte 0, then for each its length and itself. NULL = out of memory. */
static struct packet *gather(struct browser *b)
{
	struct packet *first = queue_first(&b->frames), *all;
	size_t room = first->size + sizeof(uint32_t) + 1;

	all = packet_new(false, room > GATHER_BYTES ? room : GATHER_BYTES);
	if (!all)
		return NULL;
	all->bytes[all->size++] = 0;
	for (struct packet *m = first; m; m = queue_first(&b->frames)) {
		uint32_t size = htole32((uint32_t)m->size);

		if (m != first && all->size + sizeof(size) + m->size > GATHER_BYTES)
			break;
		memcpy(all->bytes + all->size, &size, sizeof(size));
		memcpy(all->bytes + all->size + sizeof(size), m->bytes, m->size);
		all->size += sizeof(size) + m->size;
		packet_drop(queue_take(&b->frames));
	}
	return all;
}

static struct packet *next_frames(struct browser *b)
{
	struct packet *all = b->gather_ms && b->frames.count > 1 ? gather(b) : NULL;

	return all ? all : queue_take(&b->frames);
}

int browser_writable(struct browser *b)
{
	tell_lost(b);
	for (int n = 0; n < SENT_AT_ONCE && !lws_send_pipe_choked(b->wsi); n++) {
		struct packet *m = queue_take(&b->texts);

		if (!m)
			m = next_frames(b);
		if (!m)
			return 0;
		if (send_one(b, m))
			return -1;
	}
	lws_callback_on_writable(b->wsi);
	return 0;
}
