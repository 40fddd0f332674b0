/* Commands that only look: status, info, streams, stats. They take the answers as they come
 * and leave out what is missing, so that they outlive additions to the daemon.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "recording.h"
#include "text.h"

static void add_value(struct text_table *table, const json_t *value)
{
	char *text = ctl_show(value);

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
			char *text = ctl_show(item);
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
	text_print(stdout, ctl_text(info, "version"));
	printf(", pid %" JSON_INTEGER_FORMAT ", up %s, epoch ",
		json_integer_value(json_object_get(info, "pid")), up);
	text_print(stdout, ctl_text(info, "epoch"));
	printf("\n%-10s ", "clock");
	text_print(stdout, ctl_text(info, "clock"));
	printf(", dt %s", dt);
	if (strcmp(ctl_text(info, "clock"), "wall") == 0) {
		printf(", overrun ");
		text_print(stdout, ctl_text(info, "overrun"));
	}
	putchar('\n');
	print_endpoints(json_object_get(info, "endpoints"));
	print_realtime(json_object_get(info, "realtime"));
}

int cmd_info(struct ctl *ctl)
{
	json_t *info;

	if (ctl->n_words)
		return recording_info(ctl);
	int rc = ctl_ask_or_print(ctl, "info", NULL, &info);
	if (info)
		print_info(info);
	json_decref(info);
	return rc;
}

static const char *stream_name(const json_t *stream)
{
	const char *name = ctl_text(stream, "stream");

	return *name ? name : ctl_text(stream, "name");
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
			ctl_text(stage, "stage"));
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
		text_table_add(&table, ctl_text(stream, "liveness"));
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

		snprintf(title, sizeof(title), "stage %zu: %s", index, ctl_text(stage, "stage"));
		text_table_add(&table, title);
		text_table_add(&table, as && !json_equal(as, json_object_get(stage, "stage"))
					       ? ctl_text(stage, "as")
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
		rc = ctl_ask_or_print(ctl, "streams", NULL, &result);
		if (result)
			print_streams(result);
	} else {
		rc = ctl_ask_or_print(
			ctl, "stream", json_pack("{s:s}", "name", ctl->words[0]), &result);
		if (result)
			print_stream(result);
	}
	json_decref(result);
	return rc;
}

int cmd_stats(struct ctl *ctl)
{
	json_t *stats;

	int rc = ctl_ask_or_print(ctl, "stats", NULL, &stats);
	if (stats)
		print_flat(stats);
	json_decref(stats);
	return rc;
}
