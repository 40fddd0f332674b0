/* Prometheus text, made from the rows that define the counters and the histograms.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/metrics.h"

#include "daemon/core/clock.h"
#include "spiked/wire.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define REJECTED "rejected_"

/* What is below counts in the first bucket; above the last there is +Inf alone. 1 us to 17 s. */
#define FIRST_OCTAVE 10
#define LAST_OCTAVE  34

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static bool is_rejected(const struct counter_row *row)
{
	return !strncmp(row->name, REJECTED, strlen(REJECTED));
}

/* "spiked_stream_rows_total" */
static const char *metric_name(
	char *text, size_t size, const char *scope, const struct counter_row *row)
{
	if (is_rejected(row))
		snprintf(text, size, "spiked_%s_rejected_total", scope);
	else
		snprintf(
			text, size, "spiked_%s_%s%s", scope, row->name, row->gauge ? "" : "_total");
	return text;
}

/* The rows of a metric stand together, each with its help; those of rejected messages share one. */
static void row_head(FILE *out, const char *scope, const struct counter_row *row, bool *rejected)
{
	char name[80];

	metric_name(name, sizeof(name), scope, row);
	if (!is_rejected(row))
		head(out, name, row->gauge ? "gauge" : "counter", row->help);
	else if (!*rejected)
		head(out, name, "counter", "messages that had no other effect, by reason");
	*rejected |= is_rejected(row);
}

static void value(FILE *out, const char *scope, const struct counter_row *row, const char *stream,
	const void *counters)
{
	const char *reason = is_rejected(row) ? row->name + strlen(REJECTED) : NULL;
	char name[80];

	fputs(metric_name(name, sizeof(name), scope, row), out);
	if (stream)
		fprintf(out, "{stream=\"%s\"%s", stream, reason ? "," : "}");
	else if (reason)
		fputc('{', out);
	if (reason)
		fprintf(out, "reason=\"%s\"}", reason);
	fprintf(out, " %" PRIu64 "\n", counter_of(counters, row));
}

static void stream_rows(FILE *out, const struct registry *r, bool rejected)
{
	bool told = false;

	for (const struct counter_row *row = stream_counter_rows; row->name; row++) {
		if (is_rejected(row) != rejected)
			continue;
		row_head(out, "stream", row, &told);
		for (uint32_t i = 0; i < r->count; i++)
			value(out, "stream", row, r->entries[i].conf->name,
				&r->entries[i].stream->counters);
	}
}

static void daemon_rows(FILE *out, const struct daemon_counters *counters, bool rejected)
{
	bool told = false;

	for (const struct counter_row *row = daemon_counter_rows; row->name; row++) {
		if (is_rejected(row) != rejected)
			continue;
		row_head(out, "daemon", row, &told);
		value(out, "daemon", row, NULL, counters);
	}
}

/* "{" and what of labels precedes le, or all labels of a line without it. */
static void labels(FILE *out, const char *stream, bool more)
{
	if (stream)
		fprintf(out, "{stream=\"%s\"%s", stream, more ? "," : "}");
	else if (more)
		fputc('{', out);
}

static void hist_lines(FILE *out, const char *name, const char *stream, const struct hist *h)
{
	uint64_t seen = 0, sum = counter_get(&h->sum);
	unsigned bucket = 0;

	for (unsigned octave = FIRST_OCTAVE; octave < LAST_OCTAVE; octave++) {
		for (; bucket < (octave - HIST_FIRST) * HIST_STEPS; bucket++)
			seen += counter_get(&h->buckets[bucket]);
		fprintf(out, "%s_bucket", name);
		labels(out, stream, true);
		fprintf(out, "le=\"%.9g\"} %" PRIu64 "\n",
			(double)(UINT64_C(1) << octave) / (double)NS_PER_S, seen);
	}
	for (; bucket < HIST_BUCKETS; bucket++)
		seen += counter_get(&h->buckets[bucket]);
	/* Counted here, not read: the ticking loop adds meanwhile, and +Inf has to equal the count. */
	fprintf(out, "%s_bucket", name);
	labels(out, stream, true);
	fprintf(out, "le=\"+Inf\"} %" PRIu64 "\n%s_sum", seen, name);
	labels(out, stream, false);
	fprintf(out, " %.9f\n%s_count", (double)sum / (double)NS_PER_S, name);
	labels(out, stream, false);
	fprintf(out, " %" PRIu64 "\n", seen);
}

