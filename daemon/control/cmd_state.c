/* The methods `save` and `restore`: what became of each stream is the answer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/control.h"

#include "encoders/text/clean.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A call whose answer the keeper collects. */
struct waiting {
	struct control *control;
	struct call *call;
	const char *verb; /* what the streams that it worked for are listed under */
	json_t *done, *failed;
};

static void on_each(void *arg, const char *stream, uint64_t tick, const char *why)
{
	struct waiting *w = arg;
	char text[600];

	if (!why) {
		json_array_append_new(w->done,
			json_pack("{s:s, s:I}", "stream", stream, "tick", (json_int_t)tick));
		return;
	}
	snprintf(text, sizeof(text), "%s", why);
	json_array_append_new(
		w->failed, json_pack("{s:s, s:s}", "stream", stream, "reason", text_clean(text)));
}

static void answer(struct waiting *w)
{
	const json_t *first = json_array_get(w->failed, 0);

	if (first && !json_array_size(w->done))
		call_error(w->control, w->call, CONTROL_STATE, NULL, "'%s': %s%s",
			json_string_value(json_object_get(first, "stream")),
			json_string_value(json_object_get(first, "reason")),
			json_array_size(w->failed) > 1 ? " (and so on for the others)" : "");
	else
		call_result(w->control, w->call,
			json_pack("{s:O, s:O}", w->verb, w->done, "failed", w->failed));
}

static void on_done(void *arg, int result)
{
	struct waiting *w = arg;

	if (result)
		call_error(w->control, w->call, CONTROL_BUSY, NULL, "spiked is stopping");
	else
		answer(w);
	json_decref(w->done);
	json_decref(w->failed);
	free(w);
}

static void run(struct control *c, struct call *call, const char *verb,
	int (*request)(struct keeper *k, const char *name, const struct keeper_asker *asker))
{
	const char *name = json_string_value(json_object_get(call->params, "name"));
	struct keeper_asker asker = {.each = on_each, .done = on_done};
	struct waiting *w;

	if (!keeper_is_on(c->keeper)) {
		call_error(c, call, CONTROL_STATE, NULL,
			"no state is kept: the configuration has no `state: {dir: …}`");
		return;
	}
	if (name && !call_entry(c, call))
		return;
	w = calloc(1, sizeof(*w));
	if (!w) {
		call_error(c, call, CONTROL_INTERNAL, NULL, "not enough memory");
		return;
	}
	*w = (struct waiting){.control = c,
		.call = call,
		.verb = verb,
		.done = json_array(),
		.failed = json_array()};
	asker.arg = w;
	if (!request(c->keeper, name, &asker))
		return;
	call_error(c, call, CONTROL_BUSY, NULL,
		"too many requests for snapshots wait already; try again");
	json_decref(w->done);
	json_decref(w->failed);
	free(w);
}

void run_save(struct control *c, struct call *call)
{
	run(c, call, "saved", keeper_save);
}

void run_restore(struct control *c, struct call *call)
{
	run(c, call, "restored", keeper_restore);
}
