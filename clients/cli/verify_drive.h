/* verify: what the two files of the drive share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "verify.h"

/* A row message that may be waiting in a stream's queue when its state is put in force. */
struct kept_row {
	struct kept_row *next;
	struct spiked_header header;
	struct spiked_stamp stamp;
	bool stamped;
	size_t size;
	uint8_t payload[];
};

/* A stream while it is replayed. */
struct driven {
	const struct planned *plan;
	struct verdict *verdict;
	enum message_kind pulse; /* a topic that has a frame for each tick */
	uint32_t dt_ns, window;  /* at present */
	bool queues;             /* mode queue */
	json_t *meta;            /* likewise */
	bool present;            /* the daemon has it */
	bool fed;                /* and has had rows for it */
	bool comparing;
	uint64_t start;    /* from this tick on */
	bool rests;        /* on_stale: silence */
	bool resting;      /* has not run since: what it shows as its state is not in a snapshot */
	uint8_t to_come;   /* bit k: topic k has not had a frame since */
	uint64_t row_from; /* number of the first row message that is to be sent */
	uint64_t next_row; /* of the one that is due */
	uint64_t ran, offset; /* clock data: its next tick there; what that is less than here */
	size_t event;         /* of the plan's: the next */
	struct kept_row *kept, **kept_end;
	uint64_t kept_rows;
};

struct drive {
	const struct ctl *ctl;
	struct rec_reader *reader;
	const struct epoch *epoch;
	uint32_t dt_ns;
	struct driven *streams; /* by number in the epoch's names */
	uint32_t count, present;
	struct private_spiked spiked;
	struct spiked_sender *sender;
	struct spiked_receiver *receiver;
	bool heard;
	uint64_t start, next; /* ticks: the first that matters, the next to run */
	size_t skip;          /* of the pace's: the next */
	uint64_t wanted, got; /* frames of the pulse topics: asked for, received */
	uint64_t frames;
	int64_t now_ms, progress_ms; /* when messages were taken in last, and when it was any use */
};

/* Waits until all that was sent has been run. */
int drive_sync(struct drive *d);

/* Sends rows to the stream. */
int drive_row(struct drive *d, struct driven *s, const struct spiked_header *h,
	const struct rec_bytes *payload, const struct spiked_stamp *stamp);

/* ---- verify_events.c ---- */

int drive_prepare(struct drive *d, struct verdict *verdicts);
void drive_fini(struct drive *d);

/* Starts the daemon with the streams that there are at first. */
int drive_start(struct drive *d, const struct plan *plan);

/* Whether the stream ever ticks in this run, and whether it does now. */
bool drive_in_run(const struct drive *d, const struct driven *s);
bool drive_has(const struct drive *d, const struct driven *s, const struct message *m);

/* The stream's next event; NULL = no more. */
const struct event *drive_event(const struct drive *d, struct driven *s);

/* Does what is to happen to the stream before tick `tick`. */
int drive_events(struct drive *d, struct driven *s, uint64_t tick);

/* Of that only what has to be done before the row message goes in. */
int drive_events_before_row(struct drive *d, struct driven *s, const struct spiked_header *row);

/* Keeps rows that are not sent, as far as they may be wanted for its queue. False: no memory. */
bool drive_keep(struct driven *s, const struct message *m);
