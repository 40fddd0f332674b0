/* Pipeline specifications: what was asked for, stage by stage, read and checked value by value.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/pipeline_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 64

struct pipeline_spec *pipeline_spec_new(void)
{
	return calloc(1, sizeof(struct pipeline_spec));
}

size_t params_count(const struct param *rows)
{
	size_t n = 0;
	while (rows && rows[n].name)
		n++;
	return n;
}

static void stage_spec_fini(struct stage_spec *stage)
{
	for (size_t i = 0; stage->values && i < params_count(stage->class->params); i++)
		param_fini(&stage->values[i]);
	free(stage->values);
}

void pipeline_spec_free(struct pipeline_spec *spec)
{
	if (!spec)
		return;
	for (uint32_t i = 0; i < spec->count; i++)
		stage_spec_fini(&spec->stages[i]);
	free(spec);
}

static struct param_value *values_new(const struct encoder_class *class)
{
	/* One more than needed, since a class may have no parameters. */
	return calloc(params_count(class->params) + 1, sizeof(struct param_value));
}

static int stage_spec_copy(const struct stage_spec *from, struct stage_spec *to)
{
	*to = *from;
	to->values = values_new(from->class);
	if (!to->values)
		return -ENOMEM;
	for (size_t i = 0; i < params_count(from->class->params); i++) {
		if (param_copy(&from->values[i], &to->values[i])) {
			stage_spec_fini(to);
			return -ENOMEM;
		}
	}
	return 0;
}

struct pipeline_spec *pipeline_spec_copy(const struct pipeline_spec *spec)
{
	struct pipeline_spec *copy = pipeline_spec_new();
	for (uint32_t i = 0; copy && i < spec->count; i++) {
		if (stage_spec_copy(&spec->stages[i], &copy->stages[i])) {
			pipeline_spec_free(copy);
			return NULL;
		}
		copy->count++;
	}
	return copy;
}

static void set_presets(struct stage_spec *stage)
{
	const struct param *rows = stage->class->params;
	for (size_t i = 0; i < params_count(rows); i++)
		param_preset(&rows[i], &stage->values[i]);
	if (!stage->alias)
		return;
	size_t most = sizeof(stage->alias->defaults) / sizeof(stage->alias->defaults[0]);
	for (size_t i = 0; i < most && stage->alias->defaults[i].param; i++) {
		const struct param *row = param_find(rows, stage->alias->defaults[i].param);
		assert(row);
		struct param preset = *row;
		preset.preset = stage->alias->defaults[i].preset;
		param_preset(&preset, &stage->values[row - rows]);
	}
}

int pipeline_spec_stage(struct pipeline_spec *spec, const char *name, struct fault *f)
{
	const struct encoder_alias *alias;
	const struct encoder_class *class = encoder_find(name, &alias);
	if (!class) {
		const char *nearest = encoder_nearest(name);
		if (nearest)
			return fault_set(f, -EINVAL,
				"there is no encoder \"%.60s\", did you mean \"%s\"?", name,
				nearest);
		return fault_set(f, -EINVAL, "there is no encoder \"%.60s\"", name);
	}
	if (spec->count == PIPELINE_MAX_STAGES)
		return fault_set(
			f, -EINVAL, "a pipeline has at most %d stages", PIPELINE_MAX_STAGES);
	struct stage_spec *stage = &spec->stages[spec->count];
	*stage = (struct stage_spec){
		.class = class,
		.alias = alias,
		.asked = alias ? alias->name : class->name,
		.values = values_new(class),
	};
	if (!stage->values)
		return fault_set(f, -ENOMEM, "out of memory");
	set_presets(stage);
	return (int)spec->count++;
}

