/* Which records of a recording a command is about, and opening the file for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/record/message.h"
#include "clients/record/reader.h"

#include "ctl.h"

struct rec_filter {
	int64_t from_ns, to_ns;      /* of receiving: from <= t < to */
	uint64_t from_tick, to_tick; /* of messages with a header, likewise */
	bool ticks;                  /* the two above say something */
	char *const *words;          /* streams and topics; none = all */
	int n_words;
};

/* Opens the recording that is the command's first word. NULL after the reason was printed. */
struct rec_reader *rec_open_word(const struct ctl *ctl);

/* Reads --from, --to, --ticks and the words behind the first. EXIT_OK, or EXIT_USAGE after it was said. */
int rec_filter_read(struct rec_filter *f, const struct ctl *ctl, const struct rec_reader *reader);

/* Lets the reader pass over the chunks that have nothing of the wanted time. EXIT_OK, or EXIT_FAILED after it
 * was said. */
int rec_filter_seek(const struct rec_filter *f, const struct ctl *ctl, struct rec_reader *reader);

/* By words alone, and by all. */
bool rec_filter_names(const struct rec_filter *f, const struct message *m);
bool rec_filter_takes(const struct rec_filter *f, int64_t time_ns, const struct message *m);

/* Prints what was damaged or missing as warnings; true if anything was. */
bool rec_tell_damage(const struct ctl *ctl, const struct rec_reader *reader);
