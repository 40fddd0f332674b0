/* Control requests against real streams: the control socket's code from a message's bytes on, with no
 * socket before it, the mailbox behind it, and a ticking loop that is played here.
 *
 * Input: messages, one after the other, between NUL bytes (which JSON has none of). A message of 1
 * to 4 bytes 0x01 is one of so many parts. 0x02 lets orders be carried out late: at the next 0x02, or
 * at the end.
 *
 * Promised: one answer a message, at the latest when its orders have been carried out; JSON; one
 * result or one error for each request.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "daemon/control/control.h"
#include "daemon/control/describe.h"
#include "daemon/core/clock.h"
#include "daemon/flow/engine.h"
#include "daemon/flow/hot.h"
#include "daemon/flow/stream_copy.h"
#include "daemon/state/keeper.h"

#include <sys/mman.h>
#include <unistd.h>

#define STEPS_MAX   50    /* ticks that are really run */
#define LONG_ANSWER 20000 /* bytes; one in a run is read */

FUZZ_OPTIONS

static const char text[] =
	"clock: manual\n"
	"limits: {control_per_second: 1000000}\n"
	"streams:\n"
	"- {name: a, channels: 2, encode: lif, group: g}\n"
	"- {name: b, channels: 1, names: [x], range: {lo: 0, hi: 2},\n"
	"   encode: [{population: {out_features: 4}}, {poisson: {f_max: 200}}], group: g}\n"
	"- {name: c, channels: 2, window: 10, encode: lif_latency}\n";

static void *context, *router, *xpub;
static uv_loop_t loop;
static struct zloop zl;
static uv_async_t wake;
static struct mailbox mailbox;
static struct registry registry;
static struct hot *hot;
static struct control control;
static struct keeper keeper; /* keeps nothing: there is no folder */
static struct conf_state no_state;
static struct realtime_grant realtime;
static struct conf *conf;
static const struct conns conns;
static bool changed;

/* What the answers came to. */
static unsigned asked, answered, checked_long;

static void check_one(const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");

	promise(!strcmp(json_string_value(json_object_get(answer, "jsonrpc")), "2.0"));
	promise(json_object_get(answer, "id"));
	promise((error != NULL) != (json_object_get(answer, "result") != NULL));
	promise(!error || (json_is_integer(json_object_get(error, "code")) &&
				  json_string_length(json_object_get(error, "message")) > 0));
}

static void check_answer(const void *bytes, size_t size)
{
	json_t *answer;

	answered++;
	if (size > LONG_ANSWER && checked_long++)
		return; /* all encoders again */
	answer = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	promise(answer);
	if (json_is_array(answer)) {
		size_t i;
		json_t *one;

		promise(json_array_size(answer) > 0);
		json_array_foreach(answer, i, one)
		{
			check_one(one);
		}
	} else {
		check_one(answer);
	}
	json_decref(answer);
}

int __wrap_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);
int __real_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);

/* Envelopes and answers, and what is published. */
int __wrap_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags)
{
	if (socket != router)
		return __real_zmq_msg_send(msg, socket, flags);
	if (!(flags & ZMQ_SNDMORE))
		check_answer(zmq_msg_data(msg), zmq_msg_size(msg));
	zmq_msg_close(msg);
	zmq_msg_init(msg);
	return 0;
}

static void no_reload(void *arg, struct call *call)
{
	call_error(arg, call, CONTROL_REFUSED, NULL, "there is no file");
}

static void on_nothing(uv_async_t *async)
{
	(void)async;
}

