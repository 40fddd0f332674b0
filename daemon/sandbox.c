/* Landlock by its system calls; glibc has no wrappers.
 *
 * Reading is left alone: key files and the configuration are read again at a reload, and file
 * permissions decide there. What is open already, stderr first of all, goes on working.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sandbox.h"

#include "daemon/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IPC "ipc://"

/* Of Landlock 3; the headers of Debian 12 end before. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

static const uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
				LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
				LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
				LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

struct ruleset {
	int fd;
	uint64_t handled;
	struct fault *fault;
};

static int allow(const struct ruleset *r, const char *folder, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access & r->handled};
	int ret = 0;

	rule.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return fault_set(r->fault, -errno,
			"sandbox: cannot open %s: %s; make the folder, or say `sandbox: false`",
			folder, strerror(errno));
	if (syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		ret = fault_set(r->fault, -errno, "sandbox: %s: %s", folder, strerror(errno));
	close(rule.parent_fd);
	return ret;
}

/* A socket file is made where the endpoint says, and removed from there at the end. */
static int allow_endpoint(const struct ruleset *r, const char *endpoint)
{
	char folder[256];
	char *slash;

	if (!endpoint || strncmp(endpoint, IPC, strlen(IPC)) || endpoint[strlen(IPC)] == '@')
		return 0;
	snprintf(folder, sizeof(folder), "%s", endpoint + strlen(IPC));
	slash = strrchr(folder, '/');
	if (!slash)
		strcpy(folder, ".");
	else
		slash[slash == folder] = '\0';
	return allow(r, folder,
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR);
}

static int allow_all(const struct ruleset *r, const struct conf *conf)
{
	int ret = conf->state.dir ? allow(r, conf->state.dir, r->handled) : 0;

	for (uint32_t i = 0; !ret && i < conf->ingests; i++)
		if (!conf->ingest[i].connect)
			ret = allow_endpoint(r, conf->ingest[i].endpoint);
	for (uint32_t i = 0; !ret && i < conf->publishes; i++)
		ret = allow_endpoint(r, conf->publish[i]);
	return ret ? ret : allow_endpoint(r, conf->control);
}

int sandbox_enter(const struct conf *conf, struct fault *f)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = writing};
	struct ruleset r = {.fault = f};
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int ret;

	if (version < 1) {
		log_warning("sandbox: this kernel has no Landlock (%s): writing is confined by "
			    "file permissions alone",
			strerror(errno));
		return 0;
	}
	if (version >= 2)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	r.handled = attr.handled_access_fs;
	r.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (r.fd < 0)
		return fault_set(f, -errno, "sandbox: %s", strerror(errno));
	ret = allow_all(&r, conf);
	if (!ret && syscall(SYS_landlock_restrict_self, r.fd, 0))
		ret = fault_set(f, -errno, "sandbox: %s", strerror(errno));
	close(r.fd);
	return ret;
}
