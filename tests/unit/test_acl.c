/* Lists of clients: who may send and hear what, and who stays the same from list to list.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/acl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct draft {
	const char *name;
	char key;
	const char *sends[4], *hears[4];
	enum acl_control control;
};

static struct acl *make(
	const struct draft *drafts, uint32_t count, const struct acl *old, uint32_t *serial)
{
	struct acl_client *clients = calloc(count + 1, sizeof(*clients));

	for (uint32_t i = 0; i < count; i++) {
		struct acl_client *c = &clients[i];

		snprintf(c->name, sizeof(c->name), "%s", drafts[i].name);
		memset(c->key, drafts[i].key, sizeof(c->key));
		c->control = drafts[i].control;
		c->sends = calloc(4, sizeof(*c->sends));
		c->hears = calloc(4, sizeof(*c->hears));
		for (; c->sends_count < 4 && drafts[i].sends[c->sends_count]; c->sends_count++)
			snprintf(c->sends[c->sends_count], sizeof(*c->sends), "%s",
				drafts[i].sends[c->sends_count]);
		for (; c->hears_count < 4 && drafts[i].hears[c->hears_count]; c->hears_count++)
			snprintf(c->hears[c->hears_count], sizeof(*c->hears), "%s",
				drafts[i].hears[c->hears_count]);
	}
	return acl_new(clients, count, old, serial);
}

static void test_who_may_send(void **state)
{
	const struct draft drafts[] = {{.name = "a", .key = 1, .sends = {"imu", "arm", "imu2"}}};
	uint32_t serial = 1;
	struct acl *acl = make(drafts, 1, NULL, &serial);
	const struct acl_client *c = &acl->clients[0];

	(void)state;
	assert_true(acl_may_send(c, "imu", 3));
	assert_true(acl_may_send(c, "imu2", 4));
	assert_true(acl_may_send(c, "arm!", 3));
	assert_false(acl_may_send(c, "im", 2));
	assert_false(acl_may_send(c, "imu3", 4));
	assert_false(acl_may_send(c, "", 0));
	assert_false(acl_may_send(c, "imu\0", 4));
	acl->clients[0].sends_all = true;
	assert_true(acl_may_send(c, "anything", 8));
	acl_free(acl);
}

static unsigned grants(const struct acl_client *c, const char *prefix, char *all, size_t size)
{
	struct acl_grant g;
	uint32_t at = 0;
	unsigned n = 0;

	*all = '\0';
	while (acl_grant(c, prefix, strlen(prefix), &at, &g)) {
		size_t used = strlen(all);

		snprintf(all + used, size - used, "%.*s;", (int)g.size, g.prefix);
		n++;
	}
	return n;
}

static void test_wide_subscriptions_are_narrowed(void **state)
{
	const struct draft drafts[] = {
		{.name = "a", .key = 1, .hears = {"spikes/imu/", "state/", "spikes/arm/"}},
		{.name = "all", .key = 2, .hears = {""}}, {.name = "none", .key = 3}};
	static const struct {
		const char *prefix, *granted;
	} cases[] = {
		{"", "spikes/arm/;spikes/imu/;state/;"},
		{"s", "spikes/arm/;spikes/imu/;state/;"},
		{"spikes/", "spikes/arm/;spikes/imu/;"},
		{"spikes/imu", "spikes/imu/;"},
		{"spikes/imu/", "spikes/imu/;"},
		{"spikes/imu/x", "spikes/imu/x;"},
		{"spikes/imu2/", ""},
		{"state/", "state/;"},
		{"state/anything/", "state/anything/;"},
		{"stat", "state/;"},
		{"values/imu/", ""},
	};
	uint32_t serial = 1;
	struct acl *acl = make(drafts, 3, NULL, &serial);
	char all[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		grants(&acl->clients[0], cases[i].prefix, all, sizeof(all));
		assert_string_equal(all, cases[i].granted);
		assert_int_equal(grants(&acl->clients[1], cases[i].prefix, all, sizeof(all)), 1);
		assert_int_equal(grants(&acl->clients[2], cases[i].prefix, all, sizeof(all)), 0);
	}
	assert_true(acl_may_hear(&acl->clients[0], "state/x/", 8));
	assert_false(acl_may_hear(&acl->clients[0], "spikes/imu", 10));
	acl_free(acl);
}

static void test_who_is_the_same_keeps_his_serial(void **state)
{
	const struct draft first[] = {{.name = "a", .key = 1, .sends = {"x", "y"}},
		{.name = "b", .key = 2, .control = ACL_CONTROL_READ}, {.name = "c", .key = 3}};
	const struct draft then[] = {{.name = "c", .key = 4},         /* another key */
		{.name = "b", .key = 2, .control = ACL_CONTROL_FULL}, /* other rights */
		{.name = "a", .key = 1, .sends = {"y", "x"}},         /* the same, said otherwise */
		{.name = "d", .key = 3}};                             /* another name */
	uint32_t serial = 1;
	struct acl *old = make(first, 3, NULL, &serial), *acl = make(then, 4, old, &serial);

	(void)state;
	assert_int_equal(acl->clients[2].serial, old->clients[0].serial);
	for (uint32_t i = 0; i < 3; i++) {
		const struct acl_client *c = &old->clients[i];

		assert_ptr_equal(acl_by_serial(old, c->serial), c);
		assert_true(!acl_by_serial(acl, c->serial) == (i != 0));
	}
	for (uint32_t i = 0; i < 4; i++) {
		assert_ptr_equal(acl_by_serial(acl, acl->clients[i].serial), &acl->clients[i]);
		assert_ptr_equal(acl_by_key(acl, acl->clients[i].key), &acl->clients[i]);
	}
	assert_null(acl_by_serial(acl, 0));
	acl_free(old);
	acl_free(acl);
}

static void test_nobody(void **state)
{
	uint32_t serial = 1;
	struct acl *acl = make(NULL, 0, NULL, &serial);

	(void)state;
	assert_null(acl_by_serial(acl, 1));
	assert_null(acl_by_key(acl, (uint8_t[ACL_KEY_SIZE]){0}));
	acl_free(acl);
	acl_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_may_send),
		cmocka_unit_test(test_wide_subscriptions_are_narrowed),
		cmocka_unit_test(test_who_is_the_same_keeps_his_serial),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
