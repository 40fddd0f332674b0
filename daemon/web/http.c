/* Plain HTTP.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/http.h"

#include "daemon/web/files.h"
#include "daemon/web/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 2048
#define CHUNK       (32 << 10)
#define SEND_S      30 /* for each chunk */
#define METRICS_MAX 8  /* at a time; with many streams each is megabytes */

#define TYPE_TEXT    "text/plain; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_JSON    "application/json"

/* The page needs nothing from elsewhere, and shows nothing to others. */
static const char *const security_headers[][2] = {
	{"content-security-policy:", "default-src 'self'; img-src 'self' data: blob:; "
				     "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
	{"x-content-type-options:", "nosniff"},
	{"referrer-policy:", "no-referrer"},
	{"cache-control:", "no-cache"},
};

struct head {
	unsigned char bytes[LWS_PRE + HEADERS_MAX], *at, *end;
};

static int add(struct lws *wsi, struct head *h, const char *name, const char *value)
{
	return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
		(const unsigned char *)value, (int)strlen(value), &h->at, h->end);
}

/* 0, or not 0 = the connection ends. */
static int begin(struct lws *wsi, struct head *h, unsigned status, const char *type, size_t size)
{
	h->at = h->bytes + LWS_PRE;
	h->end = h->bytes + sizeof(h->bytes) - 1;
	if (lws_add_http_common_headers(wsi, status, type, size, &h->at, h->end))
		return 1;
	for (size_t i = 0; i < sizeof(security_headers) / sizeof(*security_headers); i++)
		if (add(wsi, h, security_headers[i][0], security_headers[i][1]))
			return 1;
	return 0;
}

static int finish_head(struct lws *wsi, struct head *h)
{
	return lws_finalize_write_http_header(wsi, h->bytes + LWS_PRE, &h->at, h->end);
}

static int over(struct http *h)
{
	struct lws *wsi = h->wsi;

	http_end(h);
	return lws_http_transaction_completed(wsi);
}

/* `owned` (or NULL) is freed when it has been sent. */
static int respond(struct http *h, unsigned status, const char *type, const void *body, size_t size,
	char *owned)
{
	struct head head;

	h->body = body;
	h->size = size;
	h->sent = 0;
	h->owned = owned;
	if (begin(h->wsi, &head, status, type, size) || finish_head(h->wsi, &head))
		return -1;
	lws_set_timeout(h->wsi, PENDING_TIMEOUT_HTTP_CONTENT, SEND_S);
	if (h->head || !size)
		return over(h) ? -1 : 0;
	lws_callback_on_writable(h->wsi);
	return 0;
}

static int respond_text(struct http *h, unsigned status, const char *text)
{
	return respond(h, status, TYPE_TEXT, text, strlen(text), NULL);
}

int http_refuse(struct lws *wsi, unsigned status, const char *why)
{
	lws_return_http_status(wsi, status, why);
	return -1;
}

int http_writable(struct http *h)
{
	unsigned char chunk[LWS_PRE + CHUNK];
	size_t left = h->size - h->sent, n = left < CHUNK ? left : CHUNK;
	bool last = n == left;

	if (!h->body)
		return 0;
	memcpy(chunk + LWS_PRE, h->body + h->sent, n);
	if (lws_write(h->wsi, chunk + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) <
		(int)n)
		return -1;
	h->sent += n;
	lws_set_timeout(h->wsi, PENDING_TIMEOUT_HTTP_CONTENT, SEND_S);
	if (last)
		return over(h) ? -1 : 0;
	lws_callback_on_writable(h->wsi);
	return 0;
}

/* The token goes from the address, where it would stay in the history, into a cookie. */
static int move_token(struct server *s, struct http *h, int token)
{
	struct head head;
	char cookie[CONF_TOKEN_SIZE + 80];

	snprintf(cookie, sizeof(cookie),
		ACCESS_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000",
		s->access.tokens[token].token);
	if (begin(h->wsi, &head, HTTP_STATUS_SEE_OTHER, TYPE_TEXT, 0) ||
		add(h->wsi, &head, "location:", "/") || add(h->wsi, &head, "set-cookie:", cookie) ||
		finish_head(h->wsi, &head))
		return -1;
	return over(h) ? -1 : 0;
}

