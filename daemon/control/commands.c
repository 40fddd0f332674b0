/* The methods of the control socket.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/control.h"
#include "daemon/control/describe.h"

#include "daemon/core/clock.h"
#include "encoders/text/clean.h"
#include "encoders/kernels/kernels.h"
#include "spiked/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_MAX INT64_C(1000000000)

struct entry *call_entry(struct control *c, struct call *call)
{
	struct registry *r = c->registry;
	const char *name = json_string_value(json_object_get(call->params, "name"));
	int64_t index = registry_find(r, name);
	const char **names, *near = NULL;

	if (index >= 0)
		return &r->entries[index];
	names = malloc((r->count + 1) * sizeof(*names));
	for (uint32_t i = 0; names && i < r->count; i++)
		names[i] = r->entries[i].conf->name;
	if (names)
		near = fault_nearest(name, names, r->count);
	call_error(c, call, CONTROL_NO_STREAM, "name", "there is no stream '%.64s'%s%s%s", name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	free(names);
	return NULL;
}

static json_t *endpoints(const struct conf *conf)
{
	json_t *ingest = json_array(), *publish = json_array();

	for (uint32_t i = 0; i < conf->ingests; i++) {
		const struct conf_ingest *in = &conf->ingest[i];

		json_array_append_new(
			ingest, in->connect ? json_pack("{s:s, s:s, s:s?}", "connect", in->endpoint,
						      "topic", in->topic, "stream", in->stream)
					    : json_string(in->endpoint));
	}
	for (uint32_t i = 0; i < conf->publishes; i++)
		json_array_append_new(publish, json_string(conf->publish[i]));
	return json_pack(
		"{s:o, s:o, s:s?}", "ingest", ingest, "publish", publish, "control", conf->control);
}

static void run_info(struct control *c, struct call *call)
{
	const struct conf *conf = c->registry->site.conf;
	char path[512];
	double uptime_s = (double)(clock_mono_ns() - c->started_ns) / (double)NS_PER_S;

	snprintf(path, sizeof(path), "%s", conf->path);
	text_clean(path); /* JSON takes nothing but UTF-8, file systems anything */
	call_result(c, call,
		json_pack(
			"{s:s, s:i, s:s, s:o, s:f, s:s, s:s, s:i, s:I, s:I, s:i, s:i, s:s, s:o, s:o, "
			"s:o}",
			"version", SPIKED_VERSION, "protocol", SPIKED_PROTOCOL, "kernels",
			kernels_name(), "epoch", describe_epoch(c->registry->site.epoch),
			"uptime_s", uptime_s, "clock", clock_words[conf->clock], "overrun",
			overrun_words[conf->overrun], "max_catch_up", (int)conf->max_catch_up,
			"dt_ns", (json_int_t)conf->dt_ns, "max_row_bytes",
			(json_int_t)conf->max_row_bytes, "pid", (int)getpid(), "streams",
			(int)c->registry->count, "config", path, "realtime",
			describe_realtime(c->realtime), "endpoints", endpoints(conf), "state",
			describe_keeper(c->keeper)));
}

static void run_encoders(struct control *c, struct call *call)
{
	call_result(c, call, describe_encoders());
}

static void run_streams(struct control *c, struct call *call)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < c->registry->count; i++)
		json_array_append_new(out, describe_stream(c->registry, &c->registry->entries[i]));
	call_result(c, call, out);
}

static void run_stream(struct control *c, struct call *call)
{
	struct entry *e = call_entry(c, call);

	if (e)
		call_result(c, call, describe_stream(c->registry, e));
}

static void run_stats(struct control *c, struct call *call)
{
	json_t *streams = json_object();

	for (uint32_t i = 0; i < c->registry->count; i++) {
		const struct entry *e = &c->registry->entries[i];

		json_object_set_new(streams, e->conf->name, describe_stats(c->registry, e));
	}
	call_result(c, call,
		json_pack("{s:{s:o, s:o, s:o}, s:o}", "daemon", "counters",
			describe_counters(&c->hot->counters, daemon_counter_rows), "lateness_ns",
			describe_hist(&c->hot->engine.lateness), "tick_cost_ns",
			describe_hist(&c->hot->engine.tick_cost), "streams", streams));
}

