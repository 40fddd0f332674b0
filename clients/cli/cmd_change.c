/* Commands that change something: set, reset, step, add, remove, reload; and call, which may.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "text.h"

#define HELLO_MS 3000

/* Calls, and prints the raw result if --json, else `done`. */
static int change(struct ctl *ctl, const char *method, json_t *params, const char *done)
{
	char *text;

	int rc = ctl_call(ctl, method, params, &text);
	if (rc != EXIT_OK)
		return rc;
	text_print(stdout, ctl->json ? text : done);
	putchar('\n');
	free(text);
	return EXIT_OK;
}

/* A number, list, true, false or null as JSON has them; anything else is a word. */
static json_t *read_value(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	return value ? value : json_string(text);
}

static json_t *read_stage(const char *text)
{
	if (strlen(text) < 9 && text[strspn(text, "0123456789")] == '\0')
		return json_integer(atoi(text));
	return json_string(text);
}

int cmd_set(struct ctl *ctl)
{
	char **w = ctl->words, done[512];
	json_t *params = json_pack("{s:s, s:o, s:s, s:o}", "name", w[0], "stage", read_stage(w[1]),
		"param", w[2], "value", read_value(w[3]));

	if (!params)
		return ctl_usage(ctl, "the words are not valid UTF-8");
	snprintf(done, sizeof(done), "%s: %s of stage %s is now %s", w[0], w[2], w[1], w[3]);
	return change(ctl, "set", params, done);
}

int cmd_reset(struct ctl *ctl)
{
	char done[256];

	snprintf(done, sizeof(done), "%s: state is cleared", ctl->words[0]);
	return change(ctl, "reset", json_pack("{s:s}", "name", ctl->words[0]), done);
}

/* `save` and `restore`: how many streams, and of those that failed, why. */
static int snapshots(struct ctl *ctl, const char *method, const char *done)
{
	json_t *params = ctl->n_words ? json_pack("{s:s}", "name", ctl->words[0]) : NULL;
	json_t *result = NULL, *each;
	size_t i, failed;
	int code;

	if (ctl->n_words && !params)
		return ctl_usage(ctl, "the name is not valid UTF-8");
	code = ctl_ask_or_print(ctl, method, params, &result);
	if (code != EXIT_OK || !result)
		return code;
	failed = json_array_size(json_object_get(result, "failed"));
	printf("%zu %s\n", json_array_size(json_object_get(result, done)), done);
	json_array_foreach(json_object_get(result, "failed"), i, each)
	{
		ctl_fail(
			"%s: not %s: %s", ctl_text(each, "stream"), done, ctl_text(each, "reason"));
	}
	json_decref(result);
	return failed ? EXIT_FAILED : EXIT_OK;
}

int cmd_save(struct ctl *ctl)
{
	return snapshots(ctl, "save", "saved");
}

int cmd_restore(struct ctl *ctl)
{
	return snapshots(ctl, "restore", "restored");
}

static void print_names(const char *words, const json_t *list)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("%s:", words);
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(item);
		const char *why = json_string_value(json_object_get(item, "why"));

		putchar(' ');
		text_print(
			stdout, name ? name : json_string_value(json_object_get(item, "stream")));
		if (why)
			printf(" (%s)", why);
	}
	putchar('\n');
}

int cmd_reload(struct ctl *ctl)
{
	static const char *const lists[][2] = {
		{"added", "streams added"},
		{"removed", "streams removed"},
		{"changed", "streams changed, their state kept"},
		{"anew", "streams begun anew"},
		{"opened", "opened"},
		{"closed", "closed"},
		{"keys", "keys changed"},
	};
	json_t *result;
	char *text;
	int rc = ctl_call(ctl, "reload", NULL, &text);

	if (rc != EXIT_OK)
		return rc;
	result = json_loads(text, 0, NULL);
	if (ctl->json || !result) {
		text_print(stdout, text);
		putchar('\n');
	} else {
		for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
			print_names(lists[i][1], json_object_get(result, lists[i][0]));
		printf("streams not touched: %lld\n",
			(long long)json_integer_value(json_object_get(result, "kept")));
	}
	json_decref(result);
	free(text);
	return EXIT_OK;
}

int cmd_remove(struct ctl *ctl)
{
	char done[256];

	snprintf(done, sizeof(done), "%s: removed", ctl->words[0]);
	return change(ctl, "remove", json_pack("{s:s}", "name", ctl->words[0]), done);
}

int cmd_step(struct ctl *ctl)
{
	const char *text = ctl->n_words ? ctl->words[0] : "1";
	char done[128], *end;

	errno = 0;
	long long ticks = strtoll(text, &end, 10);
	if (end == text || *end || errno || ticks < 1)
		return ctl_usage(ctl, "step: \"%s\" is not a number of ticks, 1 or more", text);
	snprintf(done, sizeof(done), "ran %lld tick%s", ticks, ticks == 1 ? "" : "s");
	/* The time that steps may take is not the time to find out that nobody is there. */
	int step_ms = ctl->timeout_ms;
	char *info;
	ctl->timeout_ms = step_ms < HELLO_MS ? step_ms : HELLO_MS;
	int rc = ctl_call(ctl, "info", NULL, &info);
	ctl->timeout_ms = step_ms;
	if (rc != EXIT_OK)
		return rc;
	free(info);
	return change(ctl, "step", json_pack("{s:I}", "ticks", (json_int_t)ticks), done);
}

int cmd_add(struct ctl *ctl)
{
	const char *path = ctl->words[0];
	bool standard = strcmp(path, "-") == 0;
	json_error_t fault;
	char done[256];

	FILE *file = standard ? stdin : fopen(path, "r");
	if (!file)
		return ctl_fail("cannot read %s: %s", path, strerror(errno));
	json_t *stream = json_loadf(file, JSON_REJECT_DUPLICATES, &fault);
	if (!standard)
		fclose(file);
	if (!stream)
		return ctl_fail("%s:%d:%d: not JSON: %s (a stream as in the configuration, but in "
				"JSON, is expected)",
			standard ? "standard input" : path, fault.line, fault.column, fault.text);

	json_t *params = stream;
	if (!json_object_get(stream, "stream"))
		params = json_pack("{s:o}", "stream", stream);
	const char *name =
		json_string_value(json_object_get(json_object_get(params, "stream"), "name"));
	snprintf(done, sizeof(done), "%s: added", name ? name : "the stream");
	return change(ctl, "add", params, done);
}

int cmd_call(struct ctl *ctl)
{
	json_error_t fault;
	json_t *params = NULL;
	char *text;

	if (ctl->n_words == 2) {
		params = json_loads(ctl->words[1], JSON_REJECT_DUPLICATES, &fault);
		if (!params)
			return ctl_usage(ctl,
				"call: the parameters are not a JSON object or list: %s "
				"(column %d)",
				fault.text, fault.column);
	}
	int rc = ctl_call(ctl, ctl->words[0], params, &text);
	if (rc != EXIT_OK)
		return rc;
	puts(text);
	free(text);
	return EXIT_OK;
}
