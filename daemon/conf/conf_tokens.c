/* Which tokens let a browser in, and as whom.
 *
 * Read by hand into memory that is overwritten, as the daemon's key is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/conf_security.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define FILE_MAX    (64 << 10)
#define TOKENS_MAX  64
#define TOKEN_LEAST 16
#define BLANKS      " \t\r"
#define TOKEN_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

struct tokens_reader {
	struct walk *w;
	const struct node *at;
	const char *path;
	struct conf *conf;
};

static const struct acl_client *find_client(const struct conf_security *s, const char *name)
{
	for (uint32_t i = 0; i < s->client_count; i++)
		if (!strcmp(s->clients[i].name, name))
			return &s->clients[i];
	return NULL;
}

/* A copy of `count` rules; false = out of memory. */
static bool copy_rules(void *to, const void *from, uint32_t count, size_t size)
{
	void *copy = count ? malloc(count * size) : NULL;
	if (copy)
		memcpy(copy, from, count * size);
	memcpy(to, &copy, sizeof(copy));
	return copy || !count;
}

/* One more listed client: the web server, when it speaks for this one. */
static bool list_web_client(
	struct conf_security *s, const struct acl_client *client, struct conf_token *token)
{
	struct acl_client own = *client;
	struct acl_client *more;
	if (zmq_curve_keypair(token->public, token->secret))
		return false;
	snprintf(own.name, sizeof(own.name), "%.*s.web", ACL_NAME_SIZE - 5, client->name);
	zmq_z85_decode(own.key, token->public);
	own.sends = NULL;
	own.hears = NULL;
	more = calloc((size_t)s->client_count + 1, sizeof(*more));
	if (!more || !copy_rules(&own.sends, client->sends, own.sends_count, sizeof(*own.sends)) ||
		!copy_rules(&own.hears, client->hears, own.hears_count, sizeof(*own.hears))) {
		free(more);
		free(own.sends);
		free(own.hears);
		return false;
	}
	token->sends = own.sends_all || own.sends_count;
	token->hears = own.hears_count > 0;
	token->reads = own.control != ACL_CONTROL_NONE;
	token->controls = own.control == ACL_CONTROL_FULL;
	memcpy(more, s->clients, s->client_count * sizeof(*more));
	more[s->client_count++] = own;
	free(s->clients);
	s->clients = more;
	return true;
}

static bool is_token(const char *text)
{
	size_t n = strlen(text);
	return n >= TOKEN_LEAST && n < CONF_TOKEN_SIZE && strspn(text, TOKEN_CHARS) == n;
}

static void read_line(struct tokens_reader *r, char *line, int number)
{
	struct conf_web *web = &r->conf->web;
	char *rest = NULL, *name, *token;
	line[strcspn(line, "#")] = '\0';
	name = strtok_r(line, BLANKS, &rest);
	if (!name)
		return;
	token = strtok_r(NULL, BLANKS, &rest);
	if (!token || strtok_r(NULL, BLANKS, &rest) || !is_token(token)) {
		faults_error(r->w->faults, place_value(r->at),
			"%s:%d: takes a client's name, blanks, and a token of %d to %d letters, "
			"digits, - and _; `openssl rand -hex 16` makes one",
			r->path, number, TOKEN_LEAST, CONF_TOKEN_SIZE - 1);
		return;
	}
	const struct acl_client *client = find_client(&r->conf->security, name);
	if (!client) {
		faults_error(r->w->faults, place_value(r->at),
			"%s:%d: there is no client %.64s; list it under security.clients first",
			r->path, number, name);
		return;
	}
	for (uint32_t i = 0; i < web->token_count; i++) {
		if (strcmp(web->tokens[i].token, token))
			continue;
		faults_error(r->w->faults, place_value(r->at),
			"%s:%d: client %s has this token already; give each its own", r->path,
			number, web->tokens[i].client);
		return;
	}
	if (web->token_count == TOKENS_MAX) {
		faults_error(r->w->faults, place_value(r->at), "%s:%d: at most %d tokens", r->path,
			number, TOKENS_MAX);
		return;
	}
	struct conf_token *entry = &web->tokens[web->token_count];
	snprintf(entry->token, sizeof(entry->token), "%s", token);
	snprintf(entry->client, sizeof(entry->client), "%s", name);
	if (list_web_client(&r->conf->security, client, entry))
		web->token_count++;
	else
		walk_no_memory(r->w);
}

void conf_tokens_read(struct walk *w, const struct node *at, struct conf *conf)
{
	char path[CONF_PATH_SIZE], *text;
	struct tokens_reader r = {.w = w, .at = at, .path = path, .conf = conf};
	ssize_t size;
	int fd, number = 1;
	const char *given = walk_text(w, at, CONF_PATH_SIZE - 1);
	if (!given)
		return;
	conf_path_resolve(conf->path, given, path);
	fd = conf_file_open(w, at, path, OTHERS_DO_NOT_READ);
	if (fd < 0)
		return;
	text = calloc(1, FILE_MAX + 2);
	conf->web.tokens = calloc(TOKENS_MAX, sizeof(*conf->web.tokens));
	size = text ? read(fd, text, FILE_MAX + 1) : -1;
	close(fd);
	if (!text || !conf->web.tokens)
		walk_no_memory(w);
	else if (size < 0)
		faults_error(w->faults, place_value(at), "cannot read %s", path);
	else if (size > FILE_MAX) /* its end would be taken for another token */
		faults_error(w->faults, place_value(at), "%s has more than %d KiB", path,
			FILE_MAX >> 10);
	else
		for (char *line = text, *end; line; line = end, number++) {
			end = strchr(line, '\n');
			if (end)
				*end++ = '\0';
			read_line(&r, line, number);
		}
	if (size == 0 || (size > 0 && !conf->web.token_count && !w->faults->errors))
		faults_error(w->faults, place_value(at), "%s names no token", path);
	if (text)
		explicit_bzero(text, FILE_MAX + 2);
	free(text);
}