/* Orders the registry's set into force. 0, or the call has been answered. */
static int order_set(struct control *c, struct call *call)
{
	struct order order = {.kind = ORDER_SWAP_SET, .object = registry_set(c->registry)};
	int ret;

	if (!order.object) {
		call_error(c, call, CONTROL_INTERNAL, NULL, "not enough memory");
		return -ENOMEM;
	}
	ret = call_order(c, call, &order);
	if (ret)
		stream_set_free(order.object);
	return ret;
}

/* False: the call has been answered. */
static bool fits_registry(struct control *c, struct call *call, const struct conf_stream *conf)
{
	const struct registry *r = c->registry;

	if (registry_find(r, conf->name) >= 0) {
		call_error(c, call, CONTROL_STREAM_EXISTS, "stream.name",
			"there is a stream '%s' already; remove it first or choose another name",
			conf->name);
		return false;
	}
	if (registry_leaving(r, conf->name)) {
		call_error(c, call, CONTROL_BUSY, "stream.name",
			"stream '%s' is just being removed; try again", conf->name);
		return false;
	}
	for (uint32_t i = 0; conf->group && i < r->count; i++) {
		const struct conf_stream *other = r->entries[i].conf;

		if (!other->group || strcmp(other->group, conf->group) ||
			other->dt_ns == conf->dt_ns)
			continue;
		call_error(c, call, CONTROL_INVALID_PARAMS, "stream.group",
			"streams of a group share dt, but '%s' of group '%s' has %u ns and this one "
			"%u ns",
			other->name, conf->group, other->dt_ns, conf->dt_ns);
		return false;
	}
	return true;
}

/* Answers with all that is wrong; the path is that of the first fault. */
static void refuse_stream(struct control *c, struct call *call, const struct conf_faults *faults)
{
	const struct conf_fault *first = NULL;
	char text[580] = "";
	size_t used = 0;

	for (size_t i = 0; i < faults->count && used < sizeof(text); i++) {
		const struct conf_fault *f = &faults->items[i];

		if (f->warning)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s: %s",
			first ? "; " : "", f->path, f->text);
		first = first ? first : f;
	}
	call_error(c, call, CONTROL_INVALID_PARAMS, first ? first->path : "stream", "%s", text);
}

bool call_may_change(struct control *c, struct call *call)
{
	if (c->registry->frozen)
		call_error(c, call, CONTROL_BUSY, NULL, "a reload is under way; try again");
	return !c->registry->frozen;
}

/* The stream that a call describes, checked as `add` would. NULL: the call has been answered. */
static struct conf_stream *read_stream(struct control *c, struct call *call)
{
	struct conf_faults faults = {0};
	struct conf_stream *conf = conf_stream_from_json(
		json_object_get(call->params, "stream"), c->registry->site.conf, &faults);

	if (!conf)
		refuse_stream(c, call, &faults);
	conf_faults_fini(&faults);
	if (!conf || fits_registry(c, call, conf))
		return conf;
	conf_stream_free(conf);
	return NULL;
}

/* Makes the stream, as `add` does, but nothing of the registry's. */
static void run_check(struct control *c, struct call *call)
{
	struct conf_stream *conf = read_stream(c, call);
	struct stream *s;
	struct entry e;
	struct fault f;

	if (!conf)
		return;
	s = stream_new(conf, &f);
	if (!s) {
		call_error(c, call, CONTROL_INTERNAL, NULL, "%s", f.text);
		return;
	}
	e = (struct entry){.stream = s, .conf = conf, .program = s->program};
	call_result(c, call, describe_meta(c->registry, &e));
	stream_free(s);
}