static const struct hist *lateness_of(const struct registry *r, uint32_t i)
{
	return r->lateness[r->entries[i].cadence];
}

static const struct hist *tick_cost_of(const struct registry *r, uint32_t i)
{
	return &r->entries[i].stream->tick_cost;
}

static const struct hist *row_age_of(const struct registry *r, uint32_t i)
{
	return &r->entries[i].stream->row_age;
}

static const struct {
	const char *name, *help;
	const struct hist *(*of)(const struct registry *r, uint32_t i);
} stream_hists[] = {
	{"spiked_stream_lateness_seconds", "how late ticks of the stream's dt began", lateness_of},
	{"spiked_stream_tick_cost_seconds", "encoding and publishing one tick", tick_cost_of},
	{"spiked_stream_row_age_seconds", "from a row's arrival to the first tick that uses it",
		row_age_of},
};

static void hists(FILE *out, const struct registry *r, const struct hot *hot)
{
	for (size_t k = 0; k < sizeof(stream_hists) / sizeof(*stream_hists); k++) {
		head(out, stream_hists[k].name, "histogram", stream_hists[k].help);
		for (uint32_t i = 0; i < r->count; i++)
			hist_lines(out, stream_hists[k].name, r->entries[i].conf->name,
				stream_hists[k].of(r, i));
	}
	head(out, "spiked_daemon_lateness_seconds", "histogram", "how late ticks of any dt began");
	hist_lines(out, "spiked_daemon_lateness_seconds", NULL, &hot->engine.lateness);
	head(out, "spiked_daemon_tick_cost_seconds", "histogram",
		"encoding and publishing everything that was due at once");
	hist_lines(out, "spiked_daemon_tick_cost_seconds", NULL, &hot->engine.tick_cost);
}

static void liveness(FILE *out, const struct registry *r)
{
	static const char name[] = "spiked_stream_liveness";

	head(out, name, "gauge", "1 for the state that the stream is in: live, stale or silent");
	for (uint32_t i = 0; i < r->count; i++) {
		int is =
			atomic_load_explicit(&r->entries[i].stream->liveness, memory_order_relaxed);

		for (int k = 0; liveness_words[k]; k++)
			fprintf(out, "%s{stream=\"%s\",liveness=\"%s\"} %d\n", name,
				r->entries[i].conf->name, liveness_words[k], k == is);
	}
}

char *metrics_text(const struct metrics_source *source, size_t *size)
{
	const struct registry *r = source->registry;
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	bool whole;

	if (!out)
		return NULL;
	head(out, "spiked_info", "gauge", "1; the labels say what runs");
	fprintf(out,
		"spiked_info{version=\"%s\",protocol=\"%d\",clock=\"%s\",epoch=\"%016" PRIx64
		"\"} 1\n",
		SPIKED_VERSION, SPIKED_PROTOCOL, clock_words[r->site.conf->clock], r->site.epoch);
	head(out, "spiked_uptime_seconds", "gauge", "since the daemon started");
	fprintf(out, "spiked_uptime_seconds %.3f\n",
		(double)(clock_mono_ns() - source->started_ns) / (double)NS_PER_S);
	head(out, "spiked_streams", "gauge", "streams there are now");
	fprintf(out, "spiked_streams %u\n", r->count);
	daemon_rows(out, &source->hot->counters, false);
	daemon_rows(out, &source->hot->counters, true);
	stream_rows(out, r, false);
	stream_rows(out, r, true);
	liveness(out, r);
	hists(out, r, source->hot);
	whole = !ferror(out);
	if (!fclose(out) && whole)
		return text;
	free(text);
	return NULL;
}
