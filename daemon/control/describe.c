/* JSON about the daemon.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/describe.h"

#include "spiked/wire.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes the number with as few digits as tell it from all others. Returns its end. */
static char *shorten(char *to, const char *from, size_t size)
{
	char digits[40];
	double value = strtod(from, NULL);

	for (int precision = 15; precision < 17; precision++) {
		int n = snprintf(digits, sizeof(digits), "%.*g", precision, value);

		if (strtod(digits, NULL) != value || (size_t)n > size)
			continue;
		memcpy(to, digits, (size_t)n);
		/* A real number stays one for readers that tell the two apart. */
		if (!strpbrk(digits, ".e") && (size_t)n + 2 <= size) {
			memcpy(to + n, ".0", 2);
			n += 2;
		}
		return to + n;
	}
	memmove(to, from, size);
	return to + size;
}

/* JSON's writer gives all numbers as many digits: few, and some change; many, and 0.1 has 17. */
static size_t shorten_reals(char *text, size_t size)
{
	char *to = text;
	bool quoted = false;

	for (size_t at = 0; at < size;) {
		size_t n = quoted ? 0 : strspn(text + at, "+-.0123456789eE");

		if (n && memchr(text + at, '.', n)) {
			to = shorten(to, text + at, n);
			at += n;
			continue;
		}
		quoted ^= text[at] == '"';
		if (quoted && text[at] == '\\')
			*to++ = text[at++];
		*to++ = text[at++];
	}
	return (size_t)(to - text);
}

struct blob *describe_blob(json_t *json)
{
	const size_t exact = JSON_COMPACT | JSON_REAL_PRECISION(17);
	size_t size = json ? json_dumpb(json, NULL, 0, exact) : 0;
	struct blob *blob = size ? malloc(sizeof(*blob) + size + 1) : NULL;

	if (blob) {
		json_dumpb(json, blob->bytes, size, exact);
		blob->bytes[size] = '\0';
		blob->size = shorten_reals(blob->bytes, size);
	}
	json_decref(json);
	return blob;
}

json_t *describe_epoch(uint64_t epoch)
{
	char text[17];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)epoch);
	return json_string(text);
}

json_t *describe_counters(const void *counters, const struct counter_row *rows)
{
	json_t *out = json_object();

	for (; rows->name; rows++)
		json_object_set_new(
			out, rows->name, json_integer((json_int_t)counter_of(counters, rows)));
	return out;
}

json_t *describe_hist(const struct hist *h)
{
	struct hist_summary s;

	hist_summarise(h, &s);
	return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I}", "count", (json_int_t)s.count,
		"mean", s.mean, "p50", (json_int_t)s.p50, "p90", (json_int_t)s.p90, "p99",
		(json_int_t)s.p99, "p999", (json_int_t)s.p999, "max", (json_int_t)s.max);
}

json_t *describe_stats(const struct registry *r, const struct entry *e)
{
	const struct stream *s = e->stream;
	json_t *out = describe_counters(&s->counters, stream_counter_rows);

	json_object_set_new(out, "lateness_ns", describe_hist(r->lateness[e->cadence]));
	json_object_set_new(out, "tick_cost_ns", describe_hist(&s->tick_cost));
	json_object_set_new(out, "row_age_ns", describe_hist(&s->row_age));
	return out;
}

