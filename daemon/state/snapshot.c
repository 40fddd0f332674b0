/* A snapshot's bytes. All numbers are little-endian.
 *
 *    0  "SPKDSNAP"                   136  u64 tick, the next one in that epoch
 *    8  u16 version                  144  i64 UNIX time of the snapshot, ns
 *   10  u16 input mode               152  u64 ticks since the newest fresh row
 *   12  u32 flags                    160  u64 ticks since the window in force began
 *   16  u64 size of the whole        168  i64 source time of the newest row, ns
 *   24  u64 CRC-64 of all else       176  i64 source time of the newest used one, ns
 *   32  char[80] stream, rest 0      184  u32 queued rows, which are not in it
 *  112  u32 channels                 188  u32 0
 *  116  u32 dt, ns                   192  u64 size of the pipeline's bytes
 *  120  u32 window, ticks            200  56 bytes 0
 *  124  u32 0                        256  the parts, each at a multiple of 8:
 *  128  u64 epoch                         f32 x channels: newest values
 *                                         f32 x channels: latched values, with a window
 *                                         f64, then u32 x channels: sums and counts, mode mean
 *                                         the pipeline's bytes (encoders/pipeline_save.c)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state/snapshot.h"

#include "daemon/state/crc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAGIC     "SPKDSNAP"
#define VERSION   1
#define HEAD_SIZE 256u
#define ALIGN     64u
#define BIG_PAGE  ((size_t)2 << 20)

enum offset {
	AT_VERSION = 8,
	AT_MODE = 10,
	AT_FLAGS = 12,
	AT_SIZE = 16,
	AT_CRC = 24,
	AT_NAME = 32,
	NAME_SIZE = 80,
	AT_CHANNELS = 112,
	AT_DT = 116,
	AT_WINDOW = 120,
	AT_EPOCH = 128,
	AT_TICK = 136,
	AT_TIME = 144,
	AT_SINCE_ROW = 152,
	AT_WINDOW_PHASE = 160,
	AT_SOURCE = 168,
	AT_USED = 176,
	AT_QUEUED = 184,
	AT_SAVED_SIZE = 192,
	AT_UNUSED = 200,
	SAVED_TICK = 16, /* within the pipeline's bytes */
};

enum state_flag {
	FLAG_STARTED = 1,
	FLAG_PENDING = 2,
	FLAG_ARRIVED = 4,
	FLAG_RESET = 8,
	FLAG_WINDOW = 16,
	FLAG_ABSENT = 32,
	FLAGS = 63,
};

/* Where the parts are. */
struct parts {
	size_t newest, latched, sums, sum_counts, saved, size; /* 0 = there is none */
};

static size_t take(size_t *at, size_t bytes)
{
	size_t here = *at;

	*at = here + (bytes + 7) / 8 * 8;
	return here;
}

static struct parts parts_of(
	uint32_t channels, uint32_t window, enum input_mode mode, size_t saved_size)
{
	size_t at = HEAD_SIZE, n = channels;
	struct parts p = {.newest = take(&at, n * sizeof(float))};

	if (window)
		p.latched = take(&at, n * sizeof(float));
	if (mode == INPUT_MEAN) {
		p.sums = take(&at, n * sizeof(double));
		p.sum_counts = take(&at, n * sizeof(uint32_t));
	}
	p.saved = take(&at, saved_size);
	p.size = p.saved + saved_size;
	return p;
}

static void put(uint8_t *bytes, unsigned at, uint64_t value, unsigned size)
{
	memcpy(bytes + at, &value, size); /* little-endian, as pipeline_save.c insists */
}

static uint64_t get(const uint8_t *bytes, size_t at, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, bytes + at, size);
	return value;
}

/* Big ones in big pages, if the system has some: the hot loop copies in two thirds of the time. */
static uint8_t *reserve(size_t size)
{
	size_t align = size < BIG_PAGE ? ALIGN : BIG_PAGE,
	       whole = (size + align - 1) / align * align;
	uint8_t *bytes = aligned_alloc(align, whole);

	if (bytes && align == BIG_PAGE)
		madvise(bytes, whole, MADV_HUGEPAGE);
	return bytes;
}

/* What is known before the copy is taken; it may be another by the time that it has been. */
static void put_identity(struct snapshot *s, const struct conf_stream *conf, size_t saved_size)
{
	uint8_t *b = s->bytes;

	memcpy(b, MAGIC, 8);
	put(b, AT_VERSION, VERSION, 2);
	put(b, AT_MODE, conf->mode, 2);
	put(b, AT_SIZE, s->size, 8);
	memcpy(b + AT_NAME, conf->name, strlen(conf->name));
	put(b, AT_CHANNELS, conf->channels, 4);
	put(b, AT_DT, conf->dt_ns, 4);
	put(b, AT_WINDOW, conf->window, 4);
	put(b, AT_SAVED_SIZE, saved_size, 8);
}

