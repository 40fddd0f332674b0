/* Reading endpoints and finding those that cannot both be had, or that let strangers in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/conf_sockets.h"

#include "daemon/conf/conf_security.h"
#include "daemon/conf/endpoint.h"
#include "daemon/conf/keys.h"

#include <spiked/wire.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 256 /* of ingest, and of publish */

/* Every endpoint read so far, to compare the next one with. */
struct used {
	struct {
		struct endpoint endpoint;
		enum endpoint_use use;
		const struct node *at;            /* NULL = a default */
		const char *key;                  /* the top-level key it belongs to */
		const struct conf_ingest *ingest; /* of a connected one */
	} items[2 * ENTRIES_MAX + 3];
	size_t count;
};

struct reader {
	struct walk *w;
	struct conf *conf;
	struct used *used;
};

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* The same PUB may be connected to twice, but not for the same rows. */
static bool collide(const struct used *used, size_t i, size_t j)
{
	if (!endpoint_clash(&used->items[i].endpoint, &used->items[j].endpoint))
		return false;
	const struct conf_ingest *a = used->items[i].ingest, *b = used->items[j].ingest;
	if (!a && !b)
		return true;
	/* Listening on all addresses does not make every host this machine. */
	if (!a || !b)
		return strcmp(used->items[i].endpoint.host, used->items[j].endpoint.host) == 0;
	return same_text(a->topic, b->topic) && same_text(a->stream, b->stream);
}

static void compare(struct reader *s, size_t i)
{
	const struct used *used = s->used;
	for (size_t j = 0; j < i; j++) {
		if (!collide(used, i, j))
			continue;
		/* A default cannot be pointed at, and two of them never collide. */
		size_t here = used->items[i].at ? i : j, there = here == i ? j : i;
		char other[128];
		if (used->items[there].at)
			node_path(used->items[there].at, other, sizeof(other));
		else
			snprintf(other, sizeof(other), "the default of %s", used->items[there].key);
		struct place place = place_value(used->items[here].at);
		if (used->items[there].at)
			faults_error(s->w->faults, place, "%s is taken by %s (line %d)",
				used->items[here].endpoint.text, other,
				used->items[there].at->line);
		else
			faults_error(s->w->faults, place, "%s is taken by %s",
				used->items[here].endpoint.text, other);
		return;
	}
}

/* Only listening lets strangers in. */
static void check_open(struct reader *s, const struct endpoint *endpoint, const struct node *at)
{
	if (endpoint->loopback || s->conf->security.wanted)
		return;
	if (s->conf->insecure)
		faults_warn(s->w->faults, place_value(at),
			"other machines can reach %s, and nothing checks who they are",
			endpoint->text);
	else
		faults_error(s->w->faults, place_value(at),
			"other machines could reach %s: write 127.0.0.1 for this machine alone, or "
			"security: to let in only those whose keys are listed, or insecure: true at "
			"the top if everybody may",
			endpoint->text);
}

/* Checks one endpoint and returns the text to keep, or NULL. at = NULL: `text` is a default. */
static char *take(struct reader *s, const char *text, const struct node *at, const char *key,
	const struct conf_ingest *ingest)
{
	struct fault f;
	enum endpoint_use use = ingest ? ENDPOINT_CONNECT : ENDPOINT_BIND;
	size_t i = s->used->count;
	struct endpoint *endpoint = &s->used->items[i].endpoint;
	if (endpoint_parse(text, use, endpoint, &f)) {
		faults_error(s->w->faults, place_value(at), "%s", f.text);
		return NULL;
	}
	s->used->items[i].use = use;
	s->used->items[i].at = at;
	s->used->items[i].key = key;
	s->used->items[i].ingest = ingest;
	s->used->count++;
	if (use == ENDPOINT_BIND)
		check_open(s, endpoint, at);
	compare(s, i);
	return walk_keep(s->w, endpoint->text);
}

