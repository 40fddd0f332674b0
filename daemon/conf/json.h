/* JSON values as trees.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/text/node.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cold loop. Paths begin with `root`. NULL with an error in `faults`. */
struct tree *tree_from_json(const json_t *json, const char *root, struct conf_faults *faults);

/* Any loop. Whether there are more than `limit` lists and objects within each other, without reading
 * anything else: jansson goes down and up again on the stack. */
bool json_too_deep(const char *text, size_t size, uint32_t limit);
