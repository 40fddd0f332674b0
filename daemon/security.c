/* The list of clients that is in force.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/security.h"

#include <errno.h>

struct acl *security_build(struct security *s, struct conf *next)
{
	struct conf_security *from = &next->security;
	struct acl *acl;

	if (!from->wanted)
		return NULL;
	acl = acl_new(from->clients, from->client_count, s->acl, &s->next_serial);
	from->clients = NULL;
	from->client_count = 0;
	return acl;
}

int security_init(struct security *s, struct conf *conf, struct fault *f)
{
	s->next_serial = 1;
	s->acl = security_build(s, conf);
	if (conf->security.wanted && !s->acl)
		return fault_set(f, -ENOMEM, "not enough memory for the clients");
	return 0;
}

void security_fini(struct security *s)
{
	acl_free(s->acl);
	s->acl = NULL;
}

void security_use(struct security *s, struct acl *acl)
{
	s->acl = acl;
	gate_use_acl(s->gate, acl);
	control_use_acl(s->control, acl);
}
