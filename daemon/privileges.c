/* The user and the bounding set.
 *
 * glibc changes the user of all threads at once, and with it the kernel takes the capabilities of
 * each. "No new privileges" and the bounding set belong to a thread, so they are set while there is
 * only one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/privileges.h"

#include "daemon/core/log.h"
#include "daemon/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int find_user(struct privileges *p, const struct conf *conf, struct fault *f)
{
	const struct passwd *user;

	errno = 0;
	user = getpwnam(conf->user);
	if (!user)
		return fault_set(f, errno ? -errno : -ENOENT,
			"user: this machine has no user '%s'; make one (useradd --system "
			"--no-create-home %s) or change `user` in %s",
			conf->user, conf->user, conf->path);
	p->uid = user->pw_uid;
	p->gid = user->pw_gid;
	if (geteuid() == 0)
		p->change = p->uid != 0;
	else if (geteuid() != p->uid)
		log_warning("user: not started as root, so this stays user %u and does not become "
			    "'%s'",
			geteuid(), conf->user);
	return 0;
}

/* So that the user can write there; one that is there already has its owner. */
static void make_state_folder(const struct privileges *p, const struct conf *conf)
{
	const char *folder = conf->state.dir;

	if (folder && !mkdir(folder, 0750) && chown(folder, p->uid, p->gid))
		log_warning("%s cannot be given to '%s': %s", folder, conf->user, strerror(errno));
}

static void empty_bounding_set(void)
{
	for (unsigned long cap = 0; !prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); cap++)
		; /* ends with EINVAL behind the last one that the kernel knows */
}

int privileges_prepare(struct privileges *p, const struct conf *conf, struct fault *f)
{
	int ret;

	*p = (struct privileges){0};
	if (conf->user) {
		ret = find_user(p, conf, f);
		if (ret)
			return ret;
	} else if (geteuid() == 0) {
		log_warning("running as root; `user` in %s names whom to become", conf->path);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fault_set(f, -errno, "cannot give up new privileges: %s", strerror(errno));
	if (p->change) {
		make_state_folder(p, conf);
		empty_bounding_set();
	}
	return conf->sandbox ? sandbox_enter(conf, f) : 0;
}

/* What root was granted, the user must be allowed to keep: memory that is locked as it comes would
 * otherwise soon not be had at all. A reload asks for the priority again; its refusal is a note then. */
static void keep_grants(const struct realtime_grant *grant)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	const rlim_t priority = (rlim_t)grant->priority;

	if (grant->locked_memory && setrlimit(RLIMIT_MEMLOCK, &all) && !mlockall(MCL_CURRENT))
		log_warning("realtime: only memory that is in use now stays locked: the limit on "
			    "locked memory cannot be lifted (%s); start with ulimit -l unlimited",
			strerror(errno));
	if (priority)
		setrlimit(RLIMIT_RTPRIO, &(struct rlimit){priority, priority});
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	return syscall(SYS_capget, &header, data) || data[0].effective || data[0].permitted ||
	       data[1].effective || data[1].permitted;
}

int privileges_drop(const struct privileges *p, const struct conf *conf,
	const struct realtime_grant *grant, struct fault *f)
{
	if (!p->change)
		return 0;
	keep_grants(grant);
	if (initgroups(conf->user, p->gid) || setresgid(p->gid, p->gid, p->gid) ||
		setresuid(p->uid, p->uid, p->uid))
		return fault_set(
			f, -errno, "user: cannot become '%s': %s", conf->user, strerror(errno));
	if (!setuid(0) || has_capabilities())
		return fault_set(f, -EPERM,
			"user: became '%s', but with a way back to root; the system's security "
			"settings are not as spiked expects",
			conf->user);
	log_info("user: %s from here on", conf->user);
	return 0;
}
