/* Pipelines of the library: from a text, and what of them may change.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/library/library.h"

#include "encoders/text/conf_encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The name of a stream whose text and preset say none. */
#define NAME_PRESET "stream"

static uint64_t count_of(const char *text)
{
	return strtoull(text, NULL, 10);
}

/* What a stream has that neither its text nor the caller says: as in the daemon. */
static void read_defaults(struct conf_preset *preset)
{
	double seconds = 0;
	char buf[8];
	param_quantity(DT_PRESET, UNIT_SECONDS, &seconds, NULL);
	walk_dt_from(seconds, &preset->dt_ns, buf, sizeof(buf));
	preset->seed = count_of(SEED_PRESET);
	preset->name = NAME_PRESET;
}

/* Takes what the caller says, judged as if the text had said it. */
static void read_preset(struct conf_faults *faults, const struct spiked_pipeline_preset *from,
	struct conf_preset *preset)
{
	struct place place = place_whole();
	char buf[160];
	read_defaults(preset);
	if (!from)
		return;
	preset->channels = from->channels;
	preset->window = from->window;
	if (from->channels > PIPELINE_MAX_CHANNELS)
		faults_error(faults, place, "preset: at most %u channels, not %u",
			PIPELINE_MAX_CHANNELS, from->channels);
	if (from->window > stream_keys[STREAM_WINDOW].row.max)
		faults_error(faults, place, "preset: window must be at most 2147483647 ticks");
	if (from->has_seed)
		preset->seed = from->seed;
	if (from->dt != 0) {
		const char *wrong = walk_dt_from(from->dt, &preset->dt_ns, buf, sizeof(buf));
		if (wrong)
			faults_error(faults, place, "preset: dt %s", wrong);
	}
	if (from->name) {
		preset->name = from->name;
		if (!walk_name_ok(from->name, strlen(from->name)))
			faults_error(faults, place,
				"preset: \"%.70s\" is not a name: it takes 1 to 64 of "
				"A-Z a-z 0-9 _ . -",
				from->name);
	}
}

static struct conf_stream *read_stream(struct conf_faults *faults, const char *text, size_t size,
	const struct spiked_pipeline_preset *from)
{
	struct walk w = {.faults = faults};
	struct conf_preset preset = {0};
	const struct node *dt_at;
	read_preset(faults, from, &preset);
	struct tree *tree = tree_from_yaml(text, size, faults);
	if (!tree)
		return NULL;
	const struct node *root = tree_root(tree);
	bool stages = root->kind == NODE_LIST || root->kind == NODE_TEXT;
	struct conf_stream *stream = stages ? conf_stages_read(&w, root, &preset)
					    : conf_stream_read(&w, root, &preset, &dt_at);
	tree_free(tree);
	if (faults->errors) {
		conf_stream_free(stream);
		return NULL;
	}
	return stream;
}

/* Takes over the stream whatever happens. */
static struct spiked_pipeline *assemble(struct conf_stream *stream, struct fault *f)
{
	struct spiked_pipeline *p = calloc(1, sizeof(*p));
	if (!p) {
		conf_stream_free(stream);
		fault_set(f, -ENOMEM, "not enough memory");
		return NULL;
	}
	p->stream = stream;
	p->program = conf_stream_pipeline(stream, f);
	if (p->program) {
		p->state = pipeline_state_new(p->program);
		p->held = calloc(stream->channels, sizeof(*p->held));
		p->bounds = bounds_of(p->program);
		if (p->state && p->held)
			return p;
		fault_set(f, -ENOMEM, "not enough memory for %u channels and %u lines",
			stream->channels, p->program->out_lines);
	}
	spiked_pipeline_free(p);
	return NULL;
}

struct spiked_pipeline *spiked_pipeline_new(const char *text, size_t size,
	const struct spiked_pipeline_preset *preset, char *why, size_t why_size)
{
	struct spiked_pipeline *p = NULL;
	struct conf_faults faults = {0};
	struct surroundings around;
	struct fault f;
	surroundings_enter(&around, true);
	why_text(why, why_size, "%s", "");
	struct conf_stream *stream =
		read_stream(&faults, text ? text : "", text ? size : 0, preset);
	if (stream) {
		p = assemble(stream, &f);
		if (!p)
			why_text(why, why_size, "%s", f.text);
	} else {
		faults_finish(&faults);
		why_faults(why, why_size, &faults);
	}
	conf_faults_fini(&faults);
	surroundings_leave(&around);
	return p;
}

