/* verify: from a stream's meta to its configuration, and from one meta to the next.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "verify.h"

static void copy_member(json_t *to, const char *name, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	if (value && !json_is_null(value))
		json_object_set(to, name, value);
}

static void set_ns(json_t *to, const char *name, json_int_t ns)
{
	json_object_set_new(to, name, json_sprintf("%lld ns", (long long)ns));
}

static json_t *input_of(const json_t *meta)
{
	const json_t *input = json_object_get(meta, "input"),
		     *stale = json_object_get(input, "stale_after_ns");
	json_t *out = json_object();

	copy_member(out, "type", input, "type");
	copy_member(out, "mode", input, "mode");
	copy_member(out, "on_stale", input, "on_stale");
	copy_member(out, "queue_rows", input, "queue_rows");
	if (json_is_integer(stale))
		set_ns(out, "stale_after", json_integer_value(stale));
	else if (stale)
		json_object_set_new(out, "stale_after", json_string("never"));
	return out;
}

/* {parameter: value}, without those that have none. */
static json_t *params_of(const json_t *stage)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach(json_object_get(stage, "params"), key, value)
	{
		if (!json_is_null(value))
			json_object_set(out, key, value);
	}
	return out;
}

static bool has_range(const json_t *meta)
{
	return json_is_object(json_object_get(meta, "range"));
}

/* The stages; the range in front of them is a key of its own. */
static json_t *encode_of(const json_t *meta)
{
	json_t *out = json_array(), *stage;
	size_t i;

	json_array_foreach(json_object_get(meta, "pipeline"), i, stage)
	{
		if (i || !has_range(meta))
			json_array_append_new(out,
				json_pack("{s:o}", ctl_text(stage, "stage"), params_of(stage)));
	}
	return out;
}

json_t *plan_stream_conf(const json_t *meta)
{
	json_int_t dt_ns = json_integer_value(json_object_get(meta, "dt_ns"));
	json_t *out;

	if (!json_is_array(json_object_get(meta, "pipeline")) || dt_ns <= 0 ||
		!json_is_object(json_object_get(meta, "input")))
		return NULL;
	out = json_object();
	copy_member(out, "name", meta, "stream");
	copy_member(out, "channels", meta, "channels");
	copy_member(out, "window", meta, "window");
	copy_member(out, "seed", meta, "seed");
	set_ns(out, "dt", dt_ns);
	json_object_set_new(out, "input", input_of(meta));
	if (has_range(meta))
		json_object_set_new(out, "range",
			params_of(json_array_get(json_object_get(meta, "pipeline"), 0)));
	json_object_set_new(out, "encode", encode_of(meta));
	/* Every tick, so that it can be told which have been. */
	json_object_set_new(out, "publish",
		json_pack("{s:s, s:b}", "payload", ctl_text(meta, "payload"), "empty", true));
	return out;
}

/* All but the values of parameters. */
static json_t *frame_of(const json_t *meta)
{
	json_t *out = plan_stream_conf(meta), *stages = json_array(), *stage;
	size_t i;

	json_array_foreach(json_object_get(meta, "pipeline"), i, stage)
	{
		json_array_append_new(stages, json_string(ctl_text(stage, "stage")));
	}
	json_object_del(out, "range");
	json_object_set_new(out, "encode", stages);
	return out;
}

static bool add_sets(json_t *sets, size_t stage, const json_t *from, json_t *to)
{
	json_t *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)from, key, value)
	{
		if (!json_object_get(to, key))
			return false;
	}
	json_object_foreach(to, key, value)
	{
		if (!json_equal(value, json_object_get(from, key)))
			json_array_append_new(
				sets, json_pack("{s:I, s:s, s:O}", "stage", (json_int_t)stage,
					      "param", key, "value", value));
	}
	return true;
}

bool plan_live_change(const json_t *from, const json_t *to, json_t **sets)
{
	json_t *a = frame_of(from), *b = frame_of(to), *stages = json_object_get(to, "pipeline");
	bool same = a && b && json_equal(a, b);

	json_decref(a);
	json_decref(b);
	*sets = json_array();
	for (size_t i = 0; same && i < json_array_size(stages); i++) {
		json_t *before = params_of(json_array_get(json_object_get(from, "pipeline"), i)),
		       *after = params_of(json_array_get(stages, i));

		same = add_sets(*sets, i, before, after);
		json_decref(before);
		json_decref(after);
	}
	if (same)
		return true;
	json_decref(*sets);
	*sets = NULL;
	return false;
}
