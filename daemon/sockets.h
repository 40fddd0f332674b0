/* Opening the daemon's ZeroMQ sockets, with every option set before bind and connect.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "encoders/fault.h"

struct sockets {
	void *context;
	void **ingest; /* one a conf->ingest entry */
	void *publish;
	void *control; /* NULL = none */
};

/* 0, or negative errno with `f` naming the key, the endpoint and what to change; then nothing is
 * left open. */
int sockets_open(struct sockets *s, const struct conf *conf, struct fault *f);

/* Closes the sockets that were not handed on (their fields are then NULL) and ends the context,
 * which waits for the lingering of those that were. */
void sockets_close(struct sockets *s);
