/* spiked.conf(5) from the rows of keys and encoders, as mdoc(7).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/manual.h"

#include "daemon/conf/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATE "November 24, 2026"

static const char before[] =
	".\\\" Made by spiked --manual from the rows that the parser reads. Do not edit.\n"
	".\\\" SPDX-License-Identifier: Apache-2.0\n"
	".Dd " DATE "\n"
	".Dt SPIKED.CONF 5\n"
	".Os\n"
	".Sh NAME\n"
	".Nm spiked.conf\n"
	".Nd configuration of spiked\n"
	".Sh DESCRIPTION\n"
	"The file that\n"
	".Xr spiked 8\n"
	"is given with\n"
	".Fl c\n"
	"is YAML: a map of keys, of which each has a default or is required, as said below.\n"
	"Numbers may carry units\n"
	".Pq 1 ms , 200 Hz , 16 MiB , 5 % ;\n"
	"plain numbers are in seconds, hertz and bytes.\n"
	"Keys that are unknown, written twice or of the wrong type, values out of their range and\n"
	"pipelines that cannot work are faults, and\n"
	".Nm spiked\n"
	"does not start.\n"
	".Ql spiked --check -c FILE\n"
	"reports all of them with line and column.\n"
	".Sh KEYS\n";

static const char middle[] =
	".Sh STAGES\n"
	"What a stream's\n"
	".Ic encode\n"
	"can list, in any order that fits: what a stage takes in is what the one before gives out.\n"
	"A parameter marked live can be set while the daemon runs.\n";

static const char after[] =
	".Sh FILES\n"
	".Bl -tag -width /etc/spiked/spiked.yaml -compact\n"
	".It Pa /etc/spiked/spiked.yaml\n"
	"What the installed service\n"
	".Pa spiked.service\n"
	"reads.\n"
	".It Pa /etc/spiked/NAME.yaml\n"
	"What\n"
	".Pa spiked@NAME.service\n"
	"reads.\n"
	".It Pa /var/lib/spiked\n"
	"State of the installed service.\n"
	".El\n"
	".Sh EXAMPLES\n"
	"An inertial sensor with six channels, each spread over 16 lines that fire at random:\n"
	".Bd -literal -offset indent\n"
	"clock: wall\n"
	"dt: 1 ms\n"
	"streams:\n"
	"  - name: imu\n"
	"    names: [ax, ay, az, gx, gy, gz]\n"
	"    range: {lo: \\-20, hi: 20}\n"
	"    encode:\n"
	"      - population: {out_features: 16}\n"
	"      - poisson: {f_max: 200 Hz}\n"
	".Ed\n"
	".Sh SEE ALSO\n"
	".Xr spikectl 1 ,\n"
	".Xr spiked 8\n";

/* One character of UTF-8 as roff's \[uXXXX]; gives the bytes taken. What is not UTF-8 is left out. */
static size_t put_wide(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t length = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC0 ? 2 : 0;
	unsigned long code = length ? at[0] & (0x7Fu >> length) : 0;

	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xC0) != 0x80)
			return 1;
		code = code << 6 | (at[i] & 0x3F);
	}
	if (!length)
		return 1;
	fprintf(out, "\\[u%04lX]", code);
	return length;
}

/* Text of the rows as roff text lines: nothing in it is an escape or a request, and a sentence ends
 * its line, as roff wants it. */
static void put_text(FILE *out, const char *text)
{
	bool starts = true;

	for (const char *c = text; *c; c++) {
		if (starts && (*c == '.' || *c == '\''))
			fputs("\\&", out);
		starts = false;
		if (*c & 0x80)
			c += put_wide(out, c) - 1;
		else if (*c == '\\')
			fputs("\\e", out);
		else if (*c == '-')
			fputs("\\-", out);
		else if (*c == '.' && c[1] == ' ' && c[2] >= 'A' && c[2] <= 'Z') {
			fputs(".\n", out);
			c++;
			starts = true;
		} else
			fputc(*c, out);
	}
	fputc('\n', out);
}

/* Calls `print` and puts what it prints. */
static int put_printed(FILE *out, void (*print)(FILE *, const void *), const void *what)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return -ENOMEM;
	print(memory, what);
	fclose(memory);
	put_text(out, text);
	free(text);
	return 0;
}

static void print_key_type(FILE *out, const void *key)
{
	keys_print_type(out, key);
	fputc('.', out);
}

static void print_param_type(FILE *out, const void *row)
{
	manual_param_type(out, row);
	fputc('.', out);
}

static void print_class_facts(FILE *out, const void *class)
{
	manual_kinds(out, class);
	fputs("; ", out);
	if (manual_aliases(out, class))
		fputs("; ", out);
	fprintf(out, "source: %s.", ((const struct encoder_class *)class)->source);
}

/* A map's keys, then those of the maps in it, each under its path. */
static int put_keys(FILE *out, const char *path, const struct key *keys)
{
	char inner[200];
	int ret = 0;

	if (*path)
		fprintf(out, ".Ss %s\n", path);
	fputs(".Bl -tag -width max_row_bytes\n", out);
	for (const struct key *key = keys; !ret && key->row.name; key++) {
		fprintf(out, ".It Ic %s\n", key->row.name);
		ret = put_printed(out, print_key_type, key);
		fputs(".br\n", out);
		put_text(out, key->row.help ? key->row.help : "");
		if (key->stage)
			fprintf(out, "Its keys are the parameters of the stage\n.Ic %s ,\nbelow.\n",
				key->stage);
	}
	fputs(".El\n", out);
	for (const struct key *key = keys; !ret && key->row.name; key++) {
		if (!key->under)
			continue;
		snprintf(inner, sizeof(inner), "%s%s%s%s", path, *path ? "." : "", key->row.name,
			key->kind == KEY_LIST ? "[]" : "");
		ret = put_keys(out, inner, key->under);
	}
	return ret;
}

static int put_class(FILE *out, const struct encoder_class *class)
{
	int ret;

	fprintf(out, ".Ss %s\n", class->name);
	put_text(out, class->summary);
	fputs(".Pp\n", out);
	ret = put_printed(out, print_class_facts, class);
	fputs(".Pp\nDecoder: ", out);
	put_text(out, class->decoder ? class->decoder->help : "none.");
	if (!class->params || !class->params->name)
		return ret;
	fputs(".Bl -tag -width max_row_bytes\n", out);
	for (const struct param *row = class->params; !ret && row->name; row++) {
		fprintf(out, ".It Ic %s\n", row->name);
		ret = put_printed(out, print_param_type, row);
		fputs(".br\n", out);
		put_text(out, row->help);
	}
	fputs(".El\n", out);
	return ret;
}

int manual_conf(FILE *out)
{
	size_t count;
	const struct encoder_class *const *classes = encoder_classes(&count);
	int ret;

	fputs(before, out);
	ret = put_keys(out, "", top_keys);
	fputs(middle, out);
	for (size_t i = 0; !ret && i < count; i++)
		ret = put_class(out, classes[i]);
	fputs(after, out);
	if (!ret && (fflush(out) || ferror(out)))
		ret = -EIO;
	return ret;
}
