/* pub: the frame around its sources, which are pub_stdin.c, pub_host.c and pub_wav.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pub.h"
#include "rows.h"

#define POLL_MS   20
#define SEND_MS   200
#define LINGER_MS 2000
#define BEHIND_NS 1000000000

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t pub_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t pub_unix_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

bool pub_over(const struct pub *pub)
{
	return ctl_stop || pub_monotonic_ns() >= pub->end_ns;
}

void pub_pace(struct pub *pub, uint64_t rows)
{
	int64_t now = pub_monotonic_ns();

	if (pub->rate <= 0)
		return;
	int64_t due = pub->start_ns + (int64_t)((double)pub->paced * 1e9 / pub->rate);
	if (pub->start_ns == 0 || now - due > BEHIND_NS) {
		pub->start_ns = due = now;
		pub->paced = 0;
	}
	pub->paced += rows;

	if (due > pub->end_ns)
		due = pub->end_ns;
	struct timespec at = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
	while (!ctl_stop && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static int send_once(
	struct pub *pub, const void *data, size_t rows, size_t n, const struct spiked_stamp *stamp)
{
	switch (pub->type) {
	case PUB_JSON:
		return spiked_send_json(pub->sender, pub->stream, data, stamp);
	case PUB_PAIRS:
		return spiked_send_pairs(pub->sender, pub->stream, data, n, stamp);
	default:
		return spiked_send(pub->sender, pub->stream, (enum spiked_type)pub->type, data,
			rows, n, stamp);
	}
}

int pub_send(struct pub *pub, const void *data, size_t rows, size_t n, int64_t time_ns,
	const uint64_t *seq)
{
	struct spiked_stamp stamp = {.time_ns = time_ns, .seq = seq ? *seq : pub->seq++};

	for (;;) {
		int rc = send_once(pub, data, rows, n, &stamp);
		ctl_watch_link(&pub->watch, spiked_sender_link(pub->sender));
		if (rc == 0) {
			pub->rows += rows;
			pub->messages++;
			return EXIT_OK;
		}
		if (rc != -EAGAIN && rc != -EINTR)
			return ctl_fail("sending to %s: %s", pub->ctl->ingest, spiked_strerror(rc));
		if (pub->live || pub_over(pub)) {
			pub->dropped += rows;
			return EXIT_OK;
		}
	}
}

/* Rows get no answer, so a wrong type or width would go unnoticed; the control socket knows better. If
 * it does not answer, the rows are sent all the same. */
static void ask_stream(struct pub *pub, const char *given)
{
	struct spiked_error refusal;
	json_t *meta =
		ctl_try(pub->ctl, "stream", json_pack("{s:s}", "name", pub->stream), &refusal);
	const char *type =
		json_string_value(json_object_get(json_object_get(meta, "input"), "type"));

	if (refusal.message[0])
		ctl_fail("%s; sending all the same, but spiked will refuse the rows",
			refusal.message);
	else if (given && type && strcmp(given, type) != 0)
		ctl_fail("the stream %s is of type %s, so spiked will refuse rows of type %s",
			pub->stream, type, given);
	pub->channels = json_integer_value(json_object_get(meta, "channels"));
	pub->refused = meta ? ctl_refused(json_object_get(meta, "counters")) : -1;
	if (!given)
		given = type ? type : "f32";
	if (strcmp(given, "json") == 0)
		pub->type = PUB_JSON;
	else if (strcmp(given, "pairs") == 0)
		pub->type = PUB_PAIRS;
	else
		pub->type = rows_type(given);
	json_decref(meta);
}

static int connect_sender(struct pub *pub)
{
	struct ctl *ctl = pub->ctl;
	struct spiked_options options = ctl->options;

	options.timeout_ms = SEND_MS;
	options.linger_ms = LINGER_MS;
	pub->sender = spiked_sender_new(ctl->ingest, &options);
	if (!pub->sender)
		return ctl_fail("cannot use the ingest endpoint \"%s\": %s", ctl->ingest,
			spiked_strerror(-errno));
	ctl_watch_init(&pub->watch, ctl, "ingest", ctl->ingest);
	while (!ctl_stop && spiked_sender_link(pub->sender) != SPIKED_LINK_UP) {
		if (!ctl_watch_link(&pub->watch, spiked_sender_link(pub->sender)))
			return EXIT_FAILED;
		nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000}, NULL);
	}
	return EXIT_OK;
}

