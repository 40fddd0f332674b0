/* See zstd.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "clients/record/zstd.h"

#ifdef SPIKED_HAS_ZSTD

#include <zstd.h>

#define LEVEL 1 /* the recorder must keep up with the daemon; higher ones gain a few per cent */

const bool rec_has_zstd = true;

size_t rec_zstd_bound(size_t size)
{
	return ZSTD_compressBound(size);
}

size_t rec_zstd_pack(void *to, size_t room, const void *from, size_t size)
{
	size_t n = ZSTD_compress(to, room, from, size, LEVEL);

	return ZSTD_isError(n) ? 0 : n;
}

bool rec_zstd_unpack(void *to, size_t size, const void *from, size_t stored)
{
	return ZSTD_decompress(to, size, from, stored) == size;
}

#else

const bool rec_has_zstd = false;

size_t rec_zstd_bound(size_t size)
{
	return size;
}

size_t rec_zstd_pack(void *to, size_t room, const void *from, size_t size)
{
	(void)to, (void)room, (void)from, (void)size;
	return 0;
}

bool rec_zstd_unpack(void *to, size_t size, const void *from, size_t stored)
{
	(void)to, (void)size, (void)from, (void)stored;
	return false;
}

#endif
