/* Rows in: bound PULL sockets and SUB sockets connected to other people's PUB.
 *
 * Hot loop only, except where something else is said.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/flow/engine.h"
#include "daemon/flow/rows.h"
#include "daemon/core/acl.h"
#include "daemon/loop/conns.h"

struct source {
	struct zsock zsock;
	void *socket; /* bound or connected; NULL once the zsock has taken it over */
	struct ingest *ingest;
	const struct conf_ingest *conf; /* borrowed from the configuration */
	void (*on_closed)(void *arg);
	void *arg;
};

/* Which there are, in the order of the configuration. One allocation. */
struct source_list {
	uint32_t count;
	struct source *items[];
};

/* What one sender has sent lately. */
struct sender {
	uint64_t who; /* serial of the client, without keys id of the connection */
	int64_t since_ns;
	uint64_t rows; /* since then */
};

#define INGEST_SENDERS 4096 /* that are told apart */

struct ingest {
	struct source_list *sources;
	bool paused;
	struct engine *engine;
	uint64_t max_row_bytes;
	const struct acl *acl; /* NULL = no keys */
	const struct conns *conns;
	uint64_t rows_per_second; /* of one sender; UINT64_MAX in a clock that drops nothing */
	struct sender senders[INGEST_SENDERS];
	float *scratch;                 /* what a JSON payload is decoded into */
	int64_t noted_ns[REJECT_COUNT]; /* when a note of that reason was sent last */
	struct daemon_counters *counters;
	struct mailbox *mailbox;

	/* Clock wall: a large row that would make the next tick late waits until after it, and
	 * everything behind it too. */
	zmq_msg_t kept[ZSOCK_PARTS];
	unsigned kept_count;              /* as zsock_on_message counts; 0 = none */
	struct source *kept_by;           /* which it came in by */
	int64_t kept_ns;                  /* when */
	int64_t large_ns_per_mib;         /* what taking large rows costs; 0 = not known yet */
	void (*on_unfinished)(void *arg); /* data: the engine could not take a message whole */
	void *arg;
};

/* Cold. Takes over the socket, whatever happens. NULL = out of memory. */
struct source *source_new(void *socket, const struct conf_ingest *conf);
/* Cold. Not while its zsock is open or closing; accepts NULL. */
void source_free(struct source *source);
/* Cold. NULL = out of memory. Freeing it frees the sources too. */
struct source_list *source_list_new(uint32_t count);
void source_list_free(struct source_list *list);

/* Main thread. Takes over `sources`, and opens them. 0 or negative errno; then ingest_close and
 * ingest_fini all the same. */
int ingest_init(struct ingest *in, struct zloop *zl, struct source_list *sources,
	const struct conf *conf, struct engine *engine, struct daemon_counters *counters,
	struct mailbox *mailbox);

/* Takes a source's socket onto the loop, where it waits to be used. 0 or negative errno. */
int ingest_open(struct ingest *in, struct zloop *zl, struct source *source);

/* Closes it; `on_closed` is called from the loop when the source may be freed. */
void ingest_close_source(struct source *source, void (*on_closed)(void *arg), void *arg);

/* Uses these sources, all of them open, from now on. Returns the list before. */
struct source_list *ingest_use(struct ingest *in, struct source_list *sources);

/* Takes the row that waits for a tick to pass, if there is one. To be called after every tick. */
void ingest_after_tick(struct ingest *in);

/* Who may send what; `acl` NULL = everybody, everything. */
void ingest_use_acl(struct ingest *in, const struct acl *acl);

/* Closes all sockets; libuv lets go of their handles when the loop runs next, and only then may
 * ingest_fini free them. */
void ingest_close(struct ingest *in);
void ingest_fini(struct ingest *in);

/* Holds all sensors back, and lets them go on. */
void ingest_pause(struct ingest *in);
void ingest_resume(struct ingest *in);
