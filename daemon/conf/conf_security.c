/* Keys, who is let in with them, and limits.
 *
 * The daemon's own secret is read by hand into memory that is overwritten: the reader of YAML would
 * leave copies.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/conf_security.h"

#include "daemon/conf/keys.h"
#include "daemon/conf/source.h"

#include <errno.h>
#include <fcntl.h>
#include <spiked/wire.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define KEY_FILE_MAX  4096
#define CLIENTS_MAX   4096
#define RULES_MAX     65536 /* of a client */
#define KEY_CHARS     (ACL_KEY_TEXT - 1)
#define STREAM_TOPICS 6

/* Of a stream, in full. */
static const char *const stream_topics[STREAM_TOPICS] = {
	"spikes/", "state/", "values/", "json/", "rows/", "meta/"};
static const char *const other_topics[] = {"status/", "bundle/"};

static bool decode_key(const char *text, uint8_t key[ACL_KEY_SIZE])
{
	return strlen(text) == KEY_CHARS && zmq_z85_decode(key, text);
}

bool conf_key_read(struct walk *w, const struct node *at, uint8_t key[ACL_KEY_SIZE])
{
	const char *text = walk_text(w, at, CONF_PATH_SIZE);
	if (!text)
		return false;
	if (decode_key(text, key))
		return true;
	faults_error(w->faults, place_value(at),
		"is not a key: 40 characters of Z85 in quotes, as `spikectl keygen` prints them (this "
		"has %zu)",
		strlen(text));
	return false;
}

void conf_path_resolve(const char *base, const char *path, char out[CONF_PATH_SIZE])
{
	const char *slash = strrchr(base, '/');
	if (*path == '/' || !slash)
		snprintf(out, CONF_PATH_SIZE, "%s", path);
	else
		snprintf(out, CONF_PATH_SIZE, "%.*s/%s", (int)(slash - base), base, path);
}

int conf_file_open(struct walk *w, const struct node *at, const char *path, enum file_duty duty)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	const char *wrong = NULL;
	if (fd < 0 || fstat(fd, &st)) {
		faults_error(
			w->faults, place_value(at), "cannot read %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode))
		wrong = "is not a plain file";
	else if (duty == OTHERS_DO_NOT_READ && st.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))
		wrong = "may be read or changed by others: chmod 600 (or 640 and a group of its own)";
	else if (st.st_mode & (S_IWOTH | S_IWGRP))
		wrong = "may be changed by others, who could list themselves: chmod go-w";
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		wrong = "belongs neither to root nor to the user that spiked runs as";
	if (!wrong)
		return fd;
	faults_error(w->faults, place_value(at), "%s %s", path, wrong);
	close(fd);
	return -1;
}

/* The text in quotes after `name:` at the start of a line, if it is a key. */
static bool find_key(const char *text, const char *name, char key[ACL_KEY_TEXT])
{
	size_t n = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) != 0 || line[n] != ':')
			continue;
		const char *open = line + n + 1 + strspn(line + n + 1, " \t");
		if (*open != '"' || strnlen(open, KEY_CHARS + 2) < KEY_CHARS + 2 ||
			open[KEY_CHARS + 1] != '"')
			return false;
		memcpy(key, open + 1, KEY_CHARS);
		key[KEY_CHARS] = '\0';
		return true;
	}
	return false;
}

/* The pair of keys in the file; NULL, or what is wrong with it. */
static const char *take_pair(const char *text, struct conf_security *s)
{
	uint8_t bytes[ACL_KEY_SIZE];
	char derived[ACL_KEY_TEXT];
	if (!find_key(text, "secret", s->secret) || !decode_key(s->secret, bytes))
		return "has no line secret: \"…\" with a key of 40 characters";
	explicit_bzero(bytes, sizeof(bytes));
	if (zmq_curve_public(derived, s->secret))
		return "cannot be used: this libzmq is built without CURVE";
	if (find_key(text, "public", s->own_public) && strcmp(s->own_public, derived) != 0)
		return "is damaged: its public key does not belong to its secret one";
	memcpy(s->own_public, derived, sizeof(derived));
	return NULL;
}

static void read_pair(struct walk *w, const struct node *at, struct conf *conf)
{
	char path[CONF_PATH_SIZE], text[KEY_FILE_MAX + 1];
	const char *given = walk_text(w, at, CONF_PATH_SIZE - 1), *wrong;
	if (!given)
		return;
	conf_path_resolve(conf->path, given, path);
	int fd = conf_file_open(w, at, path, OTHERS_DO_NOT_READ);
	if (fd < 0)
		return;
	ssize_t size = read(fd, text, KEY_FILE_MAX);
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	wrong = take_pair(text, &conf->security);
	explicit_bzero(text, sizeof(text));
	if (wrong)
		faults_error(w->faults, place_value(at),
			"%s %s; `spikectl keygen FILE` makes a new pair", path, wrong);
}

