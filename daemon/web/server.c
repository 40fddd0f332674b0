/* libwebsockets' callbacks, new connections, and one epoll descriptor that stands for all of ZeroMQ's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/server.h"

#include "daemon/core/clock.h"
#include "daemon/core/descriptors.h"
#include "daemon/core/log.h"
#include "daemon/web/browser.h"
#include "daemon/web/http.h"
#include "spiked/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUDGET       512 /* messages of a feed before connections get their turn */
#define RX_BUFFER    (64 << 10)
#define PING_S       15
#define HANG_UP_S    40
#define KEEP_ALIVE_S 5
#define HEADERS_MAX  8192
#define REST_US      (100 * LWS_US_PER_MS) /* of the listener, when there is no room */
#define SHOWN_MAX    400

/* What libwebsockets keeps for a connection. */
struct session {
	struct http http;
	struct browser *browser; /* of a WebSocket */
	uint32_t token;
};

static const lws_retry_bo_t keep_alive = {
	.secs_since_valid_ping = PING_S, .secs_since_valid_hangup = HANG_UP_S};

/* libwebsockets would go over to HTTP/2 as well, and each stream past what is counted here. */
static int check_switch(struct lws *wsi)
{
	char to[16];

	if (lws_hdr_copy(wsi, to, sizeof(to), WSI_TOKEN_UPGRADE) > 0 &&
		!strcasecmp(to, "websocket"))
		return 0;
	return http_refuse(
		wsi, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 and WebSocket only");
}

/* Refuses with a status, or 0. */
static int check_upgrade(struct server *s, struct session *session, struct lws *wsi)
{
	char path[32];
	bool by_url;
	int token;

	if (lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) <= 0 || strcmp(path, "/ws"))
		return http_refuse(wsi, HTTP_STATUS_NOT_FOUND, "the WebSocket is at /ws");
	token = access_token(&s->access, wsi, &by_url);
	if (token < 0 || !access_host_fits(&s->access, wsi) || !access_origin_fits(wsi)) {
		counter_add(&s->counters->web_denied, 1);
		return http_refuse(wsi,
			token < 0 ? HTTP_STATUS_UNAUTHORIZED : HTTP_STATUS_FORBIDDEN,
			token < 0 ? "a token is needed" : "not from here");
	}
	if (counter_get(&s->counters->web_browsers) >= s->browsers_max) {
		counter_add(&s->counters->web_refused, 1);
		return http_refuse(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, "too many connections");
	}
	session->token = (uint32_t)token;
	return 0;
}

static int begin_browser(struct server *s, struct session *session, struct lws *wsi)
{
	session->browser = browser_new(s, wsi, &s->feeds[session->token]);
	if (!session->browser)
		return -1;
	counter_set(&s->counters->web_browsers, counter_get(&s->counters->web_browsers) + 1);
	return 0;
}

static void end_browser(struct server *s, struct session *session)
{
	if (!session->browser)
		return;
	browser_free(session->browser);
	session->browser = NULL;
	counter_set(&s->counters->web_browsers, counter_get(&s->counters->web_browsers) - 1);
}

static int on_client(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size)
{
	struct session *session = user;
	struct server *s = lws_context_user(lws_get_context(wsi));

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return http_request(s, &session->http, wsi, in);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return http_writable(&session->http);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		if (session)
			http_end(&session->http);
		break;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return check_switch(wsi);
	case LWS_CALLBACK_RAW_ADOPT: /* the method CONNECT: bytes without end */
		return -1;
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return check_upgrade(s, session, wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return begin_browser(s, session, wsi);
	case LWS_CALLBACK_RECEIVE:
		return browser_receive(session->browser, in, size);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return browser_writable(session->browser);
	case LWS_CALLBACK_TIMER:
		if (session && session->browser)
			browser_gathered(session->browser);
		break;
	case LWS_CALLBACK_CLOSED:
		end_browser(s, session);
		break;
	case LWS_CALLBACK_WSI_DESTROY: /* the one of epoll goes last */
		s->connections -= s->connections > 0;
		break;
	default:
		break;
	}
	return 0;
}

/* Whatever has woken us, server_run looks everywhere. This is no subprotocol, although a client can ask
 * for it by its name. */
static int on_epoll(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size)
{
	(void)wsi, (void)user, (void)in, (void)size;
	return reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION ? -1 : 0;
}

