/* The top of the configuration: from a file's tree to struct conf.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/conf.h"

#include "daemon/conf/conf_compare.h"
#include "daemon/conf/conf_security.h"
#include "daemon/conf/conf_sockets.h"
#include "daemon/conf/conf_streams.h"
#include "daemon/conf/json.h"
#include "daemon/conf/keys.h"
#include "daemon/conf/source.h"
#include "encoders/text/walk.h"

#include <stdlib.h>
#include <string.h>

static void read_clock(struct walk *w, const struct node *const *at, struct conf *conf)
{
	conf->clock = (enum clock_kind)walk_choice(w, at[TOP_CLOCK], &top_keys[TOP_CLOCK]);
	conf->overrun = (enum overrun)walk_choice(w, at[TOP_OVERRUN], &top_keys[TOP_OVERRUN]);
	conf->max_catch_up =
		(uint32_t)walk_count(w, at[TOP_MAX_CATCH_UP], &top_keys[TOP_MAX_CATCH_UP]);
	conf->dt_ns = walk_dt(w, at[TOP_DT]);
	if (conf->dt_ns == 0) {
		struct param_value v;
		param_preset(&top_keys[TOP_DT].row, &v);
		conf->dt_ns = (uint32_t)(v.number * 1e9 + 0.5);
	}
	if (at[TOP_DT])
		conf_check_dt(w, at[TOP_DT], conf->clock, conf->dt_ns);
	if (at[TOP_OVERRUN] && conf->clock != CLOCK_WALL)
		faults_warn(w->faults, place_key(at[TOP_OVERRUN]),
			"has no effect: in clock %s no tick can be late", clock_words[conf->clock]);
	else if (at[TOP_MAX_CATCH_UP] &&
		 (conf->clock != CLOCK_WALL || conf->overrun != OVERRUN_CATCH_UP))
		faults_warn(w->faults, place_key(at[TOP_MAX_CATCH_UP]),
			"has no effect without clock: wall and overrun: catch_up");
}

static void read_realtime(struct walk *w, const struct node *node, struct conf *conf)
{
	const struct node *at[REALTIME_KEYS];
	struct param_value cpu;
	conf->realtime.cpu = -1;
	if (!node || !walk_map(w, node, realtime_keys, at))
		return;
	conf->realtime.wanted = true;
	conf->realtime.priority =
		(int)walk_count(w, at[REALTIME_PRIORITY], &realtime_keys[REALTIME_PRIORITY]);
	conf->realtime.lock_memory =
		walk_bool(w, at[REALTIME_LOCK_MEMORY], &realtime_keys[REALTIME_LOCK_MEMORY]);
	if (walk_param(w, at[REALTIME_CPU], &realtime_keys[REALTIME_CPU], &cpu))
		conf->realtime.cpu = (int)cpu.integer;
}

static void read_state(struct walk *w, const struct node *node, struct conf *conf)
{
	const struct node *at[STATE_KEYS];
	struct param_value every;
	if (!node || !walk_map(w, node, state_keys, at))
		return;
	if (!at[STATE_DIR])
		faults_error(
			w->faults, place_value(node), "needs dir, the folder of the snapshots");
	conf->state.dir = walk_keep(w, walk_text(w, at[STATE_DIR], STATE_DIR_MAX));
	if (walk_param(w, at[STATE_EVERY], &state_keys[STATE_EVERY], &every))
		conf->state.every_ns = (int64_t)(every.number * 1e9 + 0.5);
}

static void refuse_restart(
	struct walk *w, const struct node *map, const struct node *at, const struct key *key)
{
	const char *name = key->row.name;
	faults_error(w->faults, at ? place_key(at) : place_under(map, name),
		"needs a restart: spiked runs with another %s and cannot change it while it runs",
		name);
}

static void refuse_restarts(struct walk *w, const struct node *root, const struct node *const *at,
	const struct conf *conf, const struct conf *running)
{
	for (enum top_key k = 0; k < TOP_KEYS; k++) {
		if (top_keys[k].row.flags & PARAM_RESTART && !conf_same_key(conf, running, k))
			refuse_restart(w, root, at[k], &top_keys[k]);
	}
	const struct key *dir = &state_keys[STATE_DIR];
	if (!(dir->row.flags & PARAM_RESTART) || conf_same_folder(conf, running))
		return;
	if (at[TOP_STATE])
		refuse_restart(w, at[TOP_STATE], node_find(at[TOP_STATE], dir->row.name), dir);
	else
		refuse_restart(w, root, NULL, &top_keys[TOP_STATE]);
}

static void read_top(
	struct walk *w, const struct node *root, struct conf *conf, const struct conf *running)
{
	const struct node *at[TOP_KEYS];
	if (!walk_map(w, root, top_keys, at))
		return;
	read_clock(w, at, conf);
	conf->seed = walk_count(w, at[TOP_SEED], &top_keys[TOP_SEED]);
	conf->insecure = walk_bool(w, at[TOP_INSECURE], &top_keys[TOP_INSECURE]);
	conf->max_row_bytes = walk_count(w, at[TOP_MAX_ROW_BYTES], &top_keys[TOP_MAX_ROW_BYTES]);
	conf->send_queue = (uint32_t)walk_count(w, at[TOP_SEND_QUEUE], &top_keys[TOP_SEND_QUEUE]);
	conf->receive_queue =
		(uint32_t)walk_count(w, at[TOP_RECEIVE_QUEUE], &top_keys[TOP_RECEIVE_QUEUE]);
	conf_security_read(w, at[TOP_SECURITY], conf);
	conf_limits_read(w, at[TOP_LIMITS], conf);
	conf_sockets_read(w, at, conf);
	read_realtime(w, at[TOP_REALTIME], conf);
	conf->user = walk_keep(w, walk_text(w, at[TOP_USER], USER_TEXT_MAX));
	conf->sandbox = walk_bool(w, at[TOP_SANDBOX], &top_keys[TOP_SANDBOX]);
	read_state(w, at[TOP_STATE], conf);
	conf_streams_read(w, root, at[TOP_STREAMS], conf);
	conf_sockets_check_streams(w, at[TOP_INGEST], conf);
	if (running)
		refuse_restarts(w, root, at, conf, running);
}

static struct tree *load_tree(const char *path, struct conf_faults *faults)
{
	size_t size;
	char *bytes = source_read(path, &size, faults);
	struct tree *tree = bytes ? tree_from_yaml(bytes, size, faults) : NULL;
	free(bytes);
	return tree;
}

/* `running` = NULL: of a daemon that is to start. */
static struct conf *load(const char *path, const struct conf *running, struct conf_faults *faults)
{
	struct tree *tree = load_tree(path, faults);
	struct conf *conf = tree ? calloc(1, sizeof(*conf)) : NULL;
	struct walk w = {.faults = faults};
	if (tree && !conf)
		walk_no_memory(&w);
	if (conf) {
		conf->path = walk_keep(&w, path);
		read_top(&w, tree_root(tree), conf, running);
	}
	tree_free(tree);
	if (faults->errors) {
		conf_free(conf);
		conf = NULL;
	}
	faults_finish(faults);
	return conf;
}

