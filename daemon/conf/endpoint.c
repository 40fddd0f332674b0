/* Reading endpoints.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define EXAMPLE "tcp://127.0.0.1:7570"

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int bad_scheme(const char *text, struct fault *f)
{
	static const char *const schemes[] = {"tcp", "ipc"};
	char scheme[32];
	const char *mark = strstr(text, "://");
	if (!mark)
		return fault_set(f, -EINVAL,
			"\"%.60s\" is not an endpoint; write tcp://HOST:PORT or ipc://PATH, e.g. %s",
			text, EXAMPLE);
	if (has_prefix(text, "inproc://"))
		return fault_set(f, -EINVAL,
			"inproc:// reaches nobody outside the daemon; write tcp:// or ipc://");
	snprintf(scheme, sizeof(scheme), "%.*s", (int)(mark - text < 30 ? mark - text : 30), text);
	const char *nearest = fault_nearest(scheme, schemes, 2);
	if (nearest)
		return fault_set(f, -EINVAL, "unknown scheme \"%s://\"; did you mean %s://?",
			scheme, nearest);
	return fault_set(f, -EINVAL, "unknown scheme \"%s://\"; write tcp:// or ipc://", scheme);
}

static int parse_ipc(
	const char *text, enum endpoint_use use, struct endpoint *endpoint, struct fault *f)
{
	const char *path = text + strlen("ipc://");
	const size_t longest = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	if (!*path)
		return fault_set(f, -EINVAL, "ipc:// needs a path, e.g. ipc:///run/spiked/rows");
	if (strlen(path) > longest)
		return fault_set(f, -EINVAL, "the path has %zu bytes; a socket's has at most %zu",
			strlen(path), longest);
	if (use == ENDPOINT_CONNECT && strcmp(path, "*") == 0)
		return fault_set(f, -EINVAL, "\"*\" is no path to connect to");
	endpoint->ipc = true;
	endpoint->loopback = true;
	snprintf(endpoint->host, sizeof(endpoint->host), "%s", path);
	return 0;
}

/* Splits "host:port" or "[v6]:port". */
static int split(const char *text, struct endpoint *endpoint, const char **port, struct fault *f)
{
	const char *host = text, *end, *colon;
	if (*text == '[') {
		host = text + 1;
		end = strchr(host, ']');
		colon = end ? end + 1 : NULL;
		if (!end || *colon != ':')
			return fault_set(f, -EINVAL,
				"write an IPv6 address as [address]:port, not \"%.60s\"", text);
	} else {
		colon = strrchr(text, ':');
		end = colon;
		if (!colon)
			return fault_set(f, -EINVAL, "the port is missing: write %.60s:7570", text);
		if (memchr(text, ':', (size_t)(colon - text)))
			return fault_set(f, -EINVAL,
				"put the IPv6 address into brackets: [%.*s]:%s",
				(int)(colon - text < 60 ? colon - text : 60), text, colon + 1);
	}
	if (end == host)
		return fault_set(
			f, -EINVAL, "the host is missing; 127.0.0.1 is this machine alone");
	snprintf(endpoint->host, sizeof(endpoint->host), "%.*s", (int)(end - host), host);
	*port = colon + 1;
	return 0;
}

static int parse_port(const char *text, enum endpoint_use use, int *port, struct fault *f)
{
	if (strcmp(text, "*") == 0) {
		if (use == ENDPOINT_CONNECT)
			return fault_set(f, -EINVAL, "\"*\" is no port to connect to");
		*port = 0;
		return 0;
	}
	char *end;
	unsigned long value = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
	if (value < 1 || value > 65535 || *end)
		return fault_set(f, -EINVAL, "a port is 1 to 65535%s, not \"%.20s\"",
			use == ENDPOINT_BIND ? ", or * for any free one" : "", text);
	*port = (int)value;
	return 0;
}

static int check_name(const char *host, enum endpoint_use use, struct fault *f)
{
	bool digits = true;
	for (const char *c = host; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
			return fault_set(f, -EINVAL, "\"%.60s\" is not a host", host);
		digits = digits && (isdigit((unsigned char)*c) || *c == '.');
	}
	if (digits)
		return fault_set(f, -EINVAL, "\"%.60s\" is not an IPv4 address", host);
	if (use == ENDPOINT_BIND && strlen(host) >= IFNAMSIZ)
		return fault_set(f, -EINVAL,
			"\"%.60s\" is not an address of this machine; listening takes an address, the "
			"name of an interface, or * for all",
			host);
	return 0;
}

