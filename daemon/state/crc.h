/* CRC-64 as in xz: finds every fault of up to 64 bits in a row, and all but one in 2^64 of the others.
 * It guards against broken disks, not against people: those who may write the folder own the state.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `crc` is 0 or what the bytes before gave. Any thread. */
uint64_t crc64(uint64_t crc, const uint8_t *bytes, size_t size);
