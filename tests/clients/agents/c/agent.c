/* The C client's agent, see ../README.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "message.h"

static struct {
	struct spiked_sender *sender;
	struct spiked_receiver *receiver;
	struct spiked_control *control;
	int timeout_ms;
} client;

static json_t *failed(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return json_pack("{ss}", "error", text);
}

static json_t *done(int error, const char *what)
{
	return error ? failed("%s: %s", what, spiked_strerror(error)) : json_object();
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *do_hello(const json_t *request)
{
	(void)request;
	return json_pack("{ss s[ss]}", "client", "c", "can", "keys", "rows");
}

static json_t *do_close(const json_t *request)
{
	(void)request;
	spiked_sender_close(client.sender);
	spiked_receiver_close(client.receiver);
	spiked_control_close(client.control);
	memset(&client, 0, sizeof(client));
	return json_object();
}

static json_t *do_connect(const json_t *request)
{
	struct spiked_options options = SPIKED_OPTIONS_INIT;
	struct spiked_keys keys;
	const json_t *named = json_object_get(request, "keys");
	char fault[256];

	json_decref(do_close(NULL));
	if (named) {
		if (spiked_keys_read(&keys, text_of(named, "file"), text_of(named, "server"), fault,
			    sizeof(fault)))
			return failed("%s", fault);
		options.keys = &keys;
	}
	client.timeout_ms = (int)json_integer_value(json_object_get(request, "timeout_ms"));
	options.timeout_ms = client.timeout_ms;
	client.sender = spiked_sender_new(text_of(request, "ingest"), &options);
	client.receiver = spiked_receiver_new(text_of(request, "publish"), &options);
	client.control = spiked_control_new(text_of(request, "control"), &options);
	if (!client.sender || !client.receiver || !client.control)
		return failed("connect: %s", strerror(errno));
	return json_object();
}

static enum spiked_type type_of(const char *name)
{
	static const char *const names[] = {"f32", "f64", "i8", "u8", "i16", "u16", "i32"};
	size_t type = 0;

	while (type < sizeof(names) / sizeof(names[0]) && strcmp(names[type], name) != 0)
		type++;
	return (enum spiked_type)type;
}

static void put(void *rows, size_t at, enum spiked_type type, const json_t *number)
{
	double real = json_is_null(number) ? (double)NAN : json_number_value(number);
	json_int_t whole = json_integer_value(number);

	switch (type) {
	case SPIKED_F32:
		((float *)rows)[at] = (float)real;
		break;
	case SPIKED_F64:
		((double *)rows)[at] = real;
		break;
	case SPIKED_I8:
		((int8_t *)rows)[at] = (int8_t)whole;
		break;
	case SPIKED_U8:
		((uint8_t *)rows)[at] = (uint8_t)whole;
		break;
	case SPIKED_I16:
		((int16_t *)rows)[at] = (int16_t)whole;
		break;
	case SPIKED_U16:
		((uint16_t *)rows)[at] = (uint16_t)whole;
		break;
	case SPIKED_I32:
		((int32_t *)rows)[at] = (int32_t)whole;
		break;
	}
}

static int send_numbers(
	const char *stream, const char *name, const json_t *rows, const struct spiked_stamp *stamp)
{
	enum spiked_type type = type_of(name);
	size_t high = json_array_size(rows), wide = json_array_size(json_array_get(rows, 0));
	void *numbers = calloc(high * wide, 8);
	int error;

	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < high * wide; i++)
		put(numbers, i, type, json_array_get(json_array_get(rows, i / wide), i % wide));
	error = spiked_send(client.sender, stream, type, numbers, high, wide, stamp);
	free(numbers);
	return error;
}

static int send_pairs(const char *stream, const json_t *row, const struct spiked_stamp *stamp)
{
	size_t count = json_array_size(row);
	struct spiked_pair *pairs = calloc(count, sizeof(*pairs));
	int error;

	if (!pairs)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *pair = json_array_get(row, i);
		pairs[i].channel = (uint32_t)json_integer_value(json_array_get(pair, 0));
		pairs[i].value = (float)json_number_value(json_array_get(pair, 1));
	}
	error = spiked_send_pairs(client.sender, stream, pairs, count, stamp);
	free(pairs);
	return error;
}

static json_t *do_send(const json_t *request)
{
	const char *stream = text_of(request, "stream"), *type = text_of(request, "type");
	const json_t *rows = json_object_get(request, "rows");
	const json_t *given = json_object_get(request, "stamp");
	struct spiked_stamp stamp, *stamped = given ? &stamp : NULL;
	int error;

	if (given) {
		stamp.time_ns = strtoll(text_of(given, "time_ns"), NULL, 10);
		stamp.seq = strtoull(text_of(given, "seq"), NULL, 10);
	}
	if (strcmp(type, "pairs") == 0) {
		error = send_pairs(stream, json_array_get(rows, 0), stamped);
	} else if (strcmp(type, "json") == 0) {
		char *text = json_dumps(rows, JSON_COMPACT);
		error = spiked_send_json(client.sender, stream, text, stamped);
		free(text);
	} else {
		error = send_numbers(stream, type, rows, stamped);
	}
	if (error == -EAGAIN)
		return failed("rows were not taken: %s",
			spiked_link_text(spiked_sender_link(client.sender)));
	return done(error, "send");
}

static json_t *change(
	const json_t *request, int (*how)(struct spiked_receiver *receiver, const char *prefix))
{
	const json_t *topics = json_object_get(request, "topics");
	int error = 0;

	for (size_t i = 0; i < json_array_size(topics) && !error; i++)
		error = how(client.receiver, json_string_value(json_array_get(topics, i)));
	return done(error, "topics");
}

static json_t *do_subscribe(const json_t *request)
{
	return change(request, spiked_subscribe_prefix);
}

static json_t *do_unsubscribe(const json_t *request)
{
	return change(request, spiked_unsubscribe_prefix);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The next message as JSON, NULL when none comes; a bundle's parts come one by one. */
