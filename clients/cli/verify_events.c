/* verify: what happens to a stream between two ticks of the replay: states put in force, parameters set,
 * resets, another configuration.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "verify_drive.h"

#define ROW_BYTES (1 << 20) /* of a message, what spiked takes unless it is told otherwise */

/* ---- rows that may wait in a queue ---- */

static void drop_kept(struct driven *s)
{
	struct kept_row *row = s->kept;

	s->kept = row->next;
	s->kept_rows -= row->header.count;
	free(row);
}

static void clear_kept(struct driven *s)
{
	while (s->kept)
		drop_kept(s);
}

static const struct event *next_state(const struct driven *s)
{
	for (size_t i = s->event; i < s->plan->event_count; i++)
		if (s->plan->events[i].kind == EVENT_STATE)
			return &s->plan->events[i];
	return NULL;
}

bool drive_keep(struct driven *s, const struct message *m)
{
	const struct event *e = s->queues ? next_state(s) : NULL;
	struct kept_row *row;

	if (!e || !e->queued || m->header.seq >= e->rows)
		return true;
	row = malloc(sizeof(*row) + m->payload.size);
	if (!row)
		return false;
	*row = (struct kept_row){
		.header = m->header, .stamped = m->stamp != NULL, .size = m->payload.size};
	if (m->stamp)
		memcpy(&row->stamp, m->stamp, sizeof(row->stamp));
	if (row->size)
		memcpy(row->payload, m->payload.data, row->size);
	if (!s->kept)
		s->kept_end = &s->kept;
	*s->kept_end = row;
	s->kept_end = &row->next;
	s->kept_rows += row->header.count;
	while (s->kept_rows - s->kept->header.count >= e->queued)
		drop_kept(s);
	return true;
}

/* Leaves out the first rows of a message, whose size is the same for all. False: it is not. */
static bool cut_rows(struct kept_row *row, uint32_t left_out)
{
	struct spiked_header *h = &row->header;
	size_t size = row->size / h->count, skip = left_out * size;

	if (!left_out)
		return true;
	if (h->format == SPIKED_FORMAT_ROWS_JSON || h->format == SPIKED_FORMAT_ROWS_PAIRS)
		return false;
	memmove(row->payload, row->payload + skip, row->size - skip);
	row->size -= skip;
	h->count -= left_out;
	if (row->stamped && row->stamp.time_ns)
		row->stamp.time_ns += (int64_t)left_out * h->dt_ns;
	return true;
}

/* The rows that waited when the state was taken, and no others. */
static int send_queued(struct drive *d, struct driven *s, uint32_t queued)
{
	int rc = EXIT_OK;

	for (struct kept_row *row = s->kept; row && queued && rc == EXIT_OK; row = row->next) {
		const struct rec_bytes payload = {row->payload, row->size};

		rc = drive_row(d, s, &row->header, &payload, row->stamped ? &row->stamp : NULL);
	}
	return rc;
}

/* ---- streams come and go ---- */

static bool has_dt(const struct drive *d, uint32_t dt_ns)
{
	return d->epoch->data || dt_ns == d->dt_ns;
}

static uint32_t dt_of(const json_t *meta)
{
	return (uint32_t)json_integer_value(json_object_get(meta, "dt_ns"));
}

static void take_meta(struct driven *s, const json_t *meta)
{
	const char *mode = ctl_text(json_object_get(meta, "input"), "mode");

	s->dt_ns = dt_of(meta);
	s->window = (uint32_t)json_integer_value(json_object_get(meta, "window"));
	s->queues = !strcmp(mode, "queue");
	s->rests = !strcmp(ctl_text(json_object_get(meta, "input"), "on_stale"), "silence");
	s->pulse = strcmp(ctl_text(meta, "output"), "values") ? MESSAGE_SPIKES : MESSAGE_STATE;
}

bool drive_in_run(const struct drive *d, const struct driven *s)
{
	if (has_dt(d, s->plan->dt_ns))
		return true;
	for (size_t i = 0; i < s->plan->event_count; i++)
		if (s->plan->events[i].kind == EVENT_ANEW &&
			has_dt(d, dt_of(s->plan->events[i].meta)))
			return true;
	return false;
}

bool drive_has(const struct drive *d, const struct driven *s, const struct message *m)
{
	return drive_in_run(d, s) && has_dt(d, m->header.dt_ns);
}