static int unknown_key(const struct stage_spec *stage, const char *key, struct fault *f)
{
	const char *names[ROWS_MAX] = {NULL};
	size_t n = params_count(stage->class->params);
	assert(n <= ROWS_MAX);
	for (size_t i = 0; i < n; i++)
		names[i] = stage->class->params[i].name;
	const char *nearest = fault_nearest(key, names, n);
	int err;
	if (nearest)
		err = fault_set(f, -EINVAL, "%s has no parameter \"%.60s\", did you mean \"%s\"?",
			stage->asked, key, nearest);
	else if (n == 0)
		err = fault_set(f, -EINVAL, "%s has no parameters, so not \"%.60s\" either",
			stage->asked, key);
	else
		err = fault_set(f, -EINVAL, "%s has no parameter \"%.60s\"", stage->asked, key);
	if (f)
		snprintf(f->key, sizeof(f->key), "%s", key);
	return err;
}

int pipeline_spec_set(struct pipeline_spec *spec, unsigned index, const char *key,
	const char *const *texts, size_t n, bool list, struct fault *f)
{
	assert(index < spec->count);
	struct stage_spec *stage = &spec->stages[index];
	const struct param *row = param_find(stage->class->params, key);
	int err = row ? param_parse(
				row, texts, n, list, &stage->values[row - stage->class->params], f)
		      : unknown_key(stage, key, f);
	if (err && f)
		f->stage = (int)index;
	return err;
}

size_t pipeline_spec_count(const struct pipeline_spec *spec)
{
	return spec->count;
}

const struct encoder_class *pipeline_spec_class(const struct pipeline_spec *spec, unsigned index)
{
	return index < spec->count ? spec->stages[index].class : NULL;
}

int pipeline_spec_asked(
	const struct pipeline_spec *spec, const char *key, double *value, struct fault *f)
{
	int found = 0;
	for (uint32_t i = 0; i < spec->count; i++) {
		const struct stage_spec *stage = &spec->stages[i];
		const struct param *row = param_find(stage->class->params, key);
		const struct param_value *v =
			row ? &stage->values[row - stage->class->params] : NULL;
		if (!v || !v->given)
			continue;
		double here = row->type == PARAM_NUMBER ? v->number : (double)v->integer;
		if (found && here != *value) {
			fault_set(f, -EINVAL,
				"%s is %.9g here and %.9g at an earlier stage; one stream has one",
				key, here, *value);
			if (f) {
				f->stage = (int)i;
				snprintf(f->key, sizeof(f->key), "%.60s", key);
			}
			return -EINVAL;
		}
		*value = here;
		found = 1;
	}
	return found;
}

static bool same_value(const struct param_value *a, const struct param_value *b)
{
	if (a->present != b->present)
		return false;
	if (!a->present)
		return true;
	if (a->automatic != b->automatic || a->count != b->count || a->integer != b->integer ||
		a->number != b->number || !a->numbers != !b->numbers)
		return false;
	return !a->numbers || !memcmp(a->numbers, b->numbers, a->count * sizeof(*a->numbers));
}

static enum spec_change compare_stages(const struct stage_spec *a, const struct stage_spec *b)
{
	/* Not the alias: once its defaults are in the values, only its name is left of it. */
	enum spec_change change = a->asked == b->asked ? SPEC_SAME : SPEC_LIVE;
	if (a->class != b->class)
		return SPEC_OTHER;
	for (size_t i = 0; i < params_count(a->class->params); i++) {
		if (same_value(&a->values[i], &b->values[i]))
			continue;
		if (!(a->class->params[i].flags & (PARAM_LIVE | PARAM_NO_EFFECT)))
			return SPEC_OTHER;
		change = SPEC_LIVE;
	}
	return change;
}

enum spec_change pipeline_spec_compare(const struct pipeline_spec *a, const struct pipeline_spec *b)
{
	enum spec_change change = SPEC_SAME;
	if (a->count != b->count)
		return SPEC_OTHER;
	for (uint32_t i = 0; i < a->count && change != SPEC_OTHER; i++) {
		enum spec_change stage = compare_stages(&a->stages[i], &b->stages[i]);
		change = stage > change ? stage : change;
	}
	return change;
}
