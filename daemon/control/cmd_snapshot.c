/* The method `snapshot`: a stream's state as the bytes of a snapshot, for who records the stream.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/control.h"
#include "daemon/control/describe.h"

#include "daemon/core/clock.h"
#include "daemon/state/snapshot.h"

#include <stdlib.h>

#define BYTES_MAX ((size_t)32 << 20) /* with a third more as text, what clients still receive */

/* RFC 4648. NULL = out of memory. */
static char *base64(const uint8_t *bytes, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((size + 2) / 3 * 4 + 1), *at = text;

	for (size_t i = 0; text && i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (n > 1)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (n > 2)
			group |= bytes[i + 2];
		for (size_t k = 0; k < 4; k++)
			*at++ = k <= n ? digits[group >> (18 - 6 * k) & 63] : '=';
	}
	if (text)
		*at = '\0';
	return text;
}

void run_snapshot(struct control *c, struct call *call)
{
	struct entry *e = call_entry(c, call);
	struct order order = {.kind = ORDER_TAKE_COPY};

	if (!e || !call_may_change(c, call))
		return;
	call->snapshot = calloc(1, sizeof(*call->snapshot));
	if (!call->snapshot || snapshot_init(call->snapshot, e->conf, e->program)) {
		call_error(c, call, CONTROL_INTERNAL, NULL, "not enough memory");
		return;
	}
	if (call->snapshot->size > BYTES_MAX) {
		call_error(c, call, CONTROL_STATE, NULL,
			"the state of '%s' is %zu bytes; %zu can be asked for", e->conf->name,
			call->snapshot->size, BYTES_MAX);
		return;
	}
	order.stream = e->stream;
	order.object = &call->snapshot->copy;
	order.number = (int64_t)call->snapshot->size;
	call_order(c, call, &order);
}

void finish_snapshot(struct control *c, struct call *call, const struct order *reply)
{
	struct snapshot *s = call->snapshot;
	char *text;

	(void)reply;
	snapshot_describe(s, c->registry->site.epoch, clock_real_ns());
	snapshot_seal(s);
	text = base64(s->bytes, s->size);
	if (!text) {
		call_error(c, call, CONTROL_INTERNAL, NULL, "not enough memory");
		return;
	}
	call_result(c, call,
		json_pack("{s:O, s:o, s:I, s:I, s:I, s:s}", "stream",
			json_object_get(call->params, "name"), "epoch",
			describe_epoch(c->registry->site.epoch), "tick", (json_int_t)s->copy.tick,
			"rows", (json_int_t)s->copy.messages, "queued", (json_int_t)s->copy.queued,
			"snapshot", text));
	free(text);
}
