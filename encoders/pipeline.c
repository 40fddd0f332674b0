/* Pipelines: a specification is checked stage by stage and becomes a program in one allocation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/pipeline_private.h"
#include "encoders/rng.h"
#include "encoders/stage.h"

#include <errno.h>
#include <stdlib.h>

#define DT_TOLERANCE 1e-9 /* relative: the same time, written in another unit */

static int keyed_fault(struct fault *f, const char *key)
{
	if (f)
		snprintf(f->key, sizeof(f->key), "%s", key);
	return -EINVAL;
}

static int check_site(const struct pipeline_site *site, struct fault *f)
{
	if (site->channels > PIPELINE_MAX_CHANNELS)
		return fault_set(f, -EINVAL,
			"%u channels are more than the %u that a stream may have", site->channels,
			PIPELINE_MAX_CHANNELS);
	if (!(site->dt > 0) || !isfinite(site->dt)) {
		fault_set(f, -EINVAL, "dt must be greater than 0, not %.9g s", site->dt);
		return keyed_fault(f, "dt");
	}
	return 0;
}

/* What every parameter must be, whatever the class: there, and a list as long as the stream is
 * wide unless it is one of something else. */
static int check_values(const struct stage *st, struct fault *f)
{
	const struct param *rows = st->class->params;
	for (size_t i = 0; i < params_count(rows); i++) {
		const struct param_value *v = &st->values[i];
		if (!v->present && !(rows[i].flags & PARAM_OPTIONAL)) {
			fault_set(f, -EINVAL, "%s needs %s: %s", st->asked, rows[i].name,
				rows[i].help);
			return keyed_fault(f, rows[i].name);
		}
		if (v->numbers && !(rows[i].flags & PARAM_LIST) && v->count != st->channels) {
			fault_set(f, -EINVAL,
				"%s lists %u values and the stream has %u channels; give one a channel, "
				"or one without a list",
				rows[i].name, v->count, st->channels);
			return keyed_fault(f, rows[i].name);
		}
	}
	return 0;
}

static const struct param_value *value_of(const struct stage *st, const char *key)
{
	const struct param *row = param_find(st->class->params, key);
	return row && st->values[row - st->class->params].present
		       ? &st->values[row - st->class->params]
		       : NULL;
}

/* Norse's stages carry dt and seq_length; here both belong to the stream. */
static int check_surroundings(const struct stage *st, struct fault *f)
{
	const struct param_value *dt = value_of(st, "dt");
	if (dt && !(fabs(dt->number - st->dt) <= DT_TOLERANCE * st->dt)) {
		fault_set(f, -EINVAL,
			"dt %.9g s contradicts the stream's dt of %.9g s; leave it out here, or set "
			"the stream's",
			dt->number, st->dt);
		return keyed_fault(f, "dt");
	}
	const struct param_value *length = value_of(st, "seq_length");
	if (length && length->integer != st->window) {
		fault_set(f, -EINVAL,
			"seq_length %llu contradicts the stream's window of %u ticks; leave it out "
			"here, or set `window`",
			(unsigned long long)length->integer, st->window);
		return keyed_fault(f, "seq_length");
	}
	return 0;
}

static int check_kinds(const struct stage *st, const struct stage *before, struct fault *f)
{
	if (st->class->in & st->in_kind)
		return 0;
	char takes[96] = "";
	for (unsigned kind = KIND_VALUES; kind <= KIND_LAST; kind <<= 1) {
		size_t used = strlen(takes);
		if (st->class->in & kind)
			snprintf(takes + used, sizeof(takes) - used, "%s%s", used ? " or " : "",
				kind_text((enum kind)kind));
	}
	const char *advice = "put an encoder such as lif or poisson before it";
	if (st->class->in == KIND_VALUES)
		advice = "a pipeline has one encoder, leave one of the two out";
	else if (!(st->class->in & KIND_SPIKES))
		advice = "put an encoder that gives those before it, such as step_forward";
	return fault_set(f, -EINVAL, "%s takes %s, but %s gives %s; %s", st->asked, takes,
		before ? before->asked : "the stream", kind_text(st->in_kind), advice);
}

/* Fills and checks one stage of the draft, `values` being its share of the draft's values. */
static int plan_stage(struct stage *st, const struct stage_spec *spec,
	const struct pipeline_site *site, const struct stage *before, uint32_t place,
	struct fault *f)
{
	*st = (struct stage){
		.class = spec->class,
		.alias = spec->alias,
		.asked = spec->asked,
		.values = spec->values,
		.channels = site->channels,
		.in_lines = before ? before->out_lines : site->channels,
		.in_kind = before ? before->out_kind : KIND_VALUES,
		.dt = site->dt,
		.window = site->window,
		.seed = site->seed,
	};
	st->out_lines = st->in_lines;
	st->out_kind = spec->class->out ? spec->class->out : st->in_kind;
	int err = check_kinds(st, before, f);
	if (!err)
		err = check_values(st, f);
	if (!err)
		err = check_surroundings(st, f);
	if (err)
		return err;
	const struct param_value *seed = value_of(st, "seed");
	if (seed)
		st->seed = seed->integer;
	st->key = rng_key(st->seed, site->stream ? site->stream : "", place);
	err = spec->class->plan ? spec->class->plan(st, f) : 0;
	if (err)
		return err;
	if (st->out_lines > PIPELINE_MAX_LINES)
		return fault_set(f, -EINVAL, "%s would give %u lines, more than 2^31-1", st->asked,
			st->out_lines);
	return 0;
}