static void run_add(struct control *c, struct call *call)
{
	struct registry *r = c->registry;
	struct conf_stream *conf;
	json_t *meta;
	struct entry *e;
	struct fault f;

	if (!call_may_change(c, call))
		return;
	conf = read_stream(c, call);
	if (!conf)
		return;
	if (registry_append(r, conf, &f)) {
		call_error(c, call, CONTROL_INTERNAL, NULL, "%s", f.text);
		return;
	}
	e = &r->entries[r->count - 1];
	e->added = true;
	e->stream->meta = registry_meta(r, e);
	meta = describe_meta(r, e);
	if (order_set(c, call)) {
		json_decref(meta);
		registry_drop_last(r);
		return;
	}
	call->result = meta;
	registry_refresh_group(r, conf->group, e->stream);
}

static void finish_add(struct control *c, struct call *call, const struct order *reply)
{
	(void)reply;
	call_result(c, call, json_incref(call->result));
}

static void run_remove(struct control *c, struct call *call)
{
	struct registry *r = c->registry;
	struct entry *e = call_entry(c, call), taken;
	uint32_t index;

	if (!e || !call_may_change(c, call))
		return;
	index = (uint32_t)(e - r->entries);
	taken = *e;
	if (registry_take(r, index)) {
		call_error(c, call, CONTROL_INTERNAL, NULL, "not enough memory");
		return;
	}
	if (order_set(c, call)) {
		registry_put_back(r, index, &taken);
		return;
	}
	call->removed = taken.stream;
	registry_refresh_group(r, taken.conf->group, NULL);
}

static void finish_remove(struct control *c, struct call *call, const struct order *reply)
{
	(void)reply;
	keeper_forget(c->keeper, call->removed->conf->name);
	registry_bury(c->registry, call->removed);
	call_result(c, call, json_pack("{s:O}", "name", json_object_get(call->params, "name")));
}

/* Index of the stage that `stage` names by place or by name; -1 = the call has been answered. */
static int find_stage(struct control *c, struct call *call, const struct entry *e)
{
	const json_t *stage = json_object_get(call->params, "stage");
	const struct pipeline *p = e->program;
	const char *name = json_string_value(stage);
	char names[300] = "none";
	size_t used = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		if (name ? !strcmp(p->stages[i].class->name, name) ||
					!strcmp(p->stages[i].asked, name)
			 : json_integer_value(stage) == (json_int_t)i)
			return (int)i;
	}
	for (uint32_t i = 0; i < p->count && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
			p->stages[i].asked);
	if (name)
		call_error(c, call, CONTROL_INVALID_PARAMS, "stage",
			"stream '%s' has no stage '%.64s'; it has: %s", e->conf->name, name, names);
	else
		call_error(c, call, CONTROL_INVALID_PARAMS, "stage",
			"stream '%s' has stages 0 to %d", e->conf->name, (int)p->count - 1);
	return -1;
}

#define VALUE_TEXT 32

/* A JSON scalar as the text that the config would have; NULL = not a scalar. */
static const char *scalar_text(const json_t *value, char buffer[VALUE_TEXT])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	if (json_is_integer(value))
		snprintf(buffer, VALUE_TEXT, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(buffer, VALUE_TEXT, "%.17g", json_real_value(value));
	else
		return NULL;
	return buffer;
}

/* Sets the parameter in `spec`. 0, or negative errno with `f` filled. */
static int set_value(struct pipeline_spec *spec, unsigned stage, const char *param,
	const json_t *value, struct fault *f)
{
	bool list = json_is_array(value);
	size_t n = list ? json_array_size(value) : 1;
	const char **texts = calloc(n + 1, sizeof(*texts));
	char(*buffers)[VALUE_TEXT] = calloc(n + 1, sizeof(*buffers));
	int ret = 0;

	if (!texts || !buffers)
		ret = fault_set(f, -ENOMEM, "not enough memory");
	for (size_t i = 0; !ret && i < n; i++) {
		texts[i] = scalar_text(list ? json_array_get(value, i) : value, buffers[i]);
		if (!texts[i])
			ret = fault_set(f, -EINVAL,
				"'%.64s' takes a number, a word, or a list of them", param);
	}
	if (!ret)
		ret = pipeline_spec_set(spec, stage, param, texts, n, list, f);
	free(texts);
	free(buffers);
	return ret;
}

