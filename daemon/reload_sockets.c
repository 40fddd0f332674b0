/* The sockets of a reload: those of the old and of the new configuration that are the same stay open.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload_sockets.h"

#include "daemon/conf/conf_compare.h"
#include "daemon/conf/endpoint.h"
#include "daemon/core/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_LINGER_MS 1000 /* for the answer to whoever asked, when its endpoint goes */

/* Marks each old entry that stays in `stays`. */
static void match_ingest(struct socket_plan *p, bool *stays)
{
	for (uint32_t i = 0; i < p->is->ingests; i++) {
		uint32_t k = 0;

		while (k < p->was->ingests &&
			(stays[k] || !conf_same_socket(&p->was->ingest[k], &p->is->ingest[i])))
			k++;
		if (k < p->was->ingests) {
			stays[k] = true;
			p->list->items[i] = p->before->items[k];
		} else {
			p->from[p->opens++] = i;
		}
	}
	for (uint32_t k = 0; k < p->was->ingests; k++)
		if (!stays[k])
			p->close[p->closes++] = p->before->items[k];
}

static void match_publish(struct socket_plan *p, struct listener *old, bool *stays)
{
	for (uint32_t i = 0; i < p->is->publishes; i++) {
		uint32_t k = 0;

		while (k < p->was->publishes &&
			(stays[k] || strcmp(p->was->publish[k], p->is->publish[i]) != 0))
			k++;
		if (k < p->was->publishes) {
			stays[k] = true;
			p->listeners[i] = old[k];
		} else {
			p->listen[p->listens++] = &p->listeners[i];
		}
		p->listeners[i].endpoint = p->is->publish[i];
	}
	for (uint32_t k = 0; k < p->was->publishes; k++)
		if (!stays[k])
			p->unlisten[p->unlistens++] = &old[k];
}

static enum control_plan match_control(const struct conf *was, const struct conf *is)
{
	if (!was->control)
		return is->control ? CONTROL_OPENS : CONTROL_STAYS;
	if (!is->control)
		return CONTROL_CLOSES;
	return strcmp(was->control, is->control) ? CONTROL_MOVES : CONTROL_STAYS;
}

int socket_plan_init(struct socket_plan *p, const struct sockets *sockets,
	struct source_list *before, const struct conf *was, const struct conf *is)
{
	size_t most = 1 + (was->ingests > was->publishes ? was->ingests : was->publishes);
	bool *stays = calloc(2 * most, sizeof(*stays));

	*p = (struct socket_plan){.was = was, .is = is, .before = before};
	p->list = source_list_new(is->ingests);
	p->open = calloc((size_t)is->ingests + 1, sizeof(*p->open));
	p->from = calloc((size_t)is->ingests + 1, sizeof(*p->from));
	p->close = calloc((size_t)was->ingests + 1, sizeof(*p->close));
	p->listeners = calloc((size_t)is->publishes + 1, sizeof(*p->listeners));
	p->listen = calloc((size_t)is->publishes + 1, sizeof(*p->listen));
	p->unlisten = calloc((size_t)was->publishes + 1, sizeof(*p->unlisten));
	if (!stays || !p->list || !p->open || !p->from || !p->close || !p->listeners ||
		!p->listen || !p->unlisten) {
		free(stays);
		return -ENOMEM;
	}
	match_ingest(p, stays);
	match_publish(p, sockets->listeners, stays + most);
	p->control = match_control(was, is);
	p->control_at = sockets->control_at;
	p->control_at.endpoint = is->control;
	free(stays);
	return 0;
}

void socket_plan_fini(struct socket_plan *p)
{
	free(p->list);
	free(p->open);
	free(p->from);
	free(p->close);
	free(p->listeners);
	free(p->listen);
	free(p->unlisten);
	*p = (struct socket_plan){0};
}

/* True if the daemon itself is at the endpoint until the reload is done. */
static bool is_own(const struct conf *was, const char *text)
{
	struct endpoint wanted, own;
	bool found = false;

	if (endpoint_parse(text, ENDPOINT_BIND, &wanted, NULL))
		return false;
	for (uint32_t i = 0; i < was->ingests && !found; i++)
		found = !was->ingest[i].connect &&
			!endpoint_parse(was->ingest[i].endpoint, ENDPOINT_BIND, &own, NULL) &&
			endpoint_clash(&wanted, &own);
	for (uint32_t i = 0; i < was->publishes && !found; i++)
		found = !endpoint_parse(was->publish[i], ENDPOINT_BIND, &own, NULL) &&
			endpoint_clash(&wanted, &own);
	if (was->control && !found)
		found = !endpoint_parse(was->control, ENDPOINT_BIND, &own, NULL) &&
			endpoint_clash(&wanted, &own);
	return found;
}

static int explain(
	struct socket_plan *p, int error, const char *key, const char *endpoint, struct fault *f)
{
	p->failed = endpoint;
	if (error == -EADDRINUSE && is_own(p->was, endpoint))
		return fault_set(f, -EBUSY,
			"%s: cannot listen on %s while spiked itself still listens there for "
			"something else: choose another port, or restart",
			key, endpoint);
	return sockets_fault(error, false, key, endpoint, p->is, f);
}

