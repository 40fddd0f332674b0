/* What every registered stage class owes the pipeline, driven from the registry alone: a new
 * encoder is covered without a line here. Each class runs with its presets, with every choice of
 * its choices, and with a list for each parameter that takes one. Stages on spikes run behind an
 * encoder of every kind of spikes that they take.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/build.h"

#include <math.h>

#define TICKS     40u
#define WINDOW    16u
#define CASES_MAX 256
#define TEXT_MAX  8192
#define LINES_MAX 4096

#define LIST_ITEMS 3u /* of a list that has nothing to do with channels */

static const uint32_t widths[] = {0, 1, 3, 63, 64, 65, 130};
#define WIDTHS (sizeof(widths) / sizeof(widths[0]))

struct variant {
	const struct encoder_class *class;
	char row[64]; /* "" = presets alone */
	char value[64];
	bool list;
	const char *before; /* a spike stage: the encoder that it is behind, else NULL */
};

/* Encoders that give each kind of spikes. */
static const struct producer {
	enum kind kind;
	const char *text;
} producers[] = {
	{KIND_SPIKES, "lif"},
	{KIND_SIGNED, "signed_poisson f_max=500"},
	{KIND_GRADED, "send_on_delta theta=0.1 payload=graded"},
	{KIND_COUNTS, "step_forward theta=0.1 max_steps=50"},
};
#define PRODUCERS (sizeof(producers) / sizeof(producers[0]))

static struct variant variants[CASES_MAX];
static size_t variant_count;

static void add_variant(struct variant v)
{
	assert_true(variant_count < CASES_MAX);
	variants[variant_count++] = v;
}

static const char *required_text(const struct param *row)
{
	return row->type == PARAM_CHOICE ? row->choices[0] : row->type == PARAM_BOOL ? "true" : "3";
}

/* The variant as a pipeline of `channels` channels. */
static void variant_text(const struct variant *v, uint32_t channels, char *text)
{
	char *at = text, *end = text + TEXT_MAX;
	if (v->before)
		at += snprintf(at, (size_t)(end - at), "%s | ", v->before);
	at += snprintf(at, (size_t)(end - at), "%s", v->class->name);
	for (const struct param *row = v->class->params; row->name; row++) {
		bool here = strcmp(row->name, v->row) == 0;
		if (!here && !row->preset && !(row->flags & PARAM_OPTIONAL))
			at += snprintf(
				at, (size_t)(end - at), " %s=%s", row->name, required_text(row));
		if (!here)
			continue;
		if (!v->list) {
			at += snprintf(at, (size_t)(end - at), " %s=%s", row->name, v->value);
			continue;
		}
		at += snprintf(at, (size_t)(end - at), " %s=[", row->name);
		uint32_t items = row->flags & PARAM_LIST ? LIST_ITEMS : channels;
		for (uint32_t c = 0; c < items; c++)
			at += snprintf(at, (size_t)(end - at), "%s%s", c ? "," : "", v->value);
		at += snprintf(at, (size_t)(end - at), "]");
	}
	assert_true(at < end);
}

static void add_row_variants(
	const struct encoder_class *class, const struct param *row, const char *before)
{
	struct variant v = {.class = class, .before = before};
	snprintf(v.row, sizeof(v.row), "%s", row->name);
	if (row->type == PARAM_CHOICE) {
		for (size_t i = 0; row->choices[i]; i++) {
			snprintf(v.value, sizeof(v.value), "%s", row->choices[i]);
			add_variant(v);
		}
	}
	if (row->flags & (PARAM_PER_CHANNEL | PARAM_LIST) && row->type == PARAM_NUMBER) {
		bool usable = row->preset && strcmp(row->preset, "auto") != 0;
		snprintf(v.value, sizeof(v.value), "%s", usable ? row->preset : "0.5");
		v.list = true;
		add_variant(v);
	}
}

static void add_class_variants(const struct encoder_class *class, const char *before)
{
	add_variant((struct variant){.class = class, .before = before});
	for (const struct param *row = class->params; row->name; row++)
		add_row_variants(class, row, before);
}

static void check_producers(void)
{
	struct pipeline_site site = site_of(3, WINDOW);
	for (size_t k = 0; k < PRODUCERS; k++) {
		struct pipeline *p = must_build(producers[k].text, &site);
		assert_int_equal(p->out_kind, producers[k].kind);
		pipeline_free(p);
	}
}

/* Lists every class's variants; those that a class refuses on their own (a period without a
 * circle) are left out, its presets are not. */
