/* Two configurations of one daemon: which of its own keys say something else?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/conf_compare.h"

#include <string.h>

typedef bool same_key(const struct conf *a, const struct conf *b);

#define SCALAR(field)                                                        \
	static bool same_##field(const struct conf *a, const struct conf *b) \
	{                                                                    \
		return a->field == b->field;                                 \
	}
SCALAR(clock)
SCALAR(dt_ns)
SCALAR(overrun)
SCALAR(max_catch_up)
SCALAR(seed)
SCALAR(insecure)
SCALAR(max_row_bytes)
SCALAR(send_queue)
SCALAR(receive_queue)
SCALAR(sandbox)
#undef SCALAR

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_ingest(const struct conf *a, const struct conf *b)
{
	if (a->ingests != b->ingests)
		return false;
	for (uint32_t i = 0; i < a->ingests; i++) {
		if (!conf_same_socket(&a->ingest[i], &b->ingest[i]) ||
			!same_text(a->ingest[i].stream, b->ingest[i].stream))
			return false;
	}
	return true;
}

static bool same_publish(const struct conf *a, const struct conf *b)
{
	if (a->publishes != b->publishes)
		return false;
	for (uint32_t i = 0; i < a->publishes; i++) {
		if (strcmp(a->publish[i], b->publish[i]) != 0)
			return false;
	}
	return true;
}

static bool same_control(const struct conf *a, const struct conf *b)
{
	return same_text(a->control, b->control);
}

static bool same_web(const struct conf *a, const struct conf *b)
{
	return same_text(a->web.host, b->web.host) && a->web.port == b->web.port;
}

static bool same_user(const struct conf *a, const struct conf *b)
{
	return same_text(a->user, b->user);
}

static bool same_state(const struct conf *a, const struct conf *b)
{
	return same_text(a->state.dir, b->state.dir) && a->state.every_ns == b->state.every_ns;
}

static bool same_realtime(const struct conf *a, const struct conf *b)
{
	return a->realtime.wanted == b->realtime.wanted &&
	       a->realtime.priority == b->realtime.priority &&
	       a->realtime.lock_memory == b->realtime.lock_memory &&
	       a->realtime.cpu == b->realtime.cpu;
}

/* Who is listed may change at any time. */
static bool same_security(const struct conf *a, const struct conf *b)
{
	return a->security.wanted == b->security.wanted &&
	       !strcmp(a->security.own_public, b->security.own_public);
}

static bool same_limits(const struct conf *a, const struct conf *b)
{
	return a->limits.connections == b->limits.connections &&
	       a->limits.subscriptions == b->limits.subscriptions &&
	       a->limits.rows_per_second == b->limits.rows_per_second &&
	       a->limits.control_bytes == b->limits.control_bytes &&
	       a->limits.control_depth == b->limits.control_depth &&
	       a->limits.control_per_second == b->limits.control_per_second;
}

/* NULL = nothing of the key is kept, or it is compared item by item (streams). */
static same_key *const same[TOP_KEYS] = {
	[TOP_CLOCK] = same_clock,
	[TOP_DT] = same_dt_ns,
	[TOP_OVERRUN] = same_overrun,
	[TOP_MAX_CATCH_UP] = same_max_catch_up,
	[TOP_SEED] = same_seed,
	[TOP_INGEST] = same_ingest,
	[TOP_PUBLISH] = same_publish,
	[TOP_CONTROL] = same_control,
	[TOP_INSECURE] = same_insecure,
	[TOP_SECURITY] = same_security,
	[TOP_LIMITS] = same_limits,
	[TOP_MAX_ROW_BYTES] = same_max_row_bytes,
	[TOP_SEND_QUEUE] = same_send_queue,
	[TOP_RECEIVE_QUEUE] = same_receive_queue,
	[TOP_REALTIME] = same_realtime,
	[TOP_USER] = same_user,
	[TOP_SANDBOX] = same_sandbox,
	[TOP_WEB] = same_web,
	[TOP_STATE] = same_state,
};

bool conf_same_socket(const struct conf_ingest *a, const struct conf_ingest *b)
{
	return a->connect == b->connect && same_text(a->endpoint, b->endpoint) &&
	       same_text(a->topic, b->topic) && same_text(a->server_key, b->server_key);
}

bool conf_same_folder(const struct conf *a, const struct conf *b)
{
	return same_text(a->state.dir, b->state.dir);
}

bool conf_same_key(const struct conf *a, const struct conf *b, enum top_key key)
{
	return !same[key] || same[key](a, b);
}
