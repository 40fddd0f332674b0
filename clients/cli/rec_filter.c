/* See rec_filter.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rec_filter.h"

static void on_damage(void *arg, const struct rec_damage *damage)
{
	const struct ctl *ctl = arg;

	ctl_fail("%s: bytes %" PRIu64 " to %" PRIu64 ": %s; they are passed over", ctl->words[0],
		damage->offset, damage->offset + damage->size, damage->what);
}

struct rec_reader *rec_open_word(const struct ctl *ctl)
{
	char fault[400];
	struct rec_reader *reader = rec_open(ctl->words[0], fault, sizeof(fault));

	if (!reader) {
		ctl_fail("%s", fault);
		return NULL;
	}
	rec_on_damage(reader, on_damage, (void *)(uintptr_t)ctl);
	return reader;
}

bool rec_tell_damage(const struct ctl *ctl, const struct rec_reader *reader)
{
	const struct rec_tally *t = rec_tally(reader);

	if (t->missing_chunks)
		ctl_fail("%s: %" PRIu64 " chunks are missing", ctl->words[0], t->missing_chunks);
	return t->damages || t->missing_chunks;
}

/* "2026-11-29T14:20:00.5", local. */
static bool parse_date(const char *text, int64_t *out)
{
	struct tm tm = {.tm_isdst = -1};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	double fraction = 0;
	char *end;

	if (!rest)
		return false;
	if (*rest == '.') {
		fraction = strtod(rest, &end);
		rest = end;
	}
	*out = (int64_t)mktime(&tm) * 1000000000 + (int64_t)(fraction * 1e9);
	return !*rest;
}

/* Seconds from `base_ns` on, or a date. */
static bool read_time(const struct ctl *ctl, enum opt opt, int64_t base_ns, int64_t *out)
{
	const char *text = ctl->opts.value[opt];
	char *end;
	double seconds;

	if (!text)
		return true;
	seconds = strtod(text, &end);
	if (end != text && !*end && isfinite(seconds) && fabs(seconds) < 1e9) {
		*out = base_ns + (int64_t)(seconds * 1e9);
		return true;
	}
	if (parse_date(text, out))
		return true;
	ctl_usage(ctl,
		"--%s is \"%s\"; it is seconds from the beginning (12.5) or a local time "
		"(2026-11-29T14:20:00)",
		opt_rows[opt].name, text);
	return false;
}

/* "A:B", "A:", ":B". */
static bool read_ticks(struct rec_filter *f, const struct ctl *ctl)
{
	const char *text = ctl->opts.value[OPT_TICKS], *colon = text ? strchr(text, ':') : NULL;
	char *end = NULL;

	if (!text)
		return true;
	f->ticks = true;
	errno = 0;
	if (colon && colon > text && *text >= '0' && *text <= '9') {
		f->from_tick = strtoull(text, &end, 10);
		if (end != colon)
			colon = NULL;
	}
	if (colon && colon[1] >= '0' && colon[1] <= '9') {
		f->to_tick = strtoull(colon + 1, &end, 10);
		if (*end)
			colon = NULL;
	}
	if (colon && end && !errno && (colon > text || colon[1]))
		return true;
	ctl_usage(ctl, "--ticks is \"%s\"; it is a range such as 1000:2000, :2000 or 1000:", text);
	return false;
}

int rec_filter_read(struct rec_filter *f, const struct ctl *ctl, const struct rec_reader *reader)
{
	*f = (struct rec_filter){.from_ns = INT64_MIN,
		.to_ns = INT64_MAX,
		.to_tick = UINT64_MAX,
		.words = ctl->words + 1,
		.n_words = ctl->n_words - 1};
	if (!read_time(ctl, OPT_FROM, rec_time_ns(reader), &f->from_ns) ||
		!read_time(ctl, OPT_TO, rec_time_ns(reader), &f->to_ns) || !read_ticks(f, ctl))
		return EXIT_USAGE;
	return EXIT_OK;
}

int rec_filter_seek(const struct rec_filter *f, const struct ctl *ctl, struct rec_reader *reader)
{
	struct rec_index index;
	int rc;

	if (f->from_ns == INT64_MIN && f->to_ns == INT64_MAX)
		return EXIT_OK;
	rc = rec_index(reader, &index);
	if (!rc)
		rec_span(reader, &index, f->from_ns, f->to_ns);
	rec_index_fini(&index);
	return rc ? ctl_fail("%s: cannot read: %s", ctl->words[0], strerror(-rc)) : EXIT_OK;
}

bool rec_filter_names(const struct rec_filter *f, const struct message *m)
{
	for (int i = 0; i < f->n_words; i++) {
		const char *word = f->words[i];

		if (strchr(word, '/') ? !strncmp(m->topic, word, strlen(word))
				      : !strcmp(m->stream, word))
			return true;
	}
	return !f->n_words;
}

bool rec_filter_takes(const struct rec_filter *f, int64_t time_ns, const struct message *m)
{
	if (time_ns < f->from_ns || time_ns >= f->to_ns || !rec_filter_names(f, m))
		return false;
	if (!f->ticks)
		return true;
	return (message_has_header(m) || m->kind == MESSAGE_BUNDLE) &&
	       m->header.tick >= f->from_tick && m->header.tick < f->to_tick;
}
