/* top: what each stream does, again and again. Rates are differences of the daemon's counters over the
 * time between two answers, so a missed refresh blurs nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "ctl.h"
#include "text.h"

#define ROWS_ABOVE \
	5 /* lines of the screen that are not streams: three of the daemon, an empty one, the head */
#define ROWS_PRESET 24
#define COLS_PRESET 80
#define ALT_SCREEN  "\033[?1049h\033[?25l"
#define MAIN_SCREEN "\033[?25h\033[?1049l"
#define TO_TOP      "\033[H"
#define CLEAR_LINE  "\033[K"
#define CLEAR_BELOW "\033[J"

/* What the daemon said at one moment. */
struct sample {
	json_t *info, *streams, *stats; /* NULL = no answer */
	double at_s;
};

struct top {
	struct ctl *ctl;
	struct sample before, now;
	bool tty;
	struct termios terminal; /* as it was */
	int64_t silent_since_ms; /* 0 = it answers */
	unsigned restarts;       /* of the daemon, seen by its epoch */
};

static void drop(struct sample *s)
{
	json_decref(s->info);
	json_decref(s->streams);
	json_decref(s->stats);
	*s = (struct sample){0};
}

static bool same_epoch(const struct sample *a, const struct sample *b)
{
	return a->info && b->info &&
	       !strcmp(ctl_text(a->info, "epoch"), ctl_text(b->info, "epoch"));
}

static bool take_sample(struct top *t)
{
	struct sample s = {0};

	s.info = ctl_try(t->ctl, "info", NULL, NULL);
	s.streams = s.info ? ctl_try(t->ctl, "streams", NULL, NULL) : NULL;
	s.at_s = (double)ctl_now_ms() / 1e3;
	s.stats = s.streams ? ctl_try(t->ctl, "stats", NULL, NULL) : NULL;
	if (!s.stats) {
		drop(&s);
		if (!t->silent_since_ms)
			t->silent_since_ms = ctl_now_ms();
		return false;
	}
	t->silent_since_ms = 0;
	t->restarts += t->now.info && !same_epoch(&t->now, &s);
	drop(&t->before);
	t->before = t->now;
	t->now = s;
	return true;
}

static const json_t *counters_before(const struct top *t, const char *name)
{
	size_t index;
	json_t *stream;

	if (!same_epoch(&t->before, &t->now))
		return NULL;
	json_array_foreach(t->before.streams, index,
		stream) if (!strcmp(ctl_text(stream, "stream"),
				    name)) return json_object_get(stream, "counters");
	return NULL;
}

static double count_of(const json_t *counters, const char *name)
{
	return (double)json_integer_value(json_object_get(counters, name));
}

/* Of rows that never came or were thrown away unread, and of ticks that were not run. */
static double lost_of(const json_t *counters)
{
	return count_of(counters, "seq_gaps") + count_of(counters, "queue_dropped") +
	       count_of(counters, "skipped_ticks");
}

static const struct rate {
	const char *key, *head, *counter; /* counter NULL = what was refused */
} rates[] = {
	{"rows_per_s", "ROWS/s", "rows"},
	{"ticks_per_s", "TICKS/s", "ticks"},
	{"spikes_per_s", "SPIKES/s", "spikes"},
	{"frames_per_s", "FRAMES/s", "frames"},
	{"late_per_s", "LATE/s", "late_ticks"},
	{"refused_per_s", "REFUSED/s", NULL},
};
#define RATES (sizeof(rates) / sizeof(rates[0]))

static double rate_of(const struct top *t, size_t i, const json_t *before, const json_t *now)
{
	double span_s = t->now.at_s - t->before.at_s;
	double more = rates[i].counter
			      ? count_of(now, rates[i].counter) - count_of(before, rates[i].counter)
			      : (double)(ctl_refused(now) - ctl_refused(before));

	return before && span_s > 0 && more > 0 ? more / span_s : 0;
}

