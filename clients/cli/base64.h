/* Base64 (RFC 4648) to bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* To be freed; NULL = it is none, or no memory. */
uint8_t *base64_decode(const char *text, size_t *size);
