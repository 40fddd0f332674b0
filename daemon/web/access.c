/* Tokens, Host and Origin.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/access.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define BEARER "Bearer "

/* The same time for every guess. */
static bool same_token(const char *given, const char *token)
{
	size_t n = strlen(token);
	unsigned char differs = strlen(given) != n;

	for (size_t i = 0; i < n; i++)
		differs |= (unsigned char)(token[i] ^ (differs ? 0 : given[i]));
	return !differs;
}

static int find(const struct access *a, const char *given)
{
	int found = -1;

	for (uint32_t i = 0; i < a->token_count; i++)
		if (same_token(given, a->tokens[i].token))
			found = (int)i;
	return found;
}

/* What follows `name=` among the cookies. */
static bool read_cookie(struct lws *wsi, char *out, size_t size)
{
	char all[2048], *rest = NULL;
	size_t n = strlen(ACCESS_COOKIE);

	if (lws_hdr_copy(wsi, all, sizeof(all), WSI_TOKEN_HTTP_COOKIE) <= 0)
		return false;
	for (char *at = strtok_r(all, "; ", &rest); at; at = strtok_r(NULL, "; ", &rest)) {
		if (strncmp(at, ACCESS_COOKIE, n) || at[n] != '=')
			continue;
		snprintf(out, size, "%s", at + n + 1);
		return true;
	}
	return false;
}

int access_token(const struct access *a, struct lws *wsi, bool *by_url)
{
	char text[CONF_TOKEN_SIZE + 32];
	const char *given;
	int found = -1;

	*by_url = false;
	if (!a->tokens)
		return 0;
	if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_AUTHORIZATION) > 0 &&
		!strncasecmp(text, BEARER, strlen(BEARER)))
		found = find(a, text + strlen(BEARER));
	given = found < 0 ? lws_get_urlarg_by_name(wsi, "token=", text, sizeof(text)) : NULL;
	if (given) {
		found = find(a, given);
		*by_url = found >= 0;
	}
	if (found < 0 && read_cookie(wsi, text, sizeof(text)))
		found = find(a, text);
	explicit_bzero(text, sizeof(text));
	return found;
}

/* Without the port and the brackets. */
static void strip_port(char *host)
{
	char *colon = strrchr(host, ':'), *bracket = strrchr(host, ']');

	if (colon && (!bracket || colon > bracket))
		*colon = '\0';
	if (*host == '[' && bracket) {
		*bracket = '\0';
		memmove(host, host + 1, strlen(host));
	}
}

static bool is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

bool access_host_fits(const struct access *a, struct lws *wsi)
{
	char host[300], local[300];

	if (lws_hdr_copy(wsi, host, sizeof(host), WSI_TOKEN_HOST) <= 0)
		return false;
	strip_port(host);
	snprintf(local, sizeof(local), "%s.local", a->host);
	/* With tokens a foreign name gains nothing: the cookie belongs to the name it was given to. */
	return a->tokens || is_address(host) || !strcasecmp(host, "localhost") ||
	       !strcasecmp(host, a->host) || !strcasecmp(host, local);
}

bool access_origin_fits(struct lws *wsi)
{
	char origin[300], host[300];
	const char *name;
	int n = lws_hdr_copy(wsi, origin, sizeof(origin), WSI_TOKEN_ORIGIN);

	if (!n)
		return true;
	if (n < 0 || lws_hdr_copy(wsi, host, sizeof(host), WSI_TOKEN_HOST) <= 0)
		return false;
	name = strstr(origin, "://");
	return name && !strcasecmp(name + 3, host);
}
