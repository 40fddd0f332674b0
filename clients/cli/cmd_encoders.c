/* encoders: the list, or one with its parameters.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "suggest.h"
#include "text.h"

/* A kind is a word, or a list of the words that will do. */
static void print_kind(const json_t *kind)
{
	size_t index;
	json_t *item;

	if (json_is_string(kind))
		text_print(stdout, json_string_value(kind));
	json_array_foreach(kind, index, item)
	{
		printf("%s", index ? " or " : "");
		text_print(stdout, json_is_string(item) ? json_string_value(item) : "?");
	}
}

static void print_encoders(const json_t *encoders)
{
	struct text_table table = {.align = "lll"};
	size_t index;
	json_t *encoder;

	json_array_foreach(encoders, index, encoder)
	{
		text_table_add(&table, ctl_text(encoder, "name"));
		text_table_add(&table, ctl_text(encoder, "output"));
		text_table_add(&table, ctl_text(encoder, "summary"));
	}
	text_table_print(&table, stdout);
	text_table_fini(&table);
}

/* A bound that says no more than "a float" is none. */
static const json_t *bound(const json_t *param, const char *key)
{
	const json_t *value = json_object_get(param, key);

	return fabs(json_number_value(value)) < FLT_MAX ? value : NULL;
}

static void print_range(const json_t *param)
{
	const json_t *min = bound(param, "min"), *max = bound(param, "max");
	const json_t *choices = json_object_get(param, "choices");
	size_t index;
	json_t *choice;

	if (json_array_size(choices) > 0) {
		printf(", one of");
		json_array_foreach(choices, index, choice)
		{
			putchar(' ');
			text_print(
				stdout, json_is_string(choice) ? json_string_value(choice) : "?");
		}
	} else if (json_is_number(min) && json_is_number(max)) {
		printf(", %g to %g", json_number_value(min), json_number_value(max));
	} else if (json_is_number(min)) {
		printf(", at least %g", json_number_value(min));
	} else if (json_is_number(max)) {
		printf(", at most %g", json_number_value(max));
	}
}

static void print_param(const json_t *param)
{
	static const struct {
		const char *key, *text;
	} marks[] = {
		{"per_channel", ", one or one a channel"},
		{"list", ", one or a list"},
		{"live", ", may be set live"},
		{"no_effect", ", has no effect"},
	};
	const json_t *preset = json_object_get(param, "default");

	printf("\n  ");
	text_print(stdout, ctl_text(param, "name"));
	printf(": ");
	text_print(stdout, ctl_text(param, "type"));
	if (*ctl_text(param, "unit")) {
		printf(" in ");
		text_print(stdout, ctl_text(param, "unit"));
	}
	if (preset && !json_is_null(preset)) {
		char *text = ctl_show(preset);
		printf(", default ");
		text_print(stdout, text ? text : "");
		free(text);
	}
	print_range(param);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (json_is_true(json_object_get(param, marks[i].key)))
			printf("%s", marks[i].text);
	printf("\n      ");
	text_print(stdout, ctl_text(param, "help"));
	putchar('\n');
}

static void print_encoder(const json_t *encoder)
{
	size_t index;
	json_t *item;

	text_print(stdout, ctl_text(encoder, "name"));
	printf(": ");
	text_print(stdout, ctl_text(encoder, "summary"));
	printf("\nFrom ");
	print_kind(json_object_get(encoder, "input"));
	printf(" to ");
	print_kind(json_object_get(encoder, "output"));
	printf(".\n");
	if (json_array_size(json_object_get(encoder, "aliases")) > 0) {
		printf("Also called");
		json_array_foreach(json_object_get(encoder, "aliases"), index, item)
		{
			printf("%s ", index ? "," : "");
			text_print(stdout, json_is_string(item) ? json_string_value(item) : "?");
		}
		printf(".\n");
	}
	if (*ctl_text(encoder, "source")) {
		printf("Source: ");
		text_print(stdout, ctl_text(encoder, "source"));
		putchar('\n');
	}
	if (*ctl_text(encoder, "decoder")) {
		printf("Decoder: ");
		text_print(stdout, ctl_text(encoder, "decoder"));
		putchar('\n');
	}
	json_array_foreach(json_object_get(encoder, "params"), index, item) print_param(item);
}

static bool has_name(const json_t *encoder, const char *name)
{
	size_t index;
	json_t *alias;

	if (strcmp(ctl_text(encoder, "name"), name) == 0)
		return true;
	json_array_foreach(json_object_get(encoder, "aliases"), index, alias)
	{
		if (json_is_string(alias) && strcmp(json_string_value(alias), name) == 0)
			return true;
	}
	return false;
}

static int no_encoder(const json_t *encoders, const char *name)
{
	const char **names = calloc(json_array_size(encoders) + 1, sizeof(*names));
	size_t index;
	json_t *encoder;

	if (!names)
		return EXIT_FAILED;
	json_array_foreach(encoders, index, encoder) names[index] = ctl_text(encoder, "name");
	const char *near = suggest(name, names);
	int rc = near ? ctl_fail("there is no encoder \"%s\"; did you mean \"%s\"?", name, near)
		      : ctl_fail("there is no encoder \"%s\"; \"spikectl encoders\" lists them",
				name);
	free(names);
	return rc;
}

static int print_named_encoder(const struct ctl *ctl, const json_t *encoders, const char *name)
{
	size_t index;
	json_t *encoder;

	json_array_foreach(encoders, index, encoder)
	{
		if (!has_name(encoder, name))
			continue;
		if (ctl->json) {
			json_dumpf(encoder, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			print_encoder(encoder);
		}
		return EXIT_OK;
	}
	return no_encoder(encoders, name);
}

int cmd_encoders(struct ctl *ctl)
{
	const char *name = ctl->n_words > 0 ? ctl->words[0] : NULL;
	json_t *encoders = NULL;
	int rc = name ? ctl_ask(ctl, "encoders", NULL, &encoders)
		      : ctl_ask_or_print(ctl, "encoders", NULL, &encoders);

	if (rc != EXIT_OK)
		return ctl_fail("without a daemon, \"spiked --encoders%s%s\" tells the same",
			name ? " " : "", name ? name : "");
	if (name)
		rc = print_named_encoder(ctl, encoders, name);
	else if (encoders)
		print_encoders(encoders);
	json_decref(encoders);
	return rc;
}
