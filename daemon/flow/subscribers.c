/* Who subscribes to what.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/flow/subscribers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BASIS 2166136261u /* FNV-1a */

static uint32_t hash_more(uint32_t hash, uint8_t byte)
{
	return (hash ^ byte) * 16777619u;
}

static uint32_t hash_text(const char *text, size_t size)
{
	uint32_t hash = HASH_BASIS;

	for (size_t i = 0; i < size; i++)
		hash = hash_more(hash, (uint8_t)text[i]);
	return hash;
}

static uint32_t spread(uint32_t hash)
{
	return hash ^ hash >> 15;
}

static uint32_t *prefix_chain(const struct subscribers *t, uint32_t hash)
{
	return &t->prefix_hash[spread(hash) & (PREFIXES_MAX - 1)];
}

static uint32_t *subscription_chain(const struct subscribers *t, uint32_t owner, uint32_t prefix)
{
	uint32_t hash = (owner * 2654435761u) ^ (prefix * 2246822519u);

	return &t->subscription_hash[spread(hash) & (SUBSCRIPTIONS_MAX - 1)];
}

#define SUBSCRIBERS_GONE 1024 /* that are still being taken out */

int subscribers_init(struct subscribers *t, const struct conns *conns, uint32_t limit)
{
	uint32_t count = conns->count + SUBSCRIBERS_GONE;

	*t = (struct subscribers){.conns = conns, .limit = limit};
	t->subscriptions = calloc(SUBSCRIPTIONS_MAX + 1, sizeof(*t->subscriptions));
	t->prefixes = calloc(PREFIXES_MAX + 1, sizeof(*t->prefixes));
	t->subscription_hash = calloc(SUBSCRIPTIONS_MAX, sizeof(*t->subscription_hash));
	t->prefix_hash = calloc(PREFIXES_MAX, sizeof(*t->prefix_hash));
	t->subscribers = calloc(count + 1, sizeof(*t->subscribers));
	t->by_fd = calloc(conns->count + 1, sizeof(*t->by_fd));
	t->active = calloc(count + 1, sizeof(*t->active));
	if (!t->subscriptions || !t->prefixes || !t->subscription_hash || !t->prefix_hash ||
		!t->subscribers || !t->by_fd || !t->active)
		return -ENOMEM;
	for (uint32_t i = count; i; i--) {
		t->subscribers[i].listed = t->free_subscriber;
		t->free_subscriber = i;
	}
	for (uint32_t i = SUBSCRIPTIONS_MAX; i; i--) {
		t->subscriptions[i].next_in_hash = t->free_subscription;
		t->free_subscription = i;
	}
	for (uint32_t i = PREFIXES_MAX; i; i--) {
		t->prefixes[i].next_in_hash = t->free_prefix;
		t->free_prefix = i;
	}
	return 0;
}

void subscribers_fini(struct subscribers *t)
{
	free(t->subscriptions);
	free(t->prefixes);
	free(t->subscription_hash);
	free(t->prefix_hash);
	free(t->subscribers);
	free(t->by_fd);
	free(t->active);
	*t = (struct subscribers){0};
}

static uint32_t find_prefix(
	const struct subscribers *t, uint32_t hash, const char *text, size_t size)
{
	uint32_t i = *prefix_chain(t, hash);

	while (i && (t->prefixes[i].size != size || memcmp(t->prefixes[i].text, text, size) != 0))
		i = t->prefixes[i].next_in_hash;
	return i;
}

static uint32_t find_subscription(const struct subscribers *t, uint32_t owner, uint32_t prefix)
{
	uint32_t i = *subscription_chain(t, owner, prefix);

	while (i && (t->subscriptions[i].owner != owner || t->subscriptions[i].prefix != prefix))
		i = t->subscriptions[i].next_in_hash;
	return i;
}