static bool is_live(const struct pipeline *p, int stage, const char *param)
{
	const struct param *row = param_find(p->stages[stage].class->params, param);

	return !row || row->flags & (PARAM_LIVE | PARAM_NO_EFFECT);
}

static void run_set(struct control *c, struct call *call)
{
	struct registry *r = c->registry;
	struct order order = {.kind = ORDER_SWAP_PROGRAM};
	struct entry *e = call_entry(c, call), next;
	struct pipeline_spec *spec;
	struct pipeline_site site;
	struct fault f = {0};
	struct pipeline *program = NULL;
	const char *param;
	int stage;

	if (!e || !call_may_change(c, call))
		return;
	param = json_string_value(json_object_get(call->params, "param"));
	stage = find_stage(c, call, e);
	if (stage < 0)
		return;
	if (!is_live(e->program, stage, param)) {
		call_error(c, call, CONTROL_INVALID_PARAMS, "param",
			"'%.64s' cannot change while the stream runs; remove the stream and add it "
			"anew",
			param);
		return;
	}
	next = *e;
	spec = pipeline_spec_copy(e->conf->spec);
	if (!spec)
		fault_set(&f, -ENOMEM, "not enough memory");
	else if (!set_value(spec, (unsigned)stage, param, json_object_get(call->params, "value"),
			 &f)) {
		site = e->program->site;
		site.stream = e->conf->name;
		program = pipeline_new(spec, &site, &f);
	}
	if (program && !pipeline_same_layout(e->program, program)) {
		pipeline_free(program);
		program = NULL;
		fault_set(&f, -EINVAL,
			"'%.64s' would change the number of lines; remove the stream and add it anew",
			param);
	}
	if (!program) {
		call_error(c, call, CONTROL_INVALID_PARAMS,
			param_find(e->program->stages[stage].class->params, param) ? "value"
										   : "param",
			"%s", f.text);
		pipeline_spec_free(spec);
		return;
	}
	next.program = program;
	order.stream = e->stream;
	order.object = program;
	order.second = registry_meta(r, &next);
	if (call_order(c, call, &order)) {
		free(order.second);
		pipeline_free(program);
		pipeline_spec_free(spec);
		return;
	}
	pipeline_spec_free(e->conf->spec);
	e->conf->spec = spec;
	e->program = program;
}

static void finish_set(struct control *c, struct call *call, const struct order *reply)
{
	(void)reply;
	call_result(c, call, json_incref(call->params));
}

static void run_reset(struct control *c, struct call *call)
{
	struct entry *e = call_entry(c, call);
	struct order order = {.kind = ORDER_RESET};

	if (!e)
		return;
	order.stream = e->stream;
	call_order(c, call, &order);
}

static void finish_reset(struct control *c, struct call *call, const struct order *reply)
{
	call_result(c, call,
		json_pack("{s:O, s:I}", "name", json_object_get(call->params, "name"), "tick",
			(json_int_t)reply->number));
}

static void run_step(struct control *c, struct call *call)
{
	const struct conf *conf = c->registry->site.conf;
	json_t *ticks = json_object_get(call->params, "ticks");
	struct order order = {.kind = ORDER_STEP, .number = ticks ? json_integer_value(ticks) : 1};

	if (conf->clock != CLOCK_MANUAL) {
		call_error(c, call, CONTROL_WRONG_CLOCK, NULL,
			"step needs `clock: manual`; this daemon runs with `clock: %s`",
			clock_words[conf->clock]);
		return;
	}
	if (order.number < 1 || order.number > STEP_MAX) {
		call_error(c, call, CONTROL_INVALID_PARAMS, "ticks", "'ticks' must be 1 to %lld",
			(long long)STEP_MAX);
		return;
	}
	call_order(c, call, &order);
}

