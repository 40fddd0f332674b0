/* One stream without sockets or clock: input modes, windows, staleness, flags.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "daemon/flow/stream.h"
#include "spiked/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct conf conf = {
	.path = (char *)"test", .dt_ns = 1000000, .seed = 1, .max_row_bytes = 1 << 20};
static float scratch[ROWS_PIECE];

static struct stream *make(const char *text)
{
	struct conf_faults faults = {0};
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);
	struct conf_stream *cs;
	struct stream *s;
	struct fault f;

	assert_non_null(json);
	cs = conf_stream_from_json(json, &conf, &faults);
	if (!cs)
		fail_msg("%s: %s", faults.items[0].path, faults.items[0].text);
	conf_faults_fini(&faults);
	json_decref(json);
	s = stream_new(cs, &f);
	assert_non_null(s);
	return s;
}

static void put(struct stream *s, const float *values, uint64_t count, int64_t source_ns)
{
	struct rows rows;
	struct spiked_stamp stamp = {.time_ns = source_ns};

	assert_int_equal(
		rows_decode(&rows, ROW_F32, s->conf->channels, (const uint8_t *)values,
			count * s->conf->channels * sizeof(float), (const uint8_t *)&stamp, NULL),
		REJECT_NONE);
	stream_put(s, &rows, scratch, 0);
}

static struct frame tick(struct stream *s, uint64_t number)
{
	struct frame frame;

	stream_tick(s, number, 0, 0, &frame);
	return frame;
}

/* No encoder: what the tick used comes out again. */
#define VALUES "\"name\":\"s\",\"channels\":1,\"encode\":[]"

static float used(struct stream *s, uint64_t number)
{
	return tick(s, number).out.values[0];
}

static void test_hold_keeps_the_newest_row(void **state)
{
	struct stream *s = make("{" VALUES "}");

	(void)state;
	put(s, (float[]){1, 2, 3}, 3, 100);
	assert_true(used(s, 0) == 3);
	assert_true(used(s, 1) == 3);
	assert_true(tick(s, 2).source_ns == 100 + 2 * 1000000);
	stream_free(s);
}

static void test_queue_uses_each_row_once_then_goes_stale(void **state)
{
	struct stream *s = make("{" VALUES ",\"input\":{\"mode\":\"queue\",\"queue_rows\":3}}");

	(void)state;
	put(s, (float[]){1, 2, 3, 4}, 4, 0);
	assert_int_equal(counter_get(&s->counters.queue_dropped), 1);
	for (uint64_t t = 0; t < 3; t++)
		assert_true(used(s, t) == 2 + (float)t);
	assert_int_equal(tick(s, 3).flags, SPIKED_STALE);
	assert_true(used(s, 4) == 4);
	stream_free(s);
}

static void test_mean_of_the_rows_since_the_last_tick(void **state)
{
	struct stream *s = make("{" VALUES ",\"input\":{\"mode\":\"mean\"}}");

	(void)state;
	put(s, (float[]){1, NAN, 3}, 3, 0);
	assert_true(used(s, 0) == 2);
	assert_true(used(s, 1) == 2);
	put(s, (float[]){10}, 1, 0);
	assert_true(used(s, 2) == 10);
	assert_int_equal(counter_get(&s->counters.values_missing), 1);
	stream_free(s);
}

/* Wider than a piece by an odd number: no value is lost or doubled where two pieces meet, in any mode,
 * read in place or fetched from an odd address. */
static void test_a_wide_row_is_read_in_pieces(void **state)
{
	static const char *const modes[] = {"hold", "mean", "queue"};
	enum { WIDE = 2 * ROWS_PIECE + 17 };
	static float values[2 * WIDE];
	static uint8_t odd[sizeof(values) + 1];

	(void)state;
	for (int i = 0; i < 2 * WIDE; i++)
		values[i] = (float)i;
	values[WIDE + ROWS_PIECE] = NAN; /* the second row's first value of the second piece */
	memcpy(odd + 1, values, sizeof(values));
	for (int k = 0; k < 6; k++) {
		struct rows rows;
		struct frame frame;
		struct stream *s;
		char text[160];

		snprintf(text, sizeof(text),
			"{\"name\":\"s\",\"channels\":%d,\"encode\":[],"
			"\"input\":{\"mode\":\"%s\"}}",
			WIDE, modes[k / 2]);
		s = make(text);
		assert_int_equal(
			rows_decode(&rows, ROW_F32, WIDE, k % 2 ? odd + 1 : (const uint8_t *)values,
				sizeof(values), NULL, NULL),
			REJECT_NONE);
		stream_put(s, &rows, scratch, 0);
		stream_tick(s, 0, 0, 0, &frame);
		if (k / 2 == 2)
			stream_tick(s, 1, 0, 0, &frame);
		for (int i = 0; i < WIDE; i++) {
			bool missing = i == ROWS_PIECE;
			float newest = missing ? (float)i : (float)(i + WIDE);
			float mean = missing ? (float)i : (float)(2 * i + WIDE) / 2;

			assert_true(frame.out.values[i] == (k / 2 == 1 ? mean : newest));
		}
		assert_int_equal(counter_get(&s->counters.values_missing), 1);
		stream_free(s);
	}
}

