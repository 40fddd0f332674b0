/* One connecting libzmq socket with its options, its monitor and its end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "spiked/spiked.h"

struct spk_link {
	void *context;
	bool own_context;
	void *socket;
	void *monitor; /* PAIR that tells of connects and disconnects */
	enum spiked_link state;
	int linger_ms;
	int timeout_ms;
};

/* Opens a socket of the ZMQ_ type `type` and starts to connect. 0, or a negative errno with nothing
 * left open. */
int spk_link_open(struct spk_link *link, int type, const char *endpoint,
	const struct spiked_options *options);

/* Reads the monitor's news, never waits. */
enum spiked_link spk_link_state(struct spk_link *link);

/* Waits at most linger_ms for accepted messages to leave. */
void spk_link_close(struct spk_link *link);

/* Waits for `events` (ZMQ_POLLIN, ZMQ_POLLOUT) until `deadline` (spk_now_ms() scale, INT64_MAX =
 * for ever). 0, -EAGAIN when the time is over, -EINTR. */
int spk_link_wait(struct spk_link *link, short events, int64_t deadline);

int64_t spk_now_ms(void);                /* CLOCK_MONOTONIC */
int64_t spk_deadline_ms(int timeout_ms); /* from now; a negative timeout gives INT64_MAX */