/* One more rule of `size` bytes in the growing array; false = out of memory. */
static void *grow(struct walk *w, void *rules, uint32_t count, size_t size)
{
	if (count & (count - 1)) /* room is a power of 2 */
		return rules;
	void *more = realloc(rules, (count ? 2 * (size_t)count : 1) * size);
	if (!more)
		walk_no_memory(w);
	return more;
}

static void add_sends(struct walk *w, struct acl_client *c, const char *name)
{
	void *more = grow(w, c->sends, c->sends_count, sizeof(*c->sends));
	if (!more)
		return;
	c->sends = more;
	snprintf(c->sends[c->sends_count++], sizeof(*c->sends), "%s", name);
}

static void add_hears(struct walk *w, struct acl_client *c, const char *kind, const char *name)
{
	void *more = grow(w, c->hears, c->hears_count, sizeof(*c->hears));
	if (!more)
		return;
	c->hears = more;
	snprintf(c->hears[c->hears_count++], sizeof(*c->hears), "%s%s%s", kind, name,
		*kind && *name && name[strlen(name) - 1] != '/' ? "/" : "");
}

static const struct node *rule_items(struct walk *w, const struct node *at, uint32_t *count)
{
	const struct node *items = walk_items(at, count);
	if (*count > RULES_MAX) {
		faults_error(w->faults, place_value(at), "at most %d rules", RULES_MAX);
		*count = 0;
	}
	return items;
}

static void read_sends(struct walk *w, const struct node *at, struct acl_client *c)
{
	uint32_t count;
	const struct node *items = rule_items(w, at, &count);
	for (uint32_t i = 0; i < count; i++) {
		if (items[i].kind == NODE_TEXT && !strcmp(items[i].text, WORD_ALL)) {
			c->sends_all = true;
			continue;
		}
		const char *name = walk_name(w, &items[i]);
		if (name)
			add_sends(w, c, name);
	}
}

/* "spikes/" or "spikes/imu/": a kind of topics, then perhaps a name and its slash. */
static bool is_topic_rule(const char *text)
{
	const char *slash = strchr(text, '/');
	size_t kind = (size_t)(slash - text) + 1, rest = strlen(slash + 1);
	bool known = false;
	for (size_t i = 0; i < STREAM_TOPICS; i++)
		known |= strlen(stream_topics[i]) == kind && !strncmp(stream_topics[i], text, kind);
	for (size_t i = 0; i < 2; i++)
		known |= strlen(other_topics[i]) == kind && !strncmp(other_topics[i], text, kind);
	return known && (!rest || (slash[rest] == '/' && walk_name_ok(slash + 1, rest - 1)));
}

static void read_hears(struct walk *w, const struct node *at, struct acl_client *c)
{
	uint32_t count;
	const struct node *items = rule_items(w, at, &count);
	for (uint32_t i = 0; i < count; i++) {
		const char *text = walk_text(w, &items[i], ACL_RULE_SIZE - 8);
		if (!text)
			continue;
		if (!strcmp(text, WORD_ALL)) {
			add_hears(w, c, "", "");
		} else if (strchr(text, '/')) {
			if (is_topic_rule(text))
				add_hears(w, c, "", text);
			else
				faults_error(w->faults, place_value(&items[i]),
					"\"%.80s\" is no topic: write spikes/, state/, values/, json/, "
					"rows/, meta/, bundle/ or status/, then perhaps a name and a "
					"slash (spikes/imu/)",
					text);
		} else if (walk_name(w, &items[i])) {
			for (size_t k = 0; k < STREAM_TOPICS; k++)
				add_hears(w, c, stream_topics[k], text);
		}
	}
}

static void read_client(struct walk *w, const struct node *node, struct acl_client *c)
{
	const struct node *at[CLIENT_KEYS];
	if (!walk_map(w, node, client_keys, at))
		return;
	const char *name = walk_name(w, at[CLIENT_NAME]);
	if (name)
		snprintf(c->name, sizeof(c->name), "%s", name);
	for (int k = CLIENT_NAME; k <= CLIENT_KEY; k++)
		if (!at[k])
			faults_error(
				w->faults, place_value(node), "needs %s", client_keys[k].row.name);
	conf_key_read(w, at[CLIENT_KEY], c->key);
	if (at[CLIENT_ROWS])
		read_sends(w, at[CLIENT_ROWS], c);
	if (at[CLIENT_SUBSCRIBE])
		read_hears(w, at[CLIENT_SUBSCRIBE], c);
	c->control =
		(enum acl_control)walk_choice(w, at[CLIENT_CONTROL], &client_keys[CLIENT_CONTROL]);
	if (!at[CLIENT_ROWS] && !at[CLIENT_SUBSCRIBE] && c->control == ACL_CONTROL_NONE)
		faults_warn(w->faults, place_value(node),
			"may do nothing: it has neither rows, subscribe nor control");
}