static uint32_t take_prefix(struct subscribers *t, uint32_t hash, const char *text, size_t size)
{
	uint32_t i = t->free_prefix, *chain = prefix_chain(t, hash);
	struct prefix *p = &t->prefixes[i];

	if (!i)
		return 0;
	t->free_prefix = p->next_in_hash;
	p->first = 0;
	p->size = (uint8_t)size;
	t->of_size[size]++;
	memcpy(p->text, text, size);
	p->next_in_hash = *chain;
	*chain = i;
	return i;
}

static void drop_prefix(struct subscribers *t, uint32_t i)
{
	struct prefix *p = &t->prefixes[i];
	uint32_t *link = prefix_chain(t, hash_text(p->text, p->size));

	while (*link != i)
		link = &t->prefixes[*link].next_in_hash;
	*link = p->next_in_hash;
	t->of_size[p->size]--;
	p->next_in_hash = t->free_prefix;
	t->free_prefix = i;
}

static void link_subscription(
	struct subscribers *t, uint32_t i, struct subscriber *owner, uint32_t prefix)
{
	struct subscription *x = &t->subscriptions[i];
	struct prefix *p = &t->prefixes[prefix];

	x->owner = (uint32_t)(owner - t->subscribers);
	x->prefix = prefix;
	x->prev_of_owner = x->prev_of_prefix = 0;
	x->next_of_owner = owner->first;
	x->next_of_prefix = p->first;
	if (owner->first)
		t->subscriptions[owner->first].prev_of_owner = i;
	if (p->first)
		t->subscriptions[p->first].prev_of_prefix = i;
	owner->first = p->first = i;
	x->next_in_hash = *subscription_chain(t, x->owner, prefix);
	*subscription_chain(t, x->owner, prefix) = i;
	owner->count++;
}

static void drop_subscription(struct subscribers *t, uint32_t i)
{
	struct subscription *x = &t->subscriptions[i];
	struct subscriber *owner = &t->subscribers[x->owner];
	struct prefix *p = &t->prefixes[x->prefix];
	uint32_t *link = subscription_chain(t, x->owner, x->prefix);

	while (*link != i)
		link = &t->subscriptions[*link].next_in_hash;
	*link = x->next_in_hash;
	*(x->prev_of_owner ? &t->subscriptions[x->prev_of_owner].next_of_owner : &owner->first) =
		x->next_of_owner;
	if (x->next_of_owner)
		t->subscriptions[x->next_of_owner].prev_of_owner = x->prev_of_owner;
	*(x->prev_of_prefix ? &t->subscriptions[x->prev_of_prefix].next_of_prefix : &p->first) =
		x->next_of_prefix;
	if (x->next_of_prefix)
		t->subscriptions[x->next_of_prefix].prev_of_prefix = x->prev_of_prefix;
	owner->count--;
	if (!p->first)
		drop_prefix(t, x->prefix);
	x->next_in_hash = t->free_subscription;
	t->free_subscription = i;
}

static void forget(struct subscribers *t, uint32_t i)
{
	struct subscriber *s = &t->subscribers[i];
	uint32_t last = t->active[--t->active_count];

	t->active[s->listed] = last;
	t->subscribers[last].listed = s->listed;
	if (t->by_fd[s->peer.fd] == i)
		t->by_fd[s->peer.fd] = 0;
	s->listed = t->free_subscriber;
	t->free_subscriber = i;
}

struct subscriber *subscribers_of(struct subscribers *t, const struct peer *peer)
{
	struct subscriber *s;
	uint32_t i;

	if (peer->fd < 0 || (uint32_t)peer->fd >= t->conns->count)
		return NULL;
	i = t->by_fd[peer->fd];
	if (i && t->subscribers[i].peer.id == peer->id)
		return &t->subscribers[i];
	if (!t->free_subscriber || (i && t->subscribers[i].peer.id > peer->id))
		return NULL; /* the latter: a word from before its connection ended */
	i = t->by_fd[peer->fd] = t->free_subscriber;
	s = &t->subscribers[i];
	t->free_subscriber = s->listed;
	*s = (struct subscriber){.peer = *peer, .listed = t->active_count};
	t->active[t->active_count++] = i;
	return s;
}