static void finish_step(struct control *c, struct call *call, const struct order *reply)
{
	json_t *ticks = json_object_get(call->params, "ticks");

	if (reply->result == -ERANGE) {
		call_error(c, call, CONTROL_INVALID_PARAMS, "ticks",
			"so many ticks lead past the year 2262, where 64 bits of nanoseconds end");
		return;
	}
	if (reply->result) {
		call_error(c, call, CONTROL_BUSY, NULL, "too many steps wait for their turn");
		return;
	}
	call_result(c, call,
		json_pack("{s:I, s:I}", "ticks", ticks ? json_integer_value(ticks) : (json_int_t)1,
			"time_ns", (json_int_t)reply->number));
}

static void run_reload(struct control *c, struct call *call)
{
	c->reload(c->arg, call);
}

static void run_methods(struct control *c, struct call *call)
{
	json_t *out = json_array();

	for (const struct command *command = control_commands; command->name; command++) {
		json_t *args = json_array();

		for (size_t i = 0; i < 4 && command->args[i].name; i++)
			json_array_append_new(args, json_string(command->args[i].name));
		json_array_append_new(out, json_pack("{s:s, s:s, s:o}", "name", command->name,
						   "help", command->help, "params", args));
	}
	call_result(c, call, out);
}

const struct command control_commands[] = {
	{.name = "info",
		.help = "version, epoch, uptime, clock, real-time facts, endpoints",
		.reads = true,
		.run = run_info},
	{.name = "methods",
		.help = "these methods and their parameters",
		.reads = true,
		.run = run_methods},
	{.name = "encoders",
		.help = "every encoder with its parameters",
		.reads = true,
		.run = run_encoders},
	{.name = "streams",
		.help = "all streams: meta and counters",
		.reads = true,
		.run = run_streams},
	{.name = "stream",
		.help = "one stream: meta and counters",
		.args = {{"name", "s", false}},
		.reads = true,
		.run = run_stream},
	{.name = "add",
		.help = "adds a stream, described as in the configuration file",
		.args = {{"stream", "o", false}},
		.run = run_add,
		.finish = finish_add},
	{.name = "check",
		.help = "what `add` would say of a stream, which is not added",
		.args = {{"stream", "o", false}},
		.reads = true,
		.run = run_check},
	{.name = "remove",
		.help = "removes a stream",
		.args = {{"name", "s", false}},
		.run = run_remove,
		.finish = finish_remove},
	{.name = "set",
		.help = "changes a parameter between two ticks",
		.args = {{"name", "s", false}, {"stage", "si", false}, {"param", "s", false},
			{"value", "*", false}},
		.run = run_set,
		.finish = finish_set},
	{.name = "reset",
		.help = "clears a stream's state",
		.args = {{"name", "s", false}},
		.run = run_reset,
		.finish = finish_reset},
	{.name = "step",
		.help = "manual clock: runs so many ticks",
		.args = {{"ticks", "i", true}},
		.run = run_step,
		.finish = finish_step},
	{.name = "save",
		.help = "writes a snapshot of the state of one stream or all",
		.args = {{"name", "s", true}},
		.run = run_save},
	{.name = "restore",
		.help = "puts the last snapshot of one stream or all in force",
		.args = {{"name", "s", true}},
		.run = run_restore},
	{.name = "snapshot",
		.help = "a stream's state between two ticks, as the bytes of a snapshot in base64",
		.args = {{"name", "s", false}},
		.reads = true,
		.run = run_snapshot,
		.finish = finish_snapshot},
	{.name = "reload",
		.help = "reads the configuration file again: all of it is put in force, or nothing",
		.run = run_reload},
	{.name = "stats", .help = "all counters and histograms", .reads = true, .run = run_stats},
	{0},
};