/* The items of ingest or publish; 0 = reported. */
static uint32_t entries(struct reader *s, const struct node *at, const struct node **items)
{
	uint32_t count;
	*items = walk_items(at, &count);
	if (count > ENTRIES_MAX) {
		faults_error(s->w->faults, place_value(&(*items)[ENTRIES_MAX]),
			"at most %d entries", ENTRIES_MAX);
		return 0;
	}
	return count;
}

static void read_server_key(
	struct reader *s, const struct node *map, const struct node *at, struct conf_ingest *entry)
{
	uint8_t key[ACL_KEY_SIZE];
	if (!at) {
		if (s->conf->security.wanted && !s->conf->insecure)
			faults_error(s->w->faults, place_value(map),
				"needs server_key, the public key of that PUB's server: with "
				"`security` every endpoint is encrypted; insecure: true at the top "
				"lets this one go without");
		return;
	}
	if (!conf_key_read(s->w, at, key))
		return;
	if (!s->conf->security.wanted)
		faults_error(s->w->faults, place_key(at),
			"needs `security` at the top: spiked shows its own key to that server");
	entry->server_key = walk_keep(s->w, at->text);
}

static void read_connected(struct reader *s, const struct node *node, struct conf_ingest *entry)
{
	const struct node *at[INGEST_KEYS];
	if (!walk_map(s->w, node, ingest_keys, at))
		return;
	entry->connect = true;
	const struct node *topic = at[INGEST_TOPIC];
	bool all = topic && topic->kind == NODE_TEXT && topic->text[0] == '\0';
	entry->topic = walk_keep(s->w, !topic || all ? "" : walk_text(s->w, topic, TOPIC_TEXT_MAX));
	entry->stream = walk_keep(s->w, walk_name(s->w, at[INGEST_STREAM]));
	if (!at[INGEST_CONNECT]) {
		faults_error(s->w->faults, place_value(node),
			"needs connect: the endpoint of the PUB socket; an endpoint to listen at is "
			"written without a map");
		return;
	}
	read_server_key(s, node, at[INGEST_SERVER_KEY], entry);
	const char *text = walk_text(s->w, at[INGEST_CONNECT], ENDPOINT_MAX);
	if (text)
		entry->endpoint = take(s, text, at[INGEST_CONNECT], "ingest", entry);
	if (s->conf->clock == CLOCK_DATA)
		faults_warn(s->w->faults, place_value(node),
			"clock data is lossless only for rows that are pushed: a PUB drops rows when "
			"it has to wait");
}

static void read_ingest(struct reader *s, const struct node *at)
{
	struct conf *conf = s->conf;
	const struct node *items = NULL;
	uint32_t count = at ? entries(s, at, &items) : 1;
	if (at && at->kind == NODE_LIST && at->count == 0 && conf->clock != CLOCK_MANUAL)
		faults_error(s->w->faults, place_value(at),
			"is empty: no row could ever arrive; leave the key out for %s",
			SPIKED_INGEST_DEFAULT);
	conf->ingest = calloc((size_t)count + 1, sizeof(*conf->ingest));
	if (!conf->ingest) {
		walk_no_memory(s->w);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct conf_ingest *entry = &conf->ingest[conf->ingests++];
		if (!at)
			entry->endpoint = take(s, SPIKED_INGEST_DEFAULT, NULL, "ingest", NULL);
		else if (items[i].kind == NODE_TEXT)
			entry->endpoint = take(s, items[i].text, &items[i], "ingest", NULL);
		else if (items[i].kind == NODE_MAP)
			read_connected(s, &items[i], entry);
		else
			faults_error(s->w->faults, place_value(&items[i]),
				"takes an endpoint, or a map {connect, topic, stream}, not %s",
				node_kind_text(items[i].kind));
	}
}