static void print_json(const struct top *t)
{
	json_t *list = json_array(), *line, *stream;
	size_t index;
	char *text;

	json_array_foreach(t->now.streams, index, stream)
	{
		const json_t *now = json_object_get(stream, "counters");
		const json_t *before = counters_before(t, ctl_text(stream, "stream"));
		json_t *entry = json_pack("{s:s, s:s, s:I}", "stream", ctl_text(stream, "stream"),
			"liveness", ctl_text(stream, "liveness"), "lost", (json_int_t)lost_of(now));

		for (size_t i = 0; i < RATES; i++)
			json_object_set_new(
				entry, rates[i].key, json_real(rate_of(t, i, before, now)));
		json_array_append_new(list, entry);
	}
	line = json_pack("{s:f, s:s, s:i, s:O, s:o}", "interval_s", t->now.at_s - t->before.at_s,
		"epoch", ctl_text(t->now.info, "epoch"), "restarts", (int)t->restarts, "daemon",
		json_object_get(t->now.stats, "daemon"), "streams", list);
	text = json_dumps(line, JSON_COMPACT);
	puts(text ? text : "");
	free(text);
	json_decref(line);
}

/* One line, cut at the width of the screen; on a terminal it replaces the one before. */
static void print_line(const struct top *t, int columns, const char *text)
{
	char cut[512];

	snprintf(cut, sizeof(cut), "%.*s", t->tty ? columns : (int)sizeof(cut) - 1, text);
	text_print(stdout, cut);
	puts(t->tty ? CLEAR_LINE : "");
}

static void print_daemon(const struct top *t, int columns)
{
	const json_t *daemon = json_object_get(t->now.stats, "daemon");
	const json_t *counters = json_object_get(daemon, "counters");
	const json_t *late = json_object_get(daemon, "lateness_ns");
	char line[512], up[64], dt[32], p50[32], p99[32], most[32];

	text_uptime(json_number_value(json_object_get(t->now.info, "uptime_s")), up, sizeof(up));
	text_ns(json_number_value(json_object_get(t->now.info, "dt_ns")), dt, sizeof(dt));
	snprintf(line, sizeof(line), "spiked %s up %s, clock %s, dt %s, %zu stream%s%s",
		ctl_text(t->now.info, "version"), up, ctl_text(t->now.info, "clock"), dt,
		json_array_size(t->now.streams), json_array_size(t->now.streams) == 1 ? "" : "s",
		t->restarts ? ", restarted while watched" : "");
	print_line(t, columns, line);
	snprintf(line, sizeof(line),
		"ticks since the start: lateness p50 %s, p99 %s, most %s; %.0f late, %.0f skipped",
		text_ns(count_of(late, "p50"), p50, sizeof(p50)),
		text_ns(count_of(late, "p99"), p99, sizeof(p99)),
		text_ns(count_of(late, "max"), most, sizeof(most)),
		count_of(counters, "late_ticks"), count_of(counters, "skipped_ticks"));
	print_line(t, columns, line);
	snprintf(line, sizeof(line), "%.0f connections, %.0f refused",
		count_of(counters, "connections"),
		count_of(counters, "connections_refused") + count_of(counters, "keys_refused") +
			count_of(counters, "handshakes_failed"));
	if (t->silent_since_ms)
		snprintf(line, sizeof(line), "NO ANSWER from %s for %" PRId64 " s", t->ctl->control,
			(ctl_now_ms() - t->silent_since_ms) / 1000);
	print_line(t, columns, line);
}

static void add_rate(struct text_table *table, double rate)
{
	char text[32];

	snprintf(text, sizeof(text), rate > 0 && rate < 10 ? "%.1f" : "%.0f", rate);
	text_table_add(table, text);
}

static void fill(const struct top *t, struct text_table *table, size_t most)
{
	size_t index;
	json_t *stream;

	text_table_add(table, "STREAM");
	text_table_add(table, "STATE");
	for (size_t i = 0; i < RATES; i++)
		text_table_add(table, rates[i].head);
	text_table_add(table, "LOST");
	json_array_foreach(t->now.streams, index, stream)
	{
		const json_t *now = json_object_get(stream, "counters");
		const json_t *before = counters_before(t, ctl_text(stream, "stream"));

		if (index == most)
			break;
		text_table_add(table, ctl_text(stream, "stream"));
		text_table_add(table, ctl_text(stream, "liveness"));
		for (size_t i = 0; i < RATES; i++)
			add_rate(table, rate_of(t, i, before, now));
		add_rate(table, lost_of(now));
	}
}

