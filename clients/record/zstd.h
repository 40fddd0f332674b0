/* The one place that knows whether there is a libzstd.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

extern const bool rec_has_zstd;

/* Bytes that compressing `size` bytes may take. */
size_t rec_zstd_bound(size_t size);

/* Bytes written to `to`, or 0: it does not fit, or there is no libzstd. */
size_t rec_zstd_pack(void *to, size_t room, const void *from, size_t size);

/* Whether `from` became exactly `size` bytes. */
bool rec_zstd_unpack(void *to, size_t size, const void *from, size_t stored);
