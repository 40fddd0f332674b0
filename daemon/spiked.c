/* The cold loop: signals, control, status, log.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/spiked.h"

#include "daemon/control/control.h"
#include "daemon/control/describe.h"
#include "daemon/core/clock.h"
#include "daemon/core/descriptors.h"
#include "daemon/core/log.h"
#include "encoders/text/clean.h"
#include "daemon/privileges.h"
#include "daemon/reload.h"
#include "daemon/service.h"
#include "daemon/security.h"
#include "daemon/sockets.h"
#include "daemon/web/web.h"
#include "encoders/kernels/kernels.h"
#include "spiked/wire.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define NOTES_AT_ONCE        256 /* then signals and control get their turn */
#define STATUS_PAUSE_MS      50
#define OVERRUN_PAUSE_MAX_NS (60 * NS_PER_S)
#define LARGE_BYTES          (2 << 20)
#define LINGER_MS            1000 /* how long a stop waits for subscribers to take what is queued */

struct spiked {
	struct conf *conf;
	enum exit_code exit;
	uv_loop_t loop;
	struct zloop zloop;
	uv_async_t wake;
	uv_signal_t signals[3];
	uv_timer_t second;
	uv_timer_t pause; /* between two status messages about changes */
	bool changed;     /* since the last one */
	bool status_outstanding;
	unsigned descriptors_short; /* seconds without a free one until now */
	struct sockets sockets;
	struct gate gate;
	struct security security;
	struct mailbox mailbox;
	struct registry registry;
	struct hot hot;
	struct control control;
	struct keeper keeper;
	struct reload reload;
	struct realtime_grant realtime;
	struct privileges privileges;
	struct service service;
	struct web *web; /* NULL = none */
	struct overrun_log {
		int64_t logged_ns,
			pause_ns;          /* when the last line was, and how long until the next */
		int64_t skipped, worst_ns; /* since then */
	} overrun;
};

static void on_pause(uv_timer_t *timer);

static void send_status(struct spiked *d)
{
	struct order order = {.kind = ORDER_STATUS};
	json_t *streams;

	if (d->status_outstanding ||
		!atomic_load_explicit(&d->hot.status_wanted, memory_order_relaxed))
		return;
	streams = json_array();
	for (uint32_t i = 0; i < d->registry.count; i++) {
		const struct entry *e = &d->registry.entries[i];
		struct stream *s = e->stream;
		int liveness = atomic_load_explicit(&s->liveness, memory_order_relaxed);

		json_array_append_new(
			streams, json_pack("{s:s, s:s, s:o}", "stream", e->conf->name, "liveness",
					 liveness_words[liveness], "counters",
					 describe_counters(&s->counters, stream_counter_rows)));
	}
	order.object = describe_blob(json_pack("{s:s, s:i, s:o, s:I, s:f, s:s, s:o, s:o, s:o}",
		"version", SPIKED_VERSION, "protocol", SPIKED_PROTOCOL, "epoch",
		describe_epoch(d->registry.site.epoch), "time_ns", (json_int_t)clock_real_ns(),
		"uptime_s", (double)(clock_mono_ns() - d->control.started_ns) / (double)NS_PER_S,
		"clock", clock_words[d->conf->clock], "counters",
		describe_counters(&d->hot.counters, daemon_counter_rows), "lateness_ns",
		describe_hist(&d->hot.engine.lateness), "streams", streams));
	if (!order.object || mailbox_order(&d->mailbox, &order))
		free(order.object); /* the next one comes in a second */
	else
		d->status_outstanding = true;
}

/* A change of liveness is told at once; of a storm of them, the last within STATUS_PAUSE_MS. */
static void tell_change(struct spiked *d)
{
	if (uv_is_active((uv_handle_t *)&d->pause)) {
		d->changed = true;
		return;
	}
	d->changed = false;
	send_status(d);
	uv_timer_start(&d->pause, on_pause, STATUS_PAUSE_MS, 0);
}