static int call(struct drive *d, const char *method, json_t *params)
{
	json_t *result = NULL, *failed;
	int rc = ctl_ask(&d->spiked.ctl, method, params, &result);

	failed = json_array_get(json_object_get(result, "failed"), 0);
	if (failed)
		rc = ctl_fail("%s of '%s': %s", method, ctl_text(failed, "stream"),
			ctl_text(failed, "reason"));
	json_decref(result);
	return rc;
}

static int remove_stream(struct drive *d, struct driven *s)
{
	int rc =
		s->present ? call(d, "remove", json_pack("{s:s}", "name", s->plan->name)) : EXIT_OK;

	d->present -= s->present;
	s->present = s->fed = false;
	s->ran = 0;
	return rc;
}

static int add_stream(struct drive *d, struct driven *s)
{
	json_t *conf = plan_stream_conf(s->meta);

	if (!conf)
		return ctl_fail(
			"%s: the recording does not say how it is configured", s->plan->name);
	if (call(d, "add", json_pack("{s:o}", "stream", conf)) != EXIT_OK)
		return EXIT_FAILED;
	s->present = true;
	d->present++;
	return EXIT_OK;
}

/* ---- events ---- */

static void begin(const struct drive *d, struct driven *s, const struct event *e)
{
	s->comparing = s->verdict->begun = true;
	s->verdict->stopped = s->verdict->unstarted = NULL;
	s->start = e->tick;
	s->row_from = e->rows;
	s->resting = s->rests && e->kind == EVENT_STATE;
	s->to_come = (1 << MATCH_TOPICS) - 1;
	s->offset = d->epoch->data ? e->tick - s->ran : 0;
}

/* A state is that of one moment only. */
static int do_state(struct drive *d, struct driven *s, const struct event *e)
{
	int rc = EXIT_OK;

	if (s->comparing) { /* not needed */
		clear_kept(s);
		return EXIT_OK;
	}
	if (!d->epoch->data && e->tick != d->next) {
		s->verdict->unstarted = "the ticks that its state belongs to are not in the file";
		return EXIT_OK;
	}
	if (s->kept_rows < e->queued ||
		(e->queued && !cut_rows(s->kept, (uint32_t)(s->kept_rows - e->queued)))) {
		s->verdict->unstarted = "the rows that waited in its queue are not in the file";
		return EXIT_OK;
	}
	/* What an earlier attempt has left in its queue is not to be used. */
	if (s->fed)
		rc = remove_stream(d, s);
	if (rc == EXIT_OK && !s->present)
		rc = add_stream(d, s);
	if (rc != EXIT_OK || !private_put_state(&d->spiked, s->plan->name, e->bytes, e->size))
		return EXIT_FAILED;
	if (call(d, "restore", json_pack("{s:s}", "name", s->plan->name)) != EXIT_OK) {
		s->verdict->unstarted = "its state does not fit what the file says of it";
		return EXIT_OK;
	}
	begin(d, s, e);
	rc = send_queued(d, s, e->queued);
	clear_kept(s);
	return rc;
}

static int do_set(struct drive *d, struct driven *s, const struct event *e)
{
	json_t *one;
	size_t i;

	json_array_foreach(e->meta, i, one)
	{
		json_t *params = json_copy(one);

		json_object_set_new(params, "name", json_string(s->plan->name));
		if (!s->present)
			json_decref(params);
		else if (call(d, "set", params) != EXIT_OK)
			return EXIT_FAILED;
		/* The stream may have to be added again as it is now. */
		json_t *stage = json_array_get(json_object_get(s->meta, "pipeline"),
			(size_t)json_integer_value(json_object_get(one, "stage")));

		json_object_set(json_object_get(stage, "params"), ctl_text(one, "param"),
			json_object_get(one, "value"));
	}
	return EXIT_OK;
}

static int do_anew(struct drive *d, struct driven *s, const struct event *e)
{
	int rc = remove_stream(d, s);

	s->comparing = false;
	s->next_row = 0;
	json_decref(s->meta);
	s->meta = json_deep_copy(e->meta);
	take_meta(s, s->meta);
	clear_kept(s);
	if (rc == EXIT_OK && has_dt(d, s->dt_ns))
		rc = add_stream(d, s);
	return rc;
}