static json_t *next_message(int timeout_ms)
{
	struct spiked_frame frame;
	json_t *message;

	if (spiked_recv(client.receiver, &frame, timeout_ms))
		return NULL;
	message = message_new(&frame);
	for (uint32_t part = 1; message && part < frame.parts; part++) {
		if (spiked_recv(client.receiver, &frame, 0))
			break;
		message_add(message, &frame);
	}
	return message;
}

static json_t *do_receive(const json_t *request)
{
	size_t count = (size_t)json_integer_value(json_object_get(request, "count"));
	int64_t end = now_ms() + json_integer_value(json_object_get(request, "timeout_ms"));
	json_t *messages = json_array();
	struct spiked_receiver_stats stats;

	while (json_array_size(messages) < count) {
		int64_t left = end - now_ms();
		json_t *message = next_message(left > 0 ? (int)left : 0);
		if (!message)
			break;
		json_array_append_new(messages, message);
	}
	spiked_receiver_stats(client.receiver, &stats);
	return json_pack("{so sI ss}", "messages", messages, "malformed",
		(json_int_t)stats.malformed, "fault", spiked_receiver_fault(client.receiver));
}

static json_t *do_call(const json_t *request)
{
	const json_t *params = json_object_get(request, "params");
	char *text = params ? json_dumps(params, JSON_ENCODE_ANY) : NULL;
	char *result = NULL;
	struct spiked_error error;
	json_t *answer;
	int status = spiked_call(client.control, text_of(request, "method"), text,
		client.timeout_ms, &result, &error);

	free(text);
	if (!status) {
		answer = json_pack("{so}", "result", json_loads(result, JSON_DECODE_ANY, NULL));
	} else {
		answer = failed("%s", error.message);
		json_object_set_new(answer, "code", json_integer(error.code));
		if (error.path[0])
			json_object_set_new(answer, "path", json_string(error.path));
	}
	free(result);
	return answer;
}

static const struct {
	const char *name;
	json_t *(*handle)(const json_t *request);
} commands[] = {
	{"hello", do_hello},
	{"connect", do_connect},
	{"close", do_close},
	{"send", do_send},
	{"subscribe", do_subscribe},
	{"unsubscribe", do_unsubscribe},
	{"receive", do_receive},
	{"call", do_call},
};

static json_t *answer_to(const json_t *request)
{
	const char *name = text_of(request, "do");

	for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].handle(request);
	return failed("there is nothing to do called %s", name ? name : "nothing");
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		json_t *request = json_loads(line, 0, NULL);
		json_t *answer = answer_to(request);
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(answer);
		json_decref(request);
	}
	free(line);
	json_decref(do_close(NULL));
	return 0;
}