json_t *describe_realtime(const struct realtime_grant *grant)
{
	json_t *notes = json_array();

	for (int i = 0; i < REALTIME_NOTES; i++)
		if (grant->notes[i][0])
			json_array_append_new(notes, json_string(grant->notes[i]));
	return json_pack("{s:i, s:i, s:b, s:o?, s:o}", "priority", grant->priority, "io_priority",
		grant->io_priority, "locked_memory", grant->locked_memory, "cpu",
		grant->cpu >= 0 ? json_integer(grant->cpu) : NULL, "notes", notes);
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* Bounds at the ends of float32 are none. */
static json_t *bound(const struct param *row, double value)
{
	bool bounded = row->min != 0 || row->max != 0;

	return bounded && fabs(value) < (double)FLT_MAX ? json_real(value) : NULL;
}

/* JSON readers have no whole numbers over 2^63 - 1: a text of digits is taken as well. */
static json_t *count(uint64_t n)
{
	char digits[24];

	if (n <= INT64_MAX)
		return json_integer((json_int_t)n);
	snprintf(digits, sizeof(digits), "%" PRIu64, n);
	return json_string(digits);
}

/* Item i of a value, as the JSON that `set` and `add` would take. */
static json_t *item(const struct param *row, const struct param_value *v, uint32_t i)
{
	if (v->automatic)
		return json_string("auto");
	switch (row->type) {
	case PARAM_NUMBER:
		return number(param_number(v, i));
	case PARAM_COUNT:
		return count(v->integer);
	case PARAM_BOOL:
		return json_boolean(v->integer);
	case PARAM_CHOICE:
		return json_string(row->choices[v->integer]);
	}
	return json_null();
}

static json_t *value(const struct param *row, const struct param_value *v)
{
	json_t *list;

	if (v->count <= 1)
		return item(row, v, 0);
	list = json_array();
	for (uint32_t i = 0; i < v->count; i++)
		json_array_append_new(list, item(row, v, i));
	return list;
}

static json_t *stage(const struct stage *st)
{
	json_t *params = json_object();

	for (const struct param *row = st->class->params; row && row->name; row++) {
		const struct param_value *v = &st->values[row - st->class->params];

		if (v->present)
			json_object_set_new(params, row->name, value(row, v));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "stage", st->class->name, "as",
		st->asked, "input", kind_text(st->in_kind), "output", kind_text(st->out_kind),
		"lines", (json_int_t)st->out_lines, "params", params);
}

static json_t *pipeline(const struct pipeline *p)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < p->count; i++)
		json_array_append_new(out, stage(&p->stages[i]));
	return out;
}

static json_t *strings(char *const *texts, uint32_t n)
{
	json_t *out;

	if (!texts)
		return NULL;
	out = json_array();
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(out, json_string(texts[i]));
	return out;
}

static json_t *shape(const struct conf_stream *conf)
{
	json_t *out;

	if (!conf->shape)
		return NULL;
	out = json_array();
	for (uint32_t i = 0; i < conf->dims; i++)
		json_array_append_new(out, json_integer(conf->shape[i]));
	return out;
}

static json_t *range(const struct pipeline *p)
{
	json_t *out;

	if (!p->ranged)
		return NULL;
	out = json_object();
	for (const struct param *row = p->stages[0].class->params; row->name; row++)
		json_object_set_new(out, row->name,
			value(row, &p->stages[0].values[row - p->stages[0].class->params]));
	return out;
}

static json_t *input(const struct conf_stream *conf)
{
	json_t *out = json_pack("{s:s, s:s, s:s}", "type", row_type_words[conf->type], "mode",
		input_mode_words[conf->mode], "on_stale", on_stale_words[conf->on_stale]);

	json_object_set_new(out, "stale_after_ns",
		conf->stale_ns == INT64_MAX ? json_null() : json_integer(conf->stale_ns));
	if (conf->mode == INPUT_QUEUE)
		json_object_set_new(out, "queue_rows", json_integer(conf->queue_rows));
	return out;
}

static json_t *group_members(const struct registry *r, const char *group)
{
	json_t *out;

	if (!group)
		return NULL;
	out = json_array();
	for (uint32_t i = 0; i < r->count; i++) {
		const struct conf_stream *conf = r->entries[i].conf;

		if (conf->group && !strcmp(conf->group, group))
			json_array_append_new(out, json_string(conf->name));
	}
	return out;
}

static json_t *topics(const struct conf_stream *conf, const struct pipeline *p)
{
	json_t *out = json_array();

	for (int k = 0; k < TOPIC_COUNT; k++)
		if (topic_offered(p, (enum topic_kind)k))
			json_array_append_new(
				out, json_sprintf("%s/%s/", topic_words[k], conf->name));
	return out;
}

