/* raster: spikes in the terminal, a row of text for each span of time. The spans are of the stream's
 * own time, so that a row means the same whether its ticks come on time, late or all at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl.h"
#include "raster.h"
#include "text.h"

#define BIN_MS      40
#define GUTTER      10 /* columns for the time at the left */
#define COLUMNS     80 /* where there is no terminal to ask */
#define COLUMNS_MAX 4096
#define BLANK_MAX   20 /* rows printed for a span without frames; a longer one is told */
#define QUIET_MS    2000

static volatile sig_atomic_t resized = 1;

static void on_resize(int signal)
{
	(void)signal;
	resized = 1;
}

struct view {
	struct ctl *ctl;
	struct raster raster;
	char *text;
	bool *negative;
	bool tty, colour;
	int columns, rows;     /* of the window; rows 0 = endless paper */
	int since_header;      /* rows */
	double bin_ms;         /* asked for */
	uint64_t per_row;      /* ticks that a row covers */
	uint64_t origin, tick; /* first and latest tick since the epoch or dt changed */
	uint64_t row;          /* number of the present row since the origin */
	bool open;             /* the present row has at least one tick */
	uint64_t epoch, frames, spikes;
	double seconds; /* of the stream's time that were covered, for the rate */
	uint32_t dt_ns;
};

static void measure(struct view *v)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");

	v->columns = columns ? atoi(columns) : 0;
	v->rows = 0;
	if (v->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		v->columns = size.ws_col;
		v->rows = size.ws_row;
	}
	if (v->columns <= 0)
		v->columns = COLUMNS;
	if (v->columns > COLUMNS_MAX)
		v->columns = COLUMNS_MAX;
}

static int fit(struct view *v, uint32_t lines)
{
	int columns = v->columns > GUTTER + 8 ? v->columns - GUTTER : 8;

	if (raster_fit(&v->raster, lines, (uint32_t)columns) < 0)
		return -ENOMEM;
	free(v->text);
	free(v->negative);
	v->text = malloc((size_t)v->raster.cells + 1);
	v->negative = calloc((size_t)v->raster.cells + 1, sizeof(*v->negative));
	v->open = false;
	return v->text && v->negative ? 0 : -ENOMEM;
}

static double row_ns(const struct view *v)
{
	return (double)v->per_row * v->dt_ns;
}

static double rate(const struct view *v)
{
	return v->seconds > 0 ? (double)v->spikes / v->seconds : 0;
}

/* The header is cut to the window's width, or it would wrap and push rows away. */
static void print_header(struct view *v, uint64_t missed)
{
	char text[512], dt[32], row[32];

	int used = snprintf(text, sizeof(text),
		"%s: %" PRIu32 " lines, %" PRIu32 " a column | row %s", v->ctl->words[0],
		v->raster.lines, v->raster.per_cell, text_ns(row_ns(v), row, sizeof(row)));
	if (v->frames > 0)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
			" | %.0f spikes/s, lost %" PRIu64, rate(v), missed);
	snprintf(text + used, sizeof(text) - (size_t)used, " | dt %s",
		text_ns(v->dt_ns, dt, sizeof(dt)));
	printf("%s%.*s%s\n", v->colour ? "\033[1m" : "",
		v->tty ? v->columns - 1 : (int)sizeof(text), text, v->colour ? "\033[0m" : "");
	v->since_header = 0;
}

static void print_row(struct view *v)
{
	double seconds = (double)v->row * row_ns(v) / 1e9;
	bool red = false;

	raster_row(&v->raster, v->text, v->negative);
	printf("%8.*f ", row_ns(v) < 1e7 ? 4 : 2, seconds);
	if (!v->colour) {
		/* Blanks at the end say nothing. */
		size_t length = strlen(v->text);
		while (length > 0 && v->text[length - 1] == ' ')
			length--;
		printf("|%.*s\n", (int)length, v->text);
	} else {
		putchar('|');
		for (uint32_t i = 0; i < v->raster.cells; i++) {
			if (v->negative[i] != red)
				fputs(v->negative[i] ? "\033[31m" : "\033[0m", stdout);
			red = v->negative[i];
			putchar(v->text[i]);
		}
		puts(red ? "\033[0m" : "");
	}
	v->since_header++;
}

