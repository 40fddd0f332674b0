/* What the fuzz targets share: taking an input apart, and promises that end the run when broken.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* A legal text may ask for very large tables: then memory is short, a path that is worth testing. The
 * fuzzer's own tables have 20 MB. For where memory came from: ASAN_OPTIONS=malloc_context_size=30. */
#define FUZZ_OPTIONS                                                           \
	const char *__asan_default_options(void)                               \
	{                                                                      \
		return "allocator_may_return_null=1:max_allocation_size_mb=32" \
		       ":malloc_context_size=1";                               \
	}

/* Also in builds without assertions. */
#define promise(holds)                                                                     \
	do {                                                                               \
		if (!(holds)) {                                                            \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, \
				#holds);                                                   \
			abort();                                                           \
		}                                                                          \
	} while (0)

struct input {
	const uint8_t *at;
	size_t left;
};

/* Little-endian, 0 past the end. */
static inline uint64_t input_number(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		value |= (uint64_t)*in->at++ << 8 * i;
	return value;
}

/* As many bytes as `size` asks for, or fewer if there are not as many. */
static inline struct input input_part(struct input *in, size_t size)
{
	struct input part = {in->at, size < in->left ? size : in->left};

	in->at += part.left;
	in->left -= part.left;
	return part;
}

/* Everything up to the byte `end`, which is taken too and belongs to nobody. */
static inline struct input input_until(struct input *in, uint8_t end)
{
	const uint8_t *found = in->left ? memchr(in->at, end, in->left) : NULL;
	struct input part = input_part(in, found ? (size_t)(found - in->at) : in->left);

	if (found)
		input_part(in, 1);
	return part;
}

/* A copy of its own on the heap, so that reading past its end is seen. To be freed. */
static inline void *input_copy(struct input in, size_t size)
{
	void *copy = calloc(1, size ? size : 1);

	promise(copy);
	if (in.left)
		memcpy(copy, in.at, in.left < size ? in.left : size);
	return copy;
}
