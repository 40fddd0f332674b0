/* What the encoder tables say, as text for people: `spiked --encoders`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

void manual_encoders(FILE *out);