static void read_publish(struct reader *s, const struct node *at)
{
	struct conf *conf = s->conf;
	const struct node *items = NULL;
	uint32_t count = at ? entries(s, at, &items) : 1;
	if (at && at->kind == NODE_LIST && at->count == 0)
		faults_error(s->w->faults, place_value(at),
			"is empty: nobody could subscribe; leave the key out for %s",
			SPIKED_PUBLISH_DEFAULT);
	conf->publish = calloc((size_t)count + 1, sizeof(*conf->publish));
	if (!conf->publish) {
		walk_no_memory(s->w);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		char **entry = &conf->publish[conf->publishes++];
		if (!at)
			*entry = take(s, SPIKED_PUBLISH_DEFAULT, NULL, "publish", NULL);
		else if (items[i].kind == NODE_TEXT)
			*entry = take(s, items[i].text, &items[i], "publish", NULL);
		else
			faults_error(s->w->faults, place_value(&items[i]),
				"takes an endpoint, e.g. %s, not %s", SPIKED_PUBLISH_DEFAULT,
				node_kind_text(items[i].kind));
	}
}

static void read_control(struct reader *s, const struct node *at)
{
	const char *text = at ? walk_text(s->w, at, ENDPOINT_MAX) : SPIKED_CONTROL_DEFAULT;
	if (!text)
		return;
	if (at && strcmp(text, WORD_NONE) == 0) {
		if (s->conf->clock == CLOCK_MANUAL)
			faults_error(s->w->faults, place_value(at),
				"clock manual ticks on the control socket's step and needs the socket");
		return;
	}
	s->conf->control = take(s, text, at, "control", NULL);
}

/* Tokens would cross the network in the clear, so beyond this machine it takes the word, with keys too. */
static void check_web_open(struct reader *s, const struct endpoint *endpoint, const struct node *at)
{
	if (endpoint->loopback)
		return;
	if (s->conf->insecure)
		faults_warn(s->w->faults, place_value(at),
			"other machines can reach %s, and nothing there is encrypted",
			endpoint->text);
	else
		faults_error(s->w->faults, place_value(at),
			"other machines could reach %s, and HTTP is not encrypted: write 127.0.0.1 and "
			"put a tunnel or a proxy with TLS before it, or insecure: true at the top",
			endpoint->text);
}

static void read_web(struct reader *s, const struct node *at)
{
	struct conf_web *web = &s->conf->web;
	struct endpoint endpoint;
	struct fault f;
	const char *text = walk_text(s->w, at, ENDPOINT_MAX);
	if (!text)
		return;
	if (endpoint_web(text, &endpoint, &f)) {
		faults_error(s->w->faults, place_value(at), "%s", f.text);
		return;
	}
	check_web_open(s, &endpoint, at);
	s->used->items[s->used->count].endpoint = endpoint;
	s->used->items[s->used->count].at = at;
	s->used->items[s->used->count].key = "web";
	compare(s, s->used->count++);
	web->host = walk_keep(s->w, endpoint.host);
	web->port = endpoint.port;
	web->everywhere = endpoint.everywhere;
	web->loopback = endpoint.loopback;
	if (s->conf->security.wanted && !web->token_count)
		faults_error(s->w->faults, place_value(at),
			"needs web_tokens under security: with keys nobody is let in who does not "
			"show what he is");
}

void conf_sockets_read(struct walk *w, const struct node *const *at, struct conf *conf)
{
	struct reader s = {.w = w, .conf = conf, .used = calloc(1, sizeof(*s.used))};
	if (!s.used) {
		walk_no_memory(w);
		return;
	}
	read_ingest(&s, at[TOP_INGEST]);
	read_publish(&s, at[TOP_PUBLISH]);
	read_control(&s, at[TOP_CONTROL]);
	read_web(&s, at[TOP_WEB]);
	free(s.used);
}

void conf_sockets_check_streams(struct walk *w, const struct node *ingest, const struct conf *conf)
{
	uint32_t count;
	if (!ingest)
		return;
	const struct node *items = walk_items(ingest, &count);
	for (uint32_t i = 0; i < count && i < conf->ingests; i++) {
		const char *name = conf->ingest[i].stream;
		const struct node *at = node_find(&items[i], ingest_keys[INGEST_STREAM].row.name);
		bool found = !name || !at;
		for (uint32_t k = 0; !found && k < conf->stream_count; k++)
			found = same_text(conf->streams[k]->name, name);
		if (!found)
			faults_warn(w->faults, place_value(at),
				"there is no stream %s; its rows are dropped until one is added",
				name);
	}
}
