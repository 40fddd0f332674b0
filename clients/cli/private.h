/* A spiked of one's own: started with a configuration, spoken to through files of a temporary folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl.h"

#include <sys/types.h>

struct private_spiked {
	char dir[64];
	char ingest[96], publish[96], control[96]; /* endpoints */
	pid_t pid;                                 /* 0 = none runs */
	struct ctl ctl;                            /* for calls to it */
};

/* Starts `binary` (NULL = the spiked beside this program, else that of PATH) with `conf`, to which the
 * endpoints and the folder for state are added, and waits until it answers. EXIT_OK, or EXIT_FAILED after
 * the reason was printed; then private_stop all the same. */
int private_start(struct private_spiked *p, const char *binary, json_t *conf);

/* Ends it and removes the folder. */
void private_stop(struct private_spiked *p);

/* Puts a snapshot where the daemon looks for that of the stream. False: said. */
bool private_put_state(
	const struct private_spiked *p, const char *stream, const void *bytes, size_t size);

/* False when it has ended by itself, which is said with the end of its log. */
bool private_lives(struct private_spiked *p);
