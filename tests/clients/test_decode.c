/* The decoder of frames: where it begins, and what losses, gaps, silence, windows, resets, restarts and
 * changed parameters do to it. The frames are made here, from the encoders themselves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include <errno.h>
#include <math.h>

#include <spiked/decode.h>
#include <spiked/encoders.h>

#define CHANNELS 3u
#define THETA    0.25f
#define SLACK    1e-4f /* of float32 sums */

/* A daemon with one stream. */
struct source {
	struct spiked_pipeline *pipeline;
	const char *encode; /* as meta has it */
	const char *range;  /* as meta has it, or NULL */
	struct spiked_pipeline_info info;
	uint64_t epoch, tick, seq;
	bool sparse;       /* publish: {empty: false} */
	bool tells_values; /* go_window hands out values/ too */
	bool loud_first;   /* the last window's first tick had spikes */
	struct test_random random;
	float row[CHANNELS];
	float lines[64], values[CHANNELS];
	uint32_t words[4096];
	float graded[64];
	char meta[1024];
	struct spiked_frame spikes, value_frame, meta_frame;
};

static void build(struct source *s)
{
	char text[512], why[512];

	snprintf(text, sizeof(text), "{name: s, channels: %u, window: %u%s%s, encode: [%s]}",
		CHANNELS, s->info.window, s->range ? ", range: " : "", s->range ? s->range : "",
		s->encode);
	s->pipeline = spiked_pipeline_new(text, strlen(text), NULL, why, sizeof(why));
	if (!s->pipeline)
		fail_msg("%s: %s", text, why);
	spiked_pipeline_info(s->pipeline, &s->info);
	assert_true(s->info.lines <= 64);
}

/* `encode` is one stage, "{\"name\": {\"param\": value}}". */
static struct source open_source(const char *encode, const char *range, uint32_t window)
{
	struct source s = {.encode = encode,
		.range = range,
		.epoch = 77,
		.info.window = window,
		.random = test_random(7)};

	build(&s);
	return s;
}

/* Its meta frame. */
static const struct spiked_frame *meta(struct source *s)
{
	char stage[64], range[256] = "", first[256] = "";
	const char *params = strchr(s->encode + 1, '{');
	int name = (int)(strchr(s->encode + 2, '"') - (s->encode + 2));

	snprintf(stage, sizeof(stage), "%.*s", name, s->encode + 2);
	if (s->range) {
		snprintf(range, sizeof(range), "\"range\":%s,", s->range);
		snprintf(first, sizeof(first),
			"{\"stage\":\"range\",\"as\":\"range\",\"params\":%s},", s->range);
	}
	snprintf(s->meta, sizeof(s->meta),
		"{\"stream\":\"s\",\"epoch\":\"%016llx\",\"channels\":%u,\"lines\":%u,\"window\":%u,"
		"\"dt_ns\":1000000,\"empty\":%s,%s\"pipeline\":[%s{\"stage\":\"%s\",\"as\":\"%s\","
		"\"params\":%.*s}]}",
		(unsigned long long)s->epoch, CHANNELS, s->info.lines, s->info.window,
		s->sparse ? "false" : "true", range, first, stage, stage, (int)(strlen(params) - 1),
		params);
	s->meta_frame = (struct spiked_frame){.topic = SPIKED_TOPIC_META,
		.stream = "s",
		.json = s->meta,
		.json_size = strlen(s->meta)};
	return &s->meta_frame;
}

static void frame(struct source *s, struct spiked_frame *out, const struct spiked_header *own,
	const void *payload, size_t size)
{
	struct spiked_header h = *own;
	const char *why = "";

	memcpy(h.magic, SPIKED_MAGIC, 4);
	h.epoch = s->epoch;
	h.tick = s->tick;
	h.dt_ns = 1000000;
	if (spiked_decode(&h, sizeof(h), payload, size, out, &why))
		fail_msg("%s", why);
	out->stream = "s";
}

/* Encodes s->row as one tick: s->spikes and s->value_frame are its frames. A window's ticks are
 * handed out one by one. True if there are spikes. */
