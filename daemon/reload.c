/* Reading the configuration again, and putting all of it in force or nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload.h"

#include "daemon/conf/conf_compare.h"
#include "daemon/control/merge.h"
#include "daemon/core/clock.h"
#include "daemon/core/log.h"
#include "daemon/reload_report.h"
#include "daemon/reload_sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ZeroMQ leaves a port some time after it was told to: one that the last reload has closed may still be
 * taken. */
#define CLOSING_NS (2 * NS_PER_S)
#define RETRY_MS   20

enum phase {
	PHASE_OPEN,      /* nothing is open; about to */
	PHASE_PREPARE,   /* the hot loop opens its share */
	PHASE_READY,     /* all is; about to order the turnover */
	PHASE_TURN_OVER, /* the hot loop is about to */
};

struct attempt {
	enum phase phase;
	struct call *caller; /* NULL = a signal */
	struct conf *conf;   /* the new one; from the turnover on the old one */
	struct merge merge;
	struct socket_plan sockets;
	struct turnover turnover;
	struct acl *acl;     /* the new list of clients; from the turnover on the old one */
	bool keys[TOP_KEYS]; /* that say something else */
	json_t *report;
};

/* Goes on in that phase a little later. */
static void come_back(struct reload *r, enum phase phase);

static void attempt_free(struct attempt *a)
{
	merge_fini(&a->merge);
	socket_plan_fini(&a->sockets);
	free(a->turnover.scratch);
	acl_free(a->acl);
	conf_free(a->conf);
	json_decref(a->report);
	free(a);
}

static void end(struct reload *r, bool changed)
{
	struct attempt *a = r->attempt;

	r->registry->frozen = false;
	r->attempt = NULL;
	attempt_free(a);
	if (r->ended)
		r->ended(r->arg, changed);
}

/* Answers, and forgets the attempt; nothing of it is open. */
static void refuse(struct reload *r, const struct conf_faults *faults)
{
	struct attempt *a = r->attempt;
	const char *path = (*r->conf)->path;
	char text[REPORT_TEXT_MAX];

	report_faults(path, faults);
	log_error("reload: nothing was changed; spiked goes on as it was");
	if (a->caller)
		call_refuse(r->control, a->caller, CONTROL_REFUSED, report_fault_list(faults),
			report_text(faults, path, text));
	end(r, false);
}

/* For what has no place in the file. */
static void refuse_with(struct reload *r, const char *text)
{
	struct conf_faults faults = {0};

	faults_error(&faults, place_whole(), "%s", text);
	refuse(r, &faults);
	conf_faults_fini(&faults);
}

static void free_texts(char **texts)
{
	for (char **at = texts; at && *at; at++)
		free(*at);
	free(texts);
}

static void note_closed(struct reload *r, char **endpoints)
{
	if (!endpoints || !endpoints[0]) {
		free(endpoints);
		return;
	}
	free_texts(r->closed);
	r->closed = endpoints;
	r->closed_ns = clock_mono_ns();
}

static bool is_closing(const struct reload *r, const char *endpoint)
{
	bool found = false;

	for (char **at = r->closed; endpoint && at && *at && !found; at++)
		found = !strcmp(*at, endpoint);
	return found && clock_mono_ns() - r->closed_ns < CLOSING_NS;
}

/* Nothing of the attempt is open any more. */
static void open_failed(struct reload *r, const struct fault *f)
{
	if (f->code == -EADDRINUSE && is_closing(r, r->attempt->sockets.failed)) {
		come_back(r, PHASE_OPEN);
		return;
	}
	note_closed(r, socket_plan_opens(&r->attempt->sockets));
	refuse_with(r, f->text);
}

static void fill_turnover(struct attempt *a)
{
	a->turnover = (struct turnover){
		.conf = a->conf,
		.listen = a->sockets.listen,
		.listens = a->sockets.listens,
		.open = a->sockets.open,
		.opens = a->sockets.opens,
		.set = a->merge.set,
		.turns = a->merge.turns,
		.turn_count = a->merge.turn_count,
		.sources = a->sockets.list,
		.acl = a->acl,
		.scratch = a->turnover.scratch,
		.unlisten = a->sockets.unlisten,
		.unlistens = a->sockets.unlistens,
		.close = a->sockets.close,
		.closes = a->sockets.closes,
	};
}

