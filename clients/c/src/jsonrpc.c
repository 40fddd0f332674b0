/* JSON-RPC 2.0 over jansson. A result is cut out of the answer's text instead of being written anew,
 * so that numbers stay as the daemon wrote them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"

int spk_request(uint64_t id, const char *method, const char *params, char **text,
	struct spiked_error *error)
{
	json_error_t fault;
	json_t *args = NULL;
	int rc = -ENOMEM;

	*text = NULL;
	if (params) {
		args = json_loads(params, JSON_REJECT_DUPLICATES, &fault);
		if (!args) {
			snprintf(error->message, sizeof(error->message),
				"the parameters are not JSON: %s (line %d, column %d)", fault.text,
				fault.line, fault.column);
			return -EINVAL;
		}
		if (!json_is_object(args) && !json_is_array(args)) {
			snprintf(error->message, sizeof(error->message),
				"the parameters must be a JSON object or array");
			json_decref(args);
			return -EINVAL;
		}
	}
	json_t *request = json_pack(
		"{s:s, s:I, s:s}", "jsonrpc", "2.0", "id", (json_int_t)id, "method", method);
	if (request && (!args || json_object_set(request, "params", args) == 0)) {
		*text = json_dumps(request, JSON_COMPACT);
		rc = *text ? 0 : -ENOMEM;
	}
	json_decref(request);
	json_decref(args);
	return rc;
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Behind the value at `at`, in text that is known to be well-formed. */
static const char *skip_value(const char *at)
{
	int depth = 0;

	do {
		if (*at == '"') {
			for (at++; *at != '"'; at++)
				if (*at == '\\')
					at++;
			at++;
		} else if (*at == '{' || *at == '[') {
			depth++;
			at++;
		} else if (*at == '}' || *at == ']') {
			depth--;
			at++;
		} else if (*at == ',' || *at == ':' || strchr(" \t\r\n", *at)) {
			at++;
		} else {
			at += strcspn(at, ",:{}[]\" \t\r\n");
		}
	} while (depth > 0);
	return at;
}

/* The text of the member `result` of a well-formed object without duplicate keys; NULL if the key
 * is written in some roundabout way, or for want of memory. */
static char *cut_result(const char *text)
{
	const char *at = skip_space(text) + 1;

	for (at = skip_space(at); *at == '"'; at = skip_space(at)) {
		bool wanted = strncmp(at, "\"result\"", 8) == 0;
		const char *value = skip_space(skip_space(skip_value(at)) + 1);

		at = skip_value(value);
		if (wanted)
			return strndup(value, (size_t)(at - value));
		at = skip_space(at);
		if (*at != ',')
			break;
		at++;
	}
	return NULL;
}

static int read_error(const json_t *object, struct spiked_error *error)
{
	const json_t *code = json_object_get(object, "code");
	const char *message = json_string_value(json_object_get(object, "message"));
	const json_t *data = json_object_get(object, "data");
	const char *path = json_string_value(json_object_get(data, "path"));

	if (!json_is_integer(code) || !message) {
		snprintf(error->message, sizeof(error->message),
			"the answer's error has no code or no message");
		return -EBADMSG;
	}
	error->code = (int)json_integer_value(code);
	snprintf(error->message, sizeof(error->message), "%s", message);
	snprintf(error->path, sizeof(error->path), "%s", path ? path : "");
	return -EREMOTEIO;
}

static int read_answer(const json_t *answer, const char *text, uint64_t id, char **result,
	struct spiked_error *error)
{
	const json_t *their_id = json_object_get(answer, "id");
	const json_t *fault = json_object_get(answer, "error");
	json_t *value = json_object_get(answer, "result");

	/* A request that could not be read is answered without an id. */
	bool ours = json_is_integer(their_id) && json_integer_value(their_id) == (json_int_t)id;
	if (!ours && !(json_is_null(their_id) && fault))
		return -ESTALE;
	if (json_is_object(fault))
		return read_error(fault, error);
	if (!value) {
		snprintf(error->message, sizeof(error->message),
			"the answer has neither a result nor an error");
		return -EBADMSG;
	}
	*result = cut_result(text);
	if (!*result)
		*result = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	return *result ? 0 : -ENOMEM;
}

int spk_answer(
	const char *text, size_t size, uint64_t id, char **result, struct spiked_error *error)
{
	json_error_t fault;
	int rc = -EBADMSG;

	*result = NULL;
	if (size && memchr(text, '\0', size)) { /* jansson passes over one behind a number */
		snprintf(error->message, sizeof(error->message), "the answer has a NUL byte in it");
		return rc;
	}
	char *copy = malloc(size + 1); /* the cutting relies on a NUL behind the text */
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, size);
	copy[size] = '\0';
	json_t *answer = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
	if (!json_is_object(answer))
		snprintf(error->message, sizeof(error->message),
			"the answer is not a JSON object%s%s", answer ? "" : ": ",
			answer ? "" : fault.text);
	else
		rc = read_answer(answer, copy, id, result, error);
	json_decref(answer);
	free(copy);
	return rc;
}
