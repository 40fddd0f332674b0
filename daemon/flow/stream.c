/* One stream: input modes, windows, staleness, and the tick itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/stream.h"

#include "daemon/flow/payload.h"
#include "encoders/kernels/kernels.h"

#include "spiked/wire.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

const char *const liveness_words[] = {
	[LIVENESS_SILENT] = "silent", [LIVENESS_LIVE] = "live", [LIVENESS_STALE] = "stale", NULL};

const char *const topic_words[TOPIC_COUNT] = {
	[TOPIC_SPIKES] = "spikes",
	[TOPIC_STATE] = "state",
	[TOPIC_VALUES] = "values",
	[TOPIC_JSON] = "json",
	[TOPIC_ROWS] = "rows",
	[TOPIC_META] = "meta",
};

bool topic_offered(const struct pipeline *program, enum topic_kind kind)
{
	bool spikes = program->out_kind != KIND_VALUES;

	switch (kind) {
	case TOPIC_SPIKES:
	case TOPIC_JSON:
		return spikes;
	case TOPIC_STATE:
		return !spikes || program->state_stage >= 0;
	default:
		return true;
	}
}

static void init_topics(struct stream *s)
{
	for (int k = 0; k < TOPIC_COUNT; k++) {
		struct topic *t = &s->topics[k];

		t->size = (uint8_t)snprintf(
			t->name, sizeof(t->name), "%s/%s/", topic_words[k], s->conf->name);
		t->offered = topic_offered(s->program, (enum topic_kind)k);
	}
}

/* Zeroed memory, or -ENOMEM noted in *ret. */
static void *reserve(size_t count, size_t size, int *ret)
{
	void *memory = calloc(count, size);

	if (!memory)
		*ret = -ENOMEM;
	return memory;
}

static int init_input(struct stream *s)
{
	const struct conf_stream *conf = s->conf;
	uint32_t n = conf->channels;
	int ret = 0;

	s->newest = reserve(n, sizeof(float), &ret);
	if (conf->window || conf->on_stale == STALE_ZERO)
		s->latched = reserve(n, sizeof(float), &ret);
	if (conf->mode == INPUT_MEAN) {
		s->sums = reserve(n, sizeof(double), &ret);
		s->sum_counts = reserve(n, sizeof(uint32_t), &ret);
	}
	if (conf->mode == INPUT_QUEUE) {
		s->queue = reserve((size_t)conf->queue_rows * n, sizeof(float), &ret);
		s->queue_sources = reserve(conf->queue_rows, sizeof(int64_t), &ret);
		s->queue_arrivals = reserve(conf->queue_rows, sizeof(int64_t), &ret);
	}
	return ret;
}

struct stream *stream_new(struct conf_stream *conf, struct fault *f)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s) {
		conf_stream_free(conf);
		fault_set(f, -ENOMEM, "not enough memory for another stream");
		return NULL;
	}
	s->conf = conf;
	s->program = conf_stream_pipeline(conf, f);
	if (!s->program)
		goto fail;
	s->state = pipeline_state_new(s->program);
	if (!s->state || init_input(s)) {
		fault_set(f, -ENOMEM, "not enough memory for stream '%s' (%u channels, %u lines)",
			conf->name, conf->channels, s->program->out_lines);
		goto fail;
	}
	s->bounds = bounds_of(s->program);
	init_topics(s);
	return s;
fail:
	stream_free(s);
	return NULL;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	pipeline_state_free(s->state);
	pipeline_free(s->program);
	conf_stream_free(s->conf);
	free(s->meta);
	free(s->newest);
	free(s->latched);
	free(s->sums);
	free(s->sum_counts);
	free(s->queue);
	free(s->queue_sources);
	free(s->queue_arrivals);
	free(s);
}

static void count_merged(struct stream *s, uint64_t missing, uint64_t clamped)
{
	/* A pairs row names some channels: the others are not missing. */
	if (missing && s->conf->type != ROW_PAIRS)
		counter_add(&s->counters.values_missing, missing);
	if (clamped)
		counter_add(&s->counters.values_clamped, clamped);
}