json_t *describe_meta(const struct registry *r, const struct entry *e)
{
	const struct conf_stream *conf = e->conf;
	const struct pipeline *p = e->program;

	return json_pack(
		"{s:s, s:o, s:i, s:s, s:I, s:o?, s:o?, s:s?, s:o?, s:I, s:I, s:s, s:I, s:s, "
		"s:b, s:s, s:b, s:o, s:o, s:o, s:s?, s:o?, s:o}",
		"stream", conf->name, "epoch", describe_epoch(r->site.epoch), "protocol",
		SPIKED_PROTOCOL, "version", SPIKED_VERSION, "channels", (json_int_t)conf->channels,
		"names", strings(conf->channel_names, conf->channels), "shape", shape(conf), "unit",
		conf->unit, "range", range(p), "lines", (json_int_t)p->out_lines, "dt_ns",
		(json_int_t)conf->dt_ns, "clock", clock_words[r->site.conf->clock], "window",
		(json_int_t)conf->window, "output", kind_text(p->out_kind), "signed",
		(p->out_kind & (KIND_SIGNED | KIND_COUNTS)) != 0, "payload",
		payload_words[conf->payload], "empty", conf->publish_empty, "seed",
		count(conf->seed), "input", input(conf), "pipeline", pipeline(p), "group",
		conf->group, "group_streams", group_members(r, conf->group), "topics",
		topics(conf, p));
}

static json_t *state_of(const struct stream_kept *kept)
{
	json_t *restored = NULL;

	if (kept->restored_real_ns)
		restored = json_pack("{s:o, s:I, s:I, s:I}", "epoch",
			describe_epoch(kept->restored_epoch), "tick",
			(json_int_t)kept->restored_tick, "ticks",
			(json_int_t)kept->restored_state_tick, "time_ns",
			(json_int_t)kept->restored_real_ns);
	return json_pack(
		"{s:I, s:o?}", "saved_ns", (json_int_t)kept->saved_real_ns, "restored", restored);
}

json_t *describe_keeper(const struct keeper *k)
{
	if (!keeper_is_on(k))
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:s?}", "dir", k->state.dir, "every_ns",
		(json_int_t)k->state.every_ns, "saved_ns", (json_int_t)k->round_real_ns, "error",
		k->error[0] ? k->error : NULL);
}

json_t *describe_stream(const struct registry *r, const struct entry *e)
{
	json_t *out = describe_meta(r, e);
	int liveness = atomic_load_explicit(&e->stream->liveness, memory_order_relaxed);

	json_object_set_new(out, "liveness", json_string(liveness_words[liveness]));
	json_object_set_new(
		out, "counters", describe_counters(&e->stream->counters, stream_counter_rows));
	json_object_set_new(out, "state", state_of(&e->stream->kept));
	return out;
}

static json_t *choices(const struct param *row)
{
	json_t *out;

	if (!row->choices)
		return NULL;
	out = json_array();
	for (const char *const *c = row->choices; *c; c++)
		json_array_append_new(out, json_string(*c));
	return out;
}

static json_t *param(const struct param *row)
{
	return json_pack("{s:s, s:s, s:s, s:s?, s:o?, s:o?, s:o?, s:b, s:b, s:b, s:b, s:s}", "name",
		row->name, "type", param_type_text(row->type), "unit", param_unit_text(row->unit),
		"default", row->preset, "min", bound(row, row->min), "max", bound(row, row->max),
		"choices", choices(row), "per_channel", !!(row->flags & PARAM_PER_CHANNEL), "list",
		!!(row->flags & PARAM_LIST), "live", !!(row->flags & PARAM_LIVE), "no_effect",
		!!(row->flags & PARAM_NO_EFFECT), "help", row->help);
}

static json_t *kinds(unsigned mask)
{
	json_t *out = json_array();

	for (unsigned kind = 1; kind <= KIND_LAST; kind <<= 1)
		if (mask & kind)
			json_array_append_new(out, json_string(kind_text((enum kind)kind)));
	return out;
}

static json_t *aliases(const struct encoder_class *class)
{
	json_t *out = json_array();

	for (const struct encoder_alias *a = class->aliases; a && a->name; a++)
		json_array_append_new(out, json_string(a->name));
	return out;
}

static json_t *encoder(const struct encoder_class *class)
{
	json_t *params = json_array();

	for (const struct param *row = class->params; row && row->name; row++)
		json_array_append_new(params, param(row));
	return json_pack("{s:s, s:o, s:s, s:s, s:o, s:s, s:s?, s:o}", "name", class->name,
		"aliases", aliases(class), "summary", class->summary, "source", class->source,
		"input", kinds(class->in), "output",
		class->out ? kind_text(class->out) : "as input", "decoder",
		class->decoder ? class->decoder->help : NULL, "params", params);
}

json_t *describe_encoders(void)
{
	json_t *out = json_array();
	size_t count;
	const struct encoder_class *const *classes = encoder_classes(&count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, encoder(classes[i]));
	return out;
}
