/* The connections that this process has accepted, by their descriptors, and who is behind a message.
 *
 * ZeroMQ says of a message by which descriptor it came, but by the time the message is read that
 * connection may be closed and its descriptor be another's. To tell, the cold loop (daemon/gate.c)
 * keeps a table: when each descriptor was accepted last, and the kernel's cookie of that socket, which
 * no other socket ever gets. An id is given out while its connection is certainly open, and counts on
 * from the same clock as the table: so an entry older than the id is that connection's own.
 *
 * Why it matters: in ZeroMQ 4.3.4 granting a subscription (ZMQ_XPUB_MANUAL) to a connection that has
 * gone corrupts memory, and unlike its pipe, a connection can be seen to be open: ZeroMQ closes the
 * descriptor before it lets go of the pipe.
 *
 * The table is written by the cold loop and read by both.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

struct conn_slot {
	_Atomic uint64_t cookie; /* of the socket that was accepted last, 0 = none yet */
	_Atomic uint64_t since;  /* when that was, on the clock of ids */
};

struct conns {
	struct conn_slot *slots; /* one a descriptor, made by the cold loop */
	uint32_t count;
};

/* Property that the ZAP handler gives a connection: its id, then its client's serial (core/acl.h; 0
 * where nobody has a key), both in hexadecimal. */
#define PEER_PROPERTY  "X-Spiked"
#define PEER_TEXT_SIZE 24

struct peer {
	uint64_t id;     /* never used twice */
	uint32_t serial; /* of the client */
	int fd;          /* -1 = not asked for, or unknown */
};

/* False when the message came by no connection that was accepted: ZeroMQ made it. */
bool peer_read(zmq_msg_t *message, struct peer *peer);
void peer_read_fd(zmq_msg_t *message, struct peer *peer);

/* Whether the connection that peer->fd belonged to is still open. */
bool conns_alive(const struct conns *conns, const struct peer *peer);

/* Ends the connection: nothing more can be sent or received by it. False if it has ended already. */
bool conns_cut(const struct conns *conns, const struct peer *peer);

/* Cold. Enters a descriptor as just accepted. False if the table has no room for it. */
bool conns_enter(struct conns *conns, int fd, uint64_t now);

/* Cold. Whether the socket that was entered last under the descriptor still has it. */
bool conns_open(const struct conns *conns, int fd);

/* Cold. The connection by that descriptor has ended. */
void conns_leave(struct conns *conns, int fd);