static void load_conf(void)
{
	struct conf_faults faults = {0};
	char path[64];
	int fd = memfd_create("conf", MFD_CLOEXEC);

	promise(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	conf = conf_load(path, &faults);
	promise(conf);
	close(fd);
	conf_faults_fini(&faults);
}

static void make_streams(void)
{
	struct fault f;

	load_conf();
	registry = (struct registry){.site = {.conf = conf, .epoch = 77}, .mailbox = &mailbox};
	for (uint32_t i = 0; i < conf->stream_count; i++) {
		promise(registry_append(&registry, conf->streams[i], &f) == 0);
		conf->streams[i] = NULL;
	}
	conf->stream_count = 0;
	for (uint32_t i = 0; i < registry.count; i++)
		registry.entries[i].stream->meta = registry_meta(&registry, &registry.entries[i]);
	engine_init(&hot->engine,
		&(struct engine_conf){.clock = CLOCK_MANUAL, .max_catch_up = 1, .dt_ns = 1000000},
		&hot->publisher, &mailbox, &hot->counters);
	hot->publisher.set = NULL;
	hot->publisher.known_groups = 0;
	engine_swap(&hot->engine, registry_set(&registry));
	engine_start(&hot->engine);
	changed = false;
}

static void drop_streams(void)
{
	stream_set_free(hot->engine.set);
	engine_fini(&hot->engine);
	while (registry.count)
		registry_drop_last(&registry);
	registry_fini(&registry);
	conf_free(conf);
}

/* As in daemon/spiked.c, but for the thread and the sockets. */
static void start(void)
{
	hot = calloc(1, sizeof(*hot));
	context = zmq_ctx_new();
	router = zmq_socket(context, ZMQ_ROUTER);
	xpub = zmq_socket(context, ZMQ_XPUB);
	promise(!zmq_bind(router, "inproc://control") && !zmq_bind(xpub, "inproc://publish"));
	uv_loop_init(&loop);
	uv_async_init(&loop, &wake, on_nothing);
	promise(!zloop_init(&zl, &loop));
	promise(!mailbox_init(&mailbox, &hot->counters.notes_dropped));
	mailbox.wake_cold = &wake;
	mailbox.wake_hot = -1;
	promise(!publisher_init(&hot->publisher, &zl,
		&(struct publisher_conf){
			.socket = xpub, .epoch = 77, .conns = &conns, .subscriptions = 1000},
		&hot->counters, &mailbox));
	keeper_init(&keeper, &(struct keeper_conf){.state = &no_state,
				     .epoch = 77,
				     .loop = &loop,
				     .mailbox = &mailbox,
				     .counters = &hot->counters,
				     .stream_at = registry_stream_at,
				     .arg = &registry});
	control.registry = &registry;
	control.mailbox = &mailbox;
	control.hot = hot;
	control.keeper = &keeper;
	control.reload = no_reload;
	control.arg = &control;
	control.realtime = &realtime;
	control.counters = &hot->counters;
	control.conns = &conns;
	control.started_ns = clock_mono_ns();
	promise(!control_init(&control, &zl, router));
	make_streams();
}

/* The ticking loop's part, see daemon/flow/hot.c. */
static void carry_out(struct order *order)
{
	struct stream *s = order->stream;
	struct blob *meta;

	switch (order->kind) {
	case ORDER_SWAP_SET:
		order->object = engine_swap(&hot->engine, order->object);
		break;
	case ORDER_SWAP_PROGRAM:
		if (order->object)
			order->object = stream_swap_program(s, order->object);
		meta = s->meta;
		s->meta = order->second;
		order->second = meta;
		break;
	case ORDER_RESET:
		stream_reset(s);
		order->number = (int64_t)s->next_tick;
		break;
	case ORDER_STEP:
		promise(order->number > 0);
		order->result = engine_step(
			&hot->engine, order->number < STEPS_MAX ? order->number : STEPS_MAX);
		while (engine_run(&hot->engine) == PROGRESS_MORE)
			continue;
		break;
	case ORDER_TAKE_COPY:
		stream_take_copy(s, order->object);
		break;
	case ORDER_PUT_COPY:
		stream_put_copy(s, order->object, clock_mono_ns());
		break;
	case ORDER_STATUS:
		break;
	default: /* a reload's: there is no file to read again */
		promise(false);
	}
}

static void run_orders(void)
{
	struct order order;

	do {
		while (mailbox_take_order(&mailbox, &order)) {
			changed |= order.kind == ORDER_SWAP_SET ||
				   (order.kind == ORDER_SWAP_PROGRAM && order.object);
			carry_out(&order);
			mailbox_reply(&mailbox, &order);
		}
		while (mailbox_take_reply(&mailbox, &order))
			control_on_reply(&control, &order);
		registry_refresh(&registry);
	} while (mailbox.outstanding);
}

static void send_parts(struct input message, unsigned bodies)
{
	zmq_msg_t parts[ZSOCK_PARTS];
	unsigned count = bodies + 2;

	zmq_msg_init_size(&parts[0], 5);
	memcpy(zmq_msg_data(&parts[0]), "\0peer", 5);
	zmq_msg_init(&parts[1]);
	for (unsigned i = 2; i < count; i++) {
		zmq_msg_init_size(&parts[i], message.left);
		if (message.left)
			memcpy(zmq_msg_data(&parts[i]), message.at, message.left);
	}
	asked++;
	promise(control.zsock.on_message(&control.zsock, parts, count));
	for (unsigned i = 0; i < count; i++)
		zmq_msg_close(&parts[i]);
}

static bool all_are(struct input message, uint8_t byte)
{
	for (size_t i = 0; i < message.left; i++)
		if (message.at[i] != byte)
			return false;
	return message.left > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	bool late = false;

	if (!hot)
		start();
	asked = answered = 0;
	while (in.left) {
		struct input message = input_until(&in, 0);

		if (all_are(message, 2)) {
			run_orders();
			late = !late;
			continue;
		}
		if (all_are(message, 1) && message.left < 5)
			send_parts(message, (unsigned)message.left - 1);
		else
			send_parts(message, 1);
		if (!late)
			run_orders();
	}
	run_orders();
	promise(answered == asked);
	if (changed) { /* the next input finds things as this one did */
		drop_streams();
		make_streams();
	}
	return 0;
}
