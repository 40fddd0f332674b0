/* Opening the daemon's ZeroMQ sockets, with every option set before bind and connect.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "encoders/fault.h"

struct sockets {
	void *context;
	void **ingest; /* one a conf->ingest entry */
	uint32_t ingests;
	void *publish;
	void *control; /* NULL = none */
};

/* `io_priority`: SCHED_FIFO priority of libzmq's I/O thread, which this process must be allowed to
 * take (libzmq aborts otherwise); 0 = normal. 0, or negative errno with `f` naming the key, the
 * endpoint and what to change; then nothing is left open. */
int sockets_open(struct sockets *s, const struct conf *conf, int io_priority, struct fault *f);

/* The publish socket and the first `ingests` ingest sockets belong to somebody else now. */
void sockets_hand_over(struct sockets *s, bool publish, uint32_t ingests);

/* Closes the sockets that were not handed over (or whose field is NULL) and ends the context, which
 * waits for the lingering of those that were. */
void sockets_close(struct sockets *s);
