/* Who may do what: the clients that are listed with their keys.
 *
 * A list is built whole by the cold loop and never changes; a newer one replaces it. A client is known
 * by its serial, which stays the same from list to list as long as nothing about it changes: so a
 * connection that was let in under one list is judged by the next without a word of its own, and one
 * whose key or rights have changed is nobody any more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACL_KEY_SIZE  32  /* bytes of a CURVE key */
#define ACL_KEY_TEXT  41  /* the same in Z85, with its NUL */
#define ACL_NAME_SIZE 65  /* a client's name, with its NUL */
#define ACL_RULE_SIZE 128 /* a rule about topics, with its NUL */

enum acl_control { ACL_CONTROL_NONE, ACL_CONTROL_READ, ACL_CONTROL_FULL };

extern const char *const acl_control_words[]; /* index = value, NULL-terminated */

struct acl_client {
	char name[ACL_NAME_SIZE];
	uint8_t key[ACL_KEY_SIZE]; /* public */
	uint32_t serial;           /* not 0 */
	enum acl_control control;
	bool sends_all;
	char (*sends)[ACL_NAME_SIZE]; /* streams it may send rows to, sorted */
	uint32_t sends_count;
	/* Every topic that begins with one of these may be heard; "" is every topic. */
	char (*hears)[ACL_RULE_SIZE];
	uint32_t hears_count;
};

struct acl {
	struct acl_client *clients;
	uint32_t count;
	uint32_t *slots; /* hash table by serial: index + 1, 0 = free */
	uint32_t slot_mask;
};

/* Takes over `clients` and what they point to (freed on failure too); their rules may stand in any
 * order. `old` (may be NULL) is the list that this one replaces: who is the same there keeps its
 * serial, others get *next_serial and further. NULL = out of memory. Cold loop. */
struct acl *acl_new(
	struct acl_client *clients, uint32_t count, const struct acl *old, uint32_t *next_serial);
void acl_free(struct acl *acl); /* accepts NULL */
void acl_client_fini(struct acl_client *client);

/* Any loop. NULL = nobody. */
const struct acl_client *acl_by_serial(const struct acl *acl, uint32_t serial);
const struct acl_client *acl_by_key(const struct acl *acl, const uint8_t key[ACL_KEY_SIZE]);

/* Any loop. Whether the client may send rows to the stream. */
bool acl_may_send(const struct acl_client *client, const char *stream, size_t size);

/* Any loop. Whether the client may hear a whole topic. */
bool acl_may_hear(const struct acl_client *client, const char *topic, size_t size);

/* Any loop. What of the topics that begin with `prefix` the client may hear, again as a prefix: the
 * `at`-th answer, or NULL when there are no more. A prefix that lies within a rule comes back as it is;
 * one that is wider than rules is narrowed to each of them. */
struct acl_grant {
	const char *prefix;
	size_t size;
};
bool acl_grant(const struct acl_client *client, const char *prefix, size_t size, uint32_t *at,
	struct acl_grant *grant);
