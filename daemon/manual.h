/* What the encoder tables say, as text for people: `spiked --encoders`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

/* Paragraphs are broken to fit `width` columns, or stay one line each if it is 0. */
void manual_encoders(FILE *out, unsigned width);