static void on_pause(uv_timer_t *timer)
{
	struct spiked *d = timer->data;

	if (d->changed)
		tell_change(d);
}

/* Said when it begins, once a minute while it lasts, and when it is over. */
static void watch_descriptors(struct spiked *d)
{
	if (!descriptors_left()) {
		counter_add(&d->hot.counters.descriptors_short, 1);
		if (d->descriptors_short++ % 60 == 0)
			log_error("all %llu descriptors are in use: whoever connects now has to "
				  "wait; raise the limit (LimitNOFILE= of the unit, or ulimit -n), "
				  "or find who opens so many connections",
				(unsigned long long)descriptors_limit());
	} else if (d->descriptors_short) {
		log_info("there are free descriptors again, after %u s", d->descriptors_short);
		d->descriptors_short = 0;
	}
}

static void on_second(uv_timer_t *timer)
{
	struct spiked *d = timer->data;

	watch_descriptors(d);
	gate_check(&d->gate);
	if (realtime_guard_struck(&d->realtime))
		log_error("realtime: %s", d->realtime.notes[NOTE_GUARD]);
	web_second(d->web);
	send_status(d);
}

/* One line for all that was skipped since the last one; the lines become rarer while it goes on. */
static void log_overrun(struct spiked *d, const struct note *note)
{
	struct overrun_log *o = &d->overrun;
	int64_t now_ns = clock_mono_ns(), since_ns = now_ns - o->logged_ns;

	o->skipped += note->count;
	o->worst_ns = note->number > o->worst_ns ? note->number : o->worst_ns;
	if (o->logged_ns && since_ns < o->pause_ns)
		return;
	log_warning(
		"%lld ticks were skipped and flagged `gap` (stream '%s' and others of its dt), up "
		"to %.3f ms late; overrun is %s, max_catch_up %u, and `realtime` may help",
		(long long)o->skipped, note->text, (double)o->worst_ns / 1e6,
		overrun_words[d->conf->overrun], d->conf->max_catch_up);
	o->pause_ns = o->logged_ns && since_ns < 2 * o->pause_ns ? 2 * o->pause_ns : NS_PER_S;
	if (o->pause_ns > OVERRUN_PAUSE_MAX_NS)
		o->pause_ns = OVERRUN_PAUSE_MAX_NS;
	o->logged_ns = now_ns;
	o->skipped = 0;
	o->worst_ns = 0;
}

static void log_rejected(struct spiked *d, struct note *note)
{
	int64_t index = registry_find(&d->registry, note->text);
	const struct conf_stream *conf = index >= 0 ? d->registry.entries[index].conf : NULL;
	char detail[120] = "";

	if (conf && note->number == REJECT_LENGTH && row_type_size(conf->type))
		snprintf(detail, sizeof(detail), " (%lld bytes; a row is %u x %s = %zu)",
			(long long)note->count, conf->channels, row_type_words[conf->type],
			conf->channels * row_type_size(conf->type));
	else if (conf && note->number == REJECT_TOO_BIG)
		snprintf(detail, sizeof(detail), " (%lld bytes; max_row_bytes is %llu)",
			(long long)note->count, (unsigned long long)d->conf->max_row_bytes);
	log_warning("rows for '%s' were rejected: %s%s (said once a second, counted always)",
		text_clean(note->text), reject_texts[note->number], detail);
}

static void log_subscription(struct spiked *d, struct note *note)
{
	static const char *const texts[REFUSALS] = {
		[REFUSAL_NOT_ALLOWED] = "was refused: its key does not name such topics",
		[REFUSAL_TOO_MANY] =
			"was refused: limits.subscriptions, or room for all of them, is "
			"used up",
		[REFUSAL_EXCESS] =
			"was one too many of those that nothing comes of: the connection "
			"was ended",
		[REFUSAL_REVOKED] = "came after its key was removed: the connection was ended",
		[REFUSAL_FOREIGN] = "is no subscription: the connection was ended",
		[REFUSAL_ASTRAY] = "came behind what is no subscription: the connection was ended, "
				   "and will come again",
	};
	const struct acl_client *client =
		d->security.acl ? acl_by_serial(d->security.acl, (uint32_t)note->count) : NULL;

	log_warning("subscription to '%s'%s%s%s %s (said once a second)", text_clean(note->text),
		client ? " of client '" : "", client ? client->name : "", client ? "'" : "",
		texts[note->number]);
}

