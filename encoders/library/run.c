/* Running a pipeline over arrays, and its state as bytes.
 *
 * The saved bytes are those of pipeline_save, then the held values as float32: a sample that is
 * missing after a load is the last one before the save.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/library/library.h"

#include "encoders/stage.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Where the next tick goes, and how wide one is. */
struct sink {
	struct spiked_pipeline_out at;
	uint32_t channels;
};

/* A count is a whole number but 0; of others nothing is asked but to do no harm. */
static int8_t narrow(float count)
{
	return (int8_t)(count >= 127 ? 127 : count > -128 ? count : -128);
}

static uint64_t magnitude(float count)
{
	float n = fabsf(count);
	return !(n >= 1) ? 1 : n < 0x1p63f ? (uint64_t)n : (uint64_t)1 << 63;
}

static void narrow_lines(const struct lines *l, int8_t *to)
{
	memset(to, 0, l->count);
	for (size_t w = 0; w < lines_words(l->count); w++) {
		for (uint64_t bits = l->on[w]; bits; bits &= bits - 1) {
			size_t i = w * WORD_LINES + (unsigned)__builtin_ctzll(bits);
			float value = l->values[i];
			to[i] = l->kind == KIND_COUNTS ? narrow(value) : value < 0 ? -1 : 1;
		}
	}
}

static void write_spikes(const struct lines *l, int8_t *to)
{
	if (l->kind == KIND_VALUES)
		memset(to, 0, l->count);
	else if (l->kind & KIND_VALUED)
		narrow_lines(l, to);
	else
		kernels_get()->expand_i8(l->on, l->minus, to, l->count);
}

static void write_lines(const struct lines *l, float *to)
{
	if (l->kind == KIND_VALUES)
		memcpy(to, l->values, l->count * sizeof(*to));
	else if (l->kind & KIND_VALUED)
		kernels_get()->expand_valued(l->on, l->values, to, l->count);
	else
		kernels_get()->expand_f32(l->on, l->minus, to, l->count);
}

static uint64_t count_spikes(const struct lines *l)
{
	size_t words = lines_words(l->count);
	uint64_t count = 0;
	if (l->kind == KIND_VALUES)
		return 0;
	if (l->kind != KIND_COUNTS) {
		count = kernels_get()->popcount(l->on, words);
		return l->minus ? count + kernels_get()->popcount(l->minus, words) : count;
	}
	for (size_t w = 0; w < words; w++) {
		for (uint64_t bits = l->on[w]; bits; bits &= bits - 1)
			count += magnitude(
				l->values[w * WORD_LINES + (unsigned)__builtin_ctzll(bits)]);
	}
	return count;
}

static void write_tick(struct sink *s, const struct pipeline_out *out)
{
	struct spiked_pipeline_out *at = &s->at;
	if (at->spikes) {
		write_spikes(&out->last, at->spikes);
		at->spikes += out->last.count;
	}
	if (at->lines) {
		write_lines(&out->last, at->lines);
		at->lines += out->last.count;
	}
	if (at->state && out->state_lines) {
		memcpy(at->state, out->state, out->state_lines * sizeof(*at->state));
		at->state += out->state_lines;
	}
	if (at->values) {
		memcpy(at->values, out->values, s->channels * sizeof(*at->values));
		at->values += s->channels;
	}
	if (at->counts)
		*at->counts++ = count_spikes(&out->last);
}

size_t spiked_pipeline_run(struct spiked_pipeline *p, const float *rows, size_t rows_count,
	const struct spiked_pipeline_out *out)
{
	const struct pipeline_site *site = &p->program->site;
	struct sink sink = {.channels = site->channels};
	uint32_t ticks = site->window ? site->window : 1;
	struct surroundings around;
	struct merged met = {0};
	if (out)
		sink.at = *out;
	surroundings_enter(&around, false);
	for (size_t r = 0; r < rows_count; r++, rows += site->channels) {
		bounds_merge(&p->bounds, rows, p->held, 0, site->channels, &met);
		if (site->window)
			pipeline_reset(p->program, p->state, RESET_WINDOW);
		for (uint32_t t = 0; t < ticks; t++) {
			struct pipeline_out gave;
			pipeline_run(p->program, p->state, p->held, t == 0, &gave);
			write_tick(&sink, &gave);
		}
	}
	surroundings_leave(&around);
	return rows_count * ticks;
}

void spiked_pipeline_reset(struct spiked_pipeline *p)
{
	memset(p->held, 0, p->program->site.channels * sizeof(*p->held));
	pipeline_reset(p->program, p->state, RESET_ALL);
}

static size_t held_bytes(const struct spiked_pipeline *p)
{
	return p->program->site.channels * sizeof(*p->held);
}

size_t spiked_pipeline_saved_size(const struct spiked_pipeline *p)
{
	return pipeline_saved_size(p->program) + held_bytes(p);
}

void spiked_pipeline_save(const struct spiked_pipeline *p, void *bytes)
{
	pipeline_save(p->program, p->state, bytes);
	memcpy((char *)bytes + pipeline_saved_size(p->program), p->held, held_bytes(p));
}

/* A row leaves no channel with anything else. */
static bool all_finite(const char *bytes, size_t size)
{
	for (size_t at = 0; at < size; at += sizeof(float)) {
		float value;
		memcpy(&value, bytes + at, sizeof(value));
		if (!isfinite(value))
			return false;
	}
	return true;
}

int spiked_pipeline_load(
	struct spiked_pipeline *p, const void *bytes, size_t size, char *why, size_t why_size)
{
	const char *held = (const char *)bytes + pipeline_saved_size(p->program);
	size_t tail = held_bytes(p);
	struct surroundings around;
	struct fault f = {0};
	why_text(why, why_size, "%s", "");
	if (size == spiked_pipeline_saved_size(p) && !all_finite(held, tail)) {
		why_text(why, why_size, "the saved state holds values that no row can leave");
		return -EINVAL;
	}
	surroundings_enter(&around, true);
	/* What is too short for both is told by the first part. */
	int err = pipeline_load(p->program, p->state, bytes, size > tail ? size - tail : 0, &f);
	surroundings_leave(&around);
	if (err) {
		why_text(why, why_size, "%s", f.text);
		return err;
	}
	memcpy(p->held, held, tail);
	return 0;
}