static int list_variants(void **unused)
{
	(void)unused;
	size_t classes;
	const struct encoder_class *const *all = encoder_classes(&classes);
	check_producers();
	for (size_t i = 0; i < classes; i++) {
		if (all[i]->in & KIND_VALUES)
			add_class_variants(all[i], NULL);
		for (size_t k = 0; k < PRODUCERS; k++) {
			if (all[i]->in & producers[k].kind)
				add_class_variants(all[i], producers[k].text);
		}
	}
	size_t kept = 0;
	for (size_t i = 0; i < variant_count; i++) {
		static char text[TEXT_MAX];
		struct pipeline_site site = site_of(3, WINDOW);
		struct fault f;
		variant_text(&variants[i], 3, text);
		struct pipeline *p = build(text, &site, &f);
		if (!p && !variants[i].row[0]) {
			print_error("%s: %s\n", text, f.text);
			return -1;
		}
		if (p)
			variants[kept++] = variants[i];
		pipeline_free(p);
	}
	variant_count = kept;
	print_message("%zu classes, %zu variants, %zu widths\n", classes, variant_count, WIDTHS);
	return 0;
}

/* The values of a tick: the same for a channel whatever the stream's width. */
static void tick_values(uint32_t tick, float *values, uint32_t channels)
{
	for (uint32_t c = 0; c < channels; c++) {
		struct test_random r = {(uint64_t)(tick / 3) << 32 | c};
		values[c] = (float)random_between(&r, -1, 4);
	}
}

/* Everything that a run gives, tick after tick. */
struct record {
	uint8_t *bytes;
	size_t size, room;
};

static void append(struct record *r, const void *bytes, size_t size)
{
	if (r->size + size > r->room) {
		r->room = 2 * (r->size + size);
		r->bytes = realloc(r->bytes, r->room);
		assert_non_null(r->bytes);
	}
	if (size)
		memcpy(r->bytes + r->size, bytes, size);
	r->size += size;
}

static void append_plane(struct record *r, const uint64_t *plane, uint32_t count)
{
	append(r, plane, lines_words(count) * sizeof(*plane));
}

static void append_out(struct record *r, const struct pipeline_out *out, uint32_t channels)
{
	const struct lines *last = &out->last;
	if (last->kind == KIND_VALUES)
		append(r, last->values, last->count * sizeof(float));
	for (uint32_t i = 0; last->kind & KIND_VALUED && i < last->count; i++) {
		if (line_is_on(last->on, i))
			append(r, &last->values[i], sizeof(float));
	}
	if (last->kind != KIND_VALUES)
		append_plane(r, last->on, last->count);
	if (last->kind == KIND_SIGNED)
		append_plane(r, last->minus, last->count);
	append(r, out->state, out->state_lines * sizeof(float));
	append(r, out->values, channels * sizeof(float));
}

static void run_ticks(const struct pipeline *p, struct pipeline_state *s, uint32_t from,
	uint32_t to, struct record *r)
{
	static float values[LINES_MAX];
	for (uint32_t t = from; t < to; t++) {
		struct pipeline_out out;
		tick_values(t, values, p->site.channels);
		if (t % WINDOW == 0)
			pipeline_reset(p, s, RESET_WINDOW);
		pipeline_run(p, s, values, true, &out);
		append_out(r, &out, p->site.channels);
	}
}

static void assert_same_record(const struct record *a, const struct record *b)
{
	assert_int_equal(a->size, b->size);
	if (a->size)
		assert_memory_equal(a->bytes, b->bytes, a->size);
}

/* Calls `body` for every variant and width. */
static void each_variant(
	void (*body)(const struct variant *v, const char *text, const struct pipeline *p))
{
	static char text[TEXT_MAX];
	for (size_t i = 0; i < variant_count; i++) {
		for (size_t w = 0; w < WIDTHS; w++) {
			if (variants[i].list && widths[w] == 0)
				continue; /* there is no list of no channels */
			struct pipeline_site site = site_of(widths[w], WINDOW);
			variant_text(&variants[i], widths[w], text);
			struct pipeline *p = must_build(text, &site);
			body(&variants[i], text, p);
			pipeline_free(p);
		}
	}
}

static void check_bits_past_count(const uint64_t *plane, uint32_t count)
{
	if (count % 64)
		assert_int_equal(plane[count / 64] >> count % 64, 0);
}