static bool tick_frames(struct source *s, unsigned flags)
{
	struct spiked_header h = {.kind = SPIKED_KIND_SPIKES, .flags = (uint16_t)flags};
	bool graded = s->info.output == SPIKED_OUTPUT_GRADED;
	uint32_t count = 0;

	for (uint32_t i = 0; i < s->info.lines; i++) {
		uint32_t n = graded ? s->lines[i] != 0 : (uint32_t)fabsf(s->lines[i]);

		if (graded && n)
			s->graded[count] = s->lines[i];
		while (n--)
			s->words[count++] = i | (!graded && s->lines[i] < 0 ? SPIKED_NEGATIVE : 0);
	}
	if (graded)
		memcpy(s->words + count, s->graded, count * sizeof(float));
	h.format = graded ? SPIKED_FORMAT_GRADED : SPIKED_FORMAT_WORDS;
	h.lines = s->info.lines;
	h.count = count;
	h.seq = s->seq;
	if (count || !s->sparse)
		s->seq++;
	frame(s, &s->spikes, &h, s->words, (size_t)count * (graded ? 8 : 4));
	s->spikes.topic = SPIKED_TOPIC_SPIKES;
	h = (struct spiked_header){.kind = SPIKED_KIND_VALUES,
		.format = SPIKED_FORMAT_F32,
		.flags = (uint16_t)flags,
		.lines = CHANNELS,
		.count = CHANNELS};
	frame(s, &s->value_frame, &h, s->values, sizeof(s->values));
	s->value_frame.topic = SPIKED_TOPIC_VALUES;
	s->tick++;
	return count != 0;
}

static void run_row(struct source *s)
{
	struct spiked_pipeline_out out = {.lines = s->lines, .values = s->values};

	assert_int_equal(s->info.ticks, 1);
	spiked_pipeline_run(s->pipeline, s->row, 1, &out);
}

static void wander(struct source *s, double most)
{
	for (uint32_t c = 0; c < CHANNELS; c++)
		s->row[c] += (float)random_between(&s->random, -most, most);
}

/* What happens to a tick on its way. */
enum way_there { WHOLE, SPIKES_ONLY, LOST };

/* One tick of a wandering signal through both; the decoder's result is in *got (0 = it had none). */
static int go(struct source *s, struct spiked_frame_decoder *d, unsigned flags, enum way_there how,
	struct spiked_decoded *got)
{
	int rc = 0;

	wander(s, 0.8);
	run_row(s);
	bool spikes = tick_frames(s, flags);

	*got = (struct spiked_decoded){.stage = ""};
	if (how == LOST)
		return 0;
	if (spikes || !s->sparse)
		rc = spiked_frame_decoder_take(d, &s->spikes, got);
	assert_true(rc >= 0);
	if (how == WHOLE) {
		struct spiked_decoded none;
		assert_int_equal(spiked_frame_decoder_take(d, &s->value_frame, &none), 0);
	}
	return rc;
}

static float off(const struct source *s, const struct spiked_decoded *got)
{
	float most = 0;

	assert_non_null(got->mapped);
	assert_int_equal(got->count, CHANNELS);
	for (uint32_t c = 0; c < CHANNELS; c++)
		most = fmaxf(most, fabsf(got->mapped[c] - s->values[c]));
	return most;
}

static void close_both(struct source *s, struct spiked_frame_decoder *d)
{
	spiked_frame_decoder_free(d);
	spiked_pipeline_free(s->pipeline);
}

#define STEPS  "{\"step_forward\": {\"theta\": 0.25, \"max_steps\": 1000}}"
#define ZEROED "{\"step_forward\": {\"theta\": 0.25, \"max_steps\": 1000, \"start\": \"zero\"}}"
#define DELTAS "{\"send_on_delta\": {\"theta\": 0.25, \"payload\": \"graded\"}}"
#define SILENT                                                                       \
	"{\"send_on_delta\": {\"theta\": 0.25, \"payload\": \"graded\", \"first\": " \
	"\"silent\"}}"

/* From the first row on: within the bound, for as long as nothing is lost. */
static void follows_within_its_bound(const char *encode, const char *range, bool from_first)
{
	struct source s = open_source(encode, range, 0);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_decoded got;

	assert_int_equal(go(&s, d, 0, WHOLE, &got), 1);
	assert_null(got.values);
	assert_int_equal(got.wait, SPIKED_WAIT_META);
	assert_true(spiked_frame_decoder_wants_values(d));
	spiked_pipeline_reset(s.pipeline);
	assert_int_equal(spiked_frame_decoder_take(d, meta(&s), &got), 0);
	assert_int_equal(go(&s, d, SPIKED_RESET, WHOLE, &got), 1);
	assert_int_equal(got.wait, from_first ? SPIKED_WAIT_VALUES : SPIKED_WAIT_NOTHING);
	assert_false(spiked_frame_decoder_wants_values(d));
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(go(&s, d, 0, SPIKES_ONLY, &got), 1);
		assert_true(got.begun == (from_first && i == 0));
		assert_string_equal(got.stage, "");
		assert_true(off(&s, &got) <= THETA + SLACK);
		for (uint32_t c = 0; range && c < CHANNELS; c++)
			assert_true(fabsf(got.values[c] - (got.mapped[c] * 40 - 20)) < 1e-3f);
		if (!range)
			assert_ptr_equal(got.values, got.mapped);
		if (i % 1000 == 0) /* says nothing new */
			assert_int_equal(spiked_frame_decoder_take(d, meta(&s), &got), 0);
	}
	close_both(&s, d);
}

