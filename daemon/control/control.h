/* The control socket: JSON-RPC 2.0 on a ROUTER. Every request is answered, be it a fault, a batch, or
 * a notification (a REQ socket waits for an answer whatever it sent). Cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/control/answers.h"
#include "daemon/control/registry.h"
#include "daemon/core/realtime.h"
#include "daemon/flow/hot.h"
#include "daemon/loop/zsock.h"
#include "daemon/state/keeper.h"

#include <jansson.h>

/* JSON-RPC's codes, and ours. */
enum control_error {
	CONTROL_PARSE = -32700,
	CONTROL_INVALID_REQUEST = -32600,
	CONTROL_NO_METHOD = -32601,
	CONTROL_INVALID_PARAMS = -32602,
	CONTROL_INTERNAL = -32603,
	CONTROL_NO_STREAM = -32001,
	CONTROL_STREAM_EXISTS = -32002,
	CONTROL_BUSY = -32003,
	CONTROL_WRONG_CLOCK = -32004,
	CONTROL_STATE = -32005,   /* a snapshot cannot be written, or put in force */
	CONTROL_REFUSED = -32006, /* the configuration file; nothing has changed */
	CONTROL_DENIED = -32007,
	CONTROL_LIMIT = -32008,
};

/* What one client has asked lately. */
struct asker {
	struct peer peer; /* the connection that asked last */
	uint64_t who;     /* serial of the client, without keys id of the connection */
	int64_t since_ns;
	uint32_t requests; /* since then */
};

#define CONTROL_ASKERS 1024 /* that are told apart */

struct call;

struct control {
	struct zsock zsock;
	struct answers answers;
	struct daemon_counters *counters; /* only control_* are written here */
	struct registry *registry;
	struct mailbox *mailbox;
	struct keeper *keeper;
	const struct hot *hot; /* counters and histograms, read by copy */
	const struct realtime_grant *realtime;
	int64_t started_ns;                           /* CLOCK_MONOTONIC */
	void (*reload)(void *arg, struct call *call); /* ends the call, sooner or later */
	void *arg;
	const struct acl *acl; /* NULL = no keys: everybody may call everything */
	const struct conns *conns;
	struct asker askers[CONTROL_ASKERS];
};

/* A method: run answers, or sends an order whose token is the call; then finish answers. */
struct command {
	const char *name, *help;
	struct {
		const char *name;
		const char *types; /* accepted, of "s" string, "i" integer, "o" object, "*" any */
		bool optional;
	} args[4];
	bool reads; /* it only tells: what `control: read` allows */
	void (*run)(struct control *c, struct call *call);
	void (*finish)(struct control *c, struct call *call, const struct order *reply);
};

extern const struct command control_commands[]; /* end with name NULL */

struct call {
	struct batch *batch;
	const struct command *command;
	json_t *id;                /* owned */
	json_t *params;            /* owned; an object with checked members */
	json_t *result;            /* owned; what finish will answer */
	struct stream *removed;    /* owned; freed when the call has ended */
	struct snapshot *snapshot; /* likewise */
};

/* The methods `save` and `restore`. */
void run_save(struct control *c, struct call *call);
void run_restore(struct control *c, struct call *call);

/* The method `snapshot`. */
void run_snapshot(struct control *c, struct call *call);
void finish_snapshot(struct control *c, struct call *call, const struct order *reply);

/* False while a reload is under way; then the call has been answered. */
bool call_may_change(struct control *c, struct call *call);

/* The entry that the call's `name` names; NULL = the call has been answered. */
struct entry *call_entry(struct control *c, struct call *call);
/* Puts a list of clients in force, and ends the connections of those who are nobody by it. */
void control_use_acl(struct control *c, const struct acl *acl);

/* `socket` is a bound ROUTER; 0 or negative errno. */
int control_init(struct control *c, struct zloop *zl, void *socket);
void control_close(struct control *c, int linger_ms); /* also if it is not open */

/* Hands the answer to a call's order back to it. Orders that are nobody's call (token NULL) are
 * only tidied up after. */
void control_on_reply(struct control *c, const struct order *reply);

/* One of these ends a call; it must not be used afterwards. `result` is taken over. */
void call_result(struct control *c, struct call *call, json_t *result);
void call_error(struct control *c, struct call *call, enum control_error code, const char *path,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same with data, which is taken over and may be NULL, of a form of its own. */
void call_refuse(struct control *c, struct call *call, enum control_error code, json_t *data,
	const char *text);

/* Sends an order for the call; on failure the call has been answered and the result is negative. */
int call_order(struct control *c, struct call *call, struct order *order);
