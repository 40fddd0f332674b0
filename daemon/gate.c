/* Who comes in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gate.h"

#include "daemon/core/clock.h"
#include "daemon/core/descriptors.h"
#include "daemon/core/log.h"
#include "encoders/text/clean.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ZAP_ENDPOINT    "inproc://zeromq.zap.01"
#define FILES_BESIDE    128 /* open files that are no connections */
#define FDS_MAX         65536
#define CHECKED_AT_ONCE 8192 /* descriptors */
#define END_WAIT_NS     (3 * NS_PER_S)
#define CLOSE_WAIT_US   20 /* once, and again */
#define CLOSE_WAITS     20
/* Not ZMQ_EVENT_ACCEPT_FAILED: without free descriptors libzmq tries 400,000 times a second, and each
 * would wait here in memory. core/descriptors.h tells of that. */
#define EVENTS                                                                                \
	(ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | \
		ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_MONITOR_STOPPED)

/* The ZAP domain of each role's sockets, and what the log calls them. */
static const char *const domains[GATE_ROLES] = {"rows", "frames", "control"};
static const char *const role_words[GATE_ROLES] = {"send rows", "subscribe", "control"};

/* Says at most one sentence a second on each topic, and how many were not said. */
__attribute__((format(printf, 3, 4))) static void tell(
	struct gate *g, enum gate_topic topic, const char *format, ...)
{
	struct gate_told *told = &g->told[topic];
	int64_t now_ns = clock_mono_ns();
	char text[400], more[48] = "";
	va_list args;

	if (told->at_ns && now_ns - told->at_ns < NS_PER_S) {
		told->more++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (told->more)
		snprintf(more, sizeof(more), " (and %llu more before)",
			(unsigned long long)told->more);
	log_warning("%s%s", text_clean(text), more);
	*told = (struct gate_told){.at_ns = now_ns};
}

/* Where the kernel allows fewer descriptors, fewer connections are let in. */
static void make_room(struct gate *g, uint32_t beside)
{
	uint64_t room = descriptors_limit();

	if (room >= g->limit + beside)
		return;
	g->limit = (uint32_t)(room > 2 * beside ? room - beside : room / 2);
	log_warning("limits.connections: this process may open only %llu files (ulimit -n, "
		    "LimitNOFILE), so %u connections",
		(unsigned long long)room, g->limit);
}

int gate_init(struct gate *g, const struct conf *conf, const struct acl *acl,
	struct daemon_counters *counters, struct fault *f)
{
	uint32_t fds = 2 * conf->limits.connections + 8 * FILES_BESIDE;

	*g = (struct gate){.acl = acl, .counters = counters, .limit = conf->limits.connections};
	if (conf->security.wanted && (!acl || !zmq_has("curve")))
		return fault_set(f, -ENOTSUP, "security: this libzmq is built without CURVE");
	make_room(g, FILES_BESIDE + (conf->web.host ? 2 * descriptors_web() : 0));
	g->conns.count = fds < FDS_MAX ? fds : FDS_MAX;
	g->conns.slots = calloc(g->conns.count, sizeof(*g->conns.slots));
	g->by_fd = calloc(g->conns.count, sizeof(*g->by_fd));
	if (!g->conns.slots || !g->by_fd)
		return fault_set(f, -ENOMEM, "not enough memory for the connections");
	return 0;
}

void gate_fini(struct gate *g)
{
	while (g->monitors) {
		struct gate_monitor *m = g->monitors;

		g->monitors = m->next;
		free(m);
	}
	free(g->conns.slots);
	free(g->by_fd);
	g->conns.slots = NULL;
	g->by_fd = NULL;
}

static void note_address(struct gate_conn *conn, int fd)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof(name);
	char host[48], port[8];

