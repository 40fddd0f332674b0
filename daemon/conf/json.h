/* JSON values as trees. Cold loop only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/text/node.h"

#include <jansson.h>

/* Paths begin with `root`. NULL with an error in `faults`. */
struct tree *tree_from_json(const json_t *json, const char *root, struct conf_faults *faults);