struct conf *conf_load(const char *path, struct conf_faults *faults)
{
	return load(path, NULL, faults);
}

struct conf *conf_reload(const char *path, const struct conf *running, struct conf_faults *faults)
{
	return load(path, running, faults);
}

struct conf_stream *conf_stream_from_json(
	const json_t *json, const struct conf *conf, struct conf_faults *faults)
{
	struct walk w = {.faults = faults};
	struct tree *tree = tree_from_json(json, "stream", faults);
	struct conf_stream *stream = tree ? conf_stream_check(&w, tree_root(tree), conf) : NULL;
	tree_free(tree);
	if (faults->errors) {
		conf_stream_free(stream);
		stream = NULL;
	}
	faults_finish(faults);
	return stream;
}

void conf_forget_secret(struct conf *conf)
{
	explicit_bzero(conf->security.secret, sizeof(conf->security.secret));
}

void conf_tokens_free(struct conf_token *tokens, uint32_t count)
{
	if (tokens)
		explicit_bzero(tokens, count * sizeof(*tokens));
	free(tokens);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (uint32_t i = 0; i < conf->ingests; i++) {
		free(conf->ingest[i].endpoint);
		free(conf->ingest[i].topic);
		free(conf->ingest[i].stream);
		free(conf->ingest[i].server_key);
	}
	for (uint32_t i = 0; i < conf->publishes; i++)
		free(conf->publish[i]);
	for (uint32_t i = 0; i < conf->stream_count; i++)
		conf_stream_free(conf->streams[i]);
	conf_forget_secret(conf);
	conf_tokens_free(conf->web.tokens, conf->web.token_count);
	free(conf->web.host);
	for (uint32_t i = 0; i < conf->security.client_count; i++)
		acl_client_fini(&conf->security.clients[i]);
	free(conf->security.clients);
	free(conf->ingest);
	free(conf->publish);
	free(conf->control);
	free(conf->user);
	free(conf->state.dir);
	free(conf->streams);
	free(conf->path);
	free(conf);
}
