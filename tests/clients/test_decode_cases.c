/* The decoder of frames against decode_cases.txt, which the Python client is held against too.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include <spiked/decode.h>
#include <spiked/encoders.h>

#define CHANNELS 2u
#define LINES    64u
#define TICKS    256u  /* of a window at most */
#define SLACK    1e-4f /* of float32 sums */

static const char cases[] = "tests/clients/decode_cases.txt";

/* A daemon with one stream, and who subscribes to it. */
struct scene {
	unsigned at; /* line of the file */
	char name[512];
	json_t *range, *encode;
	unsigned window;
	bool empty, silence;
	float bound;
	struct spiked_pipeline *pipeline;
	struct spiked_pipeline_info info;
	struct spiked_frame_decoder *decoder; /* from `join` on */
	uint64_t tick, seq, origin;
	bool has_row, open;
	unsigned flags; /* of the next tick */
	float row[CHANNELS], latched[CHANNELS], before[CHANNELS];
	float lines[TICKS * LINES], values[TICKS * CHANNELS]; /* of a window, or of one tick */
	struct spiked_decoded got;
	float told[CHANNELS];
	bool ever;
	bool broken;
};

/* How a tick fares. */
enum fare { GETS, LOSES, NOBODY };

/* The case ends there, the next one is tried. */
static void __attribute__((format(printf, 2, 3))) broken(struct scene *s, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!s->broken)
		print_error("%s:%u: %s: %s\n", cases, s->at, s->name, text);
	s->broken = true;
}

static json_t *read_json(struct scene *s, const char *text)
{
	json_error_t fault;
	json_t *json = json_loads(text, 0, &fault);

	if (!json)
		fail_msg("%s:%u: %s", cases, s->at, fault.text);
	return json;
}

/* A stage's name and parameters: {"lif": {"v_th": 1}}, or "lif". */
static const char *stage_of(json_t *stage, json_t **params)
{
	static json_t *none;

	none = none ? none : json_object();
	*params = json_is_string(stage) ? none : json_object_iter_value(json_object_iter(stage));
	return json_is_string(stage) ? json_string_value(stage)
				     : json_object_iter_key(json_object_iter(stage));
}

static void append_stage(json_t *stages, const char *name, json_t *params)
{
	json_array_append_new(
		stages, json_pack("{s:s, s:s, s:O}", "stage", name, "as", name, "params", params));
}

static void open_pipeline(struct scene *s)
{
	char why[400];
	json_t *stream = json_pack("{s:s, s:i, s:i, s:O}", "name", "s", "channels", CHANNELS,
		"window", s->window, "encode", s->encode);

	if (s->range)
		json_object_set(stream, "range", s->range);
	char *text = json_dumps(stream, 0);
	s->pipeline = spiked_pipeline_new(text, strlen(text), NULL, why, sizeof(why));
	if (!s->pipeline)
		fail_msg("%s:%u: %s", cases, s->at, why);
	spiked_pipeline_info(s->pipeline, &s->info);
	assert_true(s->info.lines <= LINES && s->info.ticks <= TICKS);
	free(text);
	json_decref(stream);
}

static void hear_meta(struct scene *s)
{
	json_t *stages = json_array(), *params, *stage;
	size_t i;

	if (s->range)
		append_stage(stages, "range", s->range);
	json_array_foreach(s->encode, i, stage)
	{
		const char *name = stage_of(stage, &params);
		append_stage(stages, name, params);
	}
	json_t *meta = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:b, s:O?, s:{s:s}, s:o}",
		"stream", "s", "epoch", "4d", "channels", CHANNELS, "lines", s->info.lines,
		"window", s->window, "dt_ns", 1000000, "empty", s->empty, "range", s->range,
		"input", "on_stale", s->silence ? "silence" : "hold", "pipeline", stages);
	char *text = json_dumps(meta, 0);
	const struct spiked_frame frame = {
		.topic = SPIKED_TOPIC_META, .stream = "s", .json = text, .json_size = strlen(text)};
	if (spiked_frame_decoder_take(s->decoder, &frame, &s->got) < 0)
		fail_msg("%s:%u: %s", cases, s->at, spiked_frame_decoder_fault(s->decoder));
	free(text);
	json_decref(meta);
}

static int take(struct scene *s, enum spiked_topic topic, const struct spiked_header *own,
	const void *payload, size_t size)
{
	struct spiked_header h = *own;
	struct spiked_decoded got;
	struct spiked_frame frame;
	const char *why = "";

	memcpy(h.magic, SPIKED_MAGIC, 4);
	h.epoch = 0x4d;
	h.tick = s->tick;
	h.dt_ns = 1000000;
	if (spiked_decode(&h, sizeof(h), payload, size, &frame, &why))
		fail_msg("%s:%u: %s", cases, s->at, why);
	frame.topic = topic;
	frame.stream = "s";
	int rc = spiked_frame_decoder_take(s->decoder, &frame, &got);
	if (rc == 1) {
		s->got = got;
		s->ever = true;
		for (uint32_t c = 0; got.values && c < CHANNELS; c++)
			s->told[c] = got.values[c];
	}
	return rc;
}

