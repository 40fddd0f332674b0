/* Numbers with units, as people write them: "1 ms", "200Hz", "100 1/s", "64 KiB".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/param.h"

/* Both read the whole of `text` (blanks at its ends do not count). 0, or -EINVAL with `f` filled.
 * They expect the program to run with the C locale's decimal point, as a daemon does. */
int quantity_number(const char *text, enum param_unit unit, double *out, struct fault *f);
int quantity_count(const char *text, enum param_unit unit, uint64_t *out, struct fault *f);
