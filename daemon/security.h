/* The list of clients that is in force, from the configuration to everybody who asks it: the gate, the
 * control socket, the hot loop. Cold loop.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/control/control.h"
#include "daemon/gate.h"

struct security {
	struct acl *acl; /* NULL = no keys */
	uint32_t next_serial;
	struct gate *gate;
	struct control *control;
};

/* Takes the clients out of `conf`. 0, or -ENOMEM with `f` filled. */
int security_init(struct security *s, struct conf *conf, struct fault *f);
void security_fini(struct security *s); /* when the hot loop has ended */

/* For a reload: the list of the new configuration, which loses it. Who is the same in both keeps his
 * connections. NULL without keys, or out of memory. */
struct acl *security_build(struct security *s, struct conf *next);

/* When the hot loop uses `acl`, and not before: who was just listed must not come to a hot loop that does
 * not know him yet. The old list can be freed. Whose key or rights have gone or changed loses his
 * connections: subscribers have already, control clients do here, who sends rows does with his next. */
void security_use(struct security *s, struct acl *acl);
