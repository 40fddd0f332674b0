/* The daemon as a whole: the cold loop and everything it owns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"

/* Exit codes of the program. */
enum exit_code {
	EXIT_FINE = 0,    /* stopped by SIGTERM or SIGINT, or a check that found nothing */
	EXIT_CONFIG = 1,  /* the configuration has faults */
	EXIT_USAGE = 2,   /* the command line has */
	EXIT_START = 3,   /* a socket could not be opened, memory was short */
	EXIT_OVERRUN = 4, /* `overrun: stop` struck */
};

/* Runs until a signal ends it. Takes over `conf`. */
enum exit_code spiked_run(struct conf *conf);