int snapshot_init(
	struct snapshot *s, const struct conf_stream *conf, const struct pipeline *program)
{
	struct parts p =
		parts_of(conf->channels, conf->window, conf->mode, pipeline_saved_size(program));

	*s = (struct snapshot){.size = p.size};
	s->bytes = reserve(p.size);
	if (!s->bytes)
		return -ENOMEM;
	memset(s->bytes, 0, p.size);
	s->copy.newest = (float *)(void *)(s->bytes + p.newest);
	if (p.latched)
		s->copy.latched = (float *)(void *)(s->bytes + p.latched);
	if (p.sums) {
		s->copy.sums = (double *)(void *)(s->bytes + p.sums);
		s->copy.sum_counts = (uint32_t *)(void *)(s->bytes + p.sum_counts);
	}
	s->copy.saved = s->bytes + p.saved;
	put_identity(s, conf, p.size - p.saved);
	return 0;
}

void snapshot_fini(struct snapshot *s)
{
	free(s->bytes);
	*s = (struct snapshot){0};
}

/* Of all but the field that holds it. */
static uint64_t checksum(const uint8_t *bytes, size_t size)
{
	uint64_t crc = crc64(0, bytes, AT_CRC);

	return crc64(crc, bytes + AT_NAME, size - AT_NAME);
}

void snapshot_describe(struct snapshot *s, uint64_t epoch, int64_t time_ns)
{
	const struct stream_copy *c = &s->copy;
	uint8_t *b = s->bytes;
	uint32_t flags = (c->started ? FLAG_STARTED : 0u) | (c->pending ? FLAG_PENDING : 0u) |
			 (c->arrived ? FLAG_ARRIVED : 0u) | (c->reset_pending ? FLAG_RESET : 0u) |
			 (c->window_open ? FLAG_WINDOW : 0u) |
			 (c->window_absent ? FLAG_ABSENT : 0u);

	put(b, AT_FLAGS, flags, 4);
	put(b, AT_EPOCH, epoch, 8);
	put(b, AT_TICK, c->tick, 8);
	put(b, AT_TIME, (uint64_t)time_ns, 8);
	put(b, AT_SINCE_ROW, c->since_row, 8);
	put(b, AT_WINDOW_PHASE, c->window_phase, 8);
	put(b, AT_SOURCE, (uint64_t)c->source_ns, 8);
	put(b, AT_USED, (uint64_t)c->used_ns, 8);
	put(b, AT_QUEUED, c->queued, 4);
}

void snapshot_seal(struct snapshot *s)
{
	put(s->bytes, AT_CRC, checksum(s->bytes, s->size), 8);
}

static bool only_zeros(const uint8_t *bytes, size_t size)
{
	return size && !bytes[0] && !memcmp(bytes, bytes + 1, size - 1);
}

static int check_frame(const uint8_t *bytes, size_t size, struct fault *f)
{
	if (!size)
		return fault_set(f, -EBADMSG, "the file is empty");
	if (only_zeros(bytes, size))
		return fault_set(f, -EBADMSG,
			"the file is %zu bytes of zeros, as some file systems leave after a power "
			"cut",
			size);
	if (size < HEAD_SIZE || memcmp(bytes, MAGIC, 8) != 0)
		return fault_set(f, -EBADMSG, "the file is not a snapshot");
	if (get(bytes, AT_VERSION, 2) != VERSION)
		return fault_set(f, -ENOTSUP,
			"the snapshot has version %u, and this spiked reads version %d",
			(unsigned)get(bytes, AT_VERSION, 2), VERSION);
	if (get(bytes, AT_SIZE, 8) != size)
		return fault_set(f, -EBADMSG, "the snapshot has %zu bytes instead of %llu", size,
			(unsigned long long)get(bytes, AT_SIZE, 8));
	if (get(bytes, AT_CRC, 8) != checksum(bytes, size))
		return fault_set(f, -EBADMSG, "the snapshot is damaged: its checksum does not fit");
	return 0;
}

/* Of bytes whose checksum fits: what was made by a program that is not this one. */
static bool is_consistent(const uint8_t *b, size_t size)
{
	uint64_t mode = get(b, AT_MODE, 2), channels = get(b, AT_CHANNELS, 4);
	uint64_t window = get(b, AT_WINDOW, 4), saved_size = get(b, AT_SAVED_SIZE, 8);

	if (mode > INPUT_MEAN || get(b, AT_FLAGS, 4) & ~(uint64_t)FLAGS ||
		channels > PIPELINE_MAX_CHANNELS || saved_size < SAVED_TICK + 8 ||
		saved_size > size || b[AT_NAME + NAME_SIZE - 1])
		return false;
	for (size_t at = AT_UNUSED; at < HEAD_SIZE; at++)
		if (b[at])
			return false;
	return parts_of((uint32_t)channels, (uint32_t)window, (enum input_mode)mode, saved_size)
		       .size == size;
}