static void on_note(struct spiked *d, struct note *note)
{
	switch (note->kind) {
	case NOTE_REJECTED:
		log_rejected(d, note);
		break;
	case NOTE_OVERRUN:
		log_overrun(d, note);
		break;
	case NOTE_LIVENESS:
		tell_change(d);
		break;
	case NOTE_SUBSCRIPTION:
		log_subscription(d, note);
		break;
	case NOTE_WAKE:
		break;
	case NOTE_SEND:
		log_warning("ZeroMQ refused a message: %s", zmq_strerror((int)note->number));
		break;
	}
}

static void stop_overrun(struct spiked *d)
{
	if (d->exit == EXIT_OVERRUN)
		return;
	log_error("a tick came %.3f ms late: stopping, as `overrun: stop` asks",
		(double)d->hot.engine.stopped_late_ns / 1e6);
	d->exit = EXIT_OVERRUN;
	uv_stop(&d->loop);
}

static void take_replies(struct spiked *d)
{
	struct order reply;

	while (mailbox_take_reply(&d->mailbox, &reply)) {
		if (reply.kind == ORDER_STATUS)
			d->status_outstanding = false;
		if (!reload_on_reply(&d->reload, &reply) && !keeper_on_reply(&d->keeper, &reply))
			control_on_reply(&d->control, &reply);
	}
	if (!atomic_load(&d->hot.stopping))
		keeper_go_on(&d->keeper);
}

static void take_notes(struct spiked *d)
{
	struct note note;
	int notes = 0;

	while (notes < NOTES_AT_ONCE && mailbox_take_note(&d->mailbox, &note)) {
		on_note(d, &note);
		notes++;
	}
	if (notes == NOTES_AT_ONCE)
		uv_async_send(&d->wake);
}

static void on_wake(uv_async_t *wake)
{
	struct spiked *d = wake->data;

	take_replies(d);
	reload_poll(&d->reload);
	registry_refresh(&d->registry);
	take_notes(d);
	if (atomic_load(&d->hot.engine.stopped))
		stop_overrun(d);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct spiked *d = handle->data;

	if (signum == SIGHUP) {
		reload_on_signal(&d->reload);
		return;
	}
	log_info("%s: stopping", signum == SIGINT ? "SIGINT" : "SIGTERM");
	for (size_t i = 0; i < 3; i++)
		uv_signal_stop(&d->signals[i]); /* a second one ends the program at once */
	uv_stop(&d->loop);
}

static int init_loop(struct spiked *d)
{
	static const int signums[] = {SIGINT, SIGTERM, SIGHUP};
	int ret = uv_loop_init(&d->loop);

	if (ret)
		return ret;
	uv_async_init(&d->loop, &d->wake, on_wake);
	uv_timer_init(&d->loop, &d->second);
	uv_timer_init(&d->loop, &d->pause);
	d->wake.data = d->second.data = d->pause.data = d;
	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		uv_signal_start(&d->signals[i], on_signal, signums[i]);
	}
	service_init(&d->service, &d->loop, &d->hot, &d->registry);
	d->mailbox.wake_cold = &d->wake;
	return zloop_init(&d->zloop, &d->loop);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void fini_loop(struct spiked *d)
{
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
}

/* All streams of the configuration, their meta messages, and the first set. NULL with `f` filled. */
static struct stream_set *build_streams(struct spiked *d, struct fault *f)
{
	struct stream_set *set;

