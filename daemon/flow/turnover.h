/* A reload as the hot loop carries it out, between two ticks and all at once.
 *
 * The cold loop builds it whole. ORDER_PREPARE does what may fail and nobody sees: sockets that are new
 * listen and wait. ORDER_TURN_OVER does the rest, which cannot fail; ORDER_UNDO takes the preparation
 * back. Each is answered when libuv has let go of what it closed, so that the cold loop may free it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/flow/ingest.h"

/* A stream that goes on as something else, see stream_change. */
struct stream_turn {
	struct stream *stream, *draft;
	bool keep;  /* the state, if it is of any use; back: it was */
	bool check; /* whether the new program can live with it */
};

struct turnover {
	const struct conf *conf; /* the new one; its rows' places are those of `sources` */

	/* Prepared. */
	struct listener **listen; /* for the publish socket */
	uint32_t listens, listening;
	struct source **open;
	uint32_t opens, opened;

	/* Changed; what was there before comes back in the same place. */
	struct stream_set *set;
	struct stream_turn *turns;
	uint32_t turn_count;
	struct source_list *sources;
	const struct acl *acl; /* who may do what; does not come back */
	float *scratch;        /* of the ingest, for the new max_row_bytes; NULL = as before */

	/* Closed. */
	struct listener **unlisten;
	uint32_t unlistens;
	struct source **close;
	uint32_t closes;

	uint32_t closing; /* handles that libuv has not let go of yet */
	void (*on_closed)(void *arg);
	void *arg;
};

struct turnover_site {
	struct zloop *zloop;
	struct publisher *publisher;
	struct ingest *ingest;
	struct engine *engine;
};

/* Hot. 0, or negative errno: `listening` and `opened` say how far it came, and all is taken back. */
int turnover_prepare(struct turnover *c, const struct turnover_site *at);
void turnover_undo(struct turnover *c, const struct turnover_site *at);

/* Hot. Only when engine_between_ticks. */
void turnover_make(struct turnover *c, const struct turnover_site *at);
