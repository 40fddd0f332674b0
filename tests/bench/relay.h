/* The bare relay: libzmq from PULL to XPUB, and nothing in between. It stands for what the transport
 * itself costs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

struct bench_relay {
	char in[128], out[128]; /* ipc endpoints */
	pid_t pid;
};

/* A process of its own that answers each row (name, payload) with a message of `topic`, a header of
 * 64 bytes and the payload, as spiked does. Loses nothing: like spiked in its data clock it waits for
 * a subscriber whose queue is full. Its sockets are in `folder`. */
void bench_relay_start(struct bench_relay *r, const char *folder, const char *topic);
void bench_relay_stop(struct bench_relay *r);
