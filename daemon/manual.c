/* What the encoder tables say, as text for people.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/manual.h"

#include "encoders/encoder.h"

#include <errno.h>
#include <float.h>
#include <stdbool.h>
#include <string.h>

/* Prints one paragraph that begins at column `indent`, where the caller has got to. Lines are broken
 * at spaces to fit `width` columns; 0 = not at all. */
static void print_text(FILE *out, unsigned width, unsigned indent, const char *text)
{
	unsigned at = indent;

	for (const char *word = text; *word; word += strspn(word, " ")) {
		unsigned size = (unsigned)strcspn(word, " ");

		if (word > text && width && at + 1 + size > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (word > text) {
			fputc(' ', out);
			at++;
		}
		fwrite(word, 1, size, out);
		at += size;
		word += size;
	}
	fputc('\n', out);
}

void manual_kinds(FILE *out, const struct encoder_class *class)
{
	const char *comma = "";

	fputs("in: ", out);
	for (unsigned kind = 1; kind <= KIND_LAST; kind <<= 1) {
		if (!(class->in & kind))
			continue;
		fprintf(out, "%s%s", comma, kind_text((enum kind)kind));
		comma = ", ";
	}
	fprintf(out, "; out: %s", class->out ? kind_text(class->out) : "as in");
}

bool manual_aliases(FILE *out, const struct encoder_class *class)
{
	if (!class->aliases || !class->aliases->name)
		return false;
	fputs("also: ", out);
	for (const struct encoder_alias *a = class->aliases; a->name; a++) {
		fprintf(out, "%s%s", a == class->aliases ? "" : ", ", a->name);
		for (size_t i = 0;
			i < sizeof(a->defaults) / sizeof(a->defaults[0]) && a->defaults[i].param;
			i++)
			fprintf(out, " (%s %s)", a->defaults[i].param, a->defaults[i].preset);
	}
	return true;
}

/* Bounds at the ends of float32 say nothing to a person. */
static bool bounds_below(const struct param *row)
{
	return (row->min != 0 || row->max != 0) && row->min > -FLT_MAX;
}

static bool bounds_above(const struct param *row)
{
	return (row->min != 0 || row->max != 0) && row->max < FLT_MAX;
}

static void print_bounds(FILE *out, const struct param *row)
{
	const char *above = row->flags & PARAM_MIN_OPEN ? ">" : ">=";
	const char *below = row->flags & PARAM_MAX_OPEN ? "<" : "<=";

	if (bounds_below(row))
		fprintf(out, " %s %.10g", above, row->min);
	if (bounds_below(row) && bounds_above(row))
		fputs(" and", out);
	if (bounds_above(row))
		fprintf(out, " %s %.10g", below, row->max);
}

void manual_param_type(FILE *out, const struct param *row)
{
	const char *unit = param_unit_text(row->unit);

	if (row->type == PARAM_CHOICE) {
		for (const char *const *c = row->choices; *c; c++)
			fprintf(out, "%s%s", c == row->choices ? "" : "|", *c);
	} else {
		fputs(param_type_text(row->type), out);
		print_bounds(out, row);
	}
	if (*unit)
		fprintf(out, " [%s]", unit);
	if (row->preset)
		fprintf(out, ", default %s", row->preset);
	if (row->flags & PARAM_AUTO && (!row->preset || strcmp(row->preset, "auto")))
		fputs(", or auto", out);
	if (row->flags & PARAM_PER_CHANNEL)
		fputs(", one or one a channel", out);
	if (row->flags & PARAM_LIST)
		fputs(", one or a list", out);
	if (row->flags & PARAM_LIVE)
		fputs(", live", out);
	if (row->flags & PARAM_NO_EFFECT)
		fputs(", no effect", out);
}

static void print_param(FILE *out, unsigned width, const struct param *row)
{
	fprintf(out, "    %-13s ", row->name);
	manual_param_type(out, row);
	fprintf(out, "\n    %-13s ", "");
	print_text(out, width, 18, row->help);
}

static void print_encoder(FILE *out, unsigned width, const struct encoder_class *class)
{
	fprintf(out, "%s\n  ", class->name);
	print_text(out, width, 2, class->summary);
	fputs("  ", out);
	manual_kinds(out, class);
	fputs("\n  ", out);
	if (manual_aliases(out, class))
		fputs("\n  ", out);
	fprintf(out, "source: %s\n", class->source);
	fputs("  decoder: ", out);
	print_text(out, width, 11, class->decoder ? class->decoder->help : "none");
	for (const struct param *row = class->params; row && row->name; row++)
		print_param(out, width, row);
}

void manual_encoders(FILE *out, unsigned width)
{
	size_t count;
	const struct encoder_class *const *classes = encoder_classes(&count);

	for (size_t i = 0; i < count; i++) {
		if (i)
			fputc('\n', out);
		print_encoder(out, width, classes[i]);
	}
}

int manual_encoder(FILE *out, unsigned width, const char *name)
{
	const struct encoder_class *class = encoder_find(name, NULL);

	if (!class)
		return -ENOENT;
	print_encoder(out, width, class);
	return 0;
}
