/* Building pipelines: what is refused, with which sentence, key and stage; aliases and their
 * defaults; what a run hands out; ticks, windows, skipping and idling.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/build.h"

#include <errno.h>
#include <math.h>

static const struct {
	const char *text;
	uint32_t window;
	int stage;
	const char *key, *says;
} refusals[] = {
	/* names */
	{"liff", 0, -1, "", "did you mean \"lif\""},
	{"PoisonEncoder", 0, -1, "", "did you mean \"PoissonEncoder\""},
	{"transmogrify", 0, -1, "", "no encoder \"transmogrify\""},
	{"range | lif v_treshold=1", 0, 1, "v_treshold", "lif has no parameter"},
	{"lif tau_men=10ms", 0, 0, "tau_men", "did you mean \"tau_mem\""},
	{"ConstantCurrentLIFEncoder vth=1", 0, 0, "vth", "did you mean \"v_th\""},
	{"lif | first_spike v_th=1", 8, 1, "v_th", "no parameters"},
	/* kinds */
	{"first_spike", 8, 0, "", "the stream gives values"},
	{"first_spike", 8, 0, "", "takes spikes or signed spikes"},
	{"poisson | lif", 0, 1, "", "lif takes values, but poisson gives spikes"},
	{"signed_poisson | population out_features=3", 0, 1, "",
		"signed_poisson gives signed spikes"},
	{"lif | range", 0, 1, "", "range takes values"},
	/* windows and surroundings */
	{"lif_latency", 0, 0, "seq_length", "set `window`"},
	{"lif | SpikeLatencyEncoder", 0, 1, "", "set `window`"},
	{"lif seq_length=50", 0, 0, "seq_length", "contradicts the stream's window of 0"},
	{"range | poisson seq_length=50", 8, 1, "seq_length",
		"contradicts the stream's window of 8"},
	{"lif seq_length=0", 8, 0, "seq_length", "contradicts"},
	{"lif dt=2ms", 0, 0, "dt", "contradicts the stream's dt"},
	/* values */
	{"lif v_th=nan", 0, 0, "v_th", "not a number"},
	{"lif v_th=1e39", 0, 0, "v_th", "must be from"},
	{"lif tau_mem_inv=0", 0, 0, "tau_mem_inv", "greater than 0"},
	{"lif tau_mem=-1ms", 0, 0, "tau_mem", "greater than 0"},
	{"lif tau_mem=10ms tau_mem_inv=100", 0, 0, "tau_mem", "the same thing"},
	{"lif tau_mem=1e-39", 0, 0, "tau_mem", "too large"},
	{"lif tau_mem=1e-300", 0, 0, "tau_mem", "0 as a float32"},
	{"lif method=logistic", 0, 0, "method", "super"},
	{"poisson f_max=-1", 0, 0, "f_max", "Hz"},
	{"poisson rng=xorshift", 0, 0, "rng", "philox, mt19937"},
	{"poisson seed=-1", 0, 0, "seed", "whole number"},
	{"range lo=1 hi=1", 0, 0, "hi", "greater than lo"},
	{"range lo=1 hi=1.00000001", 0, 0, "hi", "greater than lo"},
	{"range lo=-3e38 hi=3e38", 0, 0, "hi", "float32"},
	{"range clamp=maybe", 0, 0, "clamp", "true or false"},
	/* lists */
	{"lif v_th=[1,2,3]", 0, 0, "v_th", "the stream has 2 channels"},
	{"lif v_th=[1]", 0, 0, "v_th", "lists 1 values"},
	{"lif v_th=[1,x]", 0, 0, "v_th", "\"x\""},
	{"lif method=[super,super]", 0, 0, "method", "not a list"},
	/* population */
	{"population", 0, 0, "out_features", "population needs out_features"},
	{"population out_features=0", 0, 0, "out_features", "from 1"},
	{"population out_features=3 scale=0", 0, 0, "scale", "greater than 0"},
	{"population out_features=3 scale=1 lo=0 hi=1", 0, 0, "scale", "give one form"},
	{"population out_features=3 lo=0", 0, 0, "hi", "together"},
	{"population out_features=3 hi=0", 0, 0, "lo", "together"},
	{"population out_features=3 lo=1 hi=0", 0, 0, "hi", "greater than lo"},
	{"population out_features=3 period=6", 0, 0, "period", "circular"},
	{"population out_features=3 distance=circular", 0, 0, "period", "needs a period"},
	{"population out_features=3 lo=0 hi=6 distance=circular period=5", 0, 0, "period",
		"shorter"},
	{"population out_features=3 sigma=0", 0, 0, "sigma", "greater than 0"},
	{"population out_features=3 sigma=1e-30", 0, 0, "sigma", "square"},
	{"population out_features=16777216 | population out_features=16777216", 0, 1,
		"out_features", "2^31-1"},
	/* what several stages refuse alike */
	{"place out_features=3 lo=1 hi=1", 0, 0, "hi", "greater than lo"},
	{"grf_latency out_features=3 lo=1 hi=1", 8, 0, "hi", "greater than lo"},
	{"population out_features=16777216 | place out_features=16777216", 0, 1, "out_features",
		"2^31-1"},
	{"population out_features=16777216 | grf_latency out_features=4096", 8, 1, "out_features",
		"2^31-1"},
	{"population out_features=16777216 | resonate lines=65536 f_lo=1 f_hi=2", 0, 1, "lines",
		"2^31-1"},
	{"population out_features=16777216 | filterbank bands=4096", 0, 1, "bands", "2^31-1"},
	{"population out_features=16777216 | filterbank centres=[1,2,3,4,5,6,7,8,9,10,11,12,13,14,"
	 "15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,"
	 "45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64]",
		0, 1, "centres", "2^31-1"},
};

