/* What the process may do once it runs: as whom, and where it may write.
 *
 * Main thread. All of it holds for threads that are made afterwards only, but for the user, which is
 * changed for all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/core/realtime.h"
#include "encoders/fault.h"

#include <sys/types.h>

struct privileges {
	bool change; /* of user, in privileges_drop */
	uid_t uid;
	gid_t gid;
};

/* Before any thread is made and any socket bound: looks the user of the configuration up, makes
 * the state folder for it, gives up
 * for ever what only a started program could get back, and, if `sandbox` says so, confines writing to
 * the state folder and the folders of ipc endpoints. 0, or negative errno with `f` filled: then do
 * not go on. */
int privileges_prepare(struct privileges *p, const struct conf *conf, struct fault *f);

/* After sockets are bound and real-time scheduling is set up: becomes that user, for good. What was
 * granted stays so. 0, or negative errno with `f` filled: then do not go on. */
int privileges_drop(const struct privileges *p, const struct conf *conf,
	const struct realtime_grant *grant, struct fault *f);
