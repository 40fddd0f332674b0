/* The cold side: the port, the thread, and the texts that only this loop can make.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/web.h"

#include "daemon/core/clock.h"
#include "daemon/core/log.h"
#include "daemon/web/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG     256
#define STACK_BYTES (512 << 10) /* all of it is locked into memory with realtime.lock_memory */

/* hot.beats goes up ten times a second. */
#define STUCK_NS (2 * NS_PER_S)

struct web {
	struct web_site site;
	int listener;
	char address[300];
	char host[256];
	uv_async_t wake;
	struct ask_queue questions, answers;
	struct server server;
	struct conf_token *tokens;
	uint32_t token_count;
	pthread_t thread;
	bool started;
	uint64_t beats; /* the ticking loop's, and when they went up last */
	int64_t beaten_ns;
};

static struct ask *make_health(struct web *w, struct ask *ask)
{
	const struct daemon_counters *c = &w->site.metrics.hot->counters;
	const struct registry *r = w->site.metrics.registry;
	int64_t now_ns = clock_mono_ns();
	int n;

	ask->well = now_ns - w->beaten_ns < STUCK_NS;
	n = asprintf(&ask->text,
		"{\"status\":\"%s\",\"version\":\"" SPIKED_VERSION
		"\",\"uptime_s\":%.3f,\"streams\":%u,\"late_ticks\":%llu,\"skipped_ticks\":%llu}\n",
		ask->well ? "ok" : "stuck",
		(double)(now_ns - w->site.metrics.started_ns) / (double)NS_PER_S, r->count,
		(unsigned long long)counter_get(&c->late_ticks),
		(unsigned long long)counter_get(&c->skipped_ticks));
	if (n < 0)
		ask->text = NULL;
	else
		ask->size = (size_t)n;
	return ask;
}

/* One in a turn of the loop, which has other things to do. */
static void on_wake(uv_async_t *wake)
{
	struct web *w = wake->data;
	struct ask *ask = ask_queue_take(&w->questions);

	if (!ask)
		return;
	switch (ask->what) {
	case ASK_METRICS:
		ask->text = metrics_text(&w->site.metrics, &ask->size);
		ask->well = ask->text;
		break;
	case ASK_HEALTH:
		make_health(w, ask);
		break;
	}
	ask_queue_put(&w->answers, ask);
	server_wake(&w->server);
	uv_async_send(wake);
}

void web_second(struct web *w)
{
	uint64_t beats;

	if (!w)
		return;
	beats = counter_get(&w->site.metrics.hot->beats);
	if (beats != w->beats)
		w->beaten_ns = clock_mono_ns();
	w->beats = beats;
}

/* 0 or negative errno. */
static int listen_at(const struct addrinfo *at)
{
	int on = 1, fd, ret;

	fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, at->ai_addr, at->ai_addrlen) && !listen(fd, BACKLOG))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int open_listener(struct web *w, const struct conf *conf, struct fault *f)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	const struct conf_web *cw = &conf->web;
	struct addrinfo *at = NULL;
	char port[8];
	int ret;

	snprintf(port, sizeof(port), "%d", cw->port);
	ret = getaddrinfo(cw->everywhere ? NULL : cw->host, port, &hints, &at);
	if (ret)
		return fault_set(f, -EADDRNOTAVAIL, "web: %s: %s; the key is `web` in %s", cw->host,
			gai_strerror(ret), conf->path);
	w->listener = listen_at(at);
	freeaddrinfo(at);
	if (w->listener < 0)
		return fault_set(f, w->listener,
			"web: cannot listen on %s:%d: %s; choose another port or stop what listens "
			"there; the key is `web` in %s",
			cw->host, cw->port, strerror(-w->listener), conf->path);
	return 0;
}

