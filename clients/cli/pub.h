/* What the sources of `pub` share: one stream's sender, pace, and account.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl.h"

/* Types of spiked_send(), and the two that have calls of their own. */
enum { PUB_JSON = 100, PUB_PAIRS };

struct pub {
	struct ctl *ctl;
	const char *stream;
	struct spiked_sender *sender;
	struct ctl_watch watch;
	int type;            /* enum spiked_type, PUB_JSON or PUB_PAIRS */
	json_int_t channels; /* that the stream has; 0 = not known */
	int64_t refused;     /* messages that spiked had refused at the start; -1 = not known */
	bool live;           /* rows that cannot leave now are dropped, not waited for */
	double rate;         /* rows a second; 0 = as fast as possible */
	int64_t end_ns;      /* CLOCK_MONOTONIC; INT64_MAX = no end */
	int64_t start_ns;    /* CLOCK_MONOTONIC: when row 0 of the pace was due */
	uint64_t paced;      /* rows since then */
	uint64_t seq;        /* of the next message */
	uint64_t rows, messages, dropped; /* rows sent, messages sent, rows dropped */
};

/* Waits until the next row is due at the pub's rate, then counts `rows` on. After a delay of more than
 * a second the pace starts anew instead of catching up. */
void pub_pace(struct pub *pub, uint64_t rows);

/* Sends one message in the stream's type; `n` is values of a row, pairs, or unused for JSON. The stamp
 * is the caller's; its seq is the next number if `seq` is NULL. EXIT_OK also if the rows were dropped;
 * else an exit status after an error was printed. */
int pub_send(struct pub *pub, const void *data, size_t rows, size_t n, int64_t time_ns,
	const uint64_t *seq);

bool pub_over(const struct pub *pub); /* stopped, or --seconds are over */

int64_t pub_monotonic_ns(void);
int64_t pub_unix_ns(void);

int pub_stdin(struct pub *pub);
int pub_host(struct pub *pub);
int pub_host_list(struct ctl *ctl);
int pub_wav(struct pub *pub);
