/* The rows of the daemon's own keys, and how all of them are listed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/keys.h"

#include "daemon/conf/conf.h"
#include "daemon/core/acl.h"
#include "encoders/encoder.h"
#include "encoders/text/stream_keys.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <spiked/wire.h>
#include <string.h>

const char *const clock_words[] = {
	[CLOCK_WALL] = "wall", [CLOCK_DATA] = "data", [CLOCK_MANUAL] = "manual", NULL};
const char *const overrun_words[] = {
	[OVERRUN_CATCH_UP] = "catch_up", [OVERRUN_SKIP] = "skip", [OVERRUN_STOP] = "stop", NULL};

const struct key top_keys[] = {
	[TOP_CLOCK] =
		{
			.row.name = "clock",
			.row.type = PARAM_CHOICE,
			.row.flags = PARAM_RESTART,
			.row.preset = "wall",
			.row.choices = clock_words,
			.row.help = "What makes a tick: wall = the monotonic clock, every dt; "
				    "data = each row that arrives, as fast as the machine can, "
				    "lossless; manual = the control socket's step.",
		},
	[TOP_DT] =
		{
			.row.name = "dt",
			.row.type = PARAM_NUMBER,
			.row.unit = UNIT_SECONDS,
			.row.preset = DT_PRESET,
			.row.min = 1e-6,
			.row.max = 4,
			.row.help = "Length of a tick of every stream that does not say its own; "
				    "a whole number of nanoseconds.",
		},
	[TOP_OVERRUN] =
		{
			.row.name = "overrun",
			.row.type = PARAM_CHOICE,
			.row.preset = "catch_up",
			.row.choices = overrun_words,
			.row.help = "What happens to missed ticks in clock wall: catch_up = they "
				    "run at once, flagged late; skip = they do not run, the next "
				    "one is flagged gap; stop = the daemon ends with an error.",
		},
	[TOP_MAX_CATCH_UP] =
		{
			.row.name = "max_catch_up",
			.row.type = PARAM_COUNT,
			.row.unit = UNIT_TICKS,
			.row.preset = "10",
			.row.min = 1,
			.row.max = 1000000,
			.row.help = "Missed ticks that overrun: catch_up runs at once before it "
				    "skips the rest.",
		},
	[TOP_SEED] =
		{
			.row.name = "seed",
			.row.type = PARAM_COUNT,
			.row.preset = SEED_PRESET,
			.row.help = "Seed of all random stages whose stream does not say its own; "
				    "each stream draws its own numbers from it and its name.",
		},
	[TOP_INGEST] =
		{
			.row.name = "ingest",
			.row.preset = SPIKED_INGEST_DEFAULT,
			.row.help = "Where rows come in: an endpoint is a PULL socket bound "
				    "there; a map {connect, topic, stream} is a SUB socket "
				    "connected to somebody's PUB.",
			.kind = KEY_LIST,
			.shape = "list of endpoints or maps",
			.under = ingest_keys,
		},
	[TOP_PUBLISH] =
		{
			.row.name = "publish",
			.row.preset = SPIKED_PUBLISH_DEFAULT,
			.row.help = "Where subscribers connect: endpoints of one XPUB socket.",
			.kind = KEY_LIST,
			.shape = "list of endpoints",
		},
	[TOP_CONTROL] =
		{
			.row.name = "control",
			.row.preset = SPIKED_CONTROL_DEFAULT,
			.row.help = "Endpoint of the control socket, or none.",
			.kind = KEY_TEXT,
			.shape = "endpoint or none",
		},
	[TOP_INSECURE] =
		{
			.row.name = "insecure",
			.row.type = PARAM_BOOL,
			.row.preset = "false",
			.row.help = "Allows, without `security`, endpoints that other machines "
				    "can reach: anybody there can then send rows, listen and "
				    "control.",
		},
	[TOP_SECURITY] =
		{
			.row.name = "security",
			.row.flags = PARAM_RESTART | PARAM_OPTIONAL,
			.row.help = "Keys: every endpoint is encrypted (CURVE), and only listed "
				    "clients are let in. See `spikectl keygen`.",
			.kind = KEY_MAP,
			.shape = "map",
			.under = security_keys,
		},
	[TOP_LIMITS] =
		{
			.row.name = "limits",
			.row.flags = PARAM_RESTART | PARAM_OPTIONAL,
			.row.help = "What one client, or all of them, may ask of the daemon. What "
				    "goes beyond is refused and counted.",
			.kind = KEY_MAP,
			.shape = "map",
			.under = limits_keys,
		},
	[TOP_MAX_ROW_BYTES] =
		{
			.row.name = "max_row_bytes",
			.row.type = PARAM_COUNT,
			.row.unit = UNIT_BYTES,
			.row.preset = "1 MiB",
			.row.min = 512,
			.row.max = 1 << 30,
			.row.help = "Longest payload of a row message; a longer one is refused "
				    "and counted.",
		},
	[TOP_SEND_QUEUE] =
		{
			.row.name = "send_queue",
			.row.type = PARAM_COUNT,
			.row.flags = PARAM_RESTART,
			.row.preset = "1000",
			.row.min = 1,
			.row.max = 1000000,
			.row.help = "Messages that wait for one slow subscriber before it loses "
				    "some.",
		},
	[TOP_RECEIVE_QUEUE] =
		{
			.row.name = "receive_queue",
			.row.type = PARAM_COUNT,
			.row.flags = PARAM_RESTART,
			.row.preset = "1000",
			.row.min = 1,
			.row.max = 1000000,
			.row.help = "Messages of one sensor that wait to be read before the "
				    "sensor has to.",
		},
	[TOP_REALTIME] =
		{
			.row.name = "realtime",
			.row.flags = PARAM_RESTART | PARAM_OPTIONAL,
			.row.help = "What the ticking thread asks the kernel for. What was "
				    "granted is logged and exported; a refusal is a warning.",
			.kind = KEY_MAP,
			.shape = "map",
			.under = realtime_keys,
		},
	[TOP_USER] =
		{
			.row.name = "user",
			.row.flags = PARAM_OPTIONAL | PARAM_RESTART,
			.row.help = "Whom a daemon that was started as root becomes, with that "
				    "user's groups, once its sockets are bound and real-time "
				    "scheduling is set up. Who starts spiked as somebody else "
				    "leaves it out.",
			.kind = KEY_TEXT,
			.shape = "name of a user",
		},
	[TOP_SANDBOX] =
		{
			.row.name = "sandbox",
			.row.type = PARAM_BOOL,
			.row.flags = PARAM_RESTART,
			.row.preset = "false",
			.row.help = "Lets the kernel refuse all writing outside the state folder "
				    "and the folders of ipc endpoints (Landlock). Takes a restart "
				    "to change, as those folders then do.",
		},
	[TOP_WEB] =
		{
			.row.name = "web",
			.row.flags = PARAM_OPTIONAL | PARAM_RESTART,
			.row.help = "Address of the web page, of /metrics and of the WebSocket, "
				    "host:port; left out = none.",
			.kind = KEY_TEXT,
			.shape = "host:port",
		},
	[TOP_STATE] =
		{
			.row.name = "state",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Snapshots of the streams' state, from which a restart goes "
				    "on; left out = it begins anew.",
			.kind = KEY_MAP,
			.shape = "map",
			.under = state_keys,
		},
	[TOP_STREAMS] =
		{
			.row.name = "streams",
			.row.flags = PARAM_OPTIONAL | PARAM_LIVE,
			.row.help = "The streams at start; the control socket adds and removes "
				    "more.",
			.kind = KEY_LIST,
			.shape = "list of maps",
			.under = stream_keys,
		},
	[TOP_KEYS] = {.row = {0}},
};

const struct key ingest_keys[] = {
	[INGEST_CONNECT] =
		{
			.row.name = "connect",
			.row.help = "Endpoint of the PUB socket to connect to.",
			.kind = KEY_TEXT,
			.shape = "endpoint",
		},
	[INGEST_TOPIC] =
		{
			.row.name = "topic",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Prefix of the messages to subscribe to; left out = all of "
				    "them.",
			.kind = KEY_TEXT,
			.shape = "text",
		},
	[INGEST_STREAM] =
		{
			.row.name = "stream",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Stream that the rows are for; left out = the first frame "
				    "names it.",
			.kind = KEY_TEXT,
			.shape = "name",
		},
	[INGEST_SERVER_KEY] =
		{
			.row.name = "server_key",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "Public key of that PUB socket's server: the connection is "
				    "then encrypted, and spiked shows the key of `security`.",
			.kind = KEY_TEXT,
			.shape = "key of 40 characters",
		},
	[INGEST_KEYS] = {.row = {0}},
};

const struct key security_keys[] = {
	[SECURITY_KEY] =
		{
			.row.name = "key",
			.row.help = "File with the daemon's own pair of keys, as `spikectl keygen` "
				    "makes it. Others must not be able to read it.",
			.kind = KEY_TEXT,
			.shape = "path",
		},
	[SECURITY_CLIENTS] =
		{
			.row.name = "clients",
			.row.flags = PARAM_LIVE,
			.row.help = "Who is let in: the clients, or the path of a file that lists "
				    "them (which others must not be able to write).",
			.kind = KEY_LIST,
			.shape = "path, or list of maps",
			.under = client_keys,
		},
	[SECURITY_WEB_TOKENS] =
		{
			.row.name = "web_tokens",
			.row.flags = PARAM_LIVE | PARAM_OPTIONAL,
			.row.help =
				"File that lets browsers in: lines of a client's name, blanks, "
				"and a token of 16 to 128 letters, digits, - and _. Others must "
				"not be able to read it.",
			.kind = KEY_TEXT,
			.shape = "path",
		},
	[SECURITY_KEYS] = {.row = {0}},
};

const struct key client_keys[] = {
	[CLIENT_NAME] =
		{
			.row.name = "name",
			.row.help = "What the log and the counters call the client.",
			.kind = KEY_TEXT,
			.shape = "name",
		},
	[CLIENT_KEY] =
		{
			.row.name = "key",
			.row.help = "The client's public key.",
			.kind = KEY_TEXT,
			.shape = "key of 40 characters",
		},
	[CLIENT_ROWS] =
		{
			.row.name = "rows",
			.row.flags = PARAM_OPTIONAL,
			.row.help =
				"Streams that it may send rows to; \"*\" = all. Left out = none.",
			.kind = KEY_LIST,
			.shape = "list of streams",
		},
	[CLIENT_SUBSCRIBE] =
		{
			.row.name = "subscribe",
			.row.flags = PARAM_OPTIONAL,
			.row.help = "What it may hear: a stream's name = all of that stream's "
				    "topics; a topic, or the beginning of topics up to a slash "
				    "(spikes/imu/, spikes/, bundle/body/, status/); \"*\" = "
				    "everything. Left out = nothing.",
			.kind = KEY_LIST,
			.shape = "list of streams and topics",
		},
	[CLIENT_CONTROL] =
		{
			.row.name = "control",
			.row.type = PARAM_CHOICE,
			.row.preset = "none",
			.row.choices = acl_control_words,
			.row.help = "Which methods of the control socket it may call: none; read = "
				    "those that only tell; full = all of them.",
		},
	[CLIENT_KEYS] = {.row = {0}},
};

const struct key limits_keys[] = {
	[LIMITS_CONNECTIONS] =
		{
			.row.name = "connections",
			.row.type = PARAM_COUNT,
			.row.preset = "1000",
			.row.min = 1,
			.row.max = 60000,
			.row.help =
				"Connections open at a time, over all sockets; a further one is "
				"closed. Up to 32 to the control socket are not counted.",
		},
	[LIMITS_SUBSCRIPTIONS] =
		{
			.row.name = "subscriptions",
			.row.type = PARAM_COUNT,
			.row.preset = "20000",
			.row.min = 1,
			.row.max = 65536,
			.row.help = "Subscriptions of one connection; further ones get nothing.",
		},
	[LIMITS_ROWS] =
		{
			.row.name = "rows_per_second",
			.row.type = PARAM_COUNT,
			.row.preset = "1000000",
			.row.min = 1,
			.row.max = 1e12,
			.row.help =
				"Rows of one sender in a second, in clock wall; further ones are "
				"rejected. A sender is a client, without keys a connection.",
		},
	[LIMITS_CONTROL_BYTES] =
		{
			.row.name = "control_bytes",
			.row.type = PARAM_COUNT,
			.row.unit = UNIT_BYTES,
			.row.preset = "16 MiB",
			.row.min = 512,
			.row.max = 256 << 20,
			.row.help =
				"Longest request to the control socket; a longer one is answered "
				"with an error.",
		},
	[LIMITS_CONTROL_DEPTH] =
		{
			.row.name = "control_depth",
			.row.type = PARAM_COUNT,
			.row.preset = "32",
			.row.min = 8,
			.row.max = 1000,
			.row.help =
				"Lists and objects within each other in a request to the control "
				"socket.",
		},
	[LIMITS_CONTROL_RATE] =
		{
			.row.name = "control_per_second",
			.row.type = PARAM_COUNT,
			.row.preset = "2000",
			.row.min = 1,
			.row.max = 1e6,
			.row.help = "Requests of one client in a second, without keys of one "
				    "connection; further ones are answered with an error.",
		},
	[LIMITS_KEYS] = {.row = {0}},
};

const struct key realtime_keys[] = {
	[REALTIME_PRIORITY] =
		{
			.row.name = "priority",
			.row.type = PARAM_COUNT,
			.row.flags = PARAM_RESTART | PARAM_OPTIONAL,
			.row.min = 1,
			.row.max = 99,
			.row.help = "SCHED_FIFO priority; left out = the normal scheduler.",
		},
	[REALTIME_LOCK_MEMORY] =
		{
			.row.name = "lock_memory",
			.row.type = PARAM_BOOL,
			.row.flags = PARAM_RESTART,
			.row.preset = "false",
			.row.help = "Keeps all memory from being paged out.",
		},
	[REALTIME_CPU] =
		{
			.row.name = "cpu",
			.row.type = PARAM_COUNT,
			.row.flags = PARAM_RESTART | PARAM_OPTIONAL,
			.row.min = 0,
			.row.max = 1023,
			.row.help =
				"The CPU that ticks run on, and nothing else of this process if "
				"there are others; left out = any.",
		},
	[REALTIME_KEYS] = {.row = {0}},
};

const struct key state_keys[] = {
	[STATE_DIR] =
		{
			.row.name = "dir",
			.row.flags = PARAM_RESTART,
			.row.help = "Folder of the snapshots, a file a stream; one daemon's own.",
			.kind = KEY_TEXT,
			.shape = "path",
		},
	[STATE_EVERY] =
		{
			.row.name = "every",
			.row.type = PARAM_NUMBER,
			.row.unit = UNIT_SECONDS,
			.row.preset = "10 s",
			.row.min = 0.1,
			.row.max = 86400,
			.row.help = "Time from one round of snapshots to the next; there is also "
				    "one at the end.",
		},
	[STATE_KEYS] = {.row = {0}},
};

#define KEY_PATH_MAX 128

static int each(const char *prefix, const struct key *keys, keys_visit *see, void *arg)
{
	for (const struct key *key = keys; key->row.name; key++) {
		char path[KEY_PATH_MAX], inner[KEY_PATH_MAX];
		int n = snprintf(path, sizeof(path), "%s%s", prefix, key->row.name);
		assert(n > 0 && (size_t)n + 4 < sizeof(path));
		int result = see(path, key, arg);
		snprintf(
			inner, sizeof(inner), "%.120s%s.", path, key->kind == KEY_LIST ? "[]" : "");
		if (!result && key->under)
			result = each(inner, key->under, see, arg);
		const struct encoder_class *class =
			key->stage ? encoder_find(key->stage, NULL) : NULL;
		for (const struct param *row = class ? class->params : NULL;
			!result && row && row->name; row++) {
			const struct key parameter = {.row = *row};
			snprintf(path, sizeof(path), "%.80s%.40s", inner, row->name);
			result = see(path, &parameter, arg);
		}
		if (result)
			return result;
	}
	return 0;
}

int keys_each(keys_visit *see, void *arg)
{
	return each("", top_keys, see, arg);
}

static void print_bounds(FILE *out, const struct param *row)
{
	if (row->type == PARAM_CHOICE) {
		for (size_t i = 0; row->choices[i]; i++)
			fprintf(out, "%s%s", i ? " | " : ": ", row->choices[i]);
	} else if (row->min != 0 || row->max != 0) {
		bool count = row->type == PARAM_COUNT;
		if (isfinite(row->min))
			fprintf(out, ", %s %.*g", row->flags & PARAM_MIN_OPEN ? "above" : "from",
				count ? 15 : 6, row->min);
		if (isfinite(row->max))
			fprintf(out, "%s %s %.*g", isfinite(row->min) ? "" : ",",
				row->flags & PARAM_MAX_OPEN ? "below" : "to", count ? 15 : 6,
				row->max);
	}
}

void keys_print_type(FILE *out, const struct key *key)
{
	const struct param *row = &key->row;
	if (key->kind == KEY_SCALAR) {
		const char *unit = param_unit_text(row->unit);
		fprintf(out, "%s%s%s", param_type_text(row->type), unit[0] ? " in " : "", unit);
		print_bounds(out, row);
		if (key->word)
			fprintf(out, ", or %s", key->word);
	} else {
		fputs(key->shape, out);
	}
	if (row->preset)
		fprintf(out, "; default %s", row->preset);
	else
		fprintf(out, "; %s", row->flags & PARAM_OPTIONAL ? "optional" : "required");
	if (row->flags & PARAM_LIVE)
		fputs("; may change at run time", out);
	if (row->flags & PARAM_RESTART)
		fputs("; needs a restart", out);
}

static int print_key(const char *path, const struct key *key, void *arg)
{
	FILE *out = arg;
	fprintf(out, "%s\n    ", path);
	keys_print_type(out, key);
	fprintf(out, "\n    %s\n", key->row.help ? key->row.help : "");
	return ferror(out) ? -EIO : 0;
}

int keys_print(FILE *out)
{
	return keys_each(print_key, out);
}
