/* What the tables of keys and encoders say, as text for people: `spiked --encoders`, spiked.conf(5).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/encoder.h"

#include <stdbool.h>
#include <stdio.h>

/* Paragraphs are broken to fit `width` columns, or stay one line each if it is 0. */
void manual_encoders(FILE *out, unsigned width);
int manual_encoder(FILE *out, unsigned width, const char *name); /* alias too; 0 or -ENOENT */

/* spiked.conf(5) as mdoc(7). 0 or negative errno. */
int manual_conf(FILE *out);

/* Parts of a stage's description, without a line end. False: there are no aliases. */
void manual_param_type(FILE *out, const struct param *row);
void manual_kinds(FILE *out, const struct encoder_class *class);
bool manual_aliases(FILE *out, const struct encoder_class *class);