static void planes_body(const struct variant *v, const char *text, const struct pipeline *p)
{
	(void)text;
	static float values[LINES_MAX];
	struct pipeline_state *s = pipeline_state_new(p);
	const struct stage *last = &p->stages[p->count - 1];
	assert_ptr_equal(last->class, v->class);
	for (uint32_t t = 0; t < TICKS; t++) {
		struct pipeline_out out;
		tick_values(t, values, p->site.channels);
		pipeline_run(p, s, values, true, &out);
		assert_int_equal(out.last.kind, last->out_kind);
		assert_int_equal(out.last.count, last->out_lines);
		if (out.last.kind == KIND_VALUES)
			continue;
		check_bits_past_count(out.last.on, out.last.count);
		for (size_t w = 0; out.last.kind == KIND_SIGNED && w < lines_words(out.last.count);
			w++)
			assert_int_equal(out.last.on[w] & out.last.minus[w], 0);
		if (out.last.kind == KIND_SIGNED)
			check_bits_past_count(out.last.minus, out.last.count);
	}
	pipeline_state_free(s);
}

static void test_planes_are_clean_and_kinds_are_as_promised(void **unused)
{
	(void)unused;
	each_variant(planes_body);
}

static void reset_body(const struct variant *v, const char *text, const struct pipeline *p)
{
	(void)v;
	(void)text;
	struct record fresh = {0}, again = {0}, ignored = {0};
	struct pipeline_state *s = pipeline_state_new(p), *used = pipeline_state_new(p);
	run_ticks(p, s, 0, TICKS, &fresh);
	run_ticks(p, used, 5, 5 + TICKS / 2, &ignored);
	pipeline_reset(p, used, RESET_ALL);
	run_ticks(p, used, 0, TICKS, &again);
	assert_same_record(&fresh, &again);
	pipeline_state_free(s);
	pipeline_state_free(used);
	free(fresh.bytes);
	free(again.bytes);
	free(ignored.bytes);
}

static void test_reset_equals_fresh(void **unused)
{
	(void)unused;
	each_variant(reset_body);
}

/* One run against: the first part in one instance, saved, loaded in another instance of another
 * program built from the same text, and gone on there. */
static void save_body(const struct variant *v, const char *text, const struct pipeline *p)
{
	(void)v;
	for (uint32_t cut = 0; cut < TICKS; cut += 13) {
		struct record whole = {0}, parts = {0};
		struct fault f;
		struct pipeline *other =
			must_build(text, &(struct pipeline_site){.channels = p->site.channels,
						 .dt = p->site.dt,
						 .window = WINDOW,
						 .seed = p->site.seed,
						 .stream = "test"});
		struct pipeline_state *a = pipeline_state_new(p), *b = pipeline_state_new(p);
		struct pipeline_state *c = pipeline_state_new(other);
		size_t size = pipeline_saved_size(p);
		uint8_t *bytes = malloc(size), *twice = malloc(size);
		run_ticks(p, a, 0, TICKS, &whole);
		run_ticks(p, b, 0, cut, &parts);
		pipeline_save(p, b, bytes);
		if (pipeline_load(other, c, bytes, size, &f))
			fail_msg("%s: %s", text, f.text);
		pipeline_save(other, c, twice);
		assert_memory_equal(bytes, twice, size);
		run_ticks(other, c, cut, TICKS, &parts);
		assert_same_record(&whole, &parts);
		pipeline_state_free(a);
		pipeline_state_free(b);
		pipeline_state_free(c);
		pipeline_free(other);
		free(bytes);
		free(twice);
		free(whole.bytes);
		free(parts.bytes);
	}
}

static void test_save_and_load_mid_run_changes_nothing(void **unused)
{
	(void)unused;
	each_variant(save_body);
}

/* Bad bytes are refused and leave the state as it was: cut at every length, zeroed, grown, with
 * each byte of the heads changed. */
static void foreign_body(const struct variant *v, const char *text, const struct pipeline *p)
{
	(void)v;
	(void)text;
	struct record ignored = {0};
	struct pipeline_state *s = pipeline_state_new(p);
	size_t size = pipeline_saved_size(p);
	uint8_t *good = malloc(size), *bad = malloc(size + 1), *after = malloc(size);
	struct fault f;
	run_ticks(p, s, 0, 11, &ignored);
	pipeline_save(p, s, good);
	for (size_t n = 0; n < size; n += n < 200 ? 1 : 97)
		assert_true(pipeline_load(p, s, good, n, &f) < 0);
	memset(bad, 0, size + 1);
	assert_true(pipeline_load(p, s, bad, size, &f) < 0);
	memcpy(bad, good, size);
	assert_true(pipeline_load(p, s, bad, size + 1, &f) < 0);
	size_t first_block = 32 + 56;
	for (size_t i = 0; i < first_block && i < size; i++) {
		memcpy(bad, good, size);
		bad[i] ^= 0x55;
		bool is_tick = i >= 16 && i < 24, after_name = i >= 32 && i < 64;
		if (is_tick || (after_name && good[i] == 0))
			continue;
		assert_true(pipeline_load(p, s, bad, size, &f) < 0);
		assert_true(f.text[0] != '\0');
	}
	pipeline_save(p, s, after);
	assert_memory_equal(good, after, size);
	assert_int_equal(pipeline_load(p, s, good, size, &f), 0);
	pipeline_state_free(s);
	free(good);
	free(bad);
	free(after);
	free(ignored.bytes);
}