/* Says what kind of host it is, and refuses what can be none. */
static int classify(struct endpoint *endpoint, enum endpoint_use use, struct fault *f)
{
	struct in_addr v4;
	struct in6_addr v6;
	char *host = endpoint->host;
	if (strcmp(host, "localhost") == 0 && use == ENDPOINT_BIND)
		snprintf(host, sizeof(endpoint->host), "127.0.0.1");
	if (strcmp(host, "*") == 0) {
		if (use == ENDPOINT_CONNECT)
			return fault_set(f, -EINVAL, "\"*\" is no host to connect to");
		endpoint->everywhere = true;
	} else if (inet_pton(AF_INET, host, &v4) == 1) {
		endpoint->loopback = ntohl(v4.s_addr) >> 24 == 127;
		endpoint->everywhere = v4.s_addr == htonl(INADDR_ANY);
	} else if (inet_pton(AF_INET6, host, &v6) == 1) {
		endpoint->loopback = IN6_IS_ADDR_LOOPBACK(&v6);
		endpoint->everywhere = IN6_IS_ADDR_UNSPECIFIED(&v6);
	} else {
		endpoint->loopback = strcmp(host, "localhost") == 0;
		return check_name(host, use, f);
	}
	if (endpoint->everywhere && use == ENDPOINT_CONNECT)
		return fault_set(f, -EINVAL, "\"%s\" is no host to connect to", host);
	return 0;
}

static int parse_tcp(
	const char *address, enum endpoint_use use, struct endpoint *endpoint, struct fault *f)
{
	const char *port = "";
	int err = split(address, endpoint, &port, f);
	if (!err)
		err = parse_port(port, use, &endpoint->port, f);
	return err ? err : classify(endpoint, use, f);
}

/* The text for libzmq: canonical host and port, so that equal endpoints are equal texts. */
static void write_tcp(struct endpoint *endpoint)
{
	char port[16];
	bool v6 = strchr(endpoint->host, ':') != NULL;
	if (endpoint->port)
		snprintf(port, sizeof(port), "%d", endpoint->port);
	else
		snprintf(port, sizeof(port), "*");
	snprintf(endpoint->text, sizeof(endpoint->text), "tcp://%s%s%s:%.5s", v6 ? "[" : "",
		endpoint->host, v6 ? "]" : "", port);
}

int endpoint_parse(
	const char *text, enum endpoint_use use, struct endpoint *endpoint, struct fault *f)
{
	*endpoint = (struct endpoint){0};
	if (strlen(text) > ENDPOINT_MAX)
		return fault_set(f, -EINVAL, "an endpoint has at most %d bytes", ENDPOINT_MAX);
	if (has_prefix(text, "ipc://")) {
		snprintf(endpoint->text, sizeof(endpoint->text), "%s", text);
		return parse_ipc(text, use, endpoint, f);
	}
	if (!has_prefix(text, "tcp://"))
		return bad_scheme(text, f);
	int err = parse_tcp(text + strlen("tcp://"), use, endpoint, f);
	if (!err)
		write_tcp(endpoint);
	return err;
}

int endpoint_web(const char *text, struct endpoint *endpoint, struct fault *f)
{
	*endpoint = (struct endpoint){0};
	if (strlen(text) > ENDPOINT_MAX)
		return fault_set(f, -EINVAL, "an address has at most %d bytes", ENDPOINT_MAX);
	if (strstr(text, "://"))
		return fault_set(f, -EINVAL, "write host:port alone, e.g. 127.0.0.1:7573");
	int err = parse_tcp(text, ENDPOINT_BIND, endpoint, f);
	if (!err)
		write_tcp(endpoint);
	return err;
}

bool endpoint_clash(const struct endpoint *a, const struct endpoint *b)
{
	if (a->ipc != b->ipc)
		return false;
	if (a->ipc)
		return strcmp(a->host, b->host) == 0 && strcmp(a->host, "*") != 0;
	if (a->port != b->port || a->port == 0)
		return false;
	return a->everywhere || b->everywhere || strcmp(a->host, b->host) == 0;
}