/* Merges `n` values of a row, from channel `first` on, into the newest ones: no sample = the channel
 * keeps its value. */
static void merge(struct stream *s, const float *row, uint32_t first, uint32_t n)
{
	struct merged met = {0};

	bounds_merge(&s->bounds, row, s->newest + first, first, n, &met);
	count_merged(s, met.missing, met.clamped);
	s->fresh |= !s->conf->window;
}

static void add_to_mean(struct stream *s, const float *row, uint32_t first, uint32_t n)
{
	uint64_t missing = 0, clamped = 0;

	for (uint32_t c = first; c < first + n; c++) {
		float x = row[c - first];

		if (isnan(x)) {
			missing++;
			continue;
		}
		if (isinf(x)) {
			x = x > 0 ? bounds_high(&s->bounds, c) : bounds_low(&s->bounds, c);
			clamped++;
		}
		/* Not 0 + x: the mean of a single -0 is -0. */
		s->sums[c] = s->sum_counts[c] ? s->sums[c] + (double)x : (double)x;
		s->sum_counts[c]++;
	}
	count_merged(s, missing, clamped);
}

void stream_take_mean(struct stream *s)
{
	for (uint32_t c = 0; c < s->conf->channels; c++) {
		if (!s->sum_counts[c])
			continue;
		s->newest[c] = (float)(s->sums[c] / s->sum_counts[c]);
		s->sum_counts[c] = 0;
	}
	s->fresh |= !s->conf->window;
}

/* Makes room for a row at the queue's end. Returns where its values go. */
static float *enqueue(struct stream *s, int64_t source_ns, int64_t now_ns)
{
	uint32_t capacity = s->conf->queue_rows, at;

	if (s->queue_count == capacity) {
		s->queue_head = (s->queue_head + 1) % capacity;
		s->queue_count--;
		counter_add(&s->counters.queue_dropped, 1);
	}
	at = (uint32_t)(((uint64_t)s->queue_head + s->queue_count) % capacity);
	s->queue_sources[at] = source_ns;
	s->queue_arrivals[at] = now_ns;
	s->queue_count++;
	counter_set(&s->counters.queue_depth, s->queue_count);
	return s->queue + (size_t)at * s->conf->channels;
}

static void dequeue(struct stream *s)
{
	merge(s, s->queue + (size_t)s->queue_head * s->conf->channels, 0, s->conf->channels);
	s->source_ns = s->queue_sources[s->queue_head];
	s->arrival_ns = s->queue_arrivals[s->queue_head];
	s->queue_head = (s->queue_head + 1) % s->conf->queue_rows;
	s->queue_count--;
	counter_set(&s->counters.queue_depth, s->queue_count);
}

/* Rows of one message count as dt apart. */
static int64_t row_source(const struct stream *s, const struct rows *rows, uint64_t index)
{
	if (!rows->source_ns)
		return 0;
	return (int64_t)((uint64_t)rows->source_ns + index * s->conf->dt_ns);
}

/* One row, piece by piece; `queued` is where mode queue wants it. */
static void put_row(struct stream *s, const struct rows *rows, uint64_t index, enum input_mode mode,
	float *queued, float *scratch)
{
	uint32_t piece = rows_piece(rows->type, rows->channels);

	for (uint32_t first = 0; first < rows->channels; first += piece) {
		uint32_t rest = rows->channels - first, n = rest < piece ? rest : piece;
		const float *row;

		if (mode == INPUT_QUEUE) {
			rows_fetch(rows, index, first, n, queued + first);
			continue;
		}
		row = rows_view(rows, index, first, n, scratch);
		if (mode == INPUT_MEAN)
			add_to_mean(s, row, first, n);
		else
			merge(s, row, first, n);
	}
}

