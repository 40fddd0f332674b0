/* Endpoints: what may be written, whom they let in, and which two cannot both be had.
 *
 * Nothing is resolved or opened: a check must work on another machine than the robot.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/fault.h"

#include <stdbool.h>

#define ENDPOINT_MAX 200 /* bytes; libzmq gives 255 for one that it has resolved */

enum endpoint_use { ENDPOINT_BIND, ENDPOINT_CONNECT };

struct endpoint {
	char text[ENDPOINT_MAX + 16]; /* as libzmq takes it: binding to "localhost" is 127.0.0.1 */
	bool ipc;
	char host[ENDPOINT_MAX + 1]; /* tcp: address or name, without brackets; ipc: the path */
	int port;                    /* tcp: 1…65535; 0 = any free one ("*") */
	bool everywhere;             /* binds on all addresses of the machine */
	bool loopback;               /* only programs on this machine can reach it */
};

/* 0, or -EINVAL with `f` saying what is wrong and what would do. */
int endpoint_parse(
	const char *text, enum endpoint_use use, struct endpoint *endpoint, struct fault *f);

/* True when two sockets cannot listen at these two, or when they are the same address. */
bool endpoint_clash(const struct endpoint *a, const struct endpoint *b);

/* "host:port" of the web page: 0 or -EINVAL. */
int endpoint_web(const char *text, struct endpoint *endpoint, struct fault *f);