enum subscribed subscribers_add(
	struct subscribers *t, struct subscriber *s, const char *prefix, size_t size)
{
	uint32_t owner = (uint32_t)(s - t->subscribers), i;
	uint32_t hash = hash_text(prefix, size), p = find_prefix(t, hash, prefix, size);

	if (p && find_subscription(t, owner, p))
		return SUBSCRIBED_BEFORE;
	i = t->free_subscription;
	if (!i || s->count >= t->limit)
		return SUBSCRIBED_TOO_MANY;
	if (!p)
		p = take_prefix(t, hash, prefix, size);
	if (!p)
		return SUBSCRIBED_TOO_MANY;
	t->free_subscription = t->subscriptions[i].next_in_hash;
	link_subscription(t, i, s, p);
	return SUBSCRIBED_NEW;
}

bool subscribers_remove(
	struct subscribers *t, struct subscriber *s, const char *prefix, size_t size)
{
	uint32_t owner = (uint32_t)(s - t->subscribers);
	uint32_t p = find_prefix(t, hash_text(prefix, size), prefix, size);
	uint32_t i = p ? find_subscription(t, owner, p) : 0;

	if (i)
		drop_subscription(t, i);
	return i;
}

/* As the table of connections says, which needs no call and may lag a little. */
static bool has_gone(const struct subscribers *t, const struct subscriber *s)
{
	const struct conn_slot *slot = &t->conns->slots[s->peer.fd];

	return !atomic_load_explicit(&slot->cookie, memory_order_acquire) ||
	       atomic_load_explicit(&slot->since, memory_order_acquire) > s->peer.id;
}

bool subscribers_sweep(struct subscribers *t, char *prefix, size_t *size)
{
	for (uint32_t k = 0; k < t->active_count; k++) {
		struct subscriber *s = &t->subscribers[t->active[k]];
		const struct prefix *p;

		if (!has_gone(t, s))
			continue;
		if (!s->first) {
			forget(t, t->active[k]);
			k--;
			continue;
		}
		p = &t->prefixes[t->subscriptions[s->first].prefix];
		*size = p->size;
		memcpy(prefix, p->text, p->size);
		drop_subscription(t, s->first);
		return true;
	}
	return false;
}

static bool wanted_by_some(const struct subscribers *t, uint32_t first, const struct acl *acl,
	const char *topic, size_t size)
{
	for (uint32_t i = first; i; i = t->subscriptions[i].next_of_prefix) {
		const struct subscriber *s = &t->subscribers[t->subscriptions[i].owner];
		const struct acl_client *client = acl_by_serial(acl, s->peer.serial);

		if (client && acl_may_hear(client, topic, size) && !has_gone(t, s))
			return true;
	}
	return false;
}

bool subscribers_want(
	const struct subscribers *t, const struct acl *acl, const char *topic, size_t size)
{
	uint32_t hash = HASH_BASIS;

	for (size_t n = 0; n <= size; n++) {
		uint32_t p = t->of_size[n] ? find_prefix(t, hash, topic, n) : 0;

		if (p && (!acl || wanted_by_some(t, t->prefixes[p].first, acl, topic, size)))
			return true;
		if (n < size)
			hash = hash_more(hash, (uint8_t)topic[n]);
	}
	return false;
}

bool subscribers_grant_needed(const struct subscribers *t, const struct subscriber *s,
	const struct acl_client *client, const struct acl_grant *grant)
{
	for (uint32_t i = s->first; i; i = t->subscriptions[i].next_of_owner) {
		const struct prefix *p = &t->prefixes[t->subscriptions[i].prefix];

		if (p->size > grant->size || memcmp(p->text, grant->prefix, p->size) != 0)
			continue;
		if (p->size == grant->size || !acl_may_hear(client, p->text, p->size))
			return true;
	}
	return false;
}
