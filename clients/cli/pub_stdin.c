/* pub from standard input: a line a row. A line that cannot be read is told and passed over, because a
 * sensor on a serial line does send half lines; the exit status remembers it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pub.h"
#include "rows.h"

#define PAIRS_MAX   65536
#define TELL_MAX    10 /* bad lines told one by one */
#define BATCH_BYTES (16 * 1024 * 1024)

struct source {
	struct pub *pub;
	struct rows rows;
	struct spiked_pair *pairs;
	double *batch; /* values that wait for the batch to be full */
	size_t batched, batch_rows, batch_room, n_channels;
	double batch_size; /* rows a message */
	uint64_t line, bad;
};

static void bad_line(struct source *s, const char *fault)
{
	s->bad++;
	if (s->bad <= TELL_MAX)
		ctl_fail("line %" PRIu64 " is passed over: %s", s->line, fault);
	if (s->bad == TELL_MAX)
		ctl_fail("more such lines are only counted");
}

static int send_values(struct source *s, const double *values, size_t n_rows, size_t n_channels,
	int64_t time_ns, const uint64_t *seq)
{
	struct pub *pub = s->pub;
	size_t count = n_rows * n_channels;
	char fault[200];

	void *data = malloc(count * spiked_type_size((enum spiked_type)pub->type));
	if (!data)
		return ctl_fail("out of memory");
	int rc =
		rows_encode((enum spiked_type)pub->type, values, count, data, fault, sizeof(fault));
	if (rc < 0) {
		bad_line(s, fault);
		rc = EXIT_OK;
	} else {
		pub_pace(pub, n_rows);
		rc = pub_send(pub, data, n_rows, n_channels, time_ns, seq);
	}
	free(data);
	return rc;
}

static int flush_batch(struct source *s)
{
	size_t n_rows = s->batch_rows;

	if (n_rows == 0)
		return EXIT_OK;
	s->batched = s->batch_rows = 0;
	return send_values(s, s->batch, n_rows, s->n_channels, pub_unix_ns(), NULL);
}

static int add_to_batch(struct source *s)
{
	const struct rows *r = &s->rows;

	if (s->batched + r->count > s->batch_room) {
		size_t room = 2 * (s->batched + r->count);
		double *batch = realloc(s->batch, room * sizeof(*batch));
		if (!batch)
			return ctl_fail("out of memory");
		s->batch = batch;
		s->batch_room = room;
	}
	memcpy(s->batch + s->batched, r->values, r->count * sizeof(*r->values));
	s->batched += r->count;
	s->batch_rows += r->n_rows;
	if ((double)s->batch_rows >= s->batch_size || s->batched * sizeof(double) > BATCH_BYTES)
		return flush_batch(s);
	return EXIT_OK;
}

static int take_rows(struct source *s)
{
	const struct rows *r = &s->rows;
	size_t width = s->pub->channels > 0 ? (size_t)s->pub->channels : s->n_channels;
	char fault[200];

	if (width && r->n_channels != width) {
		snprintf(fault, sizeof(fault), "it has %zu values, but %s has %zu", r->n_channels,
			s->pub->channels > 0 ? "the stream" : "the first row", width);
		bad_line(s, fault);
		return EXIT_OK;
	}
	s->n_channels = r->n_channels;
	if (!r->has_time && !r->has_seq)
		return add_to_batch(s);

	int rc = flush_batch(s);
	if (rc != EXIT_OK)
		return rc;
	return send_values(s, r->values, r->n_rows, r->n_channels,
		r->has_time ? r->time_ns : pub_unix_ns(), r->has_seq ? &r->seq : NULL);
}

static int take_pairs(struct source *s, const char *line)
{
	char fault[200];
	size_t count;

	int rc = rows_parse_pairs(line, s->pairs, PAIRS_MAX, &count, fault, sizeof(fault));
	if (rc == -EINVAL)
		bad_line(s, fault);
	if (rc < 0)
		return EXIT_OK;
	pub_pace(s->pub, 1);
	return pub_send(s->pub, s->pairs, 1, count, pub_unix_ns(), NULL);
}

static int take_line(struct source *s, const char *line)
{
	char fault[200];

	if (s->pub->type == PUB_PAIRS)
		return take_pairs(s, line);
	int rc = rows_parse(&s->rows, line, fault, sizeof(fault));
	if (rc == -ENODATA || (rc == -EINVAL && s->line == 1 && rows_is_head(line)))
		return EXIT_OK;
	if (rc == -EINVAL) {
		bad_line(s, fault);
		return EXIT_OK;
	}
	if (rc < 0)
		return ctl_fail("line %" PRIu64 ": %s", s->line, spiked_strerror(rc));
	if (s->pub->type != PUB_JSON)
		return take_rows(s);
	if (*line != '[' && *line != '{') {
		bad_line(s, "the stream takes JSON");
		return EXIT_OK;
	}
	pub_pace(s->pub, s->rows.n_rows);
	return pub_send(s->pub, line, s->rows.n_rows, s->rows.n_channels, pub_unix_ns(), NULL);
}

int pub_stdin(struct pub *pub)
{
	struct source s = {.pub = pub, .batch_size = 1};
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int rc = EXIT_OK;

	if (!ctl_number(pub->ctl, OPT_BATCH, 1, 1e6, &s.batch_size))
		return EXIT_USAGE;
	s.pairs = malloc(PAIRS_MAX * sizeof(*s.pairs));
	if (!s.pairs)
		return ctl_fail("out of memory");
	while (rc == EXIT_OK && !pub_over(pub) && (length = getline(&line, &room, stdin)) > 0) {
		s.line++;
		while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
			line[--length] = '\0';
		rc = take_line(&s, line);
	}
	if (rc == EXIT_OK)
		rc = flush_batch(&s);
	if (rc == EXIT_OK && s.bad) {
		ctl_fail("%" PRIu64 " of %" PRIu64 " lines were passed over", s.bad, s.line);
		rc = EXIT_FAILED;
	}
	free(line);
	free(s.batch);
	free(s.pairs);
	rows_fini(&s.rows);
	return rc;
}
