/* The bytes of a configuration file. Cold loop; opens for reading only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

struct conf_faults;

/* The whole file ("-" = standard input), checked to be UTF-8 text, with a NUL after its `*size`
 * bytes; the caller frees it. NULL with an error in `faults`. */
char *source_read(const char *path, size_t *size, struct conf_faults *faults);