/* Rows between the present one and that of the next frame. */
static void print_blanks(struct view *v, uint64_t to)
{
	uint64_t blanks = to - v->row - 1;
	char span[32];

	if (blanks > BLANK_MAX) {
		printf("-- no frames for %s\n",
			text_ns((double)blanks * row_ns(v), span, sizeof(span)));
		v->since_header++;
		return;
	}
	while (++v->row < to)
		print_row(v);
}

static void begin_stream(struct view *v, const struct spiked_header *h)
{
	double ticks = v->bin_ms * 1e6 / h->dt_ns;

	v->dt_ns = h->dt_ns;
	v->per_row = ticks > 1 ? (uint64_t)ticks : 1;
	v->epoch = h->epoch;
	v->origin = v->tick = h->tick;
	v->row = 0;
	v->open = false;
	v->seconds += h->dt_ns / 1e9;
}

static void print_events(const struct spiked_frame *frame)
{
	if (frame->restarted)
		puts("-- spiked started anew");
	if (frame->missed)
		printf("-- lost %" PRIu64 " messages\n", frame->missed);
	if ((frame->header.flags & SPIKED_GAP) && frame->tick_gap > frame->missed)
		printf("-- spiked skipped %" PRIu64 " ticks\n", frame->tick_gap - frame->missed);
}

static int take(struct view *v, const struct spiked_frame *frame, uint64_t missed)
{
	const struct spiked_header *h = &frame->header;
	bool anew =
		v->frames == 0 || h->epoch != v->epoch || h->dt_ns != v->dt_ns || h->tick < v->tick;

	print_events(frame);
	if (anew)
		begin_stream(v, h);
	if (anew || resized || h->lines != v->raster.lines) {
		resized = 0;
		if (v->open)
			print_row(v);
		measure(v);
		if (fit(v, h->lines) < 0)
			return -ENOMEM;
		print_header(v, missed);
	}

	uint64_t row = (h->tick - v->origin) / v->per_row;
	if (v->open && row > v->row) {
		print_row(v);
		print_blanks(v, row);
		if (v->rows > 3 && v->since_header >= v->rows - 2)
			print_header(v, missed);
	}
	v->row = row;
	v->open = true;
	v->seconds += (double)(h->tick - v->tick) * h->dt_ns / 1e9;
	v->tick = h->tick;
	v->spikes += h->count;
	v->frames++;
	raster_add(&v->raster, frame);
	return 0;
}

/* Connected, and nothing comes: find out why. */
static void explain_quiet(struct ctl *ctl)
{
	json_t *meta = ctl_try(ctl, "stream", json_pack("{s:s}", "name", ctl->words[0]), NULL);
	json_t *list = meta ? NULL : ctl_try(ctl, "streams", NULL, NULL);
	char names[512] = "";
	size_t index, used = 0;
	json_t *stream;

	json_array_foreach(list, index, stream)
	{
		const char *name = json_string_value(json_object_get(stream, "stream"));
		int n = snprintf(names + used, sizeof(names) - used, "%s%s", index ? ", " : "",
			name ? name : "?");
		if (n < 0 || (size_t)n >= sizeof(names) - used)
			break;
		used += (size_t)n;
	}
	if (list && json_array_size(list) > 0)
		ctl_fail("spiked has no stream \"%s\"; it has: %s", ctl->words[0], names);
	else if (list)
		ctl_fail("spiked has no streams yet");
	else if (!meta)
		ctl_fail("nothing comes from %s, and nobody answers at %s; waiting", ctl->publish,
			ctl->control);
	else
		ctl_fail("connected to %s, but the stream \"%s\" publishes nothing; waiting",
			ctl->publish, ctl->words[0]);
	json_decref(meta);
	json_decref(list);
}

