/* verify: what its parts share.
 *
 * A recording is looked through once for what replaying it has to mind (the plan). Then for each epoch, and
 * there for each dt, a spiked of one's own runs the same ticks with the same rows before them (the drive),
 * and what it publishes is held against what was recorded (the match).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/record/message.h"
#include "clients/record/reader.h"
#include "clients/record/roll.h"

#include "ctl.h"
#include "private.h"
#include "progress.h"

#define MATCH_TOPICS 3 /* MESSAGE_SPIKES, _STATE, _VALUES */

/* ---- the plan ---- */

enum event_kind {
	EVENT_STATE, /* the stream's state is known: comparing begins */
	EVENT_BIRTH, /* likewise: it has not had a row yet */
	EVENT_STOP,  /* rows are missing, or the state became another: comparing ends */
	EVENT_SET,   /* parameters changed */
	EVENT_RESET, /* the state was cleared */
	EVENT_ANEW,  /* another stream of the same name from here on */
};

/* Before a tick of a stream. */
struct event {
	enum event_kind kind;
	uint64_t tick;
	uint64_t rows;   /* STATE: number of the row message that comes next */
	uint32_t queued; /* STATE: rows before that wait */
	void *bytes;     /* STATE: the snapshot */
	size_t size;
	json_t *meta;    /* SET, ANEW: from here on */
	const char *why; /* STOP: constant */
};

/* A stream within an epoch. */
struct planned {
	char name[SPIKED_NAME_MAX + 1];
	json_t *meta; /* the first */
	uint32_t dt_ns;
	struct event *events; /* by tick */
	size_t event_count, event_room;
	uint64_t first_tick;         /* of its first message */
	bool recorded[MATCH_TOPICS]; /* the file has frames of that topic */

	/* While the plan is made. */
	struct heard {
		struct message_place place;
		uint64_t ran, strand; /* of the pace, at its tick; strand 0 = not known */
	} frames[MATCH_TOPICS];       /* the newest */
	bool seen_frames, seen_rows, comparing, restored, described;
	uint64_t first_row,
		next_row;  /* numbers of the first in the file, and of the one that is due */
	uint64_t row_tick; /* of the newest row message */
	uint64_t row_end;  /* clock data: the tick after those of its rows; else 0 */
	uint64_t lost_row; /* the newest that is missing + 1 */
	uint64_t
		awaited_row; /* number of the first that a state needs + 1; 0 = any may be the first */
	uint64_t known_from; /* tick: which ones ran before is not known */
	json_t *newest_meta, *changed_meta;
	struct {
		bool row; /* one may be missing since the newest, of this tick or later */
		uint64_t row_tick;
		int64_t time_ns;   /* when something was found to be missing last */
		uint64_t from, to; /* the ticks between which that, and what was just before, is */
	} doubt;
};

/* Ticks that the daemon skipped. */
struct skip {
	uint64_t first, count;
};

/* What the streams of one dt have in common. */
struct pace {
	uint32_t dt_ns;
	struct skip *skips;
	size_t skip_count, skip_room;

	/* While the plan is made. */
	uint64_t next;  /* the tick that is due; 0 = not known */
	uint64_t known; /* the newest that was, before a part that is damaged */
	uint64_t ran;   /* ticks that have run */
	uint64_t
		strand; /* since when their number is known: one more after each place where it is not */
	bool dense; /* some topic has had a frame for each of them */
};

struct epoch {
	uint64_t epoch;
	bool data; /* its clock is data */
	uint64_t seed;
	struct roll names;
	struct planned *streams;
	uint32_t room;
	struct pace *paces; /* for each dt */
	uint32_t pace_count;
};

struct plan {
	struct epoch *epochs;
	size_t count;
	uint64_t records;
	int64_t first_ns, last_ns;
	size_t largest_row; /* bytes of a payload */
};

/* EXIT_OK, or EXIT_FAILED after the reason was printed. */
int plan_make(struct plan *plan, const struct ctl *ctl, struct rec_reader *reader);
void plan_fini(struct plan *plan);
struct epoch *plan_epoch(struct plan *plan, uint64_t epoch); /* NULL = there is none */
struct planned *epoch_stream(const struct epoch *epoch, const char *name); /* likewise */
struct pace *epoch_pace(const struct epoch *epoch, uint32_t dt_ns);        /* likewise */

/* A stream as the configuration has it, from its meta. NULL = meta does not say enough. */
json_t *plan_stream_conf(const json_t *meta);

/* Whether one `set` after another leads from `from` to `to`; then *sets is a list of the parameters to
 * set, each with `stage`, `param` and `value`. */
bool plan_live_change(const json_t *from, const json_t *to, json_t **sets);

/* ---- the match ---- */

/* A frame that waits for its like. */
struct match_item {
	struct match_item *next;
	struct spiked_header header;
	uint16_t skip; /* flags that cannot be equal */
	bool compare;
	size_t size;
	uint8_t payload[];
};

struct match_list {
	struct match_item *first, **end;
	size_t count;
};

/* One topic of one stream. */
struct match_topic {
	struct match_list recorded, replayed;
	uint64_t compared, differing;
	uint64_t unrecorded; /* replayed, and not in the file */
	uint64_t outside;    /* in the file, where nothing is known to begin from */
};

struct match_stream {
	struct match_topic topics[MATCH_TOPICS];
	char first[600]; /* difference, in words; "" = none */
};

/* Take a frame in. False: no memory. `skip`: flags that cannot be equal. `offset`: what has to be added to
 * the replayed tick. */
bool match_recorded(struct match_stream *s, const struct message *m, bool compare, uint16_t skip);
bool match_replayed(struct match_stream *s, const struct message *m, uint64_t offset);

/* Nothing more comes: what is left has no like. */
void match_end(struct match_stream *s);

/* The first difference of two frames of one tick, in words. False: there is none. match_words.c */
bool match_differ(const struct match_item *recorded, const struct match_item *replayed, char *words,
	size_t size);

/* ---- the drive ---- */

/* What came of an epoch, by the numbers of its streams. */
struct verdict {
	struct match_stream match;
	bool begun;            /* there was something to compare from */
	const char *stopped;   /* why comparing ended before the recording did; NULL = it did not */
	const char *unstarted; /* why it could not begin where it should have; NULL = it could */
};

/* Replays the streams of `epoch` that have this dt (clock data: all) and compares. EXIT_OK also if there
 * are differences, EXIT_FAILED after it was said why it cannot go on. */
int drive_run(const struct ctl *ctl, struct rec_reader *reader, const struct plan *plan,
	const struct epoch *epoch, uint32_t dt_ns, struct verdict *verdicts);