void spiked_pipeline_free(struct spiked_pipeline *p)
{
	if (!p)
		return;
	pipeline_state_free(p->state);
	pipeline_free(p->program);
	conf_stream_free(p->stream);
	free(p->held);
	free(p);
}

static uint32_t state_lines(const struct pipeline *p)
{
	if (p->out_kind == KIND_VALUES)
		return p->out_lines;
	return p->state_stage < 0 ? 0 : p->stages[p->state_stage].out_lines;
}

void spiked_pipeline_info(const struct spiked_pipeline *p, struct spiked_pipeline_info *info)
{
	const struct pipeline *program = p->program;
	*info = (struct spiked_pipeline_info){
		.output = (enum spiked_output)program->out_kind,
		.channels = program->site.channels,
		.lines = program->out_lines,
		.state_lines = state_lines(program),
		.window = program->site.window,
		.ticks = program->site.window ? program->site.window : 1,
		.dt = program->site.dt,
	};
}

/* Reads `value` as the value of a key in the configuration into the spec. False = told in `why`. */
static bool change_spec(struct pipeline_spec *spec, unsigned stage, const char *param,
	const char *value, char *why, size_t why_size)
{
	struct conf_faults faults = {0};
	struct walk w = {.faults = &faults};
	struct program program = {.spec = spec, .sound = true};
	struct tree *tree = tree_from_yaml(value, strlen(value), &faults);
	if (tree) {
		struct node at = *tree_root(tree);
		at.key = param;
		conf_encode_parameter(&w, &program, stage, &at);
	}
	tree_free(tree);
	bool good = faults.errors == 0;
	for (size_t i = 0; i < faults.count && !good; i++) {
		if (!faults.items[i].warning) {
			why_text(why, why_size, "%s: %s", param, faults.items[i].text);
			break;
		}
	}
	conf_faults_fini(&faults);
	return good;
}

static bool is_live(const struct pipeline *p, unsigned stage, const char *param)
{
	const struct param *row = param_find(p->stages[stage].class->params, param);
	return row && row->flags & (PARAM_LIVE | PARAM_NO_EFFECT);
}

/* The program with the parameter changed, or NULL and `why`. */
static struct pipeline *changed(const struct spiked_pipeline *p, struct pipeline_spec *spec,
	unsigned stage, const char *param, const char *value, char *why, size_t why_size)
{
	struct conf_stream next = *p->stream;
	struct fault f = {0};
	if (!change_spec(spec, stage, param, value, why, why_size))
		return NULL;
	if (!is_live(p->program, stage, param)) {
		why_text(why, why_size,
			"%s cannot change while the state goes on; make a new pipeline", param);
		return NULL;
	}
	next.spec = spec;
	struct pipeline *program = conf_stream_pipeline(&next, &f);
	if (!program) {
		why_text(why, why_size, "%s", f.text);
	} else if (!pipeline_same_layout(p->program, program)) {
		pipeline_free(program);
		program = NULL;
		why_text(why, why_size, "%s would change the number of lines; make a new pipeline",
			param);
	}
	return program;
}

int spiked_pipeline_set(struct spiked_pipeline *p, unsigned stage, const char *param,
	const char *value, char *why, size_t why_size)
{
	struct surroundings around;
	why_text(why, why_size, "%s", "");
	if (stage >= p->program->count) {
		why_text(why, why_size, "there is no stage %u: the pipeline has %u", stage,
			p->program->count);
		return -EINVAL;
	}
	struct pipeline_spec *spec = pipeline_spec_copy(p->stream->spec);
	if (!spec) {
		why_text(why, why_size, "not enough memory");
		return -ENOMEM;
	}
	surroundings_enter(&around, true);
	struct pipeline *program = changed(p, spec, stage, param, value, why, why_size);
	surroundings_leave(&around);
	if (!program) {
		pipeline_spec_free(spec);
		return -EINVAL;
	}
	pipeline_free(p->program);
	pipeline_spec_free(p->stream->spec);
	p->program = program;
	p->stream->spec = spec;
	p->bounds = bounds_of(program);
	return 0;
}