	for (uint32_t i = 0; i < d->conf->stream_count; i++) {
		struct conf_stream *conf = d->conf->streams[i];

		d->conf->streams[i] = NULL; /* from here on the registry knows the streams */
		if (registry_append(&d->registry, conf, f))
			return NULL;
	}
	d->conf->stream_count = 0;
	for (uint32_t i = 0; i < d->registry.count; i++) {
		struct entry *e = &d->registry.entries[i];

		e->stream->meta = registry_meta(&d->registry, e);
	}
	set = registry_set(&d->registry);
	if (!set)
		fault_set(f, -ENOMEM, "not enough memory for the streams");
	return set;
}

static void free_streams(struct spiked *d, struct stream_set *set)
{
	stream_set_free(set);
	while (d->registry.count)
		registry_drop_last(&d->registry);
	registry_fini(&d->registry);
}

static uint64_t draw_epoch(void)
{
	uint64_t epoch = 0;

	while (!epoch)
		if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch))
			epoch = (uint64_t)clock_real_ns();
	return epoch;
}

/* One for each entry of `ingest`. NULL with `f` filled. */
static struct source_list *open_sources(struct spiked *d, struct fault *f)
{
	struct source_list *list = source_list_new(d->conf->ingests);

	if (!list)
		fault_set(f, -ENOMEM, "not enough memory for the sockets");
	for (uint32_t i = 0; list && i < d->conf->ingests; i++) {
		void *socket = sockets_ingest(&d->sockets, d->conf, i, f);

		if (socket)
			list->items[i] = source_new(socket, &d->conf->ingest[i]);
		if (socket && !list->items[i])
			fault_set(f, -ENOMEM, "not enough memory for the sockets");
		if (!list->items[i]) {
			source_list_free(list);
			list = NULL;
		}
	}
	return list;
}

/* One that ZeroMQ has chosen the port or the path of is known to nobody. */
static const char *first_ingest(const struct conf *conf)
{
	for (uint32_t i = 0; i < conf->ingests; i++) {
		const char *endpoint = conf->ingest[i].endpoint;

		if (!conf->ingest[i].connect && endpoint[strlen(endpoint) - 1] != '*')
			return endpoint;
	}
	return NULL;
}

/* Without it spiked goes on: what it is for does not need a page. */
static void start_web(struct spiked *d)
{
	const struct web_endpoints at = {
		.ingest = first_ingest(d->conf),
		.publish = d->sockets.listeners[0].bound,
		.control = d->conf->control ? d->sockets.control_at.bound : NULL,
	};
	int ret;

	if (!d->web)
		return;
	ret = web_start(d->web, d->conf, &at);
	if (ret)
		log_error("web: cannot serve: %s", strerror(-ret));
}

static void on_reload_began(void *arg)
{
	struct spiked *d = arg;

	service_reloading(&d->service);
}

/* Browsers come again by themselves, and then meet the new tokens, limits and sockets. */
static void on_reload_ended(void *arg, bool changed)
{
	struct spiked *d = arg;

	if (changed) {
		web_stop(d->web);
		start_web(d);
	}
	service_ready(&d->service);
}

static void init_reload(struct spiked *d, struct source_list *sources)
{
	d->reload = (struct reload){
		.conf = &d->conf,
		.registry = &d->registry,
		.mailbox = &d->mailbox,
		.sockets = &d->sockets,
		.control = &d->control,
		.zloop = &d->zloop,
		.keeper = &d->keeper,
		.security = &d->security,
		.began = on_reload_began,
		.ended = on_reload_ended,
		.arg = d,
	};
	reload_init(&d->reload, &d->loop, sources);
	d->control.reload = reload_on_call;
	d->control.arg = &d->reload;
}

static struct realtime_wish wish_of(const struct conf_realtime *conf)
{
	if (!conf->wanted)
		return (struct realtime_wish){.cpu = -1};
	return (struct realtime_wish){
		.priority = conf->priority, .lock_memory = conf->lock_memory, .cpu = conf->cpu};
}

