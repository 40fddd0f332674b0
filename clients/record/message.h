/* What the frames of a message say: which topic, whose, and the header where there is one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/record/format.h"

#include <stdbool.h>

enum message_kind {
	MESSAGE_SPIKES,
	MESSAGE_STATE,
	MESSAGE_VALUES,
	MESSAGE_ROWS, /* up to here with a header */
	MESSAGE_JSON,
	MESSAGE_META,
	MESSAGE_STATUS,
	MESSAGE_BUNDLE,
	MESSAGE_BEGIN, /* from here on the recorder's own */
	MESSAGE_SNAPSHOT,
	MESSAGE_LOST,
	MESSAGE_END,
	MESSAGE_OTHER, /* and what is broken */
	MESSAGE_KINDS
};

/* "spikes/", "rec/state/" …; "" for others. */
extern const char *const message_prefixes[MESSAGE_KINDS];

struct message {
	enum message_kind kind;
	char topic[80];                   /* whole; "" if it is longer */
	char stream[SPIKED_NAME_MAX + 1]; /* or the group; "" = the topic has none */
	struct spiked_header header;      /* zeros without one; of a bundle its first */
	struct rec_bytes text;            /* the JSON frame, if there is one */
	struct rec_bytes payload; /* what follows the header or the JSON, if anything does */
	const struct spiked_stamp *stamp; /* rows; NULL = none. Not aligned */
	const struct rec_bytes *frames;   /* all of them */
	size_t count;
};

/* Borrows the frames. */
void message_read(struct message *m, const struct rec_bytes *frames, size_t count);

static inline bool message_has_header(const struct message *m)
{
	return m->kind <= MESSAGE_ROWS;
}

/* The topic's number of a message with a header, from which a loss shows: 0 = none, else how many are
 * missing just before it. *place is where the topic stands; all zero at first. */
struct message_place {
	uint64_t epoch, seq, tick;
};
uint64_t message_missing(struct message_place *place, const struct message *m);
