/* pub --host: this machine's figures as a sensor.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "pub.h"
#include "suggest.h"
#include "text.h"

#define RATE      50
#define RATE_MAX  1000
#define WINDOW_NS 200000000 /* the kernel counts processor time in 10 ms: shorter is noise */

static struct host_channel *all_channels(size_t *count)
{
	struct host_sample *now = malloc(sizeof(*now));
	struct host_channel *all = NULL;

	if (now) {
		host_read(now, "", pub_monotonic_ns());
		all = host_channels(now->cores, count);
	}
	free(now);
	return all;
}

int pub_host_list(struct ctl *ctl)
{
	struct text_table table = {.align = "llll"};
	size_t count;
	struct host_channel *all = all_channels(&count);

	if (!all)
		return ctl_fail("out of memory");
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		text_table_add(&table, all[i].preset ? "*" : "");
		text_table_add(&table, all[i].name);
		text_table_add(&table, all[i].what);
		text_table_add(&table, all[i].scale);
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:b}", "name", all[i].name, "what", all[i].what,
				"scale", all[i].scale, "default", (int)all[i].preset));
	}
	if (ctl->json) {
		json_dumpf(list, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		text_table_print(&table, stdout);
		puts("* sent unless --channels names others; rates are means over 0.2 s");
	}
	json_decref(list);
	text_table_fini(&table);
	free(all);
	return EXIT_OK;
}

static int unknown(
	const struct ctl *ctl, const char *name, const struct host_channel *all, size_t count)
{
	const char **names = calloc(count + 1, sizeof(*names));
	const char *near = NULL;

	if (!names)
		return ctl_fail("out of memory");
	for (size_t i = 0; i < count; i++)
		names[i] = all[i].name;
	near = suggest(name, names);
	free(names);
	if (near)
		return ctl_usage(
			ctl, "--host has no channel \"%s\"; did you mean \"%s\"?", name, near);
	return ctl_usage(ctl, "--host has no channel \"%s\"; --host --list shows them", name);
}

/* Moves the chosen channels to chosen[0…*n), in the order in which they were named. */
static int choose(const struct ctl *ctl, const char *list, const struct host_channel *all,
	size_t count, struct host_channel *chosen, size_t *n)
{
	bool every = list && strcmp(list, "all") == 0;

	*n = 0;
	if (!list || every) {
		for (size_t i = 0; i < count; i++)
			if (every || all[i].preset)
				chosen[(*n)++] = all[i];
		return EXIT_OK;
	}
	while (*list) {
		size_t length = strcspn(list, ","), i = 0;
		char name[64];

		snprintf(name, sizeof(name), "%.*s", length < 63 ? (int)length : 63, list);
		while (i < count && strcmp(all[i].name, name) != 0)
			i++;
		if (i == count)
			return unknown(ctl, name, all, count);
		if (*n == count)
			return ctl_usage(ctl, "--channels names more channels than there are");
		chosen[(*n)++] = all[i];
		list += length + (list[length] == ',');
	}
	return *n ? EXIT_OK : ctl_usage(ctl, "--channels names no channel");
}

static int send_row(struct pub *pub, const struct host_channel *channels, size_t n,
	const struct host_sample *from, const struct host_sample *to, float *row)
{
	double wide[64];

	for (size_t i = 0; i < n; i++)
		row[i] = host_value(&channels[i], from, to);
	if (pub->type == SPIKED_F32)
		return pub_send(pub, row, 1, n, pub_unix_ns(), NULL);
	if (n > sizeof(wide) / sizeof(wide[0]))
		return ctl_fail("a row of type f64 has at most %zu channels here",
			sizeof(wide) / sizeof(wide[0]));
	for (size_t i = 0; i < n; i++)
		wide[i] = (double)row[i];
	return pub_send(pub, wide, 1, n, pub_unix_ns(), NULL);
}

/* A ring of samples reaches back as far as the window, at any rate. */
static int run(struct pub *pub, const struct host_channel *channels, size_t n)
{
	size_t depth = (size_t)(WINDOW_NS * pub->rate / 1e9) + 2, at = 0, filled = 0;
	struct host_sample *ring = calloc(depth, sizeof(*ring));
	float *row = calloc(n, sizeof(*row));
	int rc = ring && row ? EXIT_OK : ctl_fail("out of memory");

	while (rc == EXIT_OK) {
		pub_pace(pub, 1);
		if (pub_over(pub))
			break;
		host_read(&ring[at], "", pub_monotonic_ns());
		filled += filled < depth;
		size_t oldest = filled < depth ? 0 : (at + 1) % depth;
		if (filled > 1)
			rc = send_row(pub, channels, n, &ring[oldest], &ring[at], row);
		at = (at + 1) % depth;
	}
	free(ring);
	free(row);
	return rc;
}

int pub_host(struct pub *pub)
{
	struct ctl *ctl = pub->ctl;
	size_t count, n;
	int rc;

	if (pub->type != SPIKED_F32 && pub->type != SPIKED_F64)
		return ctl_fail("--host sends floats; the stream %s must be of type f32 or f64",
			pub->stream);
	if (pub->rate > RATE_MAX)
		return ctl_usage(ctl, "--host goes up to --rate %d", RATE_MAX);
	if (pub->rate <= 0)
		pub->rate = RATE;
	pub->live = true;

	struct host_channel *all = all_channels(&count);
	struct host_channel *chosen = all ? calloc(count, sizeof(*chosen)) : NULL;
	if (!chosen) {
		free(all);
		return ctl_fail("out of memory");
	}
	rc = choose(ctl, ctl->opts.value[OPT_CHANNELS], all, count, chosen, &n);
	if (rc == EXIT_OK && pub->channels > 0 && (size_t)pub->channels != n)
		rc = ctl_fail("the stream %s has %" JSON_INTEGER_FORMAT
			      " channels, but %zu figures would be sent; choose with --channels",
			pub->stream, pub->channels, n);
	if (rc == EXIT_OK)
		rc = run(pub, chosen, n);
	free(chosen);
	free(all);
	return rc;
}