static void name_address(struct web *w)
{
	struct sockaddr_storage at;
	socklen_t size = sizeof(at);
	char host[200] = "?", port[16] = "?";

	if (!getsockname(w->listener, (struct sockaddr *)&at, &size))
		getnameinfo((struct sockaddr *)&at, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(w->address, sizeof(w->address), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
		port);
}

int web_open(
	struct web **web, const struct web_site *site, const struct conf *conf, struct fault *f)
{
	struct web *w;
	int ret;

	*web = NULL;
	if (!conf->web.host)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return fault_set(f, -ENOMEM, "web: not enough memory");
	w->site = *site;
	w->server.site.epoll = -1;
	ret = open_listener(w, conf, f);
	if (ret) {
		free(w);
		return ret;
	}
	name_address(w);
	gethostname(w->host, sizeof(w->host) - 1);
	ask_queue_init(&w->questions);
	ask_queue_init(&w->answers);
	uv_async_init(site->loop, &w->wake, on_wake);
	w->wake.data = w;
	w->beaten_ns = clock_mono_ns();
	*web = w;
	return 0;
}

/* An address that listens everywhere is reached at loopback. */
static char *reach(const char *endpoint)
{
	static const char *const everywhere[][2] = {{"tcp://0.0.0.0:", "tcp://127.0.0.1:"},
		{"tcp://*:", "tcp://127.0.0.1:"}, {"tcp://[::]:", "tcp://[::1]:"}};
	char text[300];

	if (!endpoint || !*endpoint)
		return NULL;
	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(everywhere[i][0]);

		if (strncmp(endpoint, everywhere[i][0], n))
			continue;
		snprintf(text, sizeof(text), "%s%s", everywhere[i][1], endpoint + n);
		return strdup(text);
	}
	return strdup(endpoint);
}

static void drop_tokens(struct web *w)
{
	conf_tokens_free(w->tokens, w->token_count);
	w->tokens = NULL;
	w->token_count = 0;
}

static void take_tokens(struct web *w, struct conf *conf)
{
	w->tokens = conf->web.tokens;
	w->token_count = conf->web.token_count;
	conf->web.tokens = NULL;
	conf->web.token_count = 0;
}

static void free_server(struct web *w)
{
	struct feed_site *site = &w->server.site;

	server_fini(&w->server);
	free(site->ingest);
	free(site->publish);
	free(site->control);
	*site = (struct feed_site){.epoll = -1};
	drop_tokens(w);
}

static int fill_server(struct web *w, const struct conf *conf, const struct web_endpoints *at)
{
	struct server *s = &w->server;

	*s = (struct server){
		.listener = w->listener,
		.site = {.context = w->site.context,
			.ingest = reach(at->ingest),
			.publish = reach(at->publish),
			.control = reach(at->control),
			.epoll = -1,
			.receive_queue = conf->send_queue},
		.access = {.tokens = conf->security.wanted ? w->tokens : NULL,
			.token_count = w->token_count},
		.feed_count = conf->security.wanted ? w->token_count : 1,
		.browsers_max = (conf->limits.connections + 1) / 2, /* each is a client */
		.subscriptions_max = conf->limits.subscriptions,
		.text_max = 2 * conf->limits.control_bytes,
		.row_max = 2 * conf->max_row_bytes,
		.request_max = conf->limits.control_bytes,
		.request_depth = conf->limits.control_depth,
		.counters = w->site.counters,
		.questions = &w->questions,
		.answers = &w->answers,
		.wake_cold = &w->wake,
	};
	memcpy(s->site.server_key, conf->security.own_public, sizeof(s->site.server_key));
	memcpy(s->access.host, w->host, sizeof(s->access.host));
	s->feeds = calloc(s->feed_count, sizeof(*s->feeds));
	return s->feeds ? server_init(s) : -ENOMEM;
}

static void *run(void *arg)
{
	server_run(arg);
	return NULL;
}

/* Signals are the cold loop's. */
static int start_thread(struct web *w)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = -pthread_create(&w->thread, &attr, run, &w->server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!ret)
		pthread_setname_np(w->thread, "web");
	return ret;
}

int web_start(struct web *w, struct conf *conf, const struct web_endpoints *at)
{
	int ret;

	take_tokens(w, conf);
	ret = fill_server(w, conf, at);
	zsock_change_thread();
	if (!ret)
		ret = start_thread(w);
	if (ret)
		free_server(w);
	w->started = !ret;
	return ret;
}

void web_stop(struct web *w)
{
	struct ask *ask;

	if (!w || !w->started)
		return;
	atomic_store(&w->server.stopping, true);
	server_wake(&w->server);
	pthread_join(w->thread, NULL);
	zsock_change_thread();
	w->started = false;
	free_server(w);
	while ((ask = ask_queue_take(&w->questions)) || (ask = ask_queue_take(&w->answers)))
		ask_free(ask);
}

const char *web_address(const struct web *w)
{
	return w->address;
}

void web_close(struct web *w)
{
	if (!w)
		return;
	close(w->listener);
	ask_queue_fini(&w->questions);
	ask_queue_fini(&w->answers);
	free(w);
}
