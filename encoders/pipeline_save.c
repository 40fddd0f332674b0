/* State as bytes. All numbers are little-endian; what is in a stage's block is that class's matter
 * and is told apart by its state version.
 *
 *   0  "SPKS"           8  u64 size of the whole      24  u32 channels
 *   4  u16 version      16  u64 tick of the next run  28  u32 0
 *   6  u16 stages
 *   then for each stage: 32 bytes class name, u16 state version, u16 kind in, u16 kind out, u16 0,
 *   u32 lines in, u32 lines out, u64 size of the block, the block
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/pipeline_private.h"
#include "encoders/stage.h"

#include <errno.h>
#include <stdlib.h>

#define MAGIC      "SPKS"
#define VERSION    1
#define HEAD_SIZE  32
#define NAME_SIZE  32
#define STAGE_SIZE (NAME_SIZE + 24)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "state blocks are stored as they stand and need a little-endian machine"
#endif

static uint8_t *put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
	return at + bytes;
}

static uint64_t get(const uint8_t **at, unsigned bytes)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)(*at)[i] << 8 * i;
	*at += bytes;
	return value;
}

size_t pipeline_saved_size(const struct pipeline *p)
{
	size_t size = HEAD_SIZE;
	for (uint32_t i = 0; i < p->count; i++)
		size += STAGE_SIZE + p->stages[i].state_size;
	return size;
}

void pipeline_save(const struct pipeline *p, const struct pipeline_state *s, uint8_t *bytes)
{
	uint8_t *at = bytes;
	memcpy(at, MAGIC, 4);
	at = put(at + 4, VERSION, 2);
	at = put(at, p->count, 2);
	at = put(at, pipeline_saved_size(p), 8);
	at = put(at, s->tick, 8);
	at = put(at, p->site.channels, 4);
	at = put(at, 0, 4);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct stage *st = &p->stages[i];
		memset(at, 0, NAME_SIZE);
		memcpy(at, st->class->name, strnlen(st->class->name, NAME_SIZE - 1));
		at = put(at + NAME_SIZE, st->class->state_version, 2);
		at = put(at, st->in_kind, 2);
		at = put(at, st->out_kind, 2);
		at = put(at, 0, 2);
		at = put(at, st->in_lines, 4);
		at = put(at, st->out_lines, 4);
		at = put(at, st->state_size, 8);
		memcpy(at, s->slots[i].block, st->state_size);
		at += st->state_size;
	}
}

static int check_head(const struct pipeline *p, const uint8_t *bytes, size_t size, uint64_t *tick,
	struct fault *f)
{
	if (size < HEAD_SIZE || memcmp(bytes, MAGIC, 4) != 0)
		return fault_set(f, -EINVAL, "these bytes are not a saved pipeline state");
	const uint8_t *at = bytes + 4;
	uint64_t version = get(&at, 2), count = get(&at, 2), whole = get(&at, 8);
	*tick = get(&at, 8);
	uint64_t channels = get(&at, 4), zero = get(&at, 4);
	if (version != VERSION)
		return fault_set(f, -EINVAL,
			"the saved state has version %u, this program reads %d", (unsigned)version,
			VERSION);
	if (count != p->count || channels != p->site.channels)
		return fault_set(f, -EINVAL,
			"the saved state is of %u stages on %u channels, the pipeline has %u on %u",
			(unsigned)count, (unsigned)channels, p->count, p->site.channels);
	if (whole != size)
		return fault_set(f, -EINVAL, "the saved state is cut or grown: %zu bytes of %llu",
			size, (unsigned long long)whole);
	if (zero != 0)
		return fault_set(f, -EINVAL, "the saved state is damaged");
	return 0;
}

/* Checks one stage's head against the program. On success *at is at the block. */
static int check_stage(
	const struct stage *st, const uint8_t **at, const uint8_t *end, struct fault *f)
{
	if (end - *at < STAGE_SIZE)
		return fault_set(f, -EINVAL, "the saved state ends too early");
	char name[NAME_SIZE];
	memcpy(name, *at, NAME_SIZE);
	*at += NAME_SIZE;
	uint64_t version = get(at, 2), in_kind = get(at, 2), out_kind = get(at, 2);
	uint64_t zero = get(at, 2), in_lines = get(at, 4), out_lines = get(at, 4);
	uint64_t size = get(at, 8);
	if (strncmp(name, st->class->name, NAME_SIZE) != 0)
		return fault_set(f, -EINVAL, "the saved state is of another encoder than %s",
			st->class->name);
	if (version != st->class->state_version)
		return fault_set(f, -EINVAL, "the saved state of %s has version %u, not %u",
			st->class->name, (unsigned)version, st->class->state_version);
	if (in_kind != st->in_kind || out_kind != st->out_kind || in_lines != st->in_lines ||
		out_lines != st->out_lines || size != st->state_size)
		return fault_set(f, -EINVAL, "the saved state of %s has other sizes or options",
			st->class->name);
	if (zero != 0 || (uint64_t)(end - *at) < size)
		return fault_set(f, -EINVAL, "the saved state of %s is damaged", st->class->name);
	return 0;
}

/* Reads all into `into`, which is the caller's to throw away on failure. */
static int read_stages(const struct pipeline *p, struct pipeline_state *into, const uint8_t *bytes,
	size_t size, struct fault *f)
{
	const uint8_t *at = bytes + HEAD_SIZE, *end = bytes + size;
	for (uint32_t i = 0; i < p->count; i++) {
		const struct stage *st = &p->stages[i];
		void *block = into->slots[i].block;
		int err = check_stage(st, &at, end, f);
		if (!err) {
			memcpy(block, at, st->state_size);
			at += st->state_size;
			if (st->class->check && st->class->check(st, block))
				err = fault_set(f, -EINVAL,
					"the saved state of %s holds impossible values", st->asked);
		}
		if (err) {
			if (f)
				f->stage = (int)i;
			return err;
		}
	}
	return at == end ? 0 : fault_set(f, -EINVAL, "the saved state goes on after its end");
}

int pipeline_load(const struct pipeline *p, struct pipeline_state *s, const uint8_t *bytes,
	size_t size, struct fault *f)
{
	uint64_t tick = 0;
	int err = check_head(p, bytes, size, &tick, f);
	if (err)
		return err;
	struct pipeline_state *fresh = pipeline_state_new(p);
	if (!fresh)
		return fault_set(f, -ENOMEM, "not enough memory to read the saved state");
	err = read_stages(p, fresh, bytes, size, f);
	if (!err) {
		for (uint32_t i = 0; i < p->count; i++)
			memcpy(s->slots[i].block, fresh->slots[i].block, p->stages[i].state_size);
		s->tick = tick;
		s->serial = 0;
	}
	pipeline_state_free(fresh);
	return err;
}