static void test_foreign_bytes_are_refused_and_change_nothing(void **unused)
{
	(void)unused;
	each_variant(foreign_body);
}

static const float odd_values[] = {NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e-42f, -0.0f};
#define ODD_VALUES (sizeof(odd_values) / sizeof(odd_values[0]))

/* Channel 0 gets what no sensor should send; the others notice nothing (unless the class is joint),
 * and nothing of it is left in the state: it can be saved, loaded, and its voltages are finite. */
static void odd_body(const struct variant *v, const char *text, const struct pipeline *p)
{
	static float values[LINES_MAX];
	uint32_t channels = p->site.channels;
	if (channels == 0)
		return;
	bool apart = !v->class->joint;
	uint32_t fan = p->out_lines / channels;
	struct pipeline_state *odd = pipeline_state_new(p), *even = pipeline_state_new(p);
	size_t size = pipeline_saved_size(p);
	uint8_t *bytes = malloc(size);
	for (uint32_t t = 0; t < TICKS; t++) {
		struct pipeline_out a, b;
		struct fault f;
		tick_values(t, values, channels);
		values[0] = -1;
		pipeline_run(p, even, values, true, &a);
		values[0] = odd_values[t % ODD_VALUES];
		if (isfinite(values[0]) && values[0] > 1e38f)
			values[0] = -values[0]; /* else it is rightly the row's maximum */
		pipeline_run(p, odd, values, true, &b);
		for (uint32_t i = fan; apart && i < p->out_lines; i++) {
			bool valued = a.last.values && (!a.last.on || line_is_on(a.last.on, i));
			if (valued && !same_float(a.last.values[i], b.last.values[i]))
				fail_msg("%s: tick %u line %u", text, t, i);
			if (a.last.on)
				assert_int_equal(
					line_is_on(a.last.on, i), line_is_on(b.last.on, i));
			if (a.last.minus)
				assert_int_equal(
					line_is_on(a.last.minus, i), line_is_on(b.last.minus, i));
		}
		for (uint32_t i = 0; p->stages[p->count - 1].has_analogue && i < b.state_lines; i++)
			assert_true(isfinite(b.state[i]));
		pipeline_save(p, odd, bytes);
		if (pipeline_load(p, odd, bytes, size, &f))
			fail_msg("%s: %s", text, f.text);
	}
	pipeline_state_free(odd);
	pipeline_state_free(even);
	free(bytes);
}

static void test_odd_input_harms_no_neighbour_and_leaves_nothing(void **unused)
{
	(void)unused;
	each_variant(odd_body);
}

/* Forms of stages that take more than one parameter to be asked for. */
static const char *const forms[] = {
	"range lo=-1 hi=3 signed=true | lif tau_mem=5ms",
	"lif tau_mem=[5ms,6ms,7ms] v_th=[1,2,3]",
	"ConstantCurrentLIFEncoder dt=0.001 seq_length=16",
	"PoissonEncoderStep",
	"population out_features=4 lo=0 hi=2",
	"population out_features=4 lo=[0,0,1] hi=2 sigma=0.5 kernel=cosine",
	"population out_features=4 scale=[1,2,3]",
	"population out_features=4 lo=0 hi=6 distance=circular | poisson f_max=400",
	"population out_features=4 lo=0 hi=6 period=[7,8,9] distance=circular",
	"population out_features=4 scale=2 period=8 distance=circular",
	"filterbank design=gammatone bands=3",
	"filterbank design=gammatone centres=[50,100] width=0.5",
	"filterbank centres=[50] width=0.5 order=3",
	"filterbank bands=3 f_lo=20 f_hi=200 scale=mel",
	"resonate f=50",
	"resonate f=[50,60,70] alpha=0.2",
	"resonate period=[20,30,40]",
	"resonate lines=3 f_lo=20 f_hi=200",
	"resonate f_lo=20 f_hi=20",
	"bsa taps=[0.2,0.3,0.3,0.2] theta=0.5",
	"hsa f=8 cutoff=0.25",
	"step_forward theta=[0.1,0.2,0.3] theta_down=0.3 leak=1s",
	"lif | refractory time=5ms",
	"lif | refractory time=[5ms,6ms,7ms]",
	"ttfs curve=log x_min=0.01",
	"burst n_max=3 t_min=1 t_max=4",
	"poisson f_max=[100,200,300] rng=mt19937 seed=7",
	"place out_features=5 hi=3 on_change=true",
};

