/* The control socket: envelopes, batches, checks of the arguments.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/control.h"

#include "daemon/conf/json.h"
#include "daemon/control/describe.h"
#include "daemon/core/clock.h"
#include "daemon/core/log.h"
#include "encoders/text/clean.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 1000

/* Answers of a batch beyond this are not made: the rest of its requests is refused. */
#define BATCH_BYTES_MAX (4l << 20)

/* One message from one client, answered by one message once all of its calls have ended. */
struct batch {
	zmq_msg_t envelope[ZSOCK_PARTS];
	unsigned parts;
	bool list; /* several requests, several answers */
	FILE *out; /* writes to text */
	char *text;
	size_t size;
	size_t pending, answered;
	const struct acl_client *client; /* while the requests are looked at; NULL = no keys */
};

static struct batch *batch_new(zmq_msg_t *parts, unsigned count)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (b)
		b->out = open_memstream(&b->text, &b->size);
	if (!b || !b->out) {
		free(b);
		return NULL;
	}
	for (b->parts = 0; b->parts < count; b->parts++) {
		zmq_msg_init(&b->envelope[b->parts]);
		zmq_msg_move(&b->envelope[b->parts], &parts[b->parts]);
	}
	return b;
}

/* An envelope must not go without a body: it would become part of the next client's answer. */
static const char no_answer[] = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":"
				"\"the answer could not be written\"},\"id\":null}";

/* Sends the answers and ends the batch. */
static void batch_send(struct control *c, struct batch *b)
{
	bool whole = !ferror(b->out);

	whole = !fclose(b->out) && whole;
	if (!whole) {
		free(b->text);
		b->text = strdup(no_answer);
		b->size = strlen(no_answer);
	}
	if (!b->text)
		log_error("control: not enough memory for an answer");
	else if (answers_send(
			 &c->answers, c->zsock.socket, b->envelope, b->parts, b->text, b->size))
		log_debug("control: an answer found no taker (%s)", zmq_strerror(zmq_errno()));
	for (unsigned i = 0; i < b->parts; i++)
		zmq_msg_close(&b->envelope[i]);
	free(b);
}

/* Adds one answer, which is taken over; sends the batch after its last. */
static void batch_answer(struct control *c, struct batch *b, json_t *answer)
{
	if (b->list)
		fputc(b->answered++ ? ',' : '[', b->out);
	if (!answer || json_dumpf(answer, b->out, DESCRIBE_FLAGS))
		fputs(no_answer, b->out);
	json_decref(answer);
	if (--b->pending)
		return;
	if (b->list)
		fputc(']', b->out);
	batch_send(c, b);
}

static json_t *error_object(json_t *id, enum control_error code, json_t *data, const char *text)
{
	json_t *error = json_pack("{s:i, s:s}", "code", (int)code, "message", text);

	if (data)
		json_object_set_new(error, "data", data);
	return json_pack(
		"{s:s, s:o, s:o}", "jsonrpc", "2.0", "error", error, "id", id ? id : json_null());
}

static void call_end(struct control *c, struct call *call, json_t *answer)
{
	struct batch *b = call->batch;

	json_decref(call->params);
	json_decref(call->result);
	json_decref(call->id);
	stream_free(call->removed);
	if (call->snapshot)
		snapshot_fini(call->snapshot);
	free(call->snapshot);
	free(call);
	batch_answer(c, b, answer);
}

void call_result(struct control *c, struct call *call, json_t *result)
{
	call_end(c, call,
		json_pack("{s:s, s:o, s:O}", "jsonrpc", "2.0", "result",
			result ? result : json_null(), "id", call->id));
}

void call_error(struct control *c, struct call *call, enum control_error code, const char *path,
	const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_clean(text); /* what it quotes may have been cut within a character */
	call_refuse(c, call, code, path ? json_pack("{s:s}", "path", path) : NULL, text);
}

void call_refuse(struct control *c, struct call *call, enum control_error code, json_t *data,
	const char *text)
{
	call_end(c, call, error_object(json_incref(call->id), code, data, text));
}

int call_order(struct control *c, struct call *call, struct order *order)
{
	int ret;

	order->token = call;
	ret = mailbox_order(c->mailbox, order);
	if (ret)
		call_error(c, call, CONTROL_BUSY, NULL,
			"too many requests wait for the ticking loop; try again");
	return ret;
}

static void free_order_objects(const struct order *reply)
{
	switch (reply->kind) {
	case ORDER_SWAP_SET:
		stream_set_free(reply->object);
		break;
	case ORDER_SWAP_PROGRAM:
		pipeline_free(reply->object);
		free(reply->second);
		break;
	case ORDER_STATUS:
		free(reply->object);
		break;
	case ORDER_RESET:
	case ORDER_STEP:
	case ORDER_TAKE_COPY: /* the keeper's, or the call's own */
	case ORDER_PUT_COPY:
	case ORDER_PREPARE: /* the reload's own */
	case ORDER_UNDO:
	case ORDER_TURN_OVER:
		break;
	}
}