static int order(struct reload *r, enum order_kind kind)
{
	return mailbox_order(
		r->mailbox, &(struct order){.kind = kind, .object = &r->attempt->turnover});
}

/* From here on there is no way back, and none is needed. */
static void turn_over(struct reload *r)
{
	struct attempt *a = r->attempt;
	struct conf *was = *r->conf;

	if (order(r, ORDER_TURN_OVER)) {
		come_back(r, PHASE_READY);
		return;
	}
	a->phase = PHASE_TURN_OVER;
	a->merge.set = NULL; /* the hot loop's; the old one comes back */
	merge_commit(&a->merge, r->registry);
	r->registry->frozen = false;
	*r->conf = a->conf;
	a->conf = was;
}

static void open_sockets(struct reload *r)
{
	struct attempt *a = r->attempt;
	struct fault f = {0};

	if (socket_plan_open(&a->sockets, r->sockets, r->control, &f)) {
		open_failed(r, &f);
		return;
	}
	fill_turnover(a);
	if (!a->sockets.listens && !a->sockets.opens) {
		turn_over(r);
		return;
	}
	if (order(r, ORDER_PREPARE)) {
		socket_plan_close(&a->sockets, r->control);
		come_back(r, PHASE_OPEN);
		return;
	}
	a->phase = PHASE_PREPARE;
}

static void on_prepared(struct reload *r, int result)
{
	struct attempt *a = r->attempt;
	struct fault f = {0};

	if (!result) {
		turn_over(r);
		return;
	}
	if (a->turnover.listening < a->turnover.listens)
		socket_plan_fault(
			&a->sockets, result, a->turnover.listen[a->turnover.listening], &f);
	else
		fault_set(&f, result, "a socket cannot be polled: %s", strerror(-result));
	socket_plan_close(&a->sockets, r->control);
	open_failed(r, &f);
}

static void on_turned_over(struct reload *r)
{
	struct attempt *a = r->attempt;
	struct acl *acl = a->acl;

	a->acl = r->security->acl;
	security_use(r->security, acl);
	conf_forget_secret(*r->conf);
	a->merge.set = a->turnover.set;
	merge_settle(&a->merge, r->registry);
	a->report = report_changes(&a->merge, &a->sockets, a->keys);
	keeper_change(r->keeper, &(*r->conf)->state);
	report_log((*r->conf)->path, a->report);
	if (a->caller)
		call_result(r->control, a->caller, json_incref(a->report));
	r->sources = a->sockets.list;
	note_closed(r, socket_plan_closes(&a->sockets));
	socket_plan_settle(&a->sockets, r->sockets, r->control, r->zloop);
	end(r, true);
}

static bool in_time(const struct reload *r)
{
	return !r->attempt && r->wanted && !r->stopping && !registry_leaves_any(r->registry);
}

/* Raising what a sensor may send at all would take new connections. */
static void check_limit(const struct conf *was, const struct conf *is, struct conf_faults *faults)
{
	if (sockets_frame_limit(was) != sockets_frame_limit(is))
		faults_error(faults, place_whole(),
			"max_row_bytes needs a restart to go beyond %lld MiB, or back: sockets have "
			"their limit when they are made",
			(long long)(SOCKETS_FRAME_LIMIT_LEAST / 2) >> 20);
}

static bool read_file(struct attempt *a, const struct conf *running, struct conf_faults *faults)
{
	if (!strcmp(running->path, "-")) {
		faults_error(faults, place_whole(),
			"the configuration came from standard input and cannot be read again");
		return false;
	}
	a->conf = conf_reload(running->path, running, faults);
	if (a->conf)
		check_limit(running, a->conf, faults);
	return !faults->errors;
}