static void test_impossible_pipelines_are_refused_with_reasons(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct pipeline_site site = site_of(2, refusals[i].window);
		struct fault f = {0};
		struct pipeline *p = build(refusals[i].text, &site, &f);
		if (p)
			fail_msg("\"%s\" was taken", refusals[i].text);
		if (!strstr(f.text, refusals[i].says))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", refusals[i].text, f.text,
				refusals[i].says);
		if (f.stage != refusals[i].stage || strcmp(f.key, refusals[i].key) != 0)
			fail_msg("\"%s\": stage %d key \"%s\": %s", refusals[i].text, f.stage,
				f.key, f.text);
		assert_int_equal(f.code, -EINVAL);
	}
}

static void test_a_span_of_a_channel_is_refused_by_its_number(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"range lo=[0,5] hi=[1,2]",
		"place out_features=3 lo=[0,5] hi=2", "grf_latency out_features=3 lo=0 hi=[1,0]",
		"population out_features=3 lo=[0,5] hi=[1,2]"};
	const struct pipeline_site site = site_of(2, 8);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fault f = {.item = -1};
		assert_null(build(texts[i], &site, &f));
		assert_string_equal(f.key, "hi");
		assert_int_equal(f.item, 1);
	}
}

static void test_impossible_sites_are_refused(void **unused)
{
	(void)unused;
	struct fault f;
	struct pipeline_site site = site_of(PIPELINE_MAX_CHANNELS + 1, 0);
	assert_null(build("lif", &site, &f));
	assert_non_null(strstr(f.text, "16777216"));
	const double bad[] = {0, -1, NAN, INFINITY};
	for (int i = 0; i < 4; i++) {
		site = site_of(2, 0);
		site.dt = bad[i];
		assert_null(build("lif", &site, &f));
		assert_string_equal(f.key, "dt");
	}
	struct pipeline_spec *spec = pipeline_spec_new();
	for (int i = 0; i < PIPELINE_MAX_STAGES; i++)
		assert_int_equal(pipeline_spec_stage(spec, "range", &f), i);
	assert_int_equal(pipeline_spec_stage(spec, "range", &f), -EINVAL);
	assert_non_null(strstr(f.text, "16 stages"));
	pipeline_spec_free(spec);
	pipeline_spec_free(NULL);
	pipeline_free(NULL);
	pipeline_state_free(NULL);
	assert_null(build("liff", &site, NULL)); /* nobody wants to know why */
}

static const struct param_value *value_of(const struct pipeline *p, uint32_t stage, const char *key)
{
	const struct param *rows = p->stages[stage].class->params;
	return &p->stages[stage].values[param_find(rows, key) - rows];
}

