/* verify: a recording replayed by a spiked of one's own, and compared.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rec_filter.h"
#include "text.h"
#include "verify.h"

/* Of all epochs and streams. */
struct sums {
	uint64_t
		ticks; /* frames of spikes/ that were compared, or of state/ where there are none */
	uint64_t frames, differing, outside, unrecorded;
	uint32_t streams, begun;
	json_t *rows; /* what is said of each stream */
};

static uint64_t sum_of(const struct match_stream *m, size_t field)
{
	uint64_t sum = 0;

	for (int k = 0; k < MATCH_TOPICS; k++)
		sum += *(const uint64_t *)(const void *)((const char *)&m->topics[k] + field);
	return sum;
}

#define SUM(match, field) sum_of(match, offsetof(struct match_topic, field))

static void add_verdict(
	struct sums *s, const struct epoch *epoch, const char *name, const struct verdict *v)
{
	const struct match_topic *t = v->match.topics;
	uint64_t compared = SUM(&v->match, compared), differing = SUM(&v->match, differing),
		 outside = SUM(&v->match, outside), unrecorded = SUM(&v->match, unrecorded);

	s->streams++;
	s->begun += v->begun;
	s->ticks +=
		t[MESSAGE_SPIKES].compared ? t[MESSAGE_SPIKES].compared : t[MESSAGE_STATE].compared;
	s->frames += compared;
	s->differing += differing;
	s->outside += outside;
	s->unrecorded += unrecorded;
	json_array_append_new(s->rows,
		json_pack("{s:s, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s?, s:s?, s:s?}",
			"stream", name, "epoch", json_sprintf("%016" PRIx64, epoch->epoch), "begun",
			v->begun, "spikes", (json_int_t)t[MESSAGE_SPIKES].compared, "state",
			(json_int_t)t[MESSAGE_STATE].compared, "values",
			(json_int_t)t[MESSAGE_VALUES].compared, "differing", (json_int_t)differing,
			"outside", (json_int_t)outside, "unrecorded", (json_int_t)unrecorded,
			"first", v->match.first[0] ? v->match.first : NULL, "stopped", v->stopped,
			"unstarted", v->unstarted));
}

/* Each dt that streams of the epoch ever had; in clock data they run together. */
static int verify_dts(const struct ctl *ctl, struct rec_reader *reader, const struct plan *plan,
	const struct epoch *epoch, struct verdict *verdicts)
{
	uint32_t done = 0, dt_ns;
	int rc = EXIT_OK;

	while (rc == EXIT_OK) {
		dt_ns = 0;
		for (uint32_t i = 0; i < epoch->names.count; i++) {
			const struct planned *s = &epoch->streams[i];

			if (s->dt_ns > done && (!dt_ns || s->dt_ns < dt_ns))
				dt_ns = s->dt_ns;
			for (size_t k = 0; k < s->event_count; k++) {
				uint32_t other =
					s->events[k].kind == EVENT_ANEW
						? (uint32_t)json_integer_value(json_object_get(
							  s->events[k].meta, "dt_ns"))
						: 0;

				if (other > done && (!dt_ns || other < dt_ns))
					dt_ns = other;
			}
		}
		if (!dt_ns)
			return EXIT_OK;
		rc = drive_run(ctl, reader, plan, epoch, dt_ns, verdicts);
		if (epoch->data)
			return rc;
		done = dt_ns;
	}
	return rc;
}

static int verify_epoch(const struct ctl *ctl, struct rec_reader *reader, const struct plan *plan,
	const struct epoch *epoch, struct sums *sums)
{
	struct verdict *verdicts = calloc(epoch->names.count + 1, sizeof(*verdicts));
	int rc;

	if (!verdicts)
		return ctl_fail("not enough memory");
	rc = verify_dts(ctl, reader, plan, epoch, verdicts);
	for (uint32_t i = 0; rc == EXIT_OK && i < epoch->names.count; i++)
		add_verdict(sums, epoch, epoch->names.names[i], &verdicts[i]);
	for (uint32_t i = 0; i < epoch->names.count; i++)
		match_end(&verdicts[i].match);
	free(verdicts);
	return rc;
}

