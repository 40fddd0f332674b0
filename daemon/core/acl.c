/* Who may do what: the clients that are listed with their keys.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/acl.h"

#include <stdlib.h>
#include <string.h>

const char *const acl_control_words[] = {[ACL_CONTROL_NONE] = "none",
	[ACL_CONTROL_READ] = "read",
	[ACL_CONTROL_FULL] = "full",
	NULL};

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool same_rules(const struct acl_client *a, const struct acl_client *b)
{
	if (a->control != b->control || a->sends_all != b->sends_all ||
		a->sends_count != b->sends_count || a->hears_count != b->hears_count)
		return false;
	for (uint32_t i = 0; i < a->sends_count; i++)
		if (strcmp(a->sends[i], b->sends[i]) != 0)
			return false;
	for (uint32_t i = 0; i < a->hears_count; i++)
		if (strcmp(a->hears[i], b->hears[i]) != 0)
			return false;
	return true;
}

static bool same_client(const struct acl_client *a, const struct acl_client *b)
{
	return !strcmp(a->name, b->name) && !memcmp(a->key, b->key, sizeof(a->key)) &&
	       same_rules(a, b);
}

static void sort_rules(struct acl_client *c)
{
	if (c->sends_count)
		qsort(c->sends, c->sends_count, sizeof(*c->sends), by_text);
	if (c->hears_count)
		qsort(c->hears, c->hears_count, sizeof(*c->hears), by_text);
}

static uint32_t inherited_serial(const struct acl_client *c, const struct acl *old)
{
	for (uint32_t i = 0; old && i < old->count; i++)
		if (same_client(c, &old->clients[i]))
			return old->clients[i].serial;
	return 0;
}

static bool build_slots(struct acl *acl)
{
	uint32_t size = 16;

	while (size < acl->count * 2)
		size *= 2;
	acl->slots = calloc(size, sizeof(*acl->slots));
	if (!acl->slots)
		return false;
	acl->slot_mask = size - 1;
	for (uint32_t i = 0; i < acl->count; i++) {
		uint32_t at = acl->clients[i].serial & acl->slot_mask;

		while (acl->slots[at])
			at = (at + 1) & acl->slot_mask;
		acl->slots[at] = i + 1;
	}
	return true;
}

struct acl *acl_new(
	struct acl_client *clients, uint32_t count, const struct acl *old, uint32_t *next_serial)
{
	struct acl *acl = calloc(1, sizeof(*acl));

	if (!acl) {
		for (uint32_t i = 0; i < count; i++)
			acl_client_fini(&clients[i]);
		free(clients);
		return NULL;
	}
	acl->clients = clients;
	acl->count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct acl_client *c = &clients[i];

		sort_rules(c);
		c->serial = inherited_serial(c, old);
		if (!c->serial)
			c->serial = (*next_serial)++;
	}
	if (build_slots(acl))
		return acl;
	acl_free(acl);
	return NULL;
}

void acl_client_fini(struct acl_client *client)
{
	free(client->sends);
	free(client->hears);
	client->sends = NULL;
	client->hears = NULL;
}

void acl_free(struct acl *acl)
{
	if (!acl)
		return;
	for (uint32_t i = 0; i < acl->count; i++)
		acl_client_fini(&acl->clients[i]);
	free(acl->clients);
	free(acl->slots);
	free(acl);
}

const struct acl_client *acl_by_serial(const struct acl *acl, uint32_t serial)
{
	for (uint32_t at = serial & acl->slot_mask; acl->slots[at];
		at = (at + 1) & acl->slot_mask) {
		const struct acl_client *c = &acl->clients[acl->slots[at] - 1];

		if (c->serial == serial)
			return c;
	}
	return NULL;
}

const struct acl_client *acl_by_key(const struct acl *acl, const uint8_t key[ACL_KEY_SIZE])
{
	for (uint32_t i = 0; i < acl->count; i++)
		if (!memcmp(acl->clients[i].key, key, ACL_KEY_SIZE))
			return &acl->clients[i];
	return NULL;
}

/* Like strcmp of `name` and the `size` bytes at `text`. */
static int compare(const char *name, const char *text, size_t size)
{
	int order = strncmp(name, text, size);

	return order ? order : name[size] ? 1 : 0;
}

bool acl_may_send(const struct acl_client *client, const char *stream, size_t size)
{
	uint32_t low = 0, high = client->sends_count;

	if (client->sends_all)
		return true;
	if (size >= ACL_NAME_SIZE || memchr(stream, 0, size))
		return false;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int order = compare(client->sends[mid], stream, size);

		if (!order)
			return true;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

bool acl_may_hear(const struct acl_client *client, const char *topic, size_t size)
{
	for (uint32_t i = 0; i < client->hears_count; i++) {
		size_t n = strlen(client->hears[i]);

		if (n <= size && !memcmp(client->hears[i], topic, n))
			return true;
	}
	return false;
}

bool acl_grant(const struct acl_client *client, const char *prefix, size_t size, uint32_t *at,
	struct acl_grant *grant)
{
	if (!*at && acl_may_hear(client, prefix, size)) {
		*at = client->hears_count;
		*grant = (struct acl_grant){prefix, size};
		return true;
	}
	while (*at < client->hears_count) {
		const char *rule = client->hears[(*at)++];
		size_t n = strlen(rule);

		if (n > size && !memcmp(rule, prefix, size)) {
			*grant = (struct acl_grant){rule, n};
			return true;
		}
	}
	return false;
}