void stream_put(struct stream *s, const struct rows *rows, float *scratch, int64_t now_ns)
{
	for (uint64_t r = 0; r < rows->count; r++) {
		float *queued = NULL;

		if (s->conf->mode == INPUT_QUEUE)
			queued = enqueue(s, row_source(s, rows, r), now_ns);
		put_row(s, rows, r, s->conf->mode, queued, scratch);
	}
	if (s->conf->mode != INPUT_QUEUE) {
		s->source_ns = row_source(s, rows, rows->count - 1);
		s->arrival_ns = now_ns;
	}
	s->arrived = s->pending = true;
}

void stream_put_row(struct stream *s, const struct rows *rows, uint64_t index, float *scratch,
	int64_t arrival_ns)
{
	put_row(s, rows, index, INPUT_HOLD, NULL, scratch);
	s->source_ns = row_source(s, rows, index);
	s->arrival_ns = arrival_ns;
	s->arrived = s->pending = true;
	s->window_open = false; /* a window to each row, also after a reset in mid-window */
}

void stream_count_message(struct stream *s, const struct rows *rows)
{
	s->messages++;
	counter_add(&s->counters.rows, rows->count);
	if (rows->missing)
		counter_add(&s->counters.values_missing, rows->missing);
	if (!rows->has_seq)
		return;
	if (s->has_seq) {
		if (rows->seq == s->last_seq)
			counter_add(&s->counters.seq_repeats, 1);
		else if (rows->seq < s->last_seq)
			counter_add(&s->counters.seq_back, 1);
		else
			counter_add(&s->counters.seq_gaps, rows->seq - s->last_seq - 1);
	}
	s->has_seq = true;
	s->last_seq = rows->seq;
}

/* Brings `newest` up to date. True if there was a row that no tick had used yet. */
static bool take_input(struct stream *s, int64_t now_ns)
{
	bool fresh = s->pending;

	if (s->queue_count) {
		dequeue(s);
		fresh = true;
	} else if (s->conf->mode == INPUT_MEAN && fresh) {
		stream_take_mean(s);
	}
	s->pending = false;
	if (fresh) {
		s->used_ns = s->source_ns;
		hist_add(&s->row_age, now_ns - s->arrival_ns);
	}
	s->started |= fresh;
	return fresh;
}

static bool window_begins(const struct stream *s, uint64_t tick)
{
	return !s->window_open || (tick - s->window_origin) / s->conf->window != s->window_index;
}

static void begin_window(struct stream *s, uint64_t tick)
{
	if (!s->window_open)
		s->window_origin = tick;
	s->window_open = true;
	s->window_index = (tick - s->window_origin) / s->conf->window;
	memcpy(s->latched, s->newest, s->conf->channels * sizeof(float));
	pipeline_reset(s->program, s->state, RESET_WINDOW);
	s->fresh = true;
}

/* What the input of a tick means for it. */
struct input {
	bool stale;  /* to be flagged */
	bool absent; /* on_stale decides what runs */
};

static struct input step_input(struct stream *s, uint64_t tick, int64_t now_ns, uint16_t *flags)
{
	const struct conf_stream *conf = s->conf;
	bool came = s->arrived || s->queue_count, queued = conf->mode == INPUT_QUEUE, fresh, old;

	s->arrived = false;
	if (came)
		s->fresh_tick = tick;
	old = (tick - s->fresh_tick) * conf->dt_ns > (uint64_t)conf->stale_ns;
	if (!conf->window) {
		fresh = take_input(s, now_ns);
		old = !s->started || (queued ? !fresh : old);
		return (struct input){.stale = old, .absent = old};
	}
	/* A window keeps what it began with: rows that come meanwhile are for the next one. */
	if ((s->started || came) && window_begins(s, tick)) {
		fresh = take_input(s, now_ns);
		s->window_absent = queued ? !fresh : old;
		begin_window(s, tick);
		*flags |= SPIKED_WINDOW;
	}
	return (struct input){
		.stale = !s->started || (queued ? s->window_absent : old),
		.absent = s->window_absent,
	};
}