/* What is known is near the row of its window, or, early in it, of the one before. */
static void check(struct scene *s)
{
	for (uint32_t c = 0; s->got.values && c < CHANNELS; c++) {
		float off = fabsf(s->told[c] - s->latched[c]);
		float off_before = s->window ? fabsf(s->told[c] - s->before[c]) : off;

		if (!isnan(s->told[c]) && !(fminf(off, off_before) <= s->bound + SLACK))
			broken(s, "tick %llu: %g for %g", (unsigned long long)s->tick,
				(double)s->told[c], (double)s->latched[c]);
	}
}

static void send(struct scene *s, const float *lines, const float *values, enum fare fare)
{
	static uint32_t words[2 * 4096];
	bool graded = s->info.output == SPIKED_OUTPUT_GRADED;
	float sizes[LINES];
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->info.lines; i++) {
		uint32_t n = graded ? lines[i] != 0 : (uint32_t)fabsf(lines[i]);

		assert_true(count + n <= 4096);
		if (graded && n)
			sizes[count] = lines[i];
		while (n--)
			words[count++] = i | (!graded && lines[i] < 0 ? SPIKED_NEGATIVE : 0);
	}
	if (graded)
		memcpy(words + count, sizes, count * sizeof(float));
	struct spiked_header h = {.kind = SPIKED_KIND_SPIKES,
		.format = graded ? SPIKED_FORMAT_GRADED : SPIKED_FORMAT_WORDS,
		.flags = (uint16_t)s->flags,
		.lines = s->info.lines,
		.count = count,
		.seq = s->seq};
	bool sent = count || s->empty;
	bool wanted = s->decoder && spiked_frame_decoder_wants_values(s->decoder);

	s->seq += sent && fare != NOBODY;
	if (!s->decoder || fare != GETS)
		return;
	if (sent) {
		assert_int_equal(
			take(s, SPIKED_TOPIC_SPIKES, &h, words, count * (graded ? 8u : 4u)), 1);
		check(s);
	}
	h = (struct spiked_header){.kind = SPIKED_KIND_VALUES,
		.format = SPIKED_FORMAT_F32,
		.flags = (uint16_t)s->flags,
		.lines = CHANNELS,
		.count = CHANNELS};
	if (wanted)
		assert_int_equal(
			take(s, SPIKED_TOPIC_VALUES, &h, values, CHANNELS * sizeof(float)), 0);
}

static void begin_window(struct scene *s)
{
	if (!s->open)
		s->origin = s->tick;
	s->open = true;
	memcpy(s->before, s->latched, sizeof(s->before));
	s->flags |= SPIKED_WINDOW;
}

static void run_tick(struct scene *s, bool stale, enum fare fare)
{
	static const float none[LINES];
	const struct spiked_pipeline_out out = {.lines = s->lines, .values = s->values};
	size_t at = 0;

	if (stale || !s->has_row)
		s->flags |= SPIKED_STALE;
	if (s->flags & SPIKED_RESET) {
		spiked_pipeline_reset(s->pipeline);
		s->open = false;
	}
	if (!s->has_row || (stale && s->silence)) {
		send(s, none, none, fare);
	} else {
		at = s->window && s->open ? (s->tick - s->origin) % s->window : 0;
		if (s->window && at == 0)
			begin_window(s);
		if (at == 0) {
			memcpy(s->latched, s->row, sizeof(s->latched));
			spiked_pipeline_run(s->pipeline, s->row, 1, &out);
		}
		send(s, s->lines + at * s->info.lines, s->values + at * CHANNELS, fare);
	}
	s->flags = 0;
	s->tick++;
}

static void run(struct scene *s, unsigned ticks, bool stale, enum fare fare)
{
	while (ticks--)
		run_tick(s, stale, fare);
}

static void ramp(struct scene *s, float a, float b, unsigned ticks)
{
	const float from[] = {s->row[0], s->row[1]}, to[] = {a, b};

	for (unsigned t = 1; t <= ticks; t++) {
		for (unsigned c = 0; c < CHANNELS; c++)
			s->row[c] = from[c] + (to[c] - from[c]) * (float)t / (float)ticks;
		run_tick(s, false, GETS);
	}
}

/* The encoder is somewhere else now. */
static void restore(struct scene *s)
{
	spiked_pipeline_reset(s->pipeline);
	for (unsigned i = 0; i < 33; i++)
		spiked_pipeline_run(s->pipeline, s->row, 1, NULL);
	s->flags |= SPIKED_RESTORED;
}