	snprintf(conn->address, sizeof(conn->address), "somebody");
	if (getpeername(fd, (struct sockaddr *)&name, &size))
		return;
	if (name.ss_family == AF_UNIX)
		snprintf(conn->address, sizeof(conn->address), "a program on this machine");
	else if (!getnameinfo((struct sockaddr *)&name, size, host, sizeof(host), port,
			 sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(conn->address, sizeof(conn->address), "%s port %s", host, port);
}

static void forget(struct gate *g, uint32_t fd)
{
	g->controls -= g->by_fd[fd].monitor->role == GATE_CONTROL;
	g->by_fd[fd].monitor = NULL;
	conns_leave(&g->conns, (int)fd);
	g->open--;
	counter_set(&g->counters->connections, g->open);
}

/* Whether the newest connection is not one too many. */
static bool has_room(const struct gate *g, enum gate_role role)
{
	uint32_t kept = g->controls < GATE_CONTROL_ALWAYS ? g->controls : GATE_CONTROL_ALWAYS;

	return g->open - kept <= g->limit ||
	       (role == GATE_CONTROL && g->controls <= GATE_CONTROL_ALWAYS);
}

static void on_accepted(struct gate_monitor *m, int fd)
{
	struct gate *g = m->gate;
	bool known = fd >= 0 && (uint32_t)fd < g->conns.count && g->by_fd[fd].monitor;
	struct gate_conn *conn;

	/* Another monitor has told of the connection that has this descriptor now, and one of the two is
	 * late: its connection has been and gone. The entry holds all the same. */
	if (known && g->by_fd[fd].monitor != m && conns_open(&g->conns, fd))
		return;
	if (known) /* its end has not been told; before the newer one is entered, which it would undo */
		forget(g, (uint32_t)fd);
	if (!conns_enter(&g->conns, fd, ++g->clock)) {
		counter_add(&g->counters->connections_refused, 1);
		shutdown(fd, SHUT_RDWR);
		return;
	}
	conn = &g->by_fd[fd];
	conn->monitor = m;
	g->open++;
	g->controls += m->role == GATE_CONTROL;
	note_address(conn, fd);
	counter_set(&g->counters->connections, g->open);
	if (has_room(g, m->role))
		return;
	counter_add(&g->counters->connections_refused, 1);
	tell(g, GATE_CROWD,
		"%s was turned away: %u connections are open, as many as "
		"limits.connections allows",
		conn->address, g->limit);
	shutdown(fd, SHUT_RDWR);
}

static const char *failure_text(const struct gate *g, enum gate_topic failure)
{
	if (failure == GATE_SERVER_KEY)
		return "it was given another server key than this daemon's";
	if (failure == GATE_GARBAGE)
		return "it does not speak ZMTP 3";
	if (failure == GATE_LEFT)
		return "it left during the handshake; without a key (CURVE) it would";
	return g->acl ? "it came without a key (CURVE), and `security` is on"
		      : "it came with a key (CURVE), and `security` is not on";
}

static void on_failure(struct gate_monitor *m, uint32_t event, uint32_t value)
{
	counter_add(&m->gate->counters->handshakes_failed, 1);
	m->failed = m->gate->acl || event != ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
	m->failure = event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL         ? GATE_LEFT
		     : value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? GATE_MECHANISM
		     : value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC      ? GATE_SERVER_KEY
									   : GATE_GARBAGE;
}

/* ZeroMQ tells of an end just before it closes the descriptor. One that stays open is another connection's
 * by now, of which another monitor has told already. */
static bool has_closed(const struct gate *g, int fd)
{
	for (int n = 0; n < CLOSE_WAITS && conns_open(&g->conns, fd); n++)
		usleep(CLOSE_WAIT_US);
	return !conns_open(&g->conns, fd);
}

static void on_disconnected(struct gate_monitor *m, int fd)
{
	struct gate *g = m->gate;
	struct gate_conn *conn;

	if (fd < 0 || (uint32_t)fd >= g->conns.count)
		return;
	conn = &g->by_fd[fd];
	if (!conn->monitor)
		return;
	if (m->failed && conn->monitor == m)
		tell(g, m->failure, "%s was refused at the %s socket: %s", conn->address,
			domains[m->role], failure_text(g, m->failure));
	if (has_closed(g, fd)) /* else gate_check looks again */
		forget(g, (uint32_t)fd);
}

static void on_monitor_closed(struct zsock *z)
{
	struct gate_monitor *m = z->data, **link = &m->gate->monitors;

	while (*link != m)
		link = &(*link)->next;
	*link = m->next;
	free(m);
}

/* The last that is heard of a socket. */
static void on_socket_ended(struct gate_monitor *m)
{
	struct gate *g = m->gate;

	m->ended = true;
	for (uint32_t fd = 0; fd < g->conns.count; fd++)
		if (g->by_fd[fd].monitor == m)
			forget(g, fd);
}

static bool on_event(struct zsock *z, zmq_msg_t *parts, unsigned count)
{
	struct gate_monitor *m = z->data;
	const char *data = zmq_msg_data(&parts[0]);
	uint16_t event;
	uint32_t value;

	if (count < 1 || zmq_msg_size(&parts[0]) != sizeof(event) + sizeof(value))
		return true;
	memcpy(&event, data, sizeof(event));
	memcpy(&value, data + sizeof(event), sizeof(value));
	switch (event) {
	case ZMQ_EVENT_ACCEPTED:
		on_accepted(m, (int)value);
		break;
	case ZMQ_EVENT_DISCONNECTED:
		on_disconnected(m, (int)value);
		m->failed = false;
		break;
	case ZMQ_EVENT_MONITOR_STOPPED:
		on_socket_ended(m);
		break;
	default:
		on_failure(m, event, value);
	}
	return !m->ended;
}

static bool has_role(const struct acl_client *c, enum gate_role role)
{
	switch (role) {
	case GATE_ROWS:
		return c->sends_all || c->sends_count;
	case GATE_FRAMES:
		return c->hears_count;
	case GATE_CONTROL:
		return c->control != ACL_CONTROL_NONE;
	case GATE_ROLES:
		break;
	}
	return false;
}

struct zap_request {
	enum gate_role role;
	const char *address;
	size_t address_size;
	const uint8_t *key; /* NULL = none */
};

/* NULL, or a word for the client why not; *client stays NULL where nobody has a key. */
static const char *judge(
	struct gate *g, const struct zap_request *r, const struct acl_client **client)
{
	char key[ACL_KEY_TEXT];

	*client = NULL;
	if (!g->acl)
		return r->key ? "no keys are used here" : NULL;
	if (!r->key)
		return "a key is needed";
	*client = acl_by_key(g->acl, r->key);
	if (!*client) {
		counter_add(&g->counters->keys_refused, 1);
		zmq_z85_encode(key, r->key, ACL_KEY_SIZE);
		tell(g, GATE_KEY,
			"a client from %.*s was refused: its key \"%s\" is not listed. Once it is, and "
			"the list read again, the client has to be started again",
			(int)r->address_size, r->address, key);
		return "the key is not listed";
	}
	if (has_role(*client, r->role))
		return NULL;
	counter_add(&g->counters->keys_refused, 1);
	tell(g, GATE_ROLE, "client '%s' from %.*s was refused: its key may not %s", (*client)->name,
		(int)r->address_size, r->address, role_words[r->role]);
	return "the key has no right to this socket";
}

static void send_part(void *socket, const void *bytes, size_t size, bool more)
{
	zmq_send(socket, bytes, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
}

static void send_reply(
	struct gate *g, zmq_msg_t *id, const char *refusal, const struct acl_client *c)
{
	/* One property: a name with its length in a byte, a value with its length in four. */
	static const char name[] = PEER_PROPERTY;
	char value[PEER_TEXT_SIZE + 1], property[sizeof(name) + 4 + PEER_TEXT_SIZE];
	void *socket = g->zap.socket;
	const char *user = c ? c->name : "";

	snprintf(value, sizeof(value), "%016llx%08x", (unsigned long long)++g->clock,
		c ? c->serial : 0);
	property[0] = sizeof(name) - 1;
	memcpy(property + 1, name, sizeof(name) - 1);
	memcpy(property + sizeof(name), "\0\0\0", 3);
	property[sizeof(name) + 3] = PEER_TEXT_SIZE;
	memcpy(property + sizeof(name) + 4, value, PEER_TEXT_SIZE);
	send_part(socket, "1.0", 3, true);
	zmq_msg_send(id, socket, ZMQ_DONTWAIT | ZMQ_SNDMORE);
	/* 300 would leave the client without a word. */
	send_part(socket, refusal ? "400" : "200", 3, true);
	send_part(socket, refusal ? refusal : "OK", refusal ? strlen(refusal) : 2, true);
	send_part(socket, user, refusal ? 0 : strlen(user), true);
	send_part(socket, property, refusal ? 0 : sizeof(property), false);
}

static bool is_text(zmq_msg_t *part, const char *text)
{
	return zmq_msg_size(part) == strlen(text) &&
	       !memcmp(zmq_msg_data(part), text, strlen(text));
}

static void drain_monitors(struct gate *g)
{
	struct gate_monitor *next;

	for (struct gate_monitor *m = g->monitors; m; m = next) {
		next = m->next;
		while (m->zsock.socket && zsock_drain(&m->zsock))
			;
	}
}

/* version, id, domain, address, identity, mechanism, then the key. */
static bool on_request(struct zsock *z, zmq_msg_t *parts, unsigned count)
{
	struct gate *g = z->data;
	struct zap_request r = {.role = GATE_ROLES};
	const struct acl_client *client = NULL;
	const char *refusal = "not a request that is understood";

	/* That the asking connection was accepted has been said before: so it is in the table. */
	drain_monitors(g);
	for (int i = 0; count >= 6 && i < GATE_ROLES; i++)
		if (is_text(&parts[2], domains[i]))
			r.role = (enum gate_role)i;
	if (count >= 6 && r.role < GATE_ROLES && is_text(&parts[0], "1.0")) {
		r.address = zmq_msg_data(&parts[3]);
		r.address_size = zmq_msg_size(&parts[3]);
		if (count == 7 && is_text(&parts[5], "CURVE") &&
			zmq_msg_size(&parts[6]) == ACL_KEY_SIZE)
			r.key = zmq_msg_data(&parts[6]);
		if (r.key || is_text(&parts[5], "NULL"))
			refusal = judge(g, &r, &client);
	}
	if (count < 2) /* REP insists on an answer */
		zmq_msg_init(&parts[1]);
	send_reply(g, &parts[1], refusal, client);
	return true;
}

int gate_open(struct gate *g, struct zloop *zl, void *context, struct fault *f)
{
	void *socket = zmq_socket(context, ZMQ_REP);
	int ret;

	g->context = context;
	g->zloop = zl;
	if (!socket || zmq_bind(socket, ZAP_ENDPOINT)) {
		ret = fault_set(f, -zmq_errno(), "cannot open the gate for clients: %s",
			zmq_strerror(zmq_errno()));
		if (socket)
			zmq_close(socket);
		return ret;
	}
	ret = zsock_init(&g->zap, zl, socket, on_request, g);
	if (!ret)
		return 0;
	zmq_close(socket);
	return fault_set(f, ret, "cannot open the gate for clients: %s", strerror(-ret));
}

int gate_watch(struct gate *g, void *socket, enum gate_role role, struct fault *f)
{
	struct gate_monitor *m = calloc(1, sizeof(*m));
	void *pair = m ? zmq_socket(g->context, ZMQ_PAIR) : NULL;
	int endless = 0, ret = -ENOMEM;
	char endpoint[48];

	snprintf(endpoint, sizeof(endpoint), "inproc://gate-%u", g->monitor_count++);
	zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domains[role], strlen(domains[role]));
	/* A full queue would stop ZeroMQ's own thread, and all traffic with it. */
	if (pair && !zmq_setsockopt(pair, ZMQ_RCVHWM, &endless, sizeof(endless)) &&
		!zmq_socket_monitor(socket, endpoint, EVENTS)) {
		ret = zmq_connect(pair, endpoint) ? -zmq_errno() : 0;
		if (!ret)
			ret = zsock_init(&m->zsock, g->zloop, pair, on_event, m);
		if (ret)
			zmq_socket_monitor(socket, NULL, 0);
	}
	if (ret) {
		if (pair)
			zmq_close(pair);
		free(m);
		return fault_set(f, ret, "cannot watch a socket: %s", strerror(-ret));
	}
	m->gate = g;
	m->role = role;
	m->next = g->monitors;
	g->monitors = m;
	return 0;
}

/* Not while events are being read: then another's zsock might be the one that is read next. */
static void close_ended(struct gate *g)
{
	for (struct gate_monitor *m = g->monitors; m; m = m->next) {
		if (!m->ended || !m->zsock.socket)
			continue;
		m->zsock.on_closed = on_monitor_closed;
		zsock_close(&m->zsock, 0);
	}
}

/* Connections that end with the endpoint where they came in, say, are not told of. */
void gate_check(struct gate *g)
{
	for (uint32_t n = 0; n < CHECKED_AT_ONCE && n < g->conns.count; n++) {
		uint32_t fd = g->checked++ % g->conns.count;

		if (g->by_fd[fd].monitor && !conns_open(&g->conns, (int)fd))
			forget(g, fd);
	}
	close_ended(g);
}

static bool all_ended(const struct gate *g)
{
	for (const struct gate_monitor *m = g->monitors; m; m = m->next)
		if (m->zsock.socket && !m->ended)
			return false;
	return true;
}

/* ZeroMQ's threads speak to the monitors, and would wait for ever if nobody listened; and a connection that
 * has asked to be let in does not end before it has been heard. It gets its usual answer: by any refusal
 * its client would give up for good. */
bool gate_close(struct gate *g)
{
	int64_t end_ns = clock_mono_ns() + END_WAIT_NS;
	bool ended;

	while (!(ended = all_ended(g)) && clock_mono_ns() < end_ns) {
		if (g->zap.socket)
			zsock_drain(&g->zap);
		drain_monitors(g);
		usleep(1000);
	}
	for (struct gate_monitor *m = g->monitors; m; m = m->next) {
		if (m->zsock.socket && m->ended)
			zmq_close(m->zsock.socket);
		m->zsock.socket = NULL;
	}
	if (g->zap.socket && ended)
		zmq_close(g->zap.socket);
	g->zap.socket = NULL;
	return ended;
}

void gate_use_acl(struct gate *g, const struct acl *acl)
{
	g->acl = acl;
}