static void set_realtime(struct spiked *d)
{
	const struct conf_realtime *conf = &d->conf->realtime;
	const struct realtime_wish wish = wish_of(conf);

	realtime_apply(d->hot.thread, &wish, &d->realtime);
	for (int i = 0; i < REALTIME_NOTES; i++)
		if (d->realtime.notes[i][0])
			log_warning("realtime: %s", d->realtime.notes[i]);
	if (conf->wanted)
		log_info("realtime: priority %d, sockets at %d, memory %slocked, cpu %d (-1 = any)",
			d->realtime.priority, d->realtime.io_priority,
			d->realtime.locked_memory ? "" : "not ", d->realtime.cpu);
}

static void log_ready(const struct spiked *d)
{
	const struct conf *conf = d->conf;
	uint64_t channels = 0, lines = 0;

	for (uint32_t i = 0; i < d->registry.count; i++) {
		channels += d->registry.entries[i].conf->channels;
		lines += d->registry.entries[i].program->out_lines;
	}
	log_info("kernels: %s", kernels_name());
	for (uint32_t i = 0; i < conf->ingests; i++)
		log_info("rows in: %s%s", conf->ingest[i].connect ? "from PUB " : "",
			conf->ingest[i].endpoint);
	for (uint32_t i = 0; i < conf->publishes; i++)
		log_info("spikes out: %s", conf->publish[i]);
	if (conf->control)
		log_info("control: %s", conf->control);
	if (d->web)
		log_info("web page: http://%s/", web_address(d->web));
	log_info(
		"ready: %u stream(s), %llu channels, %llu lines, clock %s, dt %g ms, epoch %016llx",
		d->registry.count, (unsigned long long)channels, (unsigned long long)lines,
		clock_words[conf->clock], conf->dt_ns / 1e6,
		(unsigned long long)d->registry.site.epoch);
}

/* Before tick 0: the streams' state from their snapshots. */
static void start_keeper(struct spiked *d)
{
	const struct keeper_conf kc = {
		.state = &d->conf->state,
		.epoch = d->registry.site.epoch,
		.loop = &d->loop,
		.mailbox = &d->mailbox,
		.counters = &d->hot.counters,
		.stream_at = registry_stream_at,
		.arg = &d->registry,
	};

	keeper_init(&d->keeper, &kc);
	keeper_restore_at_start(&d->keeper);
	keeper_start(&d->keeper);
}

/* Ends the hot loop, then whatever waits for it, and writes the last snapshots. */
static void stop(struct spiked *d)
{
	reload_stop(&d->reload);
	web_stop(d->web);
	service_stopping(&d->service);
	hot_stop(&d->hot, LINGER_MS);
	take_replies(d);
	take_notes(d);
	registry_settle(&d->registry);
	keeper_cancel(&d->keeper);
	control_close(&d->control, 100);
	uv_timer_stop(&d->second);
	uv_timer_stop(&d->pause);
	keeper_finish(&d->keeper);
	log_info("stopped");
}

static int open_web(struct spiked *d, struct fault *f)
{
	const struct web_site site = {
		.metrics = {&d->registry, &d->hot, clock_mono_ns()},
		.counters = &d->hot.counters,
		.context = d->sockets.context,
		.loop = &d->loop,
	};

	return web_open(&d->web, &site, d->conf, f);
}

/* Sockets, streams, hot loop, control. 0, or negative errno with `f` filled; *hot_ready says whether
 * there is a hot loop to undo. */