static void test_norses_names_bring_norses_defaults(void **unused)
{
	(void)unused;
	static const struct {
		const char *name, *class;
		double f_max; /* 0 = it has none */
	} names[] = {
		{"ConstantCurrentLIFEncoder", "lif", 0},
		{"constant_current_lif_encode", "lif", 0},
		{"PoissonEncoder", "poisson", 100},
		{"poisson_encode", "poisson", 100},
		{"PoissonEncoderStep", "poisson", 1000},
		{"poisson_encode_step", "poisson", 1000},
		{"SignedPoissonEncoder", "signed_poisson", 100},
		{"signed_poisson_encode", "signed_poisson", 100},
		{"SignedPoissonEncoderStep", "signed_poisson", 1000},
		{"signed_poisson_encode_step", "signed_poisson", 1000},
		{"SpikeLatencyLIFEncoder", "lif_latency", 0},
		{"spike_latency_lif_encode", "lif_latency", 0},
		{"poisson", "poisson", 100},
		{"signed_poisson", "signed_poisson", 100},
	};
	struct pipeline_site site = site_of(2, 8);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct pipeline *p = must_build(names[i].name, &site);
		assert_string_equal(p->stages[0].class->name, names[i].class);
		assert_string_equal(p->stages[0].asked, names[i].name);
		if (names[i].f_max > 0) {
			assert_true(value_of(p, 0, "f_max")->number == names[i].f_max);
			assert_false(value_of(p, 0, "f_max")->given);
		}
		pipeline_free(p);
	}
	struct pipeline *p = must_build("PopulationEncoder out_features=5", &site);
	assert_true(value_of(p, 0, "scale")->automatic);
	pipeline_free(p);
	p = must_build("lif | SpikeLatencyEncoder", &site);
	assert_string_equal(p->stages[1].class->name, "first_spike");
	assert_true(value_of(p, 0, "tau_mem_inv")->number == 100);
	assert_true(value_of(p, 0, "v_th")->number == 1);
	pipeline_free(p);
	p = must_build("lif | spike_latency_encode", &site);
	pipeline_free(p);
}

static void test_the_spec_tells_dt_and_seq_length(void **unused)
{
	(void)unused;
	struct fault f = {0};
	double value = 0;
	struct pipeline_spec *spec = build_spec("range | lif seq_length=50 dt=2ms", &f);
	assert_int_equal(pipeline_spec_asked(spec, "seq_length", &value, &f), 1);
	assert_true(value == 50);
	assert_int_equal(pipeline_spec_asked(spec, "dt", &value, &f), 1);
	assert_true(value == 0.002);
	struct pipeline_site site = site_of(2, 50);
	site.dt = 2000000 * 1e-9; /* not the same double as 0.002 need be */
	struct pipeline *p = pipeline_new(spec, &site, &f);
	assert_non_null(p);
	pipeline_free(p);
	pipeline_spec_free(spec);
	spec = build_spec("lif", &f);
	assert_int_equal(pipeline_spec_asked(spec, "dt", &value, &f), 0);
	pipeline_spec_free(spec);
	spec = build_spec("lif dt=1ms | poisson dt=2ms", &f);
	assert_int_equal(pipeline_spec_asked(spec, "dt", &value, &f), -EINVAL);
	assert_int_equal(f.stage, 1);
	assert_string_equal(f.key, "dt");
	pipeline_spec_free(spec);
}

static void test_a_copied_spec_is_its_own(void **unused)
{
	(void)unused;
	struct fault f = {0};
	struct pipeline_site site = site_of(2, 0);
	struct pipeline_spec *spec = build_spec("lif v_th=[1,2]", &f);
	struct pipeline_spec *copy = pipeline_spec_copy(spec);
	const char *text = "7";
	assert_int_equal(pipeline_spec_set(copy, 0, "v_th", &text, 1, false, &f), 0);
	assert_int_equal(pipeline_spec_count(copy), 1);
	struct pipeline *p = pipeline_new(spec, &site, &f), *q = pipeline_new(copy, &site, &f);
	pipeline_spec_free(spec);
	pipeline_spec_free(copy);
	/* Programs stand without their specs. */
	assert_true(param_number(value_of(p, 0, "v_th"), 1) == 2);
	assert_true(param_number(value_of(q, 0, "v_th"), 1) == 7);
	assert_true(pipeline_same_layout(p, q));
	pipeline_free(p);
	pipeline_free(q);
}