static int do_event(struct drive *d, struct driven *s, const struct event *e)
{
	if (e->kind == EVENT_STOP) {
		if (s->comparing)
			s->verdict->stopped = e->why;
		s->comparing = false;
		return EXIT_OK;
	}
	if (drive_sync(d) != EXIT_OK)
		return EXIT_FAILED;
	switch (e->kind) {
	case EVENT_BIRTH:
		begin(d, s, e);
		return EXIT_OK;
	case EVENT_STATE:
		return do_state(d, s, e);
	case EVENT_SET:
		return do_set(d, s, e);
	case EVENT_RESET:
		return s->comparing ? call(d, "reset", json_pack("{s:s}", "name", s->plan->name))
				    : EXIT_OK;
	case EVENT_ANEW:
		return do_anew(d, s, e);
	case EVENT_STOP:
		break;
	}
	return EXIT_OK;
}

/* While the stream ticks at another dt, its ticks are not this run's. */
const struct event *drive_event(const struct drive *d, struct driven *s)
{
	for (; s->event < s->plan->event_count; s->event++) {
		const struct event *e = &s->plan->events[s->event];

		if (has_dt(d, s->dt_ns) || (e->kind == EVENT_ANEW && has_dt(d, dt_of(e->meta))))
			return e;
	}
	return NULL;
}

int drive_events(struct drive *d, struct driven *s, uint64_t tick)
{
	const struct event *e;
	int rc = EXIT_OK;

	while (rc == EXIT_OK && (e = drive_event(d, s)) && e->tick <= tick) {
		s->event++;
		rc = do_event(d, s, e);
	}
	return rc;
}

/* Rows that are numbered anew are another stream's; a state has the rows before its own in it already. What
 * comes without need goes in as late as can be: then the rows that wait in a queue have been read. */
static bool precedes(const struct driven *s, const struct event *e, uint64_t row)
{
	switch (e->kind) {
	case EVENT_STATE:
		return row >= e->rows;
	case EVENT_BIRTH:
		return true;
	case EVENT_ANEW:
		return row < s->next_row;
	default:
		return false;
	}
}

int drive_events_before_row(struct drive *d, struct driven *s, const struct spiked_header *row)
{
	/* Where the replay begins, what lies before has not been done yet. */
	int rc = d->next ? drive_events(d, s, d->next - 1) : EXIT_OK;
	size_t end = s->event;

	for (size_t i = s->event; i < s->plan->event_count; i++) {
		const struct event *e = &s->plan->events[i];

		if (e->tick > d->next)
			break;
		if (precedes(s, e, row->seq))
			end = i + 1;
		else if (e->kind == EVENT_ANEW)
			break;
	}
	while (rc == EXIT_OK && s->event < end && drive_event(d, s) && s->event < end)
		rc = do_event(d, s, &s->plan->events[s->event++]);
	return rc;
}

/* ---- beginning and end ---- */

int drive_prepare(struct drive *d, struct verdict *verdicts)
{
	d->streams = calloc(d->count ? d->count : 1, sizeof(*d->streams));
	if (!d->streams)
		return ctl_fail("not enough memory");
	for (uint32_t i = 0; i < d->count; i++) {
		struct driven *s = &d->streams[i];

		s->plan = &d->epoch->streams[i];
		s->verdict = &verdicts[i];
		s->meta = json_deep_copy(s->plan->meta);
		take_meta(s, s->meta);
	}
	return EXIT_OK;
}

void drive_fini(struct drive *d)
{
	for (uint32_t i = 0; d->streams && i < d->count; i++) {
		clear_kept(&d->streams[i]);
		json_decref(d->streams[i].meta);
	}
	free(d->streams);
}

int drive_start(struct drive *d, const struct plan *plan)
{
	json_t *streams = json_array(), *conf;
	int rc;

	for (uint32_t i = 0; i < d->count; i++) {
		struct driven *s = &d->streams[i];
		json_t *stream = has_dt(d, s->dt_ns) ? plan_stream_conf(s->meta) : NULL;

		if (!stream)
			continue;
		json_array_append_new(streams, stream);
		s->present = true;
		d->present++;
	}
	conf = json_pack("{s:s, s:o, s:i, s:i, s:I, s:o}", "clock",
		d->epoch->data ? "data" : "manual", "dt", json_sprintf("%u ns", d->dt_ns),
		"send_queue", 100000, "receive_queue", 100000, "max_row_bytes",
		(json_int_t)(plan->largest_row > ROW_BYTES ? plan->largest_row : ROW_BYTES),
		"streams", streams);
	rc = private_start(&d->spiked, d->ctl->opts.value[OPT_SPIKED], conf);
	json_decref(conf);
	return rc;
}