/* Once the rows have left: whether spiked liked them. Another sender's bad rows count here too. */
static int check_refused(struct pub *pub)
{
	if (pub->refused < 0)
		return EXIT_OK;
	json_t *meta = ctl_try(pub->ctl, "stream", json_pack("{s:s}", "name", pub->stream), NULL);
	int64_t refused = ctl_refused(json_object_get(meta, "counters")) - pub->refused;
	json_decref(meta);
	if (refused <= 0)
		return EXIT_OK;
	return ctl_fail("spiked refused %" PRId64
			" message%s to %s meanwhile; \"spikectl streams %s\" "
			"counts them by reason",
		refused, refused == 1 ? "" : "s", pub->stream, pub->stream);
}

static void report(const struct pub *pub)
{
	if (pub->ctl->json) {
		printf("{\"rows\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"dropped\":%" PRIu64 "}\n",
			pub->rows, pub->messages, pub->dropped);
		return;
	}
	printf("sent %" PRIu64 " rows in %" PRIu64 " messages to %s at %s", pub->rows,
		pub->messages, pub->stream, pub->ctl->ingest);
	if (pub->dropped)
		printf(", dropped %" PRIu64 " rows that could not leave in time", pub->dropped);
	putchar('\n');
}

static int check_words(struct ctl *ctl)
{
	const struct opts *o = &ctl->opts;
	const char *type = o->value[OPT_TYPE];

	if (ctl->n_words < 1)
		return ctl_usage(ctl, "pub needs STREAM");
	if (!spiked_name_ok(ctl->words[0]))
		return ctl_usage(ctl,
			"pub: \"%s\" is no stream's name (letters, digits, _ . -, at most 64)",
			ctl->words[0]);
	if (o->value[OPT_HOST] && o->value[OPT_WAV])
		return ctl_usage(ctl, "pub: --host and --wav do not go together");
	if (o->value[OPT_CHANNELS] && !o->value[OPT_HOST])
		return ctl_usage(ctl, "pub: --channels goes with --host");
	if (o->value[OPT_LOOP] && !o->value[OPT_WAV])
		return ctl_usage(ctl, "pub: --loop goes with --wav");
	if (o->value[OPT_RATE] && o->value[OPT_WAV])
		return ctl_usage(ctl, "pub: --rate does not go with --wav, which has its own");
	if (o->value[OPT_BATCH] && o->value[OPT_HOST])
		return ctl_usage(ctl, "pub: --batch does not go with --host");
	if (type && rows_type(type) < 0 && strcmp(type, "json") != 0 && strcmp(type, "pairs") != 0)
		return ctl_usage(ctl,
			"pub: \"%s\" is no type; there are f32, f64, i8, u8, i16, u16, "
			"i32, json and pairs",
			type);
	return EXIT_OK;
}

int cmd_pub(struct ctl *ctl)
{
	struct pub pub = {.ctl = ctl, .end_ns = INT64_MAX, .refused = -1};
	const struct opts *o = &ctl->opts;
	double seconds = 0;

	if (o->value[OPT_HOST] && o->value[OPT_LIST])
		return pub_host_list(ctl);
	if (o->value[OPT_LIST])
		return ctl_usage(ctl, "pub: --list goes with --host");
	int rc = check_words(ctl);
	if (rc != EXIT_OK)
		return rc;
	if (!ctl_number(ctl, OPT_RATE, 1e-3, 1e6, &pub.rate) ||
		!ctl_number(ctl, OPT_SECONDS, 0, 1e9, &seconds))
		return EXIT_USAGE;
	pub.stream = ctl->words[0];

	rc = connect_sender(&pub);
	if (rc == EXIT_OK && !ctl_stop) {
		ask_stream(&pub, o->value[OPT_TYPE]);
		if (o->value[OPT_SECONDS])
			pub.end_ns = pub_monotonic_ns() + (int64_t)(seconds * 1e9);
		if (o->value[OPT_HOST])
			rc = pub_host(&pub);
		else if (o->value[OPT_WAV])
			rc = pub_wav(&pub);
		else
			rc = pub_stdin(&pub);
		if (rc == EXIT_OK || pub.messages)
			report(&pub);
	}
	spiked_sender_close(pub.sender);
	if (rc == EXIT_OK && pub.messages)
		rc = check_refused(&pub);
	return rc;
}