static void test_follows_steps(void **state)
{
	(void)state;
	follows_within_its_bound(STEPS, NULL, true);
	follows_within_its_bound(ZEROED, NULL, false);
}

static void test_follows_graded_deltas(void **state)
{
	(void)state;
	follows_within_its_bound(DELTAS, NULL, false);
	follows_within_its_bound(SILENT, NULL, true);
}

static void test_goes_back_through_the_range(void **state)
{
	(void)state;
	follows_within_its_bound("{\"step_forward\": {\"theta\": 0.01, \"max_steps\": 1000}}",
		"{\"lo\": -20, \"hi\": 20, \"clamp\": false}", true);
}

/* Joined in the middle, and after a loss: the encoder was within its bound of the value, so twice. */
static void begins_in_the_middle(const char *encode)
{
	struct source s = open_source(encode, NULL, 0);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_decoded got;

	for (int i = 0; i < 50; i++)
		go(&s, d, 0, LOST, &got);
	spiked_frame_decoder_take(d, meta(&s), &got);
	go(&s, d, 0, WHOLE, &got);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(go(&s, d, 0, SPIKES_ONLY, &got), 1);
		assert_true(off(&s, &got) <= 2 * THETA + SLACK);
	}
	for (int i = 0; i < 20; i++)
		go(&s, d, 0, LOST, &got);
	assert_int_equal(go(&s, d, 0, SPIKES_ONLY, &got), 1);
	assert_null(got.values);
	assert_int_equal(got.wait, SPIKED_WAIT_VALUES);
	assert_true(spiked_frame_decoder_wants_values(d));
	go(&s, d, SPIKED_STALE, WHOLE, &got); /* perhaps there has never been a row */
	assert_int_equal(go(&s, d, 0, WHOLE, &got), 1);
	assert_null(got.values);
	for (int i = 0; i < 500; i++) {
		go(&s, d, 0, SPIKES_ONLY, &got);
		assert_true(got.begun == (i == 0));
		assert_true(off(&s, &got) <= 2 * THETA + SLACK);
	}
	close_both(&s, d);
}

static void test_begins_in_the_middle_of_steps(void **state)
{
	(void)state;
	begins_in_the_middle(STEPS);
	begins_in_the_middle(ZEROED);
}

static void test_begins_in_the_middle_of_deltas(void **state)
{
	(void)state;
	begins_in_the_middle(DELTAS);
	begins_in_the_middle(SILENT);
}

/* Ticks that spiked skipped, and those that had nothing to say, are no losses. */
static void gaps_and_silence(bool sparse)
{
	struct source s = open_source(STEPS, NULL, 0);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_decoded got;
	int told = 0, silent = 0;

	s.sparse = sparse;
	spiked_frame_decoder_take(d, meta(&s), &got);
	go(&s, d, SPIKED_RESET, WHOLE, &got);
	for (int i = 0; i < 2000; i++) {
		bool gap = random_below(&s.random, 20) == 0;

		if (gap)
			s.tick += 1 + random_below(&s.random, 9);
		if (random_below(&s.random, 2)) {
			told = go(&s, d, gap ? SPIKED_GAP : 0, SPIKES_ONLY, &got);
		} else {
			run_row(&s); /* the same row again */
			told = tick_frames(&s, gap ? SPIKED_GAP : 0) || !sparse
				       ? spiked_frame_decoder_take(d, &s.spikes, &got)
				       : 0;
		}
		silent += !told;
		if (told)
			assert_true(off(&s, &got) <= THETA + SLACK);
	}
	assert_true(sparse ? silent > 500 : !silent);
	/* A loss among them shows in seq alone. */
	while (!tick_frames(&s, 0) && sparse) {
		wander(&s, 0.8);
		run_row(&s);
	}
	while (!go(&s, d, 0, SPIKES_ONLY, &got))
		;
	assert_int_equal(got.wait, SPIKED_WAIT_VALUES);
	close_both(&s, d);
}

