/* Other libraries beside ours: a Python program of this folder that answers with times, so that both
 * sides run in turns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/bench.h"

#include <stdio.h>
#include <sys/types.h>

struct peer {
	FILE *to, *from;
	pid_t pid;
	char version[96]; /* its first line: what it is */
};

/* False, said on standard error, when scripts/bench --peers has not fetched what it needs. */
bool peer_start(struct peer *p, const struct bench_site *site, const char *script);
void peer_stop(struct peer *p);

/* Asks for one figure. */
double peer_ask(struct peer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
