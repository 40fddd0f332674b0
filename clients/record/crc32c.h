/* CRC-32C (Castagnoli), the checksum of recordings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Of `size` bytes behind those that `crc` is of; begins with 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);