static int ask(struct server *s, struct http *h, enum ask_what what)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return respond_text(h, HTTP_STATUS_SERVICE_UNAVAILABLE, "not enough memory\n");
	h->session = ++s->last_session;
	*ask = (struct ask){.what = what, .session = h->session};
	h->next = s->waiting;
	h->self = &s->waiting;
	if (h->next)
		h->next->self = &h->next;
	s->waiting = h;
	server_ask(s, ask);
	return 0;
}

static void stop_waiting(struct http *h)
{
	if (!h->self)
		return;
	*h->self = h->next;
	if (h->next)
		h->next->self = h->self;
	h->self = NULL;
}

void http_answer(struct server *s, struct ask *ask)
{
	struct http *h = s->waiting;
	unsigned status = ask->well ? HTTP_STATUS_OK : HTTP_STATUS_SERVICE_UNAVAILABLE;
	int ret;

	while (h && h->session != ask->session)
		h = h->next;
	if (h) {
		struct lws *wsi = h->wsi;

		stop_waiting(h);
		ret = ask->text ? respond(h, status,
					  ask->what == ASK_METRICS ? TYPE_METRICS : TYPE_JSON,
					  ask->text, ask->size, ask->text)
				: respond_text(h, status, "not enough memory\n");
		if (ask->text)
			ask->text = NULL;
		if (ret)
			lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
	}
	ask_free(ask);
}

static int send_file(struct http *h, const char *path)
{
	if (!strcmp(path, "/"))
		path = "/index.html";
	for (const struct web_file *f = web_files; f->path; f++)
		if (!strcmp(f->path, path))
			return respond(h, HTTP_STATUS_OK, f->type, f->bytes,
				(size_t)(f->end - f->bytes), NULL);
	return respond_text(h, HTTP_STATUS_NOT_FOUND, "there is nothing here\n");
}

static int deny(struct server *s, struct http *h, unsigned status, const char *text)
{
	counter_add(&s->counters->web_denied, 1);
	return respond_text(h, status, text);
}

/* libwebsockets would take one in chunks for further requests. */
static bool has_body(struct lws *wsi)
{
	char size[24];
	int n = lws_hdr_copy(wsi, size, sizeof(size), WSI_TOKEN_HTTP_CONTENT_LENGTH);

	return n < 0 || (n > 0 && strtoull(size, NULL, 10)) ||
	       lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING);
}

int http_request(struct server *s, struct http *h, struct lws *wsi, const char *path)
{
	bool by_url;
	int token;

	http_end(h);
	*h = (struct http){.wsi = wsi, .head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0};
	/* The connection ends, too: else it would be there for as long as a body takes to come. */
	if (!h->head && !lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI))
		return http_refuse(wsi, HTTP_STATUS_METHOD_NOT_ALLOWED, "GET and HEAD only");
	if (has_body(wsi))
		return http_refuse(wsi, HTTP_STATUS_REQ_ENTITY_TOO_LARGE, "requests have no body");
	if (!access_host_fits(&s->access, wsi))
		return deny(s, h, HTTP_STATUS_FORBIDDEN,
			"this is not a name of this machine; use its address, localhost, or its "
			"host name\n");
	if (!strcmp(path, "/health"))
		return ask(s, h, ASK_HEALTH);
	token = access_token(&s->access, wsi, &by_url);
	if (token < 0)
		return deny(s, h, HTTP_STATUS_UNAUTHORIZED,
			"this daemon wants a token: open /?token=…, or send the header "
			"Authorization: Bearer …; tokens are listed in the file that "
			"security.web_tokens names\n");
	if (!strcmp(path, "/metrics")) {
		if (s->access.tokens && !s->access.tokens[token].reads)
			return deny(s, h, HTTP_STATUS_FORBIDDEN,
				"this token's client has no control: it may not read metrics\n");
		if (s->metrics >= METRICS_MAX)
			return respond_text(h, HTTP_STATUS_SERVICE_UNAVAILABLE,
				"metrics are being sent to several already; try again\n");
		h->counted = &s->metrics;
		s->metrics++;
		return ask(s, h, ASK_METRICS);
	}
	return by_url ? move_token(s, h, token) : send_file(h, path);
}

void http_end(struct http *h)
{
	stop_waiting(h);
	free(h->owned);
	h->owned = NULL;
	h->body = NULL;
	if (h->counted)
		--*h->counted;
	h->counted = NULL;
}