static void add_count(struct text_table *table, const json_t *row, const char *key)
{
	char text[24];

	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
		json_integer_value(json_object_get(row, key)));
	text_table_add(table, text);
}

static void print_streams(const struct sums *s)
{
	static const char *const head[] = {
		"STREAM", "SPIKES", "STATE", "VALUES", "DIFFERING", "NOT COMPARED", "NOT RECORDED"};
	static const char *const keys[] = {
		"spikes", "state", "values", "differing", "outside", "unrecorded"};
	struct text_table table = {.align = "lrrrrrr"};
	json_t *row;
	size_t i;

	for (i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		text_table_add(&table, head[i]);
	json_array_foreach(s->rows, i, row)
	{
		text_table_add(&table, ctl_text(row, "stream"));
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			add_count(&table, row, keys[k]);
	}
	text_table_print(&table, stdout);
	text_table_fini(&table);
}

static void print_notes(const struct sums *s)
{
	json_t *row;
	size_t i;

	json_array_foreach(s->rows, i, row)
	{
		const char *name = ctl_text(row, "stream");

		if (*ctl_text(row, "first"))
			printf("%s: the first difference: %s\n", name, ctl_text(row, "first"));
		if (*ctl_text(row, "unstarted"))
			printf("%s: could not begin at a state: %s\n", name,
				ctl_text(row, "unstarted"));
		else if (!json_is_true(json_object_get(row, "begun")))
			printf("%s: the recording has neither its state nor its first row, so nothing "
			       "can be compared\n",
				name);
		else if (*ctl_text(row, "stopped"))
			printf("%s: not compared to the end: %s\n", name, ctl_text(row, "stopped"));
	}
}

static void print_sums(
	const struct ctl *ctl, const struct sums *s, const struct plan *plan, double seconds)
{
	double span = (double)(plan->last_ns - plan->first_ns) / 1e9;
	char a[32], b[32];

	if (ctl->json) {
		json_t *out = json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:O}", "ticks",
			(json_int_t)s->ticks, "frames", (json_int_t)s->frames, "differing",
			(json_int_t)s->differing, "outside", (json_int_t)s->outside, "unrecorded",
			(json_int_t)s->unrecorded, "recorded_s", span, "took_s", seconds, "streams",
			s->rows);

		json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(out);
		return;
	}
	print_streams(s);
	print_notes(s);
	printf("%" PRIu64 " ticks, %" PRIu64 " frames compared, %" PRIu64
	       " differ; %s replayed in %s, %.3g times real time\n",
		s->ticks, s->frames, s->differing, text_uptime(span, a, sizeof(a)),
		text_uptime(seconds, b, sizeof(b)), seconds > 0 ? span / seconds : 0);
}

static int verify(const struct ctl *ctl, struct rec_reader *reader, struct plan *plan)
{
	struct sums sums = {.rows = json_array()};
	int64_t start_ms = ctl_now_ms();
	bool damaged;
	int rc = plan_make(plan, ctl, reader);

	rec_on_damage(reader, NULL, NULL); /* said once is enough */
	for (size_t i = 0; i < plan->count && rc == EXIT_OK; i++)
		rc = verify_epoch(ctl, reader, plan, &plan->epochs[i], &sums);
	damaged = rec_tell_damage(ctl, reader);
	if (rc == EXIT_OK) {
		print_sums(ctl, &sums, plan, (double)(ctl_now_ms() - start_ms) / 1e3);
		if (sums.differing)
			rc = EXIT_DIFFERS;
		else if (!sums.frames)
			rc = ctl_fail("%s: nothing could be compared", ctl->words[0]);
		else if (damaged)
			rc = EXIT_FAILED;
	}
	json_decref(sums.rows);
	return rc;
}

int cmd_verify(struct ctl *ctl)
{
	struct rec_reader *reader = rec_open_word(ctl);
	struct plan plan = {0};
	int rc;

	if (!reader)
		return EXIT_FAILED;
	rc = verify(ctl, reader, &plan);
	plan_fini(&plan);
	rec_close(reader);
	return rc;
}