/* A program as meta/ and `describe` show it: every parameter that is present, presets too. */
static void shown_text(const struct pipeline *p, bool as_asked, char *text)
{
	char *at = text, *end = text + TEXT_MAX;
	*at = '\0';
	for (uint32_t i = 0; i < p->count; i++) {
		const struct stage *st = &p->stages[i];
		at += snprintf(at, (size_t)(end - at), "%s%s", i ? " | " : "",
			as_asked ? st->asked : st->class->name);
		for (const struct param *row = st->class->params; row->name; row++) {
			const struct param_value *v = &st->values[row - st->class->params];
			bool list = v->count > 1;
			char item[64];
			if (!v->present)
				continue;
			at += snprintf(
				at, (size_t)(end - at), " %s=%s", row->name, list ? "[" : "");
			for (uint32_t k = 0; k < v->count; k++)
				at += snprintf(at, (size_t)(end - at), "%s%s", k ? "," : "",
					param_text(row, v, k, item, sizeof(item)));
			at += snprintf(at, (size_t)(end - at), "%s", list ? "]" : "");
			assert_true(at < end);
		}
	}
}

/* Clients make a stream's decoder of what meta/ shows of it, and users copy it. */
static void shown_body(const struct variant *v, const char *text, const struct pipeline *p)
{
	(void)v;
	static char shown[TEXT_MAX], again[TEXT_MAX];
	for (int as_asked = 0; as_asked < 2; as_asked++) {
		struct pipeline_site site = p->site;
		struct record one = {0}, two = {0};
		struct fault f;
		site.stream = "test";
		shown_text(p, as_asked, shown);
		struct pipeline *copy = build(shown, &site, &f);
		if (!copy)
			fail_msg("%s is shown as %s: %s", text, shown, f.text);
		shown_text(copy, as_asked, again);
		assert_string_equal(shown, again);
		assert_true(pipeline_same_layout(p, copy));
		struct pipeline_state *s = pipeline_state_new(p), *t = pipeline_state_new(copy);
		run_ticks(p, s, 0, TICKS, &one);
		run_ticks(copy, t, 0, TICKS, &two);
		assert_same_record(&one, &two);
		pipeline_state_free(s);
		pipeline_state_free(t);
		pipeline_free(copy);
		free(one.bytes);
		free(two.bytes);
	}
}

static void test_what_is_shown_of_a_program_makes_it_again(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(3, WINDOW);
	each_variant(shown_body);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct pipeline *p = must_build(forms[i], &site);
		shown_body(NULL, forms[i], p);
		pipeline_free(p);
	}
}

static void test_every_class_says_what_it_is(void **unused)
{
	(void)unused;
	size_t n;
	const struct encoder_class *const *all = encoder_classes(&n);
	for (size_t i = 0; i < n; i++) {
		const struct encoder_class *c = all[i];
		assert_ptr_equal(encoder_find(c->name, NULL), c);
		assert_true(c->summary && c->summary[0] && c->source && c->source[0]);
		assert_true(c->in != 0 && c->state_version > 0 && c->run && c->params);
		assert_true(strlen(c->name) < 32);
		for (const struct param *row = c->params; row->name; row++) {
			assert_true(row->help && row->help[0]);
			assert_ptr_equal(param_find(c->params, row->name), row);
			struct param_value v;
			param_preset(row, &v);
			assert_int_equal(v.present, row->preset != NULL);
			param_fini(&v);
		}
		for (const struct encoder_alias *a = c->aliases; a && a->name; a++) {
			const struct encoder_alias *found;
			assert_ptr_equal(encoder_find(a->name, &found), c);
			assert_ptr_equal(found, a);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_class_says_what_it_is),
		cmocka_unit_test(test_planes_are_clean_and_kinds_are_as_promised),
		cmocka_unit_test(test_reset_equals_fresh),
		cmocka_unit_test(test_save_and_load_mid_run_changes_nothing),
		cmocka_unit_test(test_foreign_bytes_are_refused_and_change_nothing),
		cmocka_unit_test(test_odd_input_harms_no_neighbour_and_leaves_nothing),
		cmocka_unit_test(test_what_is_shown_of_a_program_makes_it_again),
	};
	return cmocka_run_group_tests(tests, list_variants, NULL);
}