static void test_layouts_differ_where_states_do(void **unused)
{
	(void)unused;
	static const char *const texts[] = {"lif", "poisson", "poisson rng=mt19937", "lif_latency",
		"lif | first_spike", "signed_poisson | first_spike", "poisson | first_spike",
		"population out_features=3 | lif", "population out_features=4 | lif",
		"range | lif"};
	enum { N = sizeof(texts) / sizeof(texts[0]) };
	struct pipeline_site site = site_of(5, 8);
	for (int i = 0; i < N; i++) {
		for (int j = 0; j < N; j++) {
			struct pipeline *p = must_build(texts[i], &site);
			struct pipeline *q = must_build(texts[j], &site);
			assert_int_equal(pipeline_same_layout(p, q), i == j);
			struct pipeline_state *s = pipeline_state_new(p);
			struct pipeline_state *t = pipeline_state_new(q);
			size_t size = pipeline_saved_size(p);
			uint8_t *bytes = malloc(size);
			pipeline_save(p, s, bytes);
			assert_int_equal(pipeline_load(q, t, bytes, size, NULL) == 0, i == j);
			free(bytes);
			pipeline_state_free(s);
			pipeline_state_free(t);
			pipeline_free(p);
			pipeline_free(q);
		}
	}
}

/* A live change: the new program goes on with the old state. */
static void test_a_program_is_swapped_under_its_state(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(1, 0);
	struct pipeline *p = must_build("lif", &site), *q = must_build("lif v_th=0.1", &site);
	struct pipeline_state *s = pipeline_state_new(p);
	struct pipeline_out out;
	const float x = 1.5f;
	pipeline_run(p, s, &x, true, &out);
	assert_int_equal(out.last.on[0], 0);
	assert_true(pipeline_same_layout(p, q));
	float before = out.state[0];
	pipeline_run(q, s, &x, true, &out);
	assert_int_equal(out.last.on[0], 1);
	assert_true(before > 0.1f && out.state[0] == 0);
	pipeline_state_free(s);
	pipeline_free(p);
	pipeline_free(q);
}

