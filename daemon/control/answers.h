/* Answers on their way to clients: how much each client has not read yet, so that one that never reads
 * costs no more than its share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

/* With so much unread a client is not served any further. One answer may be larger than that. */
#define ANSWERS_UNREAD_MAX (4u << 20)

struct answers {
	struct reader *readers; /* those with something unread, by their routing id */
};

/* Cold. Bytes that were sent to the client of this routing id and that ZeroMQ still holds. */
size_t answers_unread(struct answers *a, zmq_msg_t *id);

/* Cold. Sends `text`, which was allocated and is taken over, behind the envelope, whose first part is the
 * client's routing id and which is taken over where it is sent. 0 or -1 with ZeroMQ's errno. */
int answers_send(struct answers *a, void *socket, zmq_msg_t *envelope, unsigned parts, char *text,
	size_t size);

/* Cold. What is on its way still may be, and is freed when ZeroMQ is done with it. */
void answers_fini(struct answers *a);