static void test_gaps_and_silence(void **state)
{
	(void)state;
	gaps_and_silence(true);
	gaps_and_silence(false);
}

static void test_restart_waits_for_its_meta(void **state)
{
	struct source s = open_source(STEPS, NULL, 0);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_decoded got;

	(void)state;
	spiked_frame_decoder_take(d, meta(&s), &got);
	go(&s, d, 0, WHOLE, &got);
	go(&s, d, 0, SPIKES_ONLY, &got);
	assert_non_null(got.values);
	s.epoch = 78;
	s.tick = s.seq = 0;
	spiked_pipeline_reset(s.pipeline);
	go(&s, d, 0, WHOLE, &got);
	assert_int_equal(got.wait, SPIKED_WAIT_META);
	go(&s, d, 0, WHOLE, &got);
	assert_int_equal(got.wait, SPIKED_WAIT_META);
	spiked_frame_decoder_take(d, meta(&s), &got);
	go(&s, d, 0, WHOLE, &got);
	assert_int_equal(got.wait, SPIKED_WAIT_VALUES);
	go(&s, d, 0, SPIKES_ONLY, &got);
	assert_true(off(&s, &got) <= 2 * THETA + SLACK);
	close_both(&s, d);
}

static void test_a_changed_parameter_keeps_the_value(void **state)
{
	struct source s = open_source(STEPS, NULL, 0);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_decoded got;
	char why[256];

	(void)state;
	spiked_frame_decoder_take(d, meta(&s), &got);
	go(&s, d, SPIKED_RESET, WHOLE, &got);
	go(&s, d, 0, SPIKES_ONLY, &got);
	assert_int_equal(spiked_pipeline_set(s.pipeline, 0, "theta", "0.125", why, sizeof(why)), 0);
	s.encode = "{\"step_forward\": {\"theta\": 0.125, \"max_steps\": 1000}}";
	assert_int_equal(spiked_frame_decoder_take(d, meta(&s), &got), 0);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(go(&s, d, 0, SPIKES_ONLY, &got), 1);
		assert_true(off(&s, &got) <= THETA / 2 + SLACK);
	}
	close_both(&s, d);
}

/* A window of s->row, tick by tick; hands the frames from tick `from` on to the decoder. */
static void go_window(
	struct source *s, struct spiked_frame_decoder *d, uint32_t from, struct spiked_decoded *got)
{
	static float lines[64 * 64], values[64 * CHANNELS];
	struct spiked_pipeline_out out = {.lines = lines, .values = values};
	struct spiked_decoded next;

	*got = (struct spiked_decoded){.stage = ""};
	assert_int_equal(spiked_pipeline_run(s->pipeline, s->row, 1, &out), s->info.window);
	for (uint32_t t = 0; t < s->info.window; t++) {
		memcpy(s->lines, lines + (size_t)t * s->info.lines, s->info.lines * sizeof(float));
		memcpy(s->values, values + (size_t)t * CHANNELS, sizeof(s->values));
		bool told = tick_frames(s, t ? 0 : SPIKED_WINDOW);
		if (!t)
			s->loud_first = told;
		if ((told || !s->sparse) && t >= from &&
			spiked_frame_decoder_take(d, &s->spikes, &next) == 1)
			*got = next;
		if (s->tells_values)
			assert_int_equal(spiked_frame_decoder_take(d, &s->value_frame, &next), 0);
	}
}

/* A window that was not seen whole says nothing; the next one is as good as ever. */
static void test_windows(void **state)
{
	struct source s = open_source(ZEROED, NULL, 5);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_decoded got;

	(void)state;
	spiked_frame_decoder_take(d, meta(&s), &got);
	assert_false(spiked_frame_decoder_wants_values(d));
	for (int window = 0; window < 200; window++) {
		bool whole = window % 7 != 0;

		wander(&s, 0.8);
		go_window(&s, d, whole ? 0 : 2, &got);
		if (whole)
			assert_true(off(&s, &got) <= THETA + SLACK);
		else
			assert_int_equal(got.wait, SPIKED_WAIT_WINDOW);
	}
	close_both(&s, d);
}