static int start(struct spiked *d, struct stream_set **set, bool *hot_ready, struct fault *f)
{
	const struct realtime_wish wish = wish_of(&d->conf->realtime);
	struct hot_conf hc = {.conf = d->conf, .mailbox = &d->mailbox};
	int ret = privileges_prepare(&d->privileges, d->conf, f);

	if (ret)
		return ret;
	*set = build_streams(d, f);
	if (!*set)
		return f->code;
	realtime_prepare(&wish, &d->realtime);
	ret = security_init(&d->security, d->conf, f);
	if (!ret)
		ret = gate_init(&d->gate, d->conf, d->security.acl, &d->hot.counters, f);
	if (!ret)
		ret = sockets_open(
			&d->sockets, d->conf, &d->gate, &d->zloop, d->realtime.io_priority, f);
	if (!ret)
		ret = open_web(d, f);
	if (ret)
		return ret;
	hc.sources = open_sources(d, f);
	conf_forget_secret(d->conf); /* ZeroMQ has its own copies */
	if (!hc.sources)
		return f->code;
	init_reload(d, hc.sources);
	hc.publish = d->sockets.publish;
	hc.epoch = d->registry.site.epoch;
	hc.set = *set;
	hc.acl = d->security.acl;
	hc.conns = &d->gate.conns;
	ret = hot_init(&d->hot, &hc);
	*hot_ready = true;
	if (d->hot.publisher.socket)
		d->sockets.publish = NULL;
	d->control.registry = &d->registry;
	d->control.mailbox = &d->mailbox;
	d->control.keeper = &d->keeper;
	d->control.hot = &d->hot;
	d->control.counters = &d->hot.counters;
	d->control.realtime = &d->realtime;
	d->control.conns = &d->gate.conns;
	d->control.acl = d->security.acl;
	d->control.started_ns = clock_mono_ns();
	if (!ret && d->sockets.control) {
		ret = control_init(&d->control, &d->zloop, d->sockets.control);
		if (!ret)
			d->sockets.control = NULL;
	}
	if (!ret)
		ret = hot_start(&d->hot);
	if (ret)
		return fault_set(f, ret, "cannot start the ticking loop: %s", strerror(-ret));
	set_realtime(d);
	return privileges_drop(&d->privileges, d->conf, &d->realtime, f);
}

/* A row of a million channels is a message of 4 MB. By itself malloc would keep what one of them took,
 * locked into memory, for the next; so large ones are always mapped, and given back. */
static void keep_memory_low(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, 4 * LARGE_BYTES);
}

enum exit_code spiked_run(struct conf *conf)
{
	struct spiked *d = calloc(1, sizeof(*d));
	struct stream_set *set = NULL;
	char sentence[200];
	bool hot_ready = false;
	struct fault f = {0};
	int ret;

	if (!d || mailbox_init(&d->mailbox, &d->hot.counters.notes_dropped)) {
		log_error("not enough memory to start");
		conf_free(conf);
		free(d);
		return EXIT_START;
	}
	d->conf = conf;
	d->registry.site = (struct site){.conf = conf, .epoch = draw_epoch()};
	d->registry.mailbox = &d->mailbox;
	d->security.gate = &d->gate;
	d->security.control = &d->control;
	if (kernels_check_env(sentence, sizeof(sentence)))
		log_warning("%s", sentence);
	log_info("spiked %s, pid %d, configuration %s", SPIKED_VERSION, (int)getpid(), conf->path);
	descriptors_raise();
	keep_memory_low();
	ret = init_loop(d);
	if (ret)
		fault_set(&f, ret, "cannot make an event loop: %s", uv_strerror(ret));
	else
		ret = start(d, &set, &hot_ready, &f);
	if (ret) {
		log_error("%s", f.text);
		d->exit = EXIT_START;
	} else {
		start_keeper(d);
		hot_go(&d->hot);
		start_web(d);
		uv_timer_start(&d->second, on_second, 1000, 1000);
		log_ready(d);
		service_ready(&d->service);
		uv_run(&d->loop, UV_RUN_DEFAULT);
		stop(d);
	}
	if (hot_ready) {
		if (ret) {
			control_close(&d->control, 100);
			hot_stop(&d->hot, 0);
		}
		set = hot_fini(&d->hot);
		take_replies(d); /* about what the hot loop has closed at its end */
		reload_fini(&d->reload);
	}
	fini_loop(d);
	web_close(d->web);
	service_fini(&d->service);
	sockets_close(&d->sockets);
	keeper_fini(&d->keeper);
	gate_fini(&d->gate);
	security_fini(&d->security);
	free_streams(d, set);
	mailbox_fini(&d->mailbox);
	ret = (int)d->exit;
	conf_free(d->conf);
	free(d);
	return (enum exit_code)ret;
}
