/* Descriptors: each connection takes one, and a process may only have so many. Cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Asks for more than a shell's usual 1024: up to the hard limit, and up to this. */
#define DESCRIPTORS_WANTED 65536

void descriptors_raise(void);

/* How many this process may have. */
uint64_t descriptors_limit(void);

/* How many connections the web port takes. Each may need one more on the inside. */
#define DESCRIPTORS_WEB_MAX 512
uint32_t descriptors_web(void);

/* False when every one is in use. ZeroMQ then leaves new connections waiting, without a word, and its
 * thread computes all the time. */
bool descriptors_left(void);
