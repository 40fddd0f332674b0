/* Commands that only look: status, info, streams, encoders, stats. They take the answers as they come
 * and leave out what is missing, so that they outlive additions to the daemon.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "suggest.h"
#include "text.h"

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Any JSON value as a short text for people; to be freed. */
static char *show(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (!value || json_is_null(value))
		return strdup("");
	return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
}

static void add_value(struct text_table *table, const json_t *value)
{
	char *text = show(value);

	text_table_add(table, text);
	free(text);
}

static void add_ns(struct text_table *table, const json_t *value)
{
	char buf[32];

	if (json_is_number(value))
		text_table_add(table, text_ns(json_number_value(value), buf, sizeof(buf)));
	else
		add_value(table, value);
}

static bool is_ns(const char *key)
{
	size_t length = strlen(key);

	return length > 3 && strcmp(key + length - 3, "_ns") == 0;
}

/* Adds "path value" rows for everything below `value`; keys that end in _ns are durations, unless
 * they are times of day. */
static void flatten(struct text_table *table, const char *path, const json_t *value, bool ns)
{
	const char *key;
	json_t *member;

	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member)
		{
			char below[512];

			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", key);
			bool time = strcmp(key, "time_ns") == 0 || strcmp(key, "source_ns") == 0;
			bool plain = strcmp(key, "count") == 0 || strcmp(key, "buckets") == 0;
			flatten(table, below, member, !time && !plain && (ns || is_ns(key)));
		}
		return;
	}
	text_table_add(table, path);
	if (ns && json_is_number(value))
		add_ns(table, value);
	else
		add_value(table, value);
}

static int print_flat(const json_t *value)
{
	struct text_table table = {.align = "ll"};

	flatten(&table, "", value, false);
	text_table_print(&table, stdout);
	text_table_fini(&table);
	return EXIT_OK;
}

/* Asks, and prints the raw answer if --json; *result stays NULL then. */
static int ask_or_print(struct ctl *ctl, const char *method, json_t *params, json_t **result)
{
	char *text;

	*result = NULL;
	if (!ctl->json)
		return ctl_ask(ctl, method, params, result);
	int rc = ctl_call(ctl, method, params, &text);
	if (rc == EXIT_OK) {
		puts(text);
		free(text);
	}
	return rc;
}

static void print_endpoints(const json_t *endpoints)
{
	static const char *const kinds[] = {"ingest", "publish", "control", "web"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const json_t *value = json_object_get(endpoints, kinds[i]);
		size_t index;
		json_t *item;

		if (!value || json_is_null(value))
			continue;
		printf("%-10s", kinds[i]);
		if (!json_is_array(value)) {
			putchar(' ');
			text_print(stdout, json_is_string(value) ? json_string_value(value) : "?");
		}
		json_array_foreach(value, index, item)
		{
			char *text = show(item);
			putchar(' ');
			text_print(stdout, text ? text : "");
			free(text);
		}
		putchar('\n');
	}
}

static void print_realtime(const json_t *realtime)
{
	const json_t *notes = json_object_get(realtime, "notes");
	json_int_t priority = json_integer_value(json_object_get(realtime, "priority"));
	const json_t *cpu = json_object_get(realtime, "cpu");
	size_t index;
	json_t *note;

	if (!json_is_object(realtime))
		return;
	printf("%-10s ", "realtime");
	if (priority > 0)
		printf("priority %" JSON_INTEGER_FORMAT, priority);
	else
		printf("ordinary priority");
	printf(json_is_true(json_object_get(realtime, "locked_memory")) ? ", memory locked"
									: ", memory not locked");
	if (json_is_integer(cpu) && json_integer_value(cpu) >= 0)
		printf(", cpu %" JSON_INTEGER_FORMAT, json_integer_value(cpu));
	putchar('\n');
	json_array_foreach(notes, index, note)
	{
		printf("%-10s ", "");
		text_print(stdout, json_is_string(note) ? json_string_value(note) : "");
		putchar('\n');
	}
}