int socket_plan_fault(struct socket_plan *p, int error, const struct listener *at, struct fault *f)
{
	return explain(p, error, "publish", at->endpoint, f);
}

static int open_source(
	struct socket_plan *p, const struct sockets *sockets, uint32_t k, struct fault *f)
{
	const struct conf_ingest *in = &p->is->ingest[p->from[k]];
	void *socket = sockets_ingest(sockets, p->is, p->from[k], f);

	if (!socket && !in->connect && f->code == -EADDRINUSE)
		return explain(p, f->code, "ingest", in->endpoint, f);
	if (!socket)
		return f->code;
	p->open[k] = source_new(socket, in);
	if (!p->open[k])
		return fault_set(f, -ENOMEM, "not enough memory for the sockets");
	p->list->items[p->from[k]] = p->open[k];
	zsock_change_thread();
	return 0;
}

static int open_control(struct socket_plan *p, const struct sockets *sockets,
	struct control *control, struct fault *f)
{
	void *socket = control->zsock.socket;
	int ret;

	if (p->control != CONTROL_OPENS && p->control != CONTROL_MOVES)
		return 0;
	if (p->control == CONTROL_OPENS)
		socket = p->router = sockets_control(sockets, p->is, f);
	if (!socket)
		return f->code;
	ret = zsock_listen(socket, &p->control_at);
	if (!ret)
		return 0;
	p->control_at.bound[0] = '\0';
	return explain(p, ret, "control", p->is->control, f);
}

int socket_plan_open(struct socket_plan *p, const struct sockets *sockets, struct control *control,
	struct fault *f)
{
	int ret = 0;

	p->control_at.bound[0] = '\0';
	for (uint32_t k = 0; !ret && k < p->opens; k++)
		ret = open_source(p, sockets, k, f);
	if (!ret)
		ret = open_control(p, sockets, control, f);
	if (ret)
		socket_plan_close(p, control);
	return ret;
}

static void free_new(struct socket_plan *p)
{
	for (uint32_t k = 0; k < p->opens; k++) {
		source_free(p->open[k]);
		p->open[k] = p->list->items[p->from[k]] = NULL;
	}
	if (p->router)
		zmq_close(p->router);
	p->router = NULL;
}

static void free_old(struct socket_plan *p)
{
	for (uint32_t k = 0; k < p->closes; k++)
		source_free(p->close[k]);
	free(p->before);
	p->list = NULL; /* the hot loop's */
}

void socket_plan_close(struct socket_plan *p, struct control *control)
{
	free_new(p);
	if (p->control == CONTROL_MOVES && p->control_at.bound[0])
		zsock_unlisten(control->zsock.socket, &p->control_at, 0);
}

void socket_plan_drop(struct socket_plan *p, bool turned_over)
{
	if (turned_over) {
		free_old(p);
		p->opens = 0;
	}
	free_new(p);
}

void socket_plan_settle(
	struct socket_plan *p, struct sockets *sockets, struct control *control, struct zloop *zl)
{
	free_old(p);
	free(sockets->listeners);
	sockets->listeners = p->listeners;
	p->listeners = NULL;
	if (p->control == CONTROL_MOVES)
		zsock_unlisten(control->zsock.socket, &sockets->control_at, ANSWER_LINGER_MS);
	else if (p->control == CONTROL_CLOSES)
		control_close(control, ANSWER_LINGER_MS);
	else if (p->control == CONTROL_OPENS && control_init(control, zl, p->router))
		log_error("control: its socket could not be polled; restart spiked");
	else
		p->router = NULL;
	if (p->control != CONTROL_STAYS)
		sockets->control_at = p->control_at;
	sockets->control_at.endpoint = p->is->control;
}

struct texts {
	char **items;
	size_t count;
};

static void add_text(struct texts *t, const char *text, const char *except)
{
	if (t->items && (!except || strcmp(text, except)))
		t->items[t->count] = strdup(text);
	if (t->items && t->items[t->count])
		t->count++;
}

char **socket_plan_opens(const struct socket_plan *p)
{
	struct texts t = {.items = calloc((size_t)p->opens + p->listens + 2, sizeof(*t.items))};

	for (uint32_t k = 0; k < p->opens; k++)
		if (!p->is->ingest[p->from[k]].connect)
			add_text(&t, p->is->ingest[p->from[k]].endpoint, p->failed);
	for (uint32_t k = 0; k < p->listens; k++)
		add_text(&t, p->listen[k]->endpoint, p->failed);
	if (p->control == CONTROL_OPENS || p->control == CONTROL_MOVES)
		add_text(&t, p->is->control, p->failed);
	return t.items;
}

char **socket_plan_closes(const struct socket_plan *p)
{
	struct texts t = {.items = calloc((size_t)p->closes + p->unlistens + 2, sizeof(*t.items))};

	for (uint32_t k = 0; k < p->closes; k++)
		if (!p->close[k]->conf->connect)
			add_text(&t, p->close[k]->conf->endpoint, NULL);
	for (uint32_t k = 0; k < p->unlistens; k++)
		add_text(&t, p->unlisten[k]->endpoint, NULL);
	if (p->control == CONTROL_CLOSES || p->control == CONTROL_MOVES)
		add_text(&t, p->was->control, NULL);
	return t.items;
}