/* Where the parts of the program's allocation are. */
struct plan {
	size_t stages, values, numbers, consts, size;
};

static size_t take(size_t *at, size_t bytes)
{
	size_t here = *at;
	*at = here + stage_round(bytes);
	return here;
}

static struct plan plan_memory(const struct stage *draft, uint32_t count)
{
	struct plan plan = {0};
	size_t values = 0, numbers = 0, consts = 0;
	for (uint32_t i = 0; i < count; i++) {
		size_t rows = params_count(draft[i].class->params);
		values += rows;
		consts += stage_round(draft[i].const_size);
		for (size_t k = 0; k < rows; k++)
			numbers += draft[i].values[k].numbers ? draft[i].values[k].count : 0;
	}
	take(&plan.size, sizeof(struct pipeline));
	plan.stages = take(&plan.size, count * sizeof(struct stage));
	plan.values = take(&plan.size, values * sizeof(struct param_value));
	plan.numbers = take(&plan.size, numbers * sizeof(double));
	plan.consts = take(&plan.size, consts);
	return plan;
}

/* Copies the draft into the program, whose stages then point nowhere else. */
static void settle(struct pipeline *p, const struct stage *draft, const struct plan *plan)
{
	char *base = (char *)p;
	struct param_value *values = (struct param_value *)(base + plan->values);
	double *numbers = (double *)(base + plan->numbers);
	char *consts = base + plan->consts;
	p->stages = (struct stage *)(base + plan->stages);
	for (uint32_t i = 0; i < p->count; i++) {
		struct stage *st = &p->stages[i];
		*st = draft[i];
		st->values = values;
		for (size_t k = 0; k < params_count(st->class->params); k++, values++) {
			*values = draft[i].values[k];
			if (!values->numbers)
				continue;
			memcpy(numbers, values->numbers, values->count * sizeof(*numbers));
			values->numbers = numbers;
			numbers += values->count;
		}
		st->consts = consts;
		consts += stage_round(st->const_size);
		if (st->class->prepare)
			st->class->prepare(st);
	}
}

static bool is_range(const struct stage *st)
{
	return strcmp(st->class->name, "range") == 0;
}

/* Sets what is known of the pipeline as a whole. */
static void sum_up(struct pipeline *p)
{
	p->out_kind = p->count ? p->stages[p->count - 1].out_kind : KIND_VALUES;
	p->out_lines = p->count ? p->stages[p->count - 1].out_lines : p->site.channels;
	p->ranged = p->count > 0 && is_range(&p->stages[0]);
	p->state_stage = -1;
	for (uint32_t i = p->ranged; i < p->count; i++) {
		if (p->stages[i].has_analogue || p->stages[i].out_kind == KIND_VALUES)
			p->state_stage = (int)i;
	}
}

static uint64_t programs; /* made since the start, by any thread */

struct pipeline *pipeline_new(
	const struct pipeline_spec *spec, const struct pipeline_site *site, struct fault *f)
{
	struct stage draft[PIPELINE_MAX_STAGES];
	if (check_site(site, f))
		return NULL;
	for (uint32_t i = 0; i < spec->count; i++) {
		const struct stage *before = i ? &draft[i - 1] : NULL;
		if (plan_stage(&draft[i], &spec->stages[i], site, before, i, f)) {
			if (f)
				f->stage = (int)i;
			return NULL;
		}
	}
	size_t state_bytes = pipeline_state_bytes(draft, spec->count);
	struct plan plan = plan_memory(draft, spec->count);
	struct pipeline *p = state_bytes ? aligned_alloc(STAGE_ALIGN, plan.size) : NULL;
	if (!p) {
		fault_set(f, -ENOMEM, "not enough memory for the pipeline");
		return NULL;
	}
	memset(p, 0, plan.size);
	p->site = *site;
	p->site.stream = NULL;
	p->count = spec->count;
	p->state_bytes = state_bytes;
	p->serial = __atomic_add_fetch(&programs, 1, __ATOMIC_RELAXED);
	settle(p, draft, &plan);
	sum_up(p);
	return p;
}

void pipeline_free(struct pipeline *p)
{
	free(p);
}

bool pipeline_same_layout(const struct pipeline *a, const struct pipeline *b)
{
	if (a->site.channels != b->site.channels || a->count != b->count ||
		a->state_bytes != b->state_bytes)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct stage *s = &a->stages[i], *t = &b->stages[i];
		if (s->class != t->class || s->in_lines != t->in_lines ||
			s->out_lines != t->out_lines || s->in_kind != t->in_kind ||
			s->out_kind != t->out_kind || s->state_size != t->state_size ||
			s->scratch_size != t->scratch_size || s->has_analogue != t->has_analogue ||
			s->analogue_at != t->analogue_at)
			return false;
	}
	return true;
}