static const struct lws_protocols protocols[] = {
	{"spiked", on_client, sizeof(struct session), RX_BUFFER, 0, NULL, 0},
	{"epoll", on_epoll, 0, 0, 0, NULL, 0},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

/* At most once a second: strangers can have as many said as they like. */
static void emit(int level, const char *line)
{
	static int64_t told_ns;
	size_t n = strcspn(line, "\n");
	int64_t now_ns = clock_mono_ns();

	if (told_ns && now_ns - told_ns < NS_PER_S)
		return;
	told_ns = now_ns;
	log_line(level & LLL_ERR ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "web: %.*s",
		(int)(n < SHOWN_MAX ? n : SHOWN_MAX), line);
}

/* libwebsockets closes what it watches, so it gets a descriptor of its own. */
static int watch_epoll(struct server *s)
{
	lws_sock_file_fd_type fd = {.filefd = dup(s->site.epoll)};

	if (fd.filefd < 0)
		return -errno;
	if (lws_adopt_descriptor_vhost(
		    s->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, protocols[1].name, NULL))
		return 0;
	close(fd.filefd);
	return -ENOMEM;
}

static int watch_listener(struct server *s, int how, uint32_t events)
{
	struct epoll_event event = {.events = events};

	return epoll_ctl(s->site.epoll, how, s->listener, &event) ? -errno : 0;
}

int server_init(struct server *s)
{
	uint32_t room = descriptors_web();
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.gid = -1,
		.uid = -1,
		.user = s,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | LWS_SERVER_OPTION_VALIDATE_UTF8,
		.vhost_name = "spiked",
		.server_string = "spiked/" SPIKED_VERSION,
		.max_http_header_data = HEADERS_MAX,
		.max_http_header_pool =
			(unsigned short)room, /* who is let in never waits for others */
		.keepalive_timeout = KEEP_ALIVE_S,
		.retry_and_idle_policy = &keep_alive,
	};
	int ret;

	s->connections_max = room;
	if (s->browsers_max > room / 2)
		s->browsers_max = room / 2;
	lws_set_log_level(LLL_ERR | LLL_WARN, emit);
	s->site.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->site.epoll < 0)
		return -errno;
	s->lws = lws_create_context(&info);
	s->vhost = s->lws ? lws_create_vhost(s->lws, &info) : NULL;
	if (!s->vhost)
		return -ENOMEM;
	ret = watch_epoll(s);
	if (!ret)
		ret = watch_listener(s, EPOLL_CTL_ADD, EPOLLIN);
	for (uint32_t i = 0; !ret && i < s->feed_count; i++)
		ret = feed_open(
			&s->feeds[i], &s->site, s->access.tokens ? &s->access.tokens[i] : NULL);
	return ret;
}

void server_fini(struct server *s)
{
	if (s->lws) {
		lws_sul_cancel(&s->rest);
		lws_context_destroy(s->lws);
	}
	for (uint32_t i = 0; i < s->feed_count; i++)
		feed_close(&s->feeds[i]);
	if (s->site.epoll >= 0)
		close(s->site.epoll);
	free(s->feeds);
	s->lws = NULL;
	s->feeds = NULL;
	s->feed_count = 0;
	s->site.epoll = -1;
}

static void on_rested(lws_sorted_usec_list_t *rest)
{
	watch_listener(lws_container_of(rest, struct server, rest), EPOLL_CTL_MOD, EPOLLIN);
}

/* Who finds no room, or no descriptor left, waits in the listener's queue. That queue would keep this
 * thread awake, so it is looked at again only after a while. */
static void take_connections(struct server *s)
{
	uint32_t before;
	int fd;

	while ((before = s->connections) < s->connections_max) {
		fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
			return;
		if (fd < 0)
			break;
		s->connections++;
		if (!lws_adopt_socket_vhost(s->vhost, fd)) {
			s->connections = before;
			log_debug("web: a connection could not be taken");
		}
	}
	if (!watch_listener(s, EPOLL_CTL_MOD, 0))
		lws_sul_schedule(s->lws, 0, &s->rest, on_rested, REST_US);
}

/* True if there may be more. */
static bool take_messages(struct server *s, struct feed *f)
{
	for (int n = 0; n < BUDGET; n++) {
		const char *topic;
		size_t size;
		struct packet *m = feed_receive(f, &topic, &size);

		if (!m)
			return false;
		for (struct browser *b = s->browsers; b; b = browser_next(b))
			browser_offer(b, f, m, topic, size);
		packet_drop(m);
	}
	return true;
}

static void take_answers(struct server *s)
{
	struct ask *ask;

	while ((ask = ask_queue_take(s->answers)))
		http_answer(s, ask);
}

void server_run(struct server *s)
{
	while (!atomic_load(&s->stopping)) {
		bool more = false;

		take_connections(s);
		take_answers(s);
		for (uint32_t i = 0; i < s->feed_count; i++) {
			feed_settle(s->feeds[i].pusher);
			more |= take_messages(s, &s->feeds[i]);
		}
		for (struct browser *b = s->browsers; b; b = browser_next(b))
			browser_go_on(b);
		lws_service(s->lws, more ? -1 : 0);
	}
}

void server_wake(struct server *s)
{
	lws_cancel_service(s->lws);
}

void server_ask(struct server *s, struct ask *ask)
{
	ask_queue_put(s->questions, ask);
	uv_async_send(s->wake_cold);
}