int snapshot_check(const uint8_t *bytes, size_t size, struct snapshot_head *head, struct fault *f)
{
	int ret = check_frame(bytes, size, f);

	if (ret)
		return ret;
	if (!is_consistent(bytes, size))
		return fault_set(f, -EBADMSG, "the snapshot contradicts itself");
	*head = (struct snapshot_head){
		.epoch = get(bytes, AT_EPOCH, 8),
		.tick = get(bytes, AT_TICK, 8),
		.time_ns = (int64_t)get(bytes, AT_TIME, 8),
		.channels = (uint32_t)get(bytes, AT_CHANNELS, 4),
		.dt_ns = (uint32_t)get(bytes, AT_DT, 4),
		.window = (uint32_t)get(bytes, AT_WINDOW, 4),
		.state_tick = get(bytes, size - get(bytes, AT_SAVED_SIZE, 8) + SAVED_TICK, 8),
		.queued = (uint32_t)get(bytes, AT_QUEUED, 4),
	};
	memcpy(head->name, bytes + AT_NAME, SPIKED_NAME_MAX);
	return 0;
}

/* Whether the stream is the one that the snapshot was made of. */
static int check_identity(
	const struct snapshot_head *head, const struct conf_stream *conf, struct fault *f)
{
	if (strcmp(head->name, conf->name) != 0)
		return fault_set(f, -EINVAL, "the snapshot is of stream '%.64s'", head->name);
	if (head->channels != conf->channels)
		return fault_set(f, -EINVAL, "the snapshot has %u channels and the stream %u",
			head->channels, conf->channels);
	/* Of a window to another length the next one begins at once; but without windows a state
	 * that was meant to last for one would last for ever. */
	if (!head->window != !conf->window)
		return fault_set(f, -EINVAL,
			"the snapshot was made with window: %u and the stream has %u", head->window,
			conf->window);
	return 0;
}

static bool all_finite(const float *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

/* A part as an allocation of its own; NULL with *ret negative. */
static void *part(const uint8_t *bytes, size_t at, size_t size, int *ret)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		*ret = -ENOMEM;
	else
		memcpy(memory, bytes + at, size);
	return memory;
}

static int open_arrays(const uint8_t *b, const struct parts *p, const struct conf_stream *conf,
	struct stream_copy *copy)
{
	size_t n = conf->channels;
	int ret = 0;

	copy->newest = part(b, p->newest, n * sizeof(float), &ret);
	if (p->latched)
		copy->latched = part(b, p->latched, n * sizeof(float), &ret);
	if (p->sums && conf->mode == INPUT_MEAN) {
		copy->sums = part(b, p->sums, n * sizeof(double), &ret);
		copy->sum_counts = part(b, p->sum_counts, n * sizeof(uint32_t), &ret);
	}
	if (ret)
		return ret;
	if (!all_finite(copy->newest, n) || (copy->latched && !all_finite(copy->latched, n)))
		return -EBADMSG;
	for (size_t i = 0; copy->sums && i < n; i++)
		if (copy->sum_counts[i] && !isfinite(copy->sums[i]))
			return -EBADMSG;
	return 0;
}

int snapshot_open(const uint8_t *bytes, size_t size, const struct conf_stream *conf,
	const struct pipeline *program, struct stream_copy *copy, struct fault *f)
{
	struct snapshot_head head;
	uint32_t flags = (uint32_t)get(bytes, AT_FLAGS, 4);
	size_t saved_size = get(bytes, AT_SAVED_SIZE, 8);
	struct parts p;
	int ret;

	*copy = (struct stream_copy){0};
	ret = snapshot_check(bytes, size, &head, f);
	if (!ret)
		ret = check_identity(&head, conf, f);
	if (ret)
		return ret;
	p = parts_of(
		head.channels, head.window, (enum input_mode)get(bytes, AT_MODE, 2), saved_size);
	ret = open_arrays(bytes, &p, conf, copy);
	copy->state = ret ? NULL : pipeline_state_new(program);
	if (ret == -EBADMSG)
		fault_set(f, ret, "the snapshot holds values that no row can have brought");
	else if (!copy->state)
		ret = fault_set(f, -ENOMEM, "not enough memory to read the snapshot");
	else
		ret = pipeline_load(program, copy->state, bytes + p.saved, saved_size, f);
	if (ret) {
		stream_copy_fini(copy);
		return ret;
	}
	copy->since_row = get(bytes, AT_SINCE_ROW, 8);
	copy->window_phase = get(bytes, AT_WINDOW_PHASE, 8);
	copy->source_ns = (int64_t)get(bytes, AT_SOURCE, 8);
	copy->used_ns = (int64_t)get(bytes, AT_USED, 8);
	copy->queued = head.queued;
	copy->started = flags & FLAG_STARTED;
	copy->pending = flags & FLAG_PENDING;
	copy->arrived = flags & FLAG_ARRIVED;
	copy->reset_pending = flags & FLAG_RESET;
	copy->window_open = flags & FLAG_WINDOW && p.latched && head.window == conf->window;
	copy->window_absent = flags & FLAG_ABSENT;
	return 0;
}