void control_on_reply(struct control *c, const struct order *reply)
{
	struct call *call = reply->token;

	if (call && reply->result == -ECANCELED)
		call_error(c, call, CONTROL_BUSY, NULL, "spiked is stopping");
	else if (call)
		call->command->finish(c, call, reply);
	free_order_objects(reply);
}

static bool type_fits(const json_t *value, const char *types)
{
	for (; *types; types++) {
		if (*types == '*' || (*types == 's' && json_is_string(value)) ||
			(*types == 'i' && json_is_integer(value)) ||
			(*types == 'o' && json_is_object(value)))
			return true;
	}
	return false;
}

static const char *types_text(const char *types)
{
	switch (*types) {
	case 's':
		return types[1] ? "a string or an integer" : "a string";
	case 'i':
		return "an integer";
	default:
		return "an object";
	}
}

#define MAX_ARGS (sizeof(((struct command *)0)->args) / sizeof(((struct command *)0)->args[0]))

/* By position to by name. */
static json_t *name_params(const struct command *command, json_t *list)
{
	json_t *out = json_object();

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = i < MAX_ARGS ? command->args[i].name : NULL;

		json_object_set(out, name ? name : "", json_array_get(list, i));
	}
	return out;
}

/* True when the call may run; else it has been answered. */
static bool check_params(struct control *c, struct call *call)
{
	const struct command *command = call->command;
	const char *names[MAX_ARGS];
	const char *key;
	json_t *value;
	size_t n = 0;

	for (; n < MAX_ARGS && command->args[n].name; n++) {
		const char *name = command->args[n].name;

		names[n] = name;
		value = json_object_get(call->params, name);
		if (!value && !command->args[n].optional) {
			call_error(c, call, CONTROL_INVALID_PARAMS, name,
				"%s needs the parameter '%s'", command->name, name);
			return false;
		}
		if (value && !type_fits(value, command->args[n].types)) {
			call_error(c, call, CONTROL_INVALID_PARAMS, name, "'%s' must be %s", name,
				types_text(command->args[n].types));
			return false;
		}
	}
	json_object_foreach(call->params, key, value)
	{
		bool known = false;
		const char *near;

		for (size_t i = 0; i < n; i++)
			known |= !strcmp(names[i], key);
		if (known)
			continue;
		near = fault_nearest(key, names, n);
		call_error(c, call, CONTROL_INVALID_PARAMS, key,
			"%s has no parameter '%.64s'%s%s%s", command->name, key,
			near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		return false;
	}
	return true;
}

static const struct command *find_command(const char *name)
{
	for (const struct command *command = control_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static void no_method(struct control *c, struct call *call, const char *name)
{
	const char *names[64], *near;
	size_t n = 0;

	for (; control_commands[n].name && n < 64; n++)
		names[n] = control_commands[n].name;
	near = fault_nearest(name, names, n);
	call_error(c, call, CONTROL_NO_METHOD, NULL, "there is no method '%.64s'%s%s%s", name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void run_request(struct control *c, struct batch *b, json_t *request)
{
	json_t *id = json_object_get(request, "id"), *params = json_object_get(request, "params");
	const char *method = json_string_value(json_object_get(request, "method"));
	struct call *call = calloc(1, sizeof(*call));

	if (!call) {
		batch_answer(c, b, error_object(NULL, CONTROL_INTERNAL, NULL, "not enough memory"));
		return;
	}
	call->batch = b;
	call->id = json_is_string(id) || json_is_number(id) ? json_incref(id) : json_null();
	if (!json_is_object(request) || !method ||
		!(json_string_value(json_object_get(request, "jsonrpc")) &&
			!strcmp(json_string_value(json_object_get(request, "jsonrpc")), "2.0")) ||
		(id && call->id != id && !json_is_null(id))) {
		call_error(c, call, CONTROL_INVALID_REQUEST, NULL,
			"not a JSON-RPC 2.0 request: an object with jsonrpc \"2.0\", method, "
			"and an id that is a string or a number");
		return;
	}
	if (ftell(b->out) > BATCH_BYTES_MAX) {
		call_error(c, call, CONTROL_BUSY, NULL,
			"not carried out: the answers to this batch are over %ld MiB already; ask for "
			"less at once",
			BATCH_BYTES_MAX >> 20);
		return;
	}
	call->command = find_command(method);
	if (!call->command) {
		no_method(c, call, method);
		return;
	}
	if (b->client && b->client->control != ACL_CONTROL_FULL && !call->command->reads) {
		counter_add(&c->counters->control_denied, 1);
		call_error(c, call, CONTROL_DENIED, NULL,
			"the key of client '%s' may only call methods that tell (control: read), not "
			"'%s'",
			b->client->name, call->command->name);
		return;
	}
	if (params && !json_is_object(params) && !json_is_array(params)) {
		call_error(c, call, CONTROL_INVALID_PARAMS, NULL,
			"params must be an object or a list");
		return;
	}
	call->params = json_is_array(params) ? name_params(call->command, params)
		       : params              ? json_incref(params)
					     : json_object();
	if (check_params(c, call))
		call->command->run(c, call);
}

static void answer_message(
	struct control *c, struct batch *b, enum control_error code, const char *text)
{
	b->pending = 1;
	batch_answer(c, b, error_object(NULL, code, NULL, text));
}

static struct asker *asker_of(struct control *c, const struct peer *peer)
{
	uint64_t who = c->acl ? peer->serial : peer->id;
	struct asker *asker = &c->askers[who % CONTROL_ASKERS];
	int64_t now_ns = clock_mono_ns();

	if (asker->who != who || now_ns - asker->since_ns >= NS_PER_S)
		*asker = (struct asker){.who = who, .since_ns = now_ns};
	asker->peer = *peer;
	return asker;
}

/* True when the message may be read; else it has been answered. */
static bool within_limits(
	struct control *c, struct batch *b, const struct asker *asker, zmq_msg_t *body)
{
	const struct conf_limits *limits = &c->registry->site.conf->limits;
	enum control_error code = CONTROL_LIMIT;
	char text[120];

	if (asker->requests > limits->control_per_second)
		snprintf(text, sizeof(text),
			"more than %u requests in a second (limits.control_per_second)",
			limits->control_per_second);
	else if (zmq_msg_size(body) > limits->control_bytes)
		snprintf(text, sizeof(text), "longer than %llu bytes (limits.control_bytes)",
			(unsigned long long)limits->control_bytes);
	else if (json_too_deep(zmq_msg_data(body), zmq_msg_size(body), limits->control_depth))
		snprintf(text, sizeof(text),
			"more than %u lists and objects within each other (limits.control_depth)",
			limits->control_depth);
	else
		return true;
	counter_add(&c->counters->control_limited, 1);
	answer_message(c, b, code, text);
	return false;
}

static void run_message(struct control *c, struct batch *b, struct asker *asker, zmq_msg_t *body)
{
	json_error_t error;
	json_t *message;
	char text[256];

	asker->requests++;
	if (!within_limits(c, b, asker, body))
		return;
	message = json_loadb(zmq_msg_data(body), zmq_msg_size(body),
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!message) {
		snprintf(text, sizeof(text), "not JSON: %s at line %d column %d", error.text,
			error.line, error.column);
		answer_message(c, b, CONTROL_PARSE, text);
		return;
	}
	if (!json_is_array(message)) {
		b->pending = 1;
		run_request(c, b, message);
	} else if (!json_array_size(message) || json_array_size(message) > BATCH_MAX) {
		answer_message(c, b, CONTROL_INVALID_REQUEST, "a batch has 1 to 1000 requests");
	} else {
		size_t n = json_array_size(message);

		asker->requests += (uint32_t)n - 1;
		b->list = true;
		b->pending = n;
		for (size_t i = 0; i < n; i++)
			run_request(c, b, json_array_get(message, i));
	}
	json_decref(message);
}

/* REQ: id, empty, body. DEALER: id, body, or as REQ. Whatever stands before the body comes back. */
static bool on_message(struct zsock *z, zmq_msg_t *parts, unsigned count)
{
	struct control *c = z->data;
	bool fits = count == 2 || (count == 3 && !zmq_msg_size(&parts[1]));
	unsigned envelope = count > 1 && !zmq_msg_size(&parts[1]) ? 2 : 1;
	const struct acl_client *client = NULL;
	struct peer peer;
	struct batch *b;

	peer_read(&parts[0], &peer);
	peer_read_fd(&parts[0], &peer);
	if (c->acl) {
		client = acl_by_serial(c->acl, peer.serial);
		if (!client) { /* its key is not listed any more */
			if (conns_cut(c->conns, &peer))
				counter_add(&c->counters->connections_cut, 1);
			return true;
		}
	}
	b = batch_new(parts, envelope < count ? envelope : 1);
	if (!b)
		return true;
	b->client = client;
	if (answers_unread(&c->answers, &b->envelope[0]) > ANSWERS_UNREAD_MAX) {
		counter_add(&c->counters->control_unread, 1);
		answer_message(c, b, CONTROL_BUSY,
			"not carried out: over 4 MiB of answers to this connection wait to be read; "
			"read them before asking for more");
		return true;
	}
	if (fits)
		run_message(c, b, asker_of(c, &peer), &parts[count - 1]);
	else
		answer_message(c, b, CONTROL_INVALID_REQUEST,
			"a request is one frame of JSON (REQ sockets add an empty one before it)");
	return true;
}

void control_use_acl(struct control *c, const struct acl *acl)
{
	c->acl = acl;
	for (size_t i = 0; acl && i < CONTROL_ASKERS; i++) {
		const struct peer *peer = &c->askers[i].peer;

		if (peer->id && !acl_by_serial(acl, peer->serial) && conns_cut(c->conns, peer))
			counter_add(&c->counters->connections_cut, 1);
	}
}

int control_init(struct control *c, struct zloop *zl, void *socket)
{
	return zsock_init(&c->zsock, zl, socket, on_message, c);
}

void control_close(struct control *c, int linger_ms)
{
	if (c->zsock.socket)
		zsock_close(&c->zsock, linger_ms);
	answers_fini(&c->answers);
}