static int watch_stream(struct view *v, struct spiked_receiver *receiver, double seconds)
{
	struct ctl *ctl = v->ctl;
	struct spiked_receiver_stats stats;
	int64_t start = ctl_now_ms();
	struct spiked_frame frame;
	struct ctl_watch watch;
	bool told = false;

	ctl_watch_init(&watch, ctl, "publish", ctl->publish);
	while (!ctl_stop && (double)(ctl_now_ms() - start) < seconds * 1e3) {
		int rc = spiked_recv(receiver, &frame, 0);
		if (rc == -EAGAIN) {
			ctl_flush();
			if (!ctl_watch_link(&watch, spiked_receiver_link(receiver)))
				return EXIT_FAILED;
			if (v->frames == 0 && !told && ctl_now_ms() - start >= QUIET_MS) {
				explain_quiet(ctl);
				told = true;
			}
			rc = spiked_recv(receiver, &frame, BIN_MS);
		}
		if (rc == -EAGAIN || rc == -EINTR)
			continue;
		if (rc == 0) {
			spiked_receiver_stats(receiver, &stats);
			rc = take(v, &frame, stats.missed);
		}
		if (rc < 0)
			return ctl_fail("receiving from %s: %s", ctl->publish, spiked_strerror(rc));
	}
	return EXIT_OK;
}

static void print_end(const struct view *v, const struct spiked_receiver *receiver)
{
	struct spiked_receiver_stats stats;
	char span[32];

	spiked_receiver_stats(receiver, &stats);
	if (v->ctl->json) {
		printf("{\"stream\":\"%s\",\"frames\":%" PRIu64 ",\"spikes\":%" PRIu64
		       ",\"spikes_per_s\":%.6g,\"lost\":%" PRIu64 ",\"malformed\":%" PRIu64
		       ",\"restarts\":%" PRIu64 "}\n",
			v->ctl->words[0], v->frames, v->spikes, rate(v), stats.missed,
			stats.malformed, stats.restarts);
		return;
	}
	printf("%s: %" PRIu64 " spikes in %" PRIu64 " ticks, %s (%.0f spikes/s), lost %" PRIu64
	       " messages, %" PRIu64 " restarts\n",
		v->ctl->words[0], v->spikes, v->frames,
		text_ns(v->seconds * 1e9, span, sizeof(span)), rate(v), stats.missed,
		stats.restarts);
	if (stats.malformed)
		ctl_fail("%" PRIu64
			 " messages broke the protocol and were passed over, the last one: %s",
			stats.malformed, spiked_receiver_fault(receiver));
}

int cmd_raster(struct ctl *ctl)
{
	struct sigaction resize = {.sa_handler = on_resize};
	struct view v = {.ctl = ctl, .bin_ms = BIN_MS, .tty = isatty(STDOUT_FILENO) == 1};
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	double seconds = HUGE_VAL;

	if (!ctl_number(ctl, OPT_SECONDS, 0, 1e9, &seconds) ||
		!ctl_number(ctl, OPT_BIN, 0, 1e6, &v.bin_ms))
		return EXIT_USAGE;
	if (!spiked_name_ok(ctl->words[0]))
		return ctl_usage(ctl,
			"raster: \"%s\" is no stream's name (letters, digits, _ . -, at most 64)",
			ctl->words[0]);
	v.colour = v.tty && !(no_colour && *no_colour) && !(term && strcmp(term, "dumb") == 0);
	struct spiked_receiver *receiver = spiked_receiver_new(ctl->publish, &ctl->options);
	if (!receiver)
		return ctl_fail("cannot use the publish endpoint \"%s\": %s", ctl->publish,
			spiked_strerror(-errno));
	sigaction(SIGWINCH, &resize, NULL);

	int rc = spiked_subscribe(receiver, SPIKED_TOPIC_SPIKES, ctl->words[0]);
	rc = rc < 0 ? ctl_fail("%s", spiked_strerror(rc)) : watch_stream(&v, receiver, seconds);
	if (rc == EXIT_OK) {
		print_end(&v, receiver);
		rc = v.spikes ? EXIT_OK : EXIT_NO_SPIKES;
	}
	spiked_receiver_close(receiver);
	raster_fini(&v.raster);
	free(v.text);
	free(v.negative);
	return rc;
}
