/* A reload as the hot loop carries it out, between two ticks and all at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/turnover.h"

#include "daemon/flow/stream_change.h"

#define META_AT_ONCE 64   /* the others' meta messages follow within a second */
#define LINGER_MS    1000 /* for subscribers of an endpoint that goes to take what is queued */

static void on_closed(void *arg)
{
	struct turnover *c = arg;

	if (!--c->closing)
		c->on_closed(c->arg);
}

static void close_source(struct turnover *c, struct source *source)
{
	c->closing++;
	ingest_close_source(source, on_closed, c);
}

int turnover_prepare(struct turnover *c, const struct turnover_site *at)
{
	int ret = 0;

	for (c->listening = 0; c->listening < c->listens; c->listening++) {
		ret = zsock_listen(at->publisher->socket, c->listen[c->listening]);
		if (ret)
			break;
	}
	for (c->opened = 0; !ret && c->opened < c->opens; c->opened++) {
		ret = ingest_open(at->ingest, at->zloop, c->open[c->opened]);
		if (ret)
			break;
	}
	if (ret)
		turnover_undo(c, at);
	return ret;
}

void turnover_undo(struct turnover *c, const struct turnover_site *at)
{
	for (uint32_t i = 0; i < c->listening; i++)
		publisher_unlisten(at->publisher, c->listen[i], 0);
	for (uint32_t i = 0; i < c->opened; i++)
		close_source(c, c->open[i]);
}

static void change_sockets(struct turnover *c, const struct turnover_site *at)
{
	float *scratch = at->ingest->scratch;

	for (uint32_t i = 0; i < c->sources->count; i++)
		c->sources->items[i]->conf = &c->conf->ingest[i];
	c->sources = ingest_use(at->ingest, c->sources);
	for (uint32_t i = 0; i < c->closes; i++)
		close_source(c, c->close[i]);
	for (uint32_t i = 0; i < c->unlistens; i++)
		publisher_unlisten(at->publisher, c->unlisten[i], LINGER_MS);
	at->ingest->max_row_bytes = c->conf->max_row_bytes;
	if (!c->scratch)
		return;
	at->ingest->scratch = c->scratch;
	c->scratch = scratch;
}

static void turn(struct stream_turn *t)
{
	if (t->check)
		t->keep &= pipeline_state_fits(t->draft->program, t->stream->state);
	stream_change(t->stream, t->draft, t->keep);
}

void turnover_make(struct turnover *c, const struct turnover_site *at)
{
	for (uint32_t i = 0; i < c->turn_count; i++)
		turn(&c->turns[i]);
	at->engine->conf = engine_conf_of(c->conf);
	c->set = engine_swap(at->engine, c->set);
	publisher_use_acl(at->publisher, c->acl);
	ingest_use_acl(at->ingest, c->acl);
	change_sockets(c, at);
	for (uint32_t i = 0; i < c->turn_count && i < META_AT_ONCE; i++)
		publisher_changed(at->publisher, c->turns[i].stream);
}