static void test_nan_keeps_and_infinity_is_clamped(void **state)
{
	struct stream *s = make("{\"name\":\"s\",\"channels\":2,\"encode\":[],"
				"\"range\":{\"lo\":-2,\"hi\":2}}");
	struct frame frame;

	(void)state;
	put(s, (float[]){1, 1}, 1, 0);
	put(s, (float[]){NAN, INFINITY}, 1, 0);
	frame = tick(s, 0);
	assert_true(frame.out.values[0] == 0.75f && frame.out.values[1] == 1.0f);
	assert_int_equal(counter_get(&s->counters.values_missing), 1);
	assert_int_equal(counter_get(&s->counters.values_clamped), 1);
	stream_free(s);
}

static void test_an_infinity_goes_to_its_own_channels_bound(void **state)
{
	struct stream *s = make("{\"name\":\"s\",\"channels\":2,\"encode\":[],"
				"\"range\":{\"lo\":0,\"hi\":[1,100],\"clamp\":false}}");
	struct frame frame;

	(void)state;
	put(s, (float[]){INFINITY, INFINITY}, 1, 0);
	frame = tick(s, 0);
	assert_true(frame.out.values[0] == 1.0f && frame.out.values[1] == 1.0f);
	stream_free(s);
}

static void test_the_mean_of_minus_zero_is_minus_zero(void **state)
{
	struct stream *s = make("{" VALUES ",\"input\":{\"mode\":\"mean\"}}");

	(void)state;
	put(s, (float[]){-0.0f}, 1, 0);
	assert_true(signbit(used(s, 0)));
	stream_free(s);
}

/* Thresholds and activities are kept between rows: a new row, on_stale and its end must reach them. */
static void test_random_stages_follow_every_change_of_their_input(void **state)
{
	struct stream *s = make("{\"name\":\"s\",\"channels\":1,\"dt\":\"1 ms\",\"encode\":["
				"{\"population\":{\"out_features\":2,\"scale\":1}},"
				"{\"poisson\":{\"f_max\":1e9}}],"
				"\"input\":{\"stale_after\":\"2 ms\",\"on_stale\":\"zero\"}}");
	static const float far_away =
		1e30f; /* no activity at all, while 0 has some on every line */

	(void)state;
	put(s, &far_away, 1, 0);
	for (uint64_t t = 0; t < 3; t++)
		assert_int_equal(tick(s, t).spikes, 0);
	assert_int_equal(tick(s, 3).spikes, 2);
	put(s, &far_away, 1, 0);
	assert_int_equal(tick(s, 4).spikes, 0);
	put(s, (float[]){0.5f}, 1, 0);
	assert_int_equal(tick(s, 5).spikes, 2);
	assert_int_equal(tick(s, 6).spikes, 2);
	stream_free(s);
}

static void test_before_its_first_row_a_stream_is_silent(void **state)
{
	struct stream *s =
		make("{\"name\":\"s\",\"channels\":1,\"encode\":[{\"lif\":{\"v_th\":-1}}]}");

	(void)state;
	assert_int_equal(tick(s, 0).flags, SPIKED_STALE);
	assert_int_equal(tick(s, 1).spikes, 0);
	assert_int_equal(s->liveness, LIVENESS_SILENT);
	put(s, (float[]){1}, 1, 0);
	assert_int_equal(tick(s, 2).spikes, 1);
	assert_int_equal(s->liveness, LIVENESS_LIVE);
	stream_free(s);
}

static void test_stale_counts_ticks_and_on_stale_decides(void **state)
{
	static const struct {
		const char *on_stale;
		float values;
		uint32_t spikes;
	} cases[] = {{"hold", 5, 1}, {"zero", 5, 0}, {"silence", 5, 0}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[256];
		struct stream *s;
		struct frame frame;

		snprintf(text, sizeof(text),
			"{\"name\":\"s\",\"channels\":1,\"encode\":[{\"lif\":{\"v_th\":0.4}}],"
			"\"input\":{\"stale_after\":\"2 ms\",\"on_stale\":\"%s\"}}",
			cases[i].on_stale);
		s = make(text);
		put(s, (float[]){5}, 1, 0);
		for (uint64_t t = 0; t < 3; t++) {
			frame = tick(s, t);
			assert_int_equal(frame.flags, 0);
			assert_int_equal(frame.spikes, 1);
		}
		frame = tick(s, 3);
		assert_int_equal(frame.flags, SPIKED_STALE);
		assert_int_equal(frame.spikes, cases[i].spikes);
		put(s, (float[]){5}, 1, 0);
		frame = tick(s, 10);
		assert_int_equal(frame.flags, 0);
		assert_int_equal(frame.spikes, 1);
		stream_free(s);
	}
}

