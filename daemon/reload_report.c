/* What a reload has done, or why it has not: for the log and for whoever asked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload_report.h"

#include "daemon/core/log.h"
#include "encoders/text/clean.h"

#include <stdarg.h>
#include <string.h>

#define NAMES_MAX 8  /* of streams in a line of the log */
#define ANEW_MAX  20 /* lines of the log about streams that begin anew */

static const char *place_text(const struct conf_fault *fault, char *text, size_t size)
{
	if (fault->line)
		snprintf(text, size, ":%d:%d", fault->line, fault->column);
	else
		text[0] = '\0';
	return text;
}

void report_faults(const char *path, const struct conf_faults *faults)
{
	char place[32];

	for (size_t i = 0; i < faults->count; i++) {
		const struct conf_fault *f = &faults->items[i];

		log_line(f->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "reload: %s%s: %s%s%s",
			path, place_text(f, place, sizeof(place)), f->path, f->path[0] ? ": " : "",
			f->text);
	}
}

const char *report_text(
	const struct conf_faults *faults, const char *path, char text[REPORT_TEXT_MAX])
{
	size_t used = 0;
	char place[32];

	used += (size_t)snprintf(text, REPORT_TEXT_MAX, "nothing was changed: ");
	for (size_t i = 0; i < faults->count && used < REPORT_TEXT_MAX; i++) {
		const struct conf_fault *f = &faults->items[i];

		if (f->warning)
			continue;
		used += (size_t)snprintf(text + used, REPORT_TEXT_MAX - used, "%.200s%s: %s%s%s; ",
			path, place_text(f, place, sizeof(place)), f->path, f->path[0] ? ": " : "",
			f->text);
	}
	if (used < REPORT_TEXT_MAX && used > 2)
		text[used - 2] = '\0';
	return text_clean(text);
}

json_t *report_fault_list(const struct conf_faults *faults)
{
	json_t *list = json_array();

	for (size_t i = 0; i < faults->count; i++) {
		const struct conf_fault *f = &faults->items[i];

		json_array_append_new(list,
			json_pack("{s:i, s:i, s:s, s:s, s:b}", "line", f->line, "column", f->column,
				"path", f->path, "message", f->text, "warning", f->warning));
	}
	return json_pack("{s:o}", "faults", list);
}

static void list_streams(const struct merge *m, json_t *out)
{
	json_t *added = json_array(), *removed = json_array(), *changed = json_array();
	json_t *anew = json_array();
	json_int_t kept = 0;

	for (uint32_t i = 0; i < m->removed_count; i++)
		json_array_append_new(removed, json_string(m->removed[i].conf->name));
	for (uint32_t i = 0; i < m->next.count; i++) {
		const char *name = m->fates[i].stream;

		switch (m->fates[i].fate) {
		case FATE_KEPT:
			kept++;
			break;
		case FATE_ADDED:
			json_array_append_new(added, json_string(name));
			break;
		case FATE_ANEW:
			json_array_append_new(anew,
				json_pack("{s:s, s:s}", "stream", name, "why", m->fates[i].why));
			break;
		case FATE_CHANGED:
			json_array_append_new(changed, json_string(name));
			break;
		}
	}
	json_object_set_new(out, "added", added);
	json_object_set_new(out, "removed", removed);
	json_object_set_new(out, "changed", changed);
	json_object_set_new(out, "anew", anew);
	json_object_set_new(out, "kept", json_integer(kept));
}

static void list_sockets(const struct socket_plan *p, json_t *out)
{
	json_t *opened = json_array(), *closed = json_array();

	for (uint32_t i = 0; i < p->opens; i++)
		json_array_append_new(opened, json_string(p->is->ingest[p->from[i]].endpoint));
	for (uint32_t i = 0; i < p->closes; i++)
		json_array_append_new(closed, json_string(p->close[i]->conf->endpoint));
	for (uint32_t i = 0; i < p->listens; i++)
		json_array_append_new(opened, json_string(p->listen[i]->endpoint));
	for (uint32_t i = 0; i < p->unlistens; i++)
		json_array_append_new(closed, json_string(p->unlisten[i]->endpoint));
	if (p->control == CONTROL_OPENS || p->control == CONTROL_MOVES)
		json_array_append_new(opened, json_string(p->is->control));
	if (p->control == CONTROL_CLOSES || p->control == CONTROL_MOVES)
		json_array_append_new(closed, json_string(p->was->control));
	json_object_set_new(out, "opened", opened);
	json_object_set_new(out, "closed", closed);
}

json_t *report_changes(
	const struct merge *m, const struct socket_plan *p, const bool keys[TOP_KEYS])
{
	json_t *out = json_object(), *names = json_array();

	list_streams(m, out);
	list_sockets(p, out);
	for (enum top_key k = 0; k < TOP_KEYS; k++)
		if (keys[k])
			json_array_append_new(names, json_string(top_keys[k].row.name));
	json_object_set_new(out, "keys", names);
	return out;
}

struct line {
	char text[800];
	size_t used;
};

static void put(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->used, sizeof(l->text) - l->used, format, args);
	va_end(args);
	l->used += n > 0 ? (size_t)n : 0;
	if (l->used >= sizeof(l->text))
		l->used = sizeof(l->text) - 1;
}

static void put_names(struct line *l, const json_t *list)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && i < NAMES_MAX; i++) {
		const json_t *item = json_array_get(list, i);
		const char *name = json_string_value(item);

		put(l, "%s%s", i ? ", " : "",
			name ? name : json_string_value(json_object_get(item, "stream")));
	}
	if (n > NAMES_MAX)
		put(l, " and %zu more", n - NAMES_MAX);
}

static void put_list(struct line *l, const json_t *report, const char *key, const char *words)
{
	const json_t *list = json_object_get(report, key);

	if (!json_array_size(list))
		return;
	put(l, "%zu %s (", json_array_size(list), words);
	put_names(l, list);
	put(l, "), ");
}

static void put_some(struct line *l, const json_t *report, const char *key, const char *words)
{
	const json_t *list = json_object_get(report, key);

	if (!json_array_size(list))
		return;
	put(l, "; %s ", words);
	put_names(l, list);
}

void report_log(const char *path, const json_t *report)
{
	const json_t *anew = json_object_get(report, "anew");
	struct line l = {.used = 0};

	put_list(&l, report, "added", "added");
	put_list(&l, report, "removed", "removed");
	put_list(&l, report, "changed", "changed, state kept");
	put_list(&l, report, "anew", "begun anew");
	put(&l, "%lld not touched", (long long)json_integer_value(json_object_get(report, "kept")));
	put_some(&l, report, "opened", "opened");
	put_some(&l, report, "closed", "closed");
	put_some(&l, report, "keys", "keys that changed:");
	log_info("reload of %.150s: streams: %s", path, l.text);
	for (size_t i = 0; i < json_array_size(anew) && i < ANEW_MAX; i++) {
		const json_t *item = json_array_get(anew, i);

		log_warning("stream '%s' begins anew: its state means nothing with another '%s'",
			json_string_value(json_object_get(item, "stream")),
			json_string_value(json_object_get(item, "why")));
	}
}
