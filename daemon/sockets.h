/* Opening the daemon's ZeroMQ sockets, with every option set before bind and connect.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/loop/zsock.h"
#include "daemon/gate.h"
#include "encoders/fault.h"

struct sockets {
	void *context;
	struct gate *gate;
	void *publish;              /* NULL = handed over */
	struct listener *listeners; /* where it listens, one a conf->publish entry */
	void *control;              /* NULL = none, or handed over */
	struct listener control_at;
};

/* Every socket is put behind `gate`, which is opened first; with `security` every endpoint is encrypted.
 * `io_priority`: SCHED_FIFO priority of libzmq's I/O thread, which this process must be allowed to
 * take (libzmq aborts otherwise); 0 = normal. Opens the publish and the control socket. 0, or negative
 * errno with `f` naming the key, the endpoint and what to change; then nothing is left open. */
int sockets_open(struct sockets *s, const struct conf *conf, struct gate *gate, struct zloop *zl,
	int io_priority, struct fault *f);

/* The socket of entry `i` of conf->ingest, the caller's. NULL with `f` filled. */
void *sockets_ingest(const struct sockets *s, const struct conf *conf, uint32_t i, struct fault *f);

/* A control socket that does not listen yet, the caller's. NULL with `f` filled. */
void *sockets_control(const struct sockets *s, const struct conf *conf, struct fault *f);

/* What it means that `socket` cannot listen (`connect`: cannot connect) at `endpoint`, with what would
 * do. Returns `error`, ZeroMQ's as a negative number. */
int sockets_fault(int error, bool connect, const char *key, const char *endpoint,
	const struct conf *conf, struct fault *f);

/* Largest frame that a sensor may send at all, twice max_row_bytes or LEAST; sockets get it when they
 * are made. */
#define SOCKETS_FRAME_LIMIT_LEAST (INT64_C(64) << 20)
int64_t sockets_frame_limit(const struct conf *conf);

/* Closes the sockets that were not handed over (whose field is not NULL) and ends the context, which
 * waits for the lingering of those that were. */
void sockets_close(struct sockets *s);