static void test_window_latches_its_row_and_clears_state(void **state)
{
	struct stream *s =
		make("{\"name\":\"s\",\"channels\":1,\"window\":4,\"encode\":[\"lif\"]}");
	struct frame frame;
	float first[4];

	(void)state;
	assert_int_equal(tick(s, 0).flags, SPIKED_STALE);
	put(s, (float[]){0.5f}, 1, 0);
	for (uint64_t t = 1; t < 5; t++) {
		frame = tick(s, t);
		assert_int_equal(frame.flags, t == 1 ? SPIKED_WINDOW : 0);
		first[t - 1] = frame.out.state[0];
		put(s, (float[]){0.25f}, 1, 0); /* for the next window */
	}
	for (uint64_t t = 5; t < 9; t++) {
		frame = tick(s, t);
		assert_int_equal(frame.flags, t == 5 ? SPIKED_WINDOW : 0);
		assert_true(frame.out.state[0] == first[t - 5] / 2);
	}
	/* A gap over the start of a window begins it late, not never. */
	frame = tick(s, 15);
	assert_int_equal(frame.flags, SPIKED_WINDOW);
	assert_true(frame.out.state[0] == first[0] / 2);
	assert_int_equal(tick(s, 17).flags, SPIKED_WINDOW);
	stream_free(s);
}

static void test_reset_is_flagged_and_starts_anew(void **state)
{
	struct stream *s = make("{\"name\":\"s\",\"channels\":8,\"encode\":["
				"{\"poisson\":{\"f_max\":500}}]}");
	uint64_t spikes[20];
	struct frame frame;

	(void)state;
	put(s, (float[]){1, 1, 1, 1, 1, 1, 1, 1}, 1, 0);
	for (uint64_t t = 0; t < 20; t++)
		spikes[t] = tick(s, t).out.last.on[0];
	stream_reset(s);
	for (uint64_t t = 0; t < 20; t++) {
		frame = tick(s, 30 + t);
		assert_int_equal(frame.flags, t ? 0 : SPIKED_RESET);
		assert_int_equal(frame.out.last.on[0], spikes[t]);
	}
	stream_free(s);
}

static void test_random_numbers_follow_the_tick_over_a_gap(void **state)
{
	static const char text[] = "{\"name\":\"s\",\"channels\":8,\"encode\":["
				   "{\"poisson\":{\"f_max\":500}}]}";
	struct stream *a = make(text), *b = make(text);

	(void)state;
	put(a, (float[]){1, 1, 1, 1, 1, 1, 1, 1}, 1, 0);
	put(b, (float[]){1, 1, 1, 1, 1, 1, 1, 1}, 1, 0);
	for (uint64_t t = 0; t < 50; t++)
		tick(a, t);
	assert_int_equal(tick(a, 50).out.last.on[0], tick(b, 50).out.last.on[0]);
	stream_free(a);
	stream_free(b);
}

static void test_sequence_gaps_repeats_and_steps_back(void **state)
{
	static const uint64_t seqs[] = {5, 6, 9, 9, 3, 4};
	struct stream *s = make("{" VALUES "}");

	(void)state;
	for (size_t i = 0; i < sizeof(seqs) / sizeof(*seqs); i++)
		stream_count_message(
			s, &(struct rows){.count = 1, .has_seq = true, .seq = seqs[i]});
	assert_int_equal(counter_get(&s->counters.seq_gaps), 2);
	assert_int_equal(counter_get(&s->counters.seq_repeats), 1);
	assert_int_equal(counter_get(&s->counters.seq_back), 1);
	assert_int_equal(counter_get(&s->counters.rows), 6);
	stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hold_keeps_the_newest_row),
		cmocka_unit_test(test_queue_uses_each_row_once_then_goes_stale),
		cmocka_unit_test(test_mean_of_the_rows_since_the_last_tick),
		cmocka_unit_test(test_a_wide_row_is_read_in_pieces),
		cmocka_unit_test(test_nan_keeps_and_infinity_is_clamped),
		cmocka_unit_test(test_an_infinity_goes_to_its_own_channels_bound),
		cmocka_unit_test(test_the_mean_of_minus_zero_is_minus_zero),
		cmocka_unit_test(test_random_stages_follow_every_change_of_their_input),
		cmocka_unit_test(test_before_its_first_row_a_stream_is_silent),
		cmocka_unit_test(test_stale_counts_ticks_and_on_stale_decides),
		cmocka_unit_test(test_window_latches_its_row_and_clears_state),
		cmocka_unit_test(test_reset_is_flagged_and_starts_anew),
		cmocka_unit_test(test_random_numbers_follow_the_tick_over_a_gap),
		cmocka_unit_test(test_sequence_gaps_repeats_and_steps_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
