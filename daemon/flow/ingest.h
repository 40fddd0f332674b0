/* Rows in: bound PULL sockets and SUB sockets connected to other people's PUB.
 *
 * Hot loop only, except ingest_open.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/flow/engine.h"
#include "daemon/flow/rows.h"

struct source {
	struct zsock zsock;
	struct ingest *ingest;
	const struct conf_ingest *conf; /* borrowed from the configuration */
};

struct ingest {
	struct source *sources;
	uint32_t count;
	struct engine *engine;
	uint64_t max_row_bytes;
	float *scratch;                 /* what a JSON payload is decoded into */
	int64_t noted_ns[REJECT_COUNT]; /* when a note of that reason was sent last */
	struct daemon_counters *counters;
	struct mailbox *mailbox;
	void (*on_unfinished)(void *arg); /* data: the engine could not take a message whole */
	void *arg;
};

/* Takes over `sockets` (one for each conf->ingest entry, bound or connected). 0 or negative errno. */
int ingest_init(struct ingest *in, struct zloop *zl, void **sockets, const struct conf *conf,
	struct engine *engine, struct daemon_counters *counters, struct mailbox *mailbox);

/* Closes the sockets; libuv lets go of their handles when the loop runs next, and only then may
 * ingest_fini free them. */
void ingest_close(struct ingest *in);
void ingest_fini(struct ingest *in);

/* Holds all sensors back, and lets them go on. */
void ingest_pause(struct ingest *in);
void ingest_resume(struct ingest *in);
