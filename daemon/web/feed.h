/* The sockets through which browsers of one token, or all browsers where there are none, reach the
 * daemon: a SUB that hears for all of them, a PUSH for their rows, and a DEALER for each.
 *
 * Web thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/web/queue.h"

#include <stdbool.h>
#include <zmq.h>

/* What all feeds have in common; outlives them. */
struct feed_site {
	void *context;
	char *ingest, *publish, *control; /* to connect to; NULL = none of that kind */
	char server_key[ACL_KEY_TEXT];    /* "" = not encrypted */
	int epoll;                        /* becomes readable when a socket may have something */
	uint32_t receive_queue;           /* messages */
};

struct feed {
	const struct feed_site *site;
	const struct conf_token *token; /* NULL = everything is allowed */
	void *subscriber, *pusher;      /* NULL = not allowed, or there is no such socket */
	uint32_t topics;                /* of all browsers */
};

/* 0 or negative errno; then feed_close all the same. */
int feed_open(struct feed *f, const struct feed_site *site, const struct conf_token *token);
void feed_close(struct feed *f);

/* What has been waited for has been seen to: a socket that is not read would wake the thread for ever. */
void feed_settle(void *socket); /* accepts NULL */

/* A control socket of one browser, with everybody's answers apart. NULL = control is not allowed, there
 * is none, or it cannot be made. */
void *feed_control(const struct feed *f);
void feed_control_close(const struct feed *f, void *socket);

/* As ZeroMQ counts: what is subscribed to twice has to be left twice. */
void feed_subscribe(struct feed *f, const char *topic, size_t size);
void feed_unsubscribe(struct feed *f, const char *topic, size_t size);

/* The next message that was published, as the WebSocket carries it, and its topic, which lies within.
 * NULL = none for now, or out of memory. */
struct packet *feed_receive(const struct feed *f, const char **topic, size_t *topic_size);

/* Whether `bytes` are a row message as the WebSocket carries it. */
bool feed_row_fits(const unsigned char *bytes, size_t size);

/* Sends such a message. False: ZeroMQ takes none for now. */
bool feed_send_row(const struct feed *f, const unsigned char *bytes, size_t size);