static void expect(struct scene *s, const char *what, const char *word)
{
	static const char *const words[] = {
		"nothing", "meta", "row", "ticks", "spikes", "values", "window", "reset"};
	uint32_t known = s->ever ? s->got.known : 0;
	uint32_t least = strcmp(what, "known") == 0 ? CHANNELS : strcmp(what, "partly") == 0;
	uint32_t most = strcmp(what, "unknown") == 0 ? 0 : least ? least : CHANNELS;

	if (strcmp(what, "partly") == 0)
		most = CHANNELS - 1;
	if (known < least || known > most || strcmp(words[s->got.wait], word) != 0)
		broken(s, "%u of the values are known at tick %llu, waiting for %s", known,
			(unsigned long long)s->tick - 1, words[s->got.wait]);
}

static void join_stream(struct scene *s)
{
	s->decoder = spiked_frame_decoder_new("s", 0);
	assert_non_null(s->decoder);
	hear_meta(s);
}

static void set(struct scene *s, const char *line)
{
	unsigned stage;
	char param[32], value[32], why[200];
	int end = 0;

	assert_int_equal(sscanf(line, "set %u %31s %31s %n", &stage, param, value, &end), 3);
	if (spiked_pipeline_set(s->pipeline, stage, param, value, why, sizeof(why)) < 0)
		fail_msg("%s:%u: %s", cases, s->at, why);
	json_decref(s->encode);
	s->encode = read_json(s, line + end);
	hear_meta(s);
}

static void options(struct scene *s, const char *line)
{
	const char *window = strstr(line, "window=");

	s->window = window ? (unsigned)strtoul(window + 7, NULL, 10) : 0;
	s->bound = INFINITY;
	s->empty = !strstr(line, "empty=0");
	s->silence = strstr(line, "on_stale=silence");
}

/* One line of a case that says what happens. */
static void act(struct scene *s, const char *line)
{
	char word[16] = "", second[16] = "";
	unsigned n = 0;
	float a, b;

	sscanf(line, "%15s %15s", word, second);
	n = (unsigned)strtoul(second, NULL, 10);
	if (!s->pipeline)
		open_pipeline(s);
	if (sscanf(line, "row %f %f", &a, &b) == 2) {
		s->row[0] = a;
		s->row[1] = b;
		s->has_row = true;
	} else if (sscanf(line, "bound %f", &s->bound) == 1)
		;
	else if (sscanf(line, "ramp %f %f %u", &a, &b, &n) == 3)
		ramp(s, a, b, n);
	else if (strcmp(word, "join") == 0)
		join_stream(s);
	else if (strcmp(word, "run") == 0)
		run(s, n, false, GETS);
	else if (strcmp(word, "lose") == 0)
		run(s, n, false, LOSES);
	else if (strcmp(word, "away") == 0)
		run(s, n, false, NOBODY);
	else if (strcmp(word, "stale") == 0)
		run(s, n, true, GETS);
	else if (strcmp(word, "skip") == 0) {
		s->tick += n;
		s->flags |= SPIKED_GAP;
	} else if (strcmp(word, "back") == 0) {
		s->tick -= n;
		spiked_pipeline_reset(s->pipeline);
	} else if (strcmp(word, "reset") == 0)
		s->flags |= SPIKED_RESET;
	else if (strcmp(word, "restore") == 0)
		restore(s);
	else if (strcmp(word, "set") == 0)
		set(s, line);
	else if (strcmp(word, "known") == 0 || strcmp(word, "partly") == 0 ||
		 strcmp(word, "unknown") == 0)
		expect(s, word, *second ? second : "nothing");
	else
		broken(s, "\"%s\" is no line of a case", line);
}

static void close_scene(struct scene *s)
{
	spiked_frame_decoder_free(s->decoder);
	spiked_pipeline_free(s->pipeline);
	json_decref(s->range);
	json_decref(s->encode);
	*s = (struct scene){.at = s->at};
}

static void test_every_case(void **state)
{
	FILE *file = fopen(cases, "r");
	char line[512];
	static struct scene s;
	unsigned count = 0, failed = 0;

	(void)state;
	if (!file)
		fail_msg("%s: no such file", cases);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		s.at++;
		if (*line == '#')
			continue;
		if (!*line) {
			failed += s.broken;
			close_scene(&s);
		} else if (strncmp(line, "case ", 5) == 0) {
			snprintf(s.name, sizeof(s.name), "%s", line + 5);
			count++;
		} else if (strncmp(line, "stream", 6) == 0) {
			options(&s, line);
		} else if (strncmp(line, "range ", 6) == 0) {
			s.range = read_json(&s, line + 6);
		} else if (strncmp(line, "encode ", 7) == 0) {
			s.encode = read_json(&s, line + 7);
		} else if (!s.broken) {
			act(&s, line);
		}
	}
	failed += s.broken;
	close_scene(&s);
	fclose(file);
	print_message("%u cases\n", count);
	assert_true(count > 30);
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_case)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
