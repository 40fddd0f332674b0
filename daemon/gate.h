/* Who comes in: every connection is asked for its key (ZAP), counted, and watched.
 *
 * The gate is open before any socket is: ZeroMQ lets everybody in where nobody answers for it. It must
 * not close before they have closed. Cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/core/counters.h"
#include "daemon/loop/conns.h"
#include "daemon/loop/zsock.h"
#include "encoders/fault.h"

enum gate_role { GATE_ROWS, GATE_FRAMES, GATE_CONTROL, GATE_ROLES };

/* Connections to the control socket that a crowd at the others cannot keep out. */
#define GATE_CONTROL_ALWAYS 32

/* What may be said of a refusal at most once a second. */
enum gate_topic {
	GATE_MECHANISM, /* of handshakes that failed */
	GATE_SERVER_KEY,
	GATE_GARBAGE,
	GATE_LEFT,
	GATE_KEY,
	GATE_ROLE,
	GATE_CROWD,
	GATE_TOPICS
};

/* What ZeroMQ tells of one socket, until that has been closed for good. */
struct gate_monitor {
	struct zsock zsock;
	struct gate *gate;
	struct gate_monitor *next;
	enum gate_role role;
	bool ended;              /* its socket is gone */
	bool failed;             /* the handshake of the connection whose end is told next, */
	enum gate_topic failure; /* and why */
};

struct gate_conn {
	const struct gate_monitor *monitor; /* whose socket accepted it; NULL = not open */
	char address[64];
};

struct gate {
	struct conns conns;
	struct gate_conn *by_fd;
	struct zsock zap;
	struct gate_monitor *monitors;
	uint32_t monitor_count; /* that there have been */
	uint32_t checked;       /* descriptor that gate_check looks at next */
	struct zloop *zloop;
	void *context;
	const struct acl *acl; /* NULL = no keys */
	struct daemon_counters *counters;
	uint32_t limit, open; /* connections; GATE_CONTROL_ALWAYS to control come on top */
	uint32_t controls;    /* of the open ones */
	uint64_t clock;       /* ids, and times of loop/conns.h */
	struct gate_told {
		int64_t at_ns;
		uint64_t more; /* since then */
	} told[GATE_TOPICS];
};

/* 0, or negative errno with `f` filled; then gate_fini all the same. Where the process may not have
 * enough descriptors, fewer connections are let in. */
int gate_init(struct gate *g, const struct conf *conf, const struct acl *acl,
	struct daemon_counters *counters, struct fault *f);
void gate_fini(struct gate *g);

/* Opens the gate for the sockets of a context. 0, or negative errno with `f` filled. */
int gate_open(struct gate *g, struct zloop *zl, void *context, struct fault *f);

/* Puts a socket behind the gate, before it is bound; it may be closed at any time by anybody. 0, or
 * negative errno with `f` filled. */
int gate_watch(struct gate *g, void *socket, enum gate_role role, struct fault *f);

/* To be called once a second: finds connections whose end ZeroMQ has not told. */
void gate_check(struct gate *g);

/* When all sockets behind it have been closed, and the loop has let go of its handles. Waits for them to
 * end; false if one does not, which the context would wait for in vain. */
bool gate_close(struct gate *g);

/* A new list for those who come from now on. */
void gate_use_acl(struct gate *g, const struct acl *acl);