static void print_info(const json_t *info)
{
	char up[64], dt[32];

	text_uptime(json_number_value(json_object_get(info, "uptime_s")), up, sizeof(up));
	text_ns(json_number_value(json_object_get(info, "dt_ns")), dt, sizeof(dt));
	printf("spiked ");
	text_print(stdout, string(info, "version"));
	printf(", pid %" JSON_INTEGER_FORMAT ", up %s, epoch ",
		json_integer_value(json_object_get(info, "pid")), up);
	text_print(stdout, string(info, "epoch"));
	printf("\n%-10s ", "clock");
	text_print(stdout, string(info, "clock"));
	printf(", dt %s", dt);
	if (strcmp(string(info, "clock"), "wall") == 0) {
		printf(", overrun ");
		text_print(stdout, string(info, "overrun"));
	}
	putchar('\n');
	print_endpoints(json_object_get(info, "endpoints"));
	print_realtime(json_object_get(info, "realtime"));
}

int cmd_info(struct ctl *ctl)
{
	json_t *info;

	int rc = ask_or_print(ctl, "info", NULL, &info);
	if (info)
		print_info(info);
	json_decref(info);
	return rc;
}

static const char *stream_name(const json_t *stream)
{
	const char *name = string(stream, "stream");

	return *name ? name : string(stream, "name");
}

/* "population | poisson" */
static char *pipeline_text(const json_t *stream)
{
	const json_t *pipeline = json_object_get(stream, "pipeline");
	char text[256] = "";
	size_t index, used = 0;
	json_t *stage;

	json_array_foreach(pipeline, index, stage)
	{
		int n = snprintf(text + used, sizeof(text) - used, "%s%s", index ? " | " : "",
			string(stage, "stage"));
		if (n < 0 || (size_t)n >= sizeof(text) - used)
			break;
		used += (size_t)n;
	}
	return strdup(text);
}

static void print_streams(const json_t *streams)
{
	static const char *const head[] = {
		"STREAM",
		"STATE",
		"CHANNELS",
		"LINES",
		"DT",
		"ROWS",
		"REFUSED",
		"TICKS",
		"LATE",
		"SPIKES",
		"PIPELINE",
	};
	struct text_table table = {.align = "llrrrrrrrrl"};
	size_t index;
	json_t *stream;

	assert(strlen(table.align) == sizeof(head) / sizeof(head[0]));
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		text_table_add(&table, head[i]);
	json_array_foreach(streams, index, stream)
	{
		const json_t *counters = json_object_get(stream, "counters");
		char *pipeline = pipeline_text(stream), refused[24];

		text_table_add(&table, stream_name(stream));
		text_table_add(&table, string(stream, "liveness"));
		add_value(&table, json_object_get(stream, "channels"));
		add_value(&table, json_object_get(stream, "lines"));
		add_ns(&table, json_object_get(stream, "dt_ns"));
		add_value(&table, json_object_get(counters, "rows"));
		snprintf(refused, sizeof(refused), "%" PRId64, ctl_refused(counters));
		text_table_add(&table, refused);
		add_value(&table, json_object_get(counters, "ticks"));
		add_value(&table, json_object_get(counters, "late_ticks"));
		add_value(&table, json_object_get(counters, "spikes"));
		text_table_add(&table, pipeline);
		free(pipeline);
	}
	if (json_array_size(streams) == 0)
		puts("There are no streams.");
	else
		text_table_print(&table, stdout);
	text_table_fini(&table);
}

int cmd_status(struct ctl *ctl)
{
	json_t *streams = NULL;
	char *info = NULL, *list = NULL;

	int rc = ctl_call(ctl, "info", NULL, &info);
	if (rc == EXIT_OK)
		rc = ctl_call(ctl, "streams", NULL, &list);
	if (rc == EXIT_OK && ctl->json) {
		printf("{\"info\":%s,\"streams\":%s}\n", info, list);
	} else if (rc == EXIT_OK) {
		json_t *object = json_loads(info, JSON_DECODE_ANY, NULL);
		streams = json_loads(list, JSON_DECODE_ANY, NULL);
		print_info(object);
		putchar('\n');
		print_streams(streams);
		json_decref(object);
	}
	json_decref(streams);
	free(info);
	free(list);
	return rc;
}