static void read_clients(struct walk *w, const struct node *at, struct conf *conf)
{
	struct conf_security *s = &conf->security;
	uint32_t count;
	const struct node *items = walk_items(at, &count);
	if (count > CLIENTS_MAX) {
		faults_error(w->faults, place_value(at), "at most %d clients", CLIENTS_MAX);
		return;
	}
	s->clients = calloc((size_t)count + 1, sizeof(*s->clients));
	if (!s->clients) {
		walk_no_memory(w);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct acl_client *c = &s->clients[s->client_count++];
		read_client(w, &items[i], c);
		for (uint32_t j = 0; j + 1 < s->client_count; j++) {
			const struct acl_client *other = &s->clients[j];
			if (*c->name && !strcmp(c->name, other->name))
				faults_error(w->faults, place_value(&items[i]),
					"there is a client %s already (line %d)", c->name,
					items[j].line);
			else if (*c->name && *other->name &&
				 !memcmp(c->key, other->key, sizeof(c->key)))
				faults_error(w->faults, place_value(&items[i]),
					"has the key of client %s (line %d); give each its own",
					other->name, items[j].line);
		}
	}
	if (!count)
		faults_warn(w->faults, place_value(at), "lists nobody: nobody is let in");
}

/* The list in a file of its own. Its faults are told with its name and line. */
static void read_clients_file(struct walk *w, const struct node *at, struct conf *conf)
{
	struct conf_faults own = {0};
	struct walk inner = {.faults = &own};
	struct tree *tree = NULL;
	char path[CONF_PATH_SIZE];
	char *bytes;
	size_t size;
	if (!walk_text(w, at, CONF_PATH_SIZE - 1))
		return;
	conf_path_resolve(conf->path, at->text, path);
	int fd = conf_file_open(w, at, path, OTHERS_DO_NOT_WRITE);
	if (fd < 0)
		return;
	close(fd);
	bytes = source_read(path, &size, &own);
	if (bytes)
		tree = tree_from_yaml(bytes, size, &own);
	free(bytes);
	if (tree && tree_root(tree)->kind == NODE_LIST)
		read_clients(&inner, tree_root(tree), conf);
	else if (tree)
		faults_error(&own, place_value(tree_root(tree)),
			"takes a list of clients: lines that start with - name: …");
	tree_free(tree);
	faults_finish(&own);
	for (size_t i = 0; i < own.count; i++) {
		const struct conf_fault *f = &own.items[i];
		faults_add(w->faults, f->warning ? FAULT_WARNING : FAULT_ERROR, place_value(at),
			"%s:%d:%d: %s%s%s", path, f->line, f->column, f->path, *f->path ? ": " : "",
			f->text);
	}
	conf_faults_fini(&own);
}

void conf_security_read(struct walk *w, const struct node *node, struct conf *conf)
{
	const struct node *at[SECURITY_KEYS];
	if (!node)
		return;
	conf->security.wanted = true; /* also when what follows is wrong: never open by mistake */
	if (!walk_map(w, node, security_keys, at))
		return;
	for (int k = 0; k < SECURITY_KEYS; k++)
		if (!at[k] && !(security_keys[k].row.flags & PARAM_OPTIONAL))
			faults_error(w->faults, place_value(node), "needs %s",
				security_keys[k].row.name);
	read_pair(w, at[SECURITY_KEY], conf);
	if (at[SECURITY_CLIENTS] && at[SECURITY_CLIENTS]->kind == NODE_TEXT)
		read_clients_file(w, at[SECURITY_CLIENTS], conf);
	else if (at[SECURITY_CLIENTS])
		read_clients(w, at[SECURITY_CLIENTS], conf);
	if (at[SECURITY_WEB_TOKENS])
		conf_tokens_read(w, at[SECURITY_WEB_TOKENS], conf);
}

void conf_limits_read(struct walk *w, const struct node *node, struct conf *conf)
{
	static const struct node nothing = {.kind = NODE_MAP};
	struct conf_limits *l = &conf->limits;
	const struct node *at[LIMITS_KEYS];
	walk_map(w, node ? node : &nothing, limits_keys, at);
	l->connections =
		(uint32_t)walk_count(w, at[LIMITS_CONNECTIONS], &limits_keys[LIMITS_CONNECTIONS]);
	l->subscriptions = (uint32_t)walk_count(
		w, at[LIMITS_SUBSCRIPTIONS], &limits_keys[LIMITS_SUBSCRIPTIONS]);
	l->rows_per_second = walk_count(w, at[LIMITS_ROWS], &limits_keys[LIMITS_ROWS]);
	l->control_bytes =
		walk_count(w, at[LIMITS_CONTROL_BYTES], &limits_keys[LIMITS_CONTROL_BYTES]);
	l->control_depth = (uint32_t)walk_count(
		w, at[LIMITS_CONTROL_DEPTH], &limits_keys[LIMITS_CONTROL_DEPTH]);
	l->control_per_second =
		(uint32_t)walk_count(w, at[LIMITS_CONTROL_RATE], &limits_keys[LIMITS_CONTROL_RATE]);
	if (at[LIMITS_ROWS] && conf->clock != CLOCK_WALL)
		faults_warn(w->faults, place_key(at[LIMITS_ROWS]), "has no effect in clock %s",
			clock_words[conf->clock]);
}