static void run(struct stream *s, bool absent, struct pipeline_out *out)
{
	const struct conf_stream *conf = s->conf;
	const float *values = s->window_open ? s->latched : s->newest;
	bool fresh = s->fresh || absent != s->was_absent;

	if (!s->started || (absent && conf->on_stale == STALE_SILENCE)) {
		pipeline_idle(s->program, s->state, values, out);
		pipeline_skip(s->state, 1);
		s->fresh = true;
		return;
	}
	if (absent && conf->on_stale == STALE_ZERO) {
		memset(s->latched, 0, conf->channels * sizeof(float));
		values = s->latched;
	}
	pipeline_run(s->program, s->state, values, fresh, out);
	s->fresh = false;
	s->was_absent = absent;
}

void stream_tick(
	struct stream *s, uint64_t tick, uint16_t flags, int64_t now_ns, struct frame *frame)
{
	struct input input;
	uint64_t cut;

	assert(tick >= s->next_tick);
	pipeline_skip(s->state, tick - s->next_tick);
	s->next_tick = tick + 1;
	if (s->restored) {
		s->restored = false;
		flags |= SPIKED_RESTORED;
	}
	if (s->anew) {
		s->anew = false;
		flags |= SPIKED_RESET;
	}
	if (s->reset_pending) {
		pipeline_reset(s->program, s->state, RESET_ALL);
		s->window_open = false;
		s->reset_pending = false;
		flags |= SPIKED_RESET;
	}
	input = step_input(s, tick, now_ns, &flags);
	if (input.stale)
		flags |= SPIKED_STALE;
	run(s, input.absent, &frame->out);
	atomic_store_explicit(&s->liveness,
		!s->started   ? LIVENESS_SILENT
		: input.stale ? LIVENESS_STALE
			      : LIVENESS_LIVE,
		memory_order_relaxed);

	frame->tick = tick;
	frame->flags = flags;
	frame->source_ns = s->used_ns;
	frame->spikes = payload_count(&frame->out.last, &cut);
	counter_add(&s->counters.ticks, 1);
	counter_add(&s->counters.spikes, frame->spikes);
	if (cut)
		counter_add(&s->counters.spikes_cut, cut);
	if (input.stale)
		counter_add(&s->counters.stale_ticks, 1);
	if (flags & SPIKED_LATE)
		counter_add(&s->counters.late_ticks, 1);
}

void stream_prefetch(const struct stream *s)
{
	const char *end = (const char *)&s->topics;

	for (const char *at = (const char *)s; at < end; at += CACHE_LINE)
		__builtin_prefetch(at, 1);
	__builtin_prefetch(&s->tick_cost.count, 1);
	/* The octaves from 0.128 to 1 us, where small streams' ticks are. */
	for (unsigned octave = 1; octave < 4; octave++)
		__builtin_prefetch(&s->tick_cost.buckets[octave * HIST_STEPS], 1);
}

void stream_prefetch_parts(const struct stream *s)
{
	pipeline_prefetch(s->program, s->state);
	__builtin_prefetch(s->newest);
	for (size_t at = 0; at < sizeof(*s->conf); at += CACHE_LINE)
		__builtin_prefetch((const char *)s->conf + at);
}

uint64_t stream_tick_after(uint64_t next, uint32_t from_ns, uint32_t to_ns)
{
	return next ? (next - 1) * from_ns / to_ns + 1 : 0;
}

void stream_join(struct stream *s, uint64_t tick)
{
	if (s->next_tick <= tick)
		return;
	s->fresh_tick += tick - s->next_tick; /* as long ago as before; it may wrap */
	s->next_tick = tick;
}

void stream_reset(struct stream *s)
{
	s->reset_pending = true;
}

struct pipeline *stream_swap_program(struct stream *s, struct pipeline *program)
{
	struct pipeline *old = s->program;

	assert(pipeline_same_layout(old, program));
	s->program = program;
	s->fresh = true;
	s->bounds = bounds_of(s->program);
	return old;
}