/* One stream: its stages one a line, the rest as "key value". */
static void print_stream(json_t *stream)
{
	const json_t *pipeline = json_object_get(stream, "pipeline");
	struct text_table table = {.align = "ll"};
	size_t index;
	json_t *stage, *value;
	const char *key;

	json_object_foreach(stream, key, value)
	{
		if (strcmp(key, "pipeline") != 0 && !json_is_null(value))
			flatten(&table, key, value, is_ns(key));
	}
	json_array_foreach(pipeline, index, stage)
	{
		const json_t *as = json_object_get(stage, "as");
		char title[160];

		snprintf(title, sizeof(title), "stage %zu: %s", index, string(stage, "stage"));
		text_table_add(&table, title);
		text_table_add(&table, as && !json_equal(as, json_object_get(stage, "stage"))
					       ? string(stage, "as")
					       : "");
		json_object_foreach(json_object_get(stage, "params"), key, value)
		{
			snprintf(title, sizeof(title), "  %s", key);
			text_table_add(&table, title);
			add_value(&table, value);
		}
	}
	text_table_print(&table, stdout);
	text_table_fini(&table);
}

int cmd_streams(struct ctl *ctl)
{
	json_t *result;
	int rc;

	if (ctl->n_words == 0) {
		rc = ask_or_print(ctl, "streams", NULL, &result);
		if (result)
			print_streams(result);
	} else {
		rc = ask_or_print(
			ctl, "stream", json_pack("{s:s}", "name", ctl->words[0]), &result);
		if (result)
			print_stream(result);
	}
	json_decref(result);
	return rc;
}

/* A kind is a word, or a list of the words that will do. */
static void print_kind(const json_t *kind)
{
	size_t index;
	json_t *item;

	if (json_is_string(kind))
		text_print(stdout, json_string_value(kind));
	json_array_foreach(kind, index, item)
	{
		printf("%s", index ? " or " : "");
		text_print(stdout, json_is_string(item) ? json_string_value(item) : "?");
	}
}

static void print_encoders(const json_t *encoders)
{
	struct text_table table = {.align = "lll"};
	size_t index;
	json_t *encoder;

	json_array_foreach(encoders, index, encoder)
	{
		text_table_add(&table, string(encoder, "name"));
		text_table_add(&table, string(encoder, "output"));
		text_table_add(&table, string(encoder, "summary"));
	}
	text_table_print(&table, stdout);
	text_table_fini(&table);
}

/* A bound that says no more than "a float" is none. */
static const json_t *bound(const json_t *param, const char *key)
{
	const json_t *value = json_object_get(param, key);

	return fabs(json_number_value(value)) < FLT_MAX ? value : NULL;
}

static void print_range(const json_t *param)
{
	const json_t *min = bound(param, "min"), *max = bound(param, "max");
	const json_t *choices = json_object_get(param, "choices");
	size_t index;
	json_t *choice;

	if (json_array_size(choices) > 0) {
		printf(", one of");
		json_array_foreach(choices, index, choice)
		{
			putchar(' ');
			text_print(
				stdout, json_is_string(choice) ? json_string_value(choice) : "?");
		}
	} else if (json_is_number(min) && json_is_number(max)) {
		printf(", %g to %g", json_number_value(min), json_number_value(max));
	} else if (json_is_number(min)) {
		printf(", at least %g", json_number_value(min));
	} else if (json_is_number(max)) {
		printf(", at most %g", json_number_value(max));
	}
}

