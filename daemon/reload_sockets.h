/* The sockets of a reload: those of the old and of the new configuration that are the same stay open.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/control/control.h"
#include "daemon/sockets.h"

enum control_plan { CONTROL_STAYS, CONTROL_MOVES, CONTROL_OPENS, CONTROL_CLOSES };

struct socket_plan {
	const struct conf *was, *is;
	/* Rows in. `list` is the new one; `open` are its new members, `from` their places in `is`. */
	struct source_list *before, *list;
	struct source **open, **close;
	uint32_t *from;
	uint32_t opens, closes;
	/* Spikes out. */
	struct listener *listeners; /* the new ones */
	struct listener **listen, **unlisten;
	uint32_t listens, unlistens;
	enum control_plan control;
	struct listener control_at; /* the new one */
	void *router;               /* of CONTROL_OPENS, until the control has it */
	const char *failed;         /* the endpoint that could not be opened */
};

/* Finds out what stays. `before`: the sources in force. 0 or -ENOMEM; then socket_plan_fini too. */
int socket_plan_init(struct socket_plan *p, const struct sockets *sockets,
	struct source_list *before, const struct conf *was, const struct conf *is);
void socket_plan_fini(struct socket_plan *p);

/* Opens what the cold loop opens: all but what the publish socket listens at. 0, or negative errno with
 * `f` filled; then nothing of it is open. */
int socket_plan_open(struct socket_plan *p, const struct sockets *sockets, struct control *control,
	struct fault *f);
/* Closes that again; the hot loop has let go of it. */
void socket_plan_close(struct socket_plan *p, struct control *control);

/* Endpoints that the plan opens for listening (but the one that failed), and those that it closes: copies, which end with NULL. NULL =
 * out of memory. */
char **socket_plan_opens(const struct socket_plan *p);
char **socket_plan_closes(const struct socket_plan *p);

/* What it means that the publish socket cannot listen at `at`. */
int socket_plan_fault(struct socket_plan *p, int error, const struct listener *at, struct fault *f);

/* The hot loop has turned over. Puts the rest in force; callers must have been answered, because the
 * old control endpoint goes. */
void socket_plan_settle(
	struct socket_plan *p, struct sockets *sockets, struct control *control, struct zloop *zl);

/* The daemon ends, and the hot loop has: frees what would have been opened or, if it has `turned_over`,
 * closed. */
void socket_plan_drop(struct socket_plan *p, bool turned_over);