static void print_streams(const struct top *t, int rows, int columns)
{
	size_t count = json_array_size(t->now.streams), most = SIZE_MAX, size = 0;
	struct text_table table = {.align = "llrrrrrrr"};
	char *text = NULL, *next, more[64];
	FILE *page = open_memstream(&text, &size);

	if (!page)
		return;
	if (t->tty) /* the last line tells how many do not fit */
		most = rows > ROWS_ABOVE + 1 ? (size_t)(rows - ROWS_ABOVE - 1) : 1;
	fill(t, &table, most);
	text_table_print(&table, page);
	text_table_fini(&table);
	fclose(page);
	for (char *line = text; line && *line; line = next) {
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] == '\n');
		line[length] = '\0';
		print_line(t, columns, line);
	}
	free(text);
	if (count > most) {
		snprintf(more, sizeof(more), "... and %zu more", count - most);
		print_line(t, columns, more);
	}
}

static void print_screen(const struct top *t)
{
	struct winsize size = {0};
	int rows = ROWS_PRESET, columns = COLS_PRESET;

	if (t->tty && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col) {
		rows = size.ws_row;
		columns = size.ws_col;
	}
	if (t->tty)
		fputs(TO_TOP, stdout);
	print_daemon(t, columns);
	print_line(t, columns, "");
	print_streams(t, rows, columns);
	if (t->tty)
		fputs(CLEAR_BELOW, stdout);
	else
		putchar('\n');
}

/* Waits until the next look, and looks for a key even if it is time already. False: a key or a signal
 * wants the end. */
static bool wait_for(const struct top *t, int64_t until_ms)
{
	struct pollfd keys = {.fd = t->tty ? STDIN_FILENO : -1, .events = POLLIN};
	int64_t left_ms;

	do {
		char key;

		left_ms = until_ms - ctl_now_ms();
		if (poll(&keys, 1, left_ms > 0 ? (int)left_ms : 0) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1)
			keys.fd = -1;
		else if (key == 'q' || key == 'Q')
			return false;
	} while (!ctl_stop && left_ms > 0);
	return !ctl_stop;
}

static void take_terminal(struct top *t)
{
	struct termios raw;

	t->tty = !t->ctl->json && isatty(STDOUT_FILENO) == 1 && isatty(STDIN_FILENO) == 1 &&
		 !tcgetattr(STDIN_FILENO, &t->terminal);
	if (!t->tty)
		return;
	raw = t->terminal;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(ALT_SCREEN, stdout);
}

static void give_terminal_back(struct top *t)
{
	if (!t->tty)
		return;
	fputs(MAIN_SCREEN, stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &t->terminal);
}

static void watch(struct top *t, double interval_s, double count)
{
	int64_t next_ms = ctl_now_ms();

	for (double n = 0; n < count; n += !t->silent_since_ms || t->tty) {
		next_ms += (int64_t)(interval_s * 1e3);
		if (next_ms < ctl_now_ms())
			next_ms = ctl_now_ms();
		if (!wait_for(t, next_ms))
			return;
		bool answered = take_sample(t);
		if (t->ctl->json && answered)
			print_json(t);
		else if (!t->ctl->json)
			print_screen(t);
		if (!ctl_flush())
			return;
	}
}

int cmd_top(struct ctl *ctl)
{
	struct top t = {.ctl = ctl};
	double interval_s = 1, count = 1e15;
	json_t *first = NULL;
	int rc;

	if (!ctl_number(ctl, OPT_INTERVAL, 0.1, 3600, &interval_s) ||
		!ctl_number(ctl, OPT_COUNT, 1, 1e15, &count))
		return EXIT_USAGE;
	rc = ctl_ask(ctl, "info", NULL, &first); /* says what is wrong if nobody answers */
	json_decref(first);
	if (rc != EXIT_OK)
		return rc;
	take_sample(&t);
	take_terminal(&t);
	if (t.tty)
		print_screen(&t);
	if (ctl_flush())
		watch(&t, interval_s, count);
	give_terminal_back(&t);
	drop(&t.before);
	drop(&t.now);
	return EXIT_OK;
}