static void print_param(const json_t *param)
{
	static const struct {
		const char *key, *text;
	} marks[] = {
		{"per_channel", ", one or one a channel"},
		{"live", ", may be set live"},
		{"no_effect", ", has no effect"},
	};
	const json_t *preset = json_object_get(param, "default");

	printf("\n  ");
	text_print(stdout, string(param, "name"));
	printf(": ");
	text_print(stdout, string(param, "type"));
	if (*string(param, "unit")) {
		printf(" in ");
		text_print(stdout, string(param, "unit"));
	}
	if (preset && !json_is_null(preset)) {
		char *text = show(preset);
		printf(", default ");
		text_print(stdout, text ? text : "");
		free(text);
	}
	print_range(param);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (json_is_true(json_object_get(param, marks[i].key)))
			printf("%s", marks[i].text);
	printf("\n      ");
	text_print(stdout, string(param, "help"));
	putchar('\n');
}

static void print_encoder(const json_t *encoder)
{
	size_t index;
	json_t *item;

	text_print(stdout, string(encoder, "name"));
	printf(": ");
	text_print(stdout, string(encoder, "summary"));
	printf("\nFrom ");
	print_kind(json_object_get(encoder, "input"));
	printf(" to ");
	print_kind(json_object_get(encoder, "output"));
	printf(".\n");
	if (json_array_size(json_object_get(encoder, "aliases")) > 0) {
		printf("Also called");
		json_array_foreach(json_object_get(encoder, "aliases"), index, item)
		{
			printf("%s ", index ? "," : "");
			text_print(stdout, json_is_string(item) ? json_string_value(item) : "?");
		}
		printf(".\n");
	}
	if (*string(encoder, "source")) {
		printf("Source: ");
		text_print(stdout, string(encoder, "source"));
		putchar('\n');
	}
	json_array_foreach(json_object_get(encoder, "params"), index, item) print_param(item);
}

static bool has_name(const json_t *encoder, const char *name)
{
	size_t index;
	json_t *alias;

	if (strcmp(string(encoder, "name"), name) == 0)
		return true;
	json_array_foreach(json_object_get(encoder, "aliases"), index, alias)
	{
		if (json_is_string(alias) && strcmp(json_string_value(alias), name) == 0)
			return true;
	}
	return false;
}

static int no_encoder(const json_t *encoders, const char *name)
{
	const char **names = calloc(json_array_size(encoders) + 1, sizeof(*names));
	size_t index;
	json_t *encoder;

	if (!names)
		return EXIT_FAILED;
	json_array_foreach(encoders, index, encoder) names[index] = string(encoder, "name");
	const char *near = suggest(name, names);
	int rc = near ? ctl_fail("there is no encoder \"%s\"; did you mean \"%s\"?", name, near)
		      : ctl_fail("there is no encoder \"%s\"; \"spikectl encoders\" lists them",
				name);
	free(names);
	return rc;
}

static int print_named_encoder(const struct ctl *ctl, const json_t *encoders, const char *name)
{
	size_t index;
	json_t *encoder;

	json_array_foreach(encoders, index, encoder)
	{
		if (!has_name(encoder, name))
			continue;
		if (ctl->json) {
			json_dumpf(encoder, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			print_encoder(encoder);
		}
		return EXIT_OK;
	}
	return no_encoder(encoders, name);
}

int cmd_encoders(struct ctl *ctl)
{
	json_t *encoders;
	int rc;

	if (ctl->n_words == 0) {
		rc = ask_or_print(ctl, "encoders", NULL, &encoders);
		if (encoders)
			print_encoders(encoders);
	} else {
		rc = ctl_ask(ctl, "encoders", NULL, &encoders);
		if (rc != EXIT_OK)
			return rc;
		rc = print_named_encoder(ctl, encoders, ctl->words[0]);
	}
	json_decref(encoders);
	return rc;
}

int cmd_stats(struct ctl *ctl)
{
	json_t *stats;

	int rc = ask_or_print(ctl, "stats", NULL, &stats);
	if (stats)
		print_flat(stats);
	json_decref(stats);
	return rc;
}