/* What is to be turned over, whole. False with faults. */
static bool build(struct reload *r, struct conf_faults *faults)
{
	struct attempt *a = r->attempt;
	const struct conf *running = *r->conf;
	bool scratch;

	if (!read_file(a, running, faults) || merge_init(&a->merge, r->registry, a->conf, faults))
		return false;
	a->acl = security_build(r->security, a->conf);
	if (a->conf->security.wanted && !a->acl) {
		faults_error(faults, place_whole(), "not enough memory");
		return false;
	}
	for (enum top_key k = 0; k < TOP_KEYS; k++)
		a->keys[k] = !conf_same_key(running, a->conf, k);
	scratch = a->keys[TOP_MAX_ROW_BYTES];
	if (scratch)
		a->turnover.scratch =
			calloc(rows_scratch_floats(a->conf->max_row_bytes), sizeof(float));
	if ((scratch && !a->turnover.scratch) ||
		socket_plan_init(&a->sockets, r->sockets, r->sources, running, a->conf)) {
		faults_error(faults, place_whole(), "not enough memory");
		return false;
	}
	return true;
}

static void start(struct reload *r)
{
	struct conf_faults faults = {0};

	r->wanted = false;
	r->attempt = calloc(1, sizeof(*r->attempt));
	if (!r->attempt) {
		log_error("reload: not enough memory");
		if (r->caller)
			call_error(
				r->control, r->caller, CONTROL_INTERNAL, NULL, "not enough memory");
		r->caller = NULL;
		return;
	}
	r->attempt->caller = r->caller;
	r->caller = NULL;
	r->registry->frozen = true;
	if (r->began)
		r->began(r->arg);
	if (build(r, &faults)) {
		report_faults((*r->conf)->path, &faults); /* warnings */
		open_sockets(r);
	} else {
		refuse(r, &faults);
	}
	conf_faults_fini(&faults);
}

static void on_retry(uv_timer_t *timer)
{
	struct reload *r = timer->data;

	if (r->attempt->phase == PHASE_OPEN)
		open_sockets(r);
	else
		turn_over(r);
}

static void come_back(struct reload *r, enum phase phase)
{
	r->attempt->phase = phase;
	uv_timer_start(&r->retry, on_retry, RETRY_MS, 0);
}

void reload_init(struct reload *r, uv_loop_t *loop, struct source_list *sources)
{
	r->sources = sources;
	uv_timer_init(loop, &r->retry);
	r->retry.data = r;
}

void reload_poll(struct reload *r)
{
	if (in_time(r))
		start(r);
}

void reload_on_signal(struct reload *r)
{
	log_info("SIGHUP: reading %s again", (*r->conf)->path);
	r->wanted = true;
	reload_poll(r);
}

void reload_on_call(void *reload, struct call *call)
{
	struct reload *r = reload;

	if (r->attempt || r->caller) {
		call_error(
			r->control, call, CONTROL_BUSY, NULL, "a reload is under way; try again");
		return;
	}
	r->caller = call;
	r->wanted = true;
	reload_poll(r);
}

bool reload_on_reply(struct reload *r, const struct order *reply)
{
	if (reply->kind != ORDER_PREPARE && reply->kind != ORDER_TURN_OVER)
		return false;
	if (r->stopping)
		r->turned_over = reply->kind == ORDER_TURN_OVER && !reply->result;
	else if (reply->kind == ORDER_PREPARE)
		on_prepared(r, reply->result);
	else
		on_turned_over(r);
	return true;
}

static void dismiss(struct reload *r, struct call **caller)
{
	if (*caller)
		call_error(r->control, *caller, CONTROL_BUSY, NULL, "spiked is stopping");
	*caller = NULL;
}

void reload_stop(struct reload *r)
{
	r->stopping = true;
	uv_timer_stop(&r->retry);
	dismiss(r, &r->caller);
	if (r->attempt)
		dismiss(r, &r->attempt->caller);
}

void reload_fini(struct reload *r)
{
	struct attempt *a = r->attempt;

	free_texts(r->closed);
	if (!a)
		return;
	if (a->phase == PHASE_TURN_OVER)
		a->merge.set = a->turnover.set;
	socket_plan_drop(&a->sockets, r->turned_over);
	attempt_free(a);
	r->attempt = NULL;
}
