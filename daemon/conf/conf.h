/* The configuration as checked structs, from a YAML file or (one stream) from JSON.
 *
 * One schema walker serves start, --check, and the control socket's `add`: YAML and JSON are first
 * turned into the same tree of nodes (encoders/text/node.h), then the rows of keys.c and
 * stream_keys.c read it. Cold loop only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/core/acl.h"
#include "encoders/text/conf_stream.h"
#include "encoders/text/faults.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum clock_kind { CLOCK_WALL, CLOCK_DATA, CLOCK_MANUAL };
enum overrun { OVERRUN_CATCH_UP, OVERRUN_SKIP, OVERRUN_STOP };

/* Words of the enums above, NULL-terminated, index = value; shared by keys and info. */
extern const char *const clock_words[], *const overrun_words[];

struct conf_ingest {
	bool connect; /* false: PULL bound at endpoint; true: SUB connected to a PUB there */
	char *endpoint;
	char *topic;      /* connect: subscribed prefix, "" = everything */
	char *stream;     /* connect: name of the stream; NULL = frame 1 names it */
	char *server_key; /* connect: Z85; NULL = not encrypted */
};

/* What shows a browser to be one of the clients: the web server then speaks to the daemon's sockets for
 * it, with a pair of keys that nobody else has and the rights of that client. */
#define CONF_TOKEN_SIZE 129 /* with its NUL */
struct conf_token {
	char token[CONF_TOKEN_SIZE];
	char client[ACL_NAME_SIZE];
	char public[ACL_KEY_TEXT], secret[ACL_KEY_TEXT]; /* Z85; drawn when the file is read */
	bool sends, hears, reads, controls;              /* something; `reads`: control at all */
};

/* Where the web page is served. */
struct conf_web {
	char *host; /* as an address; NULL = no web page */
	int port;   /* 0 = any free one */
	bool everywhere, loopback;
	struct conf_token
		*tokens; /* the web server takes them; those that are left conf_free wipes */
	uint32_t token_count;
};

struct conf_security {
	bool wanted;                   /* the key is there */
	char own_public[ACL_KEY_TEXT]; /* Z85 */
	char secret[ACL_KEY_TEXT];     /* likewise; conf_forget_secret when it has served */
	struct acl_client *clients;
	uint32_t client_count;
};

struct conf_limits {
	uint32_t connections;
	uint32_t subscriptions;      /* of one connection */
	uint64_t rows_per_second;    /* of one sender */
	uint64_t control_bytes;      /* of one request */
	uint32_t control_depth;      /* of its JSON */
	uint32_t control_per_second; /* requests of one client */
};

struct conf_realtime {
	bool wanted;  /* the key is there */
	int priority; /* SCHED_FIFO 1…99, 0 = leave the scheduler alone */
	bool lock_memory;
	int cpu; /* -1 = any */
};

struct conf_state {
	char *dir; /* NULL = no snapshots */
	int64_t every_ns;
};

struct conf {
	char *path;
	enum clock_kind clock;
	uint32_t dt_ns;
	enum overrun overrun;
	uint32_t max_catch_up;
	uint64_t seed;
	struct conf_ingest *ingest;
	uint32_t ingests;
	char **publish; /* XPUB endpoints, all bound on one socket */
	uint32_t publishes;
	char *control; /* NULL = no control socket */
	struct conf_web web;
	bool insecure; /* listening beyond loopback without keys is wanted */
	struct conf_security security;
	struct conf_limits limits;
	uint64_t max_row_bytes;
	uint32_t send_queue, receive_queue; /* messages, a subscriber and a sensor */
	struct conf_realtime realtime;
	char *user;   /* whom to become when started as root; NULL = stay */
	bool sandbox; /* write nowhere but where the configuration says */
	struct conf_state state;
	struct conf_stream **streams;
	uint32_t stream_count;
};

/* Reads and checks the whole file. NULL if there is at least one error; warnings alone leave a
 * usable configuration. Opens nothing for writing, binds nothing. "-" reads standard input. */
struct conf *conf_load(const char *path, struct conf_faults *faults);
void conf_free(struct conf *conf); /* accepts NULL */

/* The same for a daemon that runs with `running`: keys that need a restart are errors too if they say
 * something else than they do there. */
struct conf *conf_reload(const char *path, const struct conf *running, struct conf_faults *faults);

/* Overwrites the daemon's secret key. conf_free does it too. */
void conf_forget_secret(struct conf *conf);

/* Overwrites and frees them; accepts NULL. */
void conf_tokens_free(struct conf_token *tokens, uint32_t count);

/* One stream as in the file's `streams` list, from JSON, against the running configuration (dt,
 * seed, limits, clock). Names already taken and the dt of its group are
 * the caller's matter. NULL with faults filled. */
struct conf_stream *conf_stream_from_json(
	const json_t *json, const struct conf *conf, struct conf_faults *faults);