/* Where silent ticks are not sent, a window's beginning, its end, or all of it may not be seen. */
static void test_silent_windows(void **state)
{
	struct source s = open_source("{\"phase_bits\": {\"bits\": 8}}", NULL, 10);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	float wanted[CHANNELS] = {0};
	struct spiked_decoded got;
	int told = 0, begun_silently = 0;

	(void)state;
	s.sparse = true;
	spiked_frame_decoder_take(d, meta(&s), &got);
	assert_true(spiked_frame_decoder_wants_values(d));
	for (int window = 0; window < 500; window++) {
		bool before = window > 0;

		for (uint32_t c = 0; c < CHANNELS; c++)
			s.row[c] = random_below(&s.random, 3)
					   ? 0
					   : (float)random_between(&s.random, 0, 1);
		go_window(&s, d, 0, &got);
		if (got.values && got.tick % 10 < 7 && before) {
			/* Not yet there: the one before, of which no end was seen. */
			for (uint32_t c = 0; c < CHANNELS; c++)
				assert_true(got.values[c] == wanted[c]);
			told++;
		} else if (got.values && before) {
			for (uint32_t c = 0; c < CHANNELS; c++)
				assert_true(got.values[c] == floorf(s.row[c] * 256) / 256);
		}
		begun_silently += got.values && !s.loud_first;
		for (uint32_t c = 0; c < CHANNELS; c++)
			wanted[c] = floorf(s.row[c] * 256) / 256;
	}
	assert_true(told > 100 && begun_silently > 100);
	close_both(&s, d);
}

static void test_first_spikes(void **state)
{
	struct source s = open_source("{\"ttfs\": {}}", NULL, 11);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_decoded got;

	(void)state;
	spiked_frame_decoder_take(d, meta(&s), &got);
	for (int window = 0; window < 200; window++) {
		for (uint32_t c = 0; c < CHANNELS; c++)
			s.row[c] = (float)random_between(&s.random, 0, 1);
		go_window(&s, d, 0, &got);
		assert_true(off(&s, &got) <= 0.5f / 10 + SLACK);
	}
	close_both(&s, d);
}

/* The frame at a window's beginning is not sent, but values/ tell of it. */
static void test_a_silent_beginning_shows_in_values(void **state)
{
	struct source s = open_source("{\"ttfs\": {}}", NULL, 11);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_decoded got;

	(void)state;
	s.sparse = true;
	spiked_frame_decoder_take(d, meta(&s), &got);
	for (uint32_t c = 0; c < CHANNELS; c++)
		s.row[c] = 0.4f;
	go_window(&s, d, 0, &got);
	assert_int_equal(got.wait, SPIKED_WAIT_WINDOW);
	s.tells_values = true;
	go_window(&s, d, 0, &got);
	assert_true(off(&s, &got) <= SLACK);
	assert_false(spiked_frame_decoder_wants_values(d));
	close_both(&s, d);
}

static void test_what_cannot_be_decoded(void **state)
{
	struct source s = open_source("{\"signed_poisson\": {}}", NULL, 0);
	struct spiked_frame_decoder *d = spiked_frame_decoder_new("s", 0);
	struct spiked_frame other;
	struct spiked_decoded got;

	(void)state;
	s.encode = "{\"no_such_encoder\": {}}";
	assert_int_equal(spiked_frame_decoder_take(d, meta(&s), &got), -ENOTSUP);
	assert_non_null(strstr(spiked_frame_decoder_fault(d), "no_such_encoder"));
	other = (struct spiked_frame){
		.topic = SPIKED_TOPIC_META, .stream = "s", .json = "{}", .json_size = 2};
	assert_int_equal(spiked_frame_decoder_take(d, &other, &got), -EBADMSG);
	other.stream = "another";
	assert_int_equal(spiked_frame_decoder_take(d, &other, &got), 0);
	errno = 0;
	assert_null(spiked_frame_decoder_new("no/name", 0));
	assert_int_equal(errno, EINVAL);
	close_both(&s, d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_steps),
		cmocka_unit_test(test_follows_graded_deltas),
		cmocka_unit_test(test_goes_back_through_the_range),
		cmocka_unit_test(test_begins_in_the_middle_of_steps),
		cmocka_unit_test(test_begins_in_the_middle_of_deltas),
		cmocka_unit_test(test_gaps_and_silence),
		cmocka_unit_test(test_restart_waits_for_its_meta),
		cmocka_unit_test(test_a_changed_parameter_keeps_the_value),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_silent_windows),
		cmocka_unit_test(test_first_spikes),
		cmocka_unit_test(test_a_silent_beginning_shows_in_values),
		cmocka_unit_test(test_what_cannot_be_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