static void test_outputs_say_what_they_are(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(3, 0);
	const float x[] = {-5, 0.25f, 5};
	struct pipeline_out out;
	static const struct {
		const char *text;
		enum kind kind;
		uint32_t lines;
		int state_stage;
		uint32_t state_lines;
		bool ranged;
	} cases[] = {
		{"", KIND_VALUES, 3, -1, 3, false},
		{"range", KIND_VALUES, 3, -1, 3, true},
		{"range | range", KIND_VALUES, 3, 1, 3, true},
		{"lif", KIND_SPIKES, 3, 0, 3, false},
		{"range | lif", KIND_SPIKES, 3, 1, 3, true},
		{"range | poisson", KIND_SPIKES, 3, -1, 0, true},
		{"population out_features=4", KIND_VALUES, 12, 0, 12, false},
		{"range | population out_features=4 | signed_poisson", KIND_SIGNED, 12, 1, 12,
			true},
		{"population out_features=4 | lif", KIND_SPIKES, 12, 1, 12, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pipeline *p = must_build(cases[i].text, &site);
		struct pipeline_state *s = pipeline_state_new(p);
		pipeline_run(p, s, x, true, &out);
		assert_int_equal(p->out_kind, cases[i].kind);
		assert_int_equal(out.last.kind, cases[i].kind);
		assert_int_equal(out.last.count, cases[i].lines);
		assert_int_equal(p->out_lines, cases[i].lines);
		assert_int_equal(p->state_stage, cases[i].state_stage);
		assert_int_equal(out.state_lines, cases[i].state_lines);
		assert_int_equal(out.state != NULL, cases[i].state_lines > 0);
		assert_int_equal(p->ranged, cases[i].ranged);
		assert_true(out.values[1] == 0.25f);
		assert_true(out.values[2] == (cases[i].ranged ? 1.0f : 5.0f));
		assert_true(out.values[0] == (cases[i].ranged ? 0.0f : -5.0f));
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

static void test_range_maps_clamps_and_signs(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(4, 0);
	struct pipeline_out out;
	const float x[] = {-30, -10, 5, NAN};
	static const struct {
		const char *text;
		float y[4];
	} cases[] = {
		{"range lo=-20 hi=20", {0, 0.25f, 0.625f, 0}},
		{"range lo=-20 hi=20 signed=true", {-1, -0.5f, 0.25f, -1}},
		{"range lo=-20 hi=20 clamp=false", {-0.25f, 0.25f, 0.625f, NAN}},
		{"range lo=[-40,-20,0,0] hi=[0,0,4,1]", {0.25f, 0.5f, 1, 0}},
		{"range lo=[-40,-20,0,0] hi=20 signed=yes clamp=no",
			{2 * (10.0f / 60) - 1, -0.5f, -0.5f, NAN}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pipeline *p = must_build(cases[i].text, &site);
		struct pipeline_state *s = pipeline_state_new(p);
		pipeline_run(p, s, x, true, &out);
		assert_same_floats(out.values, cases[i].y, 4);
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

static void test_windows_keep_the_tick_and_reset_does_not(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(64, 4);
	struct pipeline *p = must_build("poisson f_max=500", &site);
	struct pipeline_state *s = pipeline_state_new(p);
	struct pipeline_out out;
	float x[64];
	uint64_t seen[12];
	for (int i = 0; i < 64; i++)
		x[i] = 1;
	for (int t = 0; t < 12; t++) {
		pipeline_run(p, s, x, true, &out);
		seen[t] = out.last.on[0];
	}
	pipeline_reset(p, s, RESET_ALL);
	pipeline_run(p, s, x, true, &out);
	assert_true(out.last.on[0] == seen[0]);
	pipeline_reset(p, s, RESET_WINDOW);
	pipeline_run(p, s, x, true, &out);
	assert_true(out.last.on[0] == seen[1] && seen[0] != seen[1]);
	pipeline_skip(s, 3);
	pipeline_run(p, s, x, true, &out);
	assert_true(out.last.on[0] == seen[5]);
	pipeline_idle(p, s, x, &out);
	assert_true(out.last.on[0] == 0);
	pipeline_run(p, s, x, true, &out);
	assert_true(out.last.on[0] == seen[6]);
	pipeline_set_tick(s, 11);
	pipeline_run(p, s, x, true, &out);
	assert_true(out.last.on[0] == seen[11]);
	pipeline_state_free(s);
	pipeline_free(p);
}

static void test_a_window_does_not_seed_the_twister_again(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(64, 4);
	struct pipeline *p = must_build("poisson f_max=500 rng=mt19937 seed=4294967301", &site);
	struct pipeline *same = must_build("poisson f_max=500 rng=mt19937 seed=5", &site);
	struct pipeline_state *s = pipeline_state_new(p), *t = pipeline_state_new(same);
	struct pipeline_out a, b;
	float x[64];
	uint64_t first = 0;
	for (int i = 0; i < 64; i++)
		x[i] = 1;
	for (int k = 0; k < 12; k++) {
		if (k % 4 == 0)
			pipeline_reset(p, s, RESET_WINDOW);
		pipeline_run(p, s, x, true, &a);
		pipeline_run(same, t, x, true, &b);
		assert_true(a.last.on[0] == b.last.on[0]); /* seeds are taken modulo 2^32 */
		first = k ? first : a.last.on[0];
		assert_true(k == 0 || first != a.last.on[0]);
	}
	pipeline_reset(p, s, RESET_ALL);
	pipeline_run(p, s, x, true, &a);
	assert_true(a.last.on[0] == first);
	pipeline_state_free(s);
	pipeline_state_free(t);
	pipeline_free(p);
	pipeline_free(same);
}

static void test_idle_gives_no_spikes_and_leaves_the_state(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(3, 0);
	struct pipeline *p = must_build("range hi=10 | lif v_th=0.01", &site);
	struct pipeline_state *s = pipeline_state_new(p);
	const float x[] = {10, 0.5f, 5}, y[] = {1, 2, 3};
	float held[3];
	struct pipeline_out out;
	pipeline_run(p, s, x, true, &out);
	assert_int_equal(out.last.on[0], 5);
	memcpy(held, out.state, sizeof(held));
	pipeline_idle(p, s, y, &out);
	assert_int_equal(out.last.on[0], 0);
	assert_same_floats(out.state, held, 3);
	assert_true(out.values[2] == 3.0f / 10);
	pipeline_state_free(s);
	pipeline_free(p);
}

/* first_spike blocks a line after its first spike of either sign. */
static void test_first_spike_takes_signs(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(3, 8);
	struct pipeline *p = must_build("signed_poisson f_max=1000 | first_spike", &site);
	struct pipeline_state *s = pipeline_state_new(p);
	const float up[] = {1, -1, 0}, down[] = {-1, 1, -1};
	struct pipeline_out out;
	pipeline_run(p, s, up, true, &out);
	assert_int_equal(out.last.kind, KIND_SIGNED);
	assert_int_equal(out.last.on[0], 1);
	assert_int_equal(out.last.minus[0], 2);
	pipeline_run(p, s, down, true, &out);
	assert_int_equal(out.last.on[0], 0);
	assert_int_equal(out.last.minus[0], 4);
	pipeline_run(p, s, up, true, &out);
	assert_int_equal(out.last.on[0] | out.last.minus[0], 0);
	pipeline_reset(p, s, RESET_WINDOW);
	pipeline_run(p, s, up, true, &out);
	assert_int_equal(out.last.on[0], 1);
	pipeline_state_free(s);
	pipeline_free(p);
}

/* Impossible contents are refused at load: a voltage that is not finite, a bit past the lines, a
 * generator that would stand still. */
static void test_impossible_state_is_refused(void **unused)
{
	(void)unused;
	static const struct {
		const char *text;
		size_t at; /* in the stage's block */
		uint32_t word;
	} cases[] = {
		{"lif", 4, 0x7fc00000},
		{"lif_latency", 8, 0x7f800000},
		{"lif_latency", 64 * 4, 0x00000008},
		{"poisson rng=mt19937", 624 * 4, 625},
	};
	struct pipeline_site site = site_of(3, 8);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pipeline *p = must_build(cases[i].text, &site);
		struct pipeline_state *s = pipeline_state_new(p);
		size_t size = pipeline_saved_size(p);
		uint8_t *bytes = malloc(size);
		struct fault f = {0};
		pipeline_save(p, s, bytes);
		assert_int_equal(pipeline_load(p, s, bytes, size, &f), 0);
		memcpy(bytes + 32 + 56 + cases[i].at, &cases[i].word, 4);
		assert_int_equal(pipeline_load(p, s, bytes, size, &f), -EINVAL);
		assert_non_null(strstr(f.text, "impossible"));
		assert_int_equal(f.stage, 0);
		free(bytes);
		pipeline_state_free(s);
		pipeline_free(p);
	}
}

/* A list names channels, so behind a fan-out each value serves all of its channel's lines. */
static void test_lists_reach_all_lines_of_a_channel(void **unused)
{
	(void)unused;
	struct pipeline_site site = site_of(2, 0);
	struct pipeline *p = must_build(
		"population out_features=3 lo=0 hi=1 sigma=1000 | lif v_th=[0.05,0.2]", &site);
	struct pipeline_state *s = pipeline_state_new(p);
	const float x[] = {0.5f, 0.5f};
	struct pipeline_out out;
	pipeline_run(p, s, x, true, &out); /* activities of nearly 1, voltages of nearly 0.1 */
	assert_int_equal(out.last.on[0], 7);
	pipeline_state_free(s);
	pipeline_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_impossible_pipelines_are_refused_with_reasons),
		cmocka_unit_test(test_a_span_of_a_channel_is_refused_by_its_number),
		cmocka_unit_test(test_impossible_sites_are_refused),
		cmocka_unit_test(test_norses_names_bring_norses_defaults),
		cmocka_unit_test(test_the_spec_tells_dt_and_seq_length),
		cmocka_unit_test(test_a_copied_spec_is_its_own),
		cmocka_unit_test(test_layouts_differ_where_states_do),
		cmocka_unit_test(test_a_program_is_swapped_under_its_state),
		cmocka_unit_test(test_outputs_say_what_they_are),
		cmocka_unit_test(test_range_maps_clamps_and_signs),
		cmocka_unit_test(test_windows_keep_the_tick_and_reset_does_not),
		cmocka_unit_test(test_a_window_does_not_seed_the_twister_again),
		cmocka_unit_test(test_idle_gives_no_spikes_and_leaves_the_state),
		cmocka_unit_test(test_first_spike_takes_signs),
		cmocka_unit_test(test_impossible_state_is_refused),
		cmocka_unit_test(test_lists_reach_all_lines_of_a_channel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
