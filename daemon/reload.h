/* Reading the configuration again, and putting all of it in force or nothing. Cold loop.
 *
 * 1. The file is read and checked whole, with the parser of the start and of --check; the streams that
 *    run are compared with it, and everything that it takes is built.
 * 2. Sockets that are new listen, and wait: what can fail has then been done (a port may be taken).
 * 3. The hot loop turns over between two ticks; it cannot fail any more.
 * 4. What is not used any more is freed, and whoever asked is answered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/control/control.h"
#include "daemon/security.h"
#include "daemon/sockets.h"

struct attempt;

struct reload {
	/* Set before reload_init. */
	struct conf **conf; /* in force */
	struct registry *registry;
	struct mailbox *mailbox;
	struct sockets *sockets;
	struct control *control;
	struct zloop *zloop;
	struct keeper *keeper;
	struct security *security;
	void (*began)(void *arg); /* told to whom it concerns (systemd, say); may be NULL */
	void (*ended)(void *arg, bool changed);
	void *arg;

	struct source_list *sources; /* in force; the hot loop's, which does not change it */
	struct attempt *attempt;     /* NULL = none is under way */
	bool stopping;
	bool turned_over;    /* stopping: the attempt has been put in force nevertheless */
	bool wanted;         /* another one, when this one is over or names are free */
	struct call *caller; /* who wants it; NULL = a signal */
	uv_timer_t retry;
	char **closed; /* endpoints that the last one that closed any has closed; ends with NULL */
	int64_t closed_ns; /* when, CLOCK_MONOTONIC */
};

/* `sources`: those of the start. */
void reload_init(struct reload *r, uv_loop_t *loop, struct source_list *sources);

/* Starts one, or notes that one is wanted. */
void reload_on_signal(struct reload *r);
void reload_on_call(void *reload, struct call *call);

/* True if the reply was the reload's. */
bool reload_on_reply(struct reload *r, const struct order *reply);
/* To be called when replies have been taken: starts what had to wait for them. */
void reload_poll(struct reload *r);

/* Before hot_stop: whoever waits is answered, nothing is begun any more. */
void reload_stop(struct reload *r);
/* After hot_fini, when the last replies have been taken: frees what an attempt had built. */
void reload_fini(struct reload *r);
