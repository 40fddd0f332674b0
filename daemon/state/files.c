/* The folder of the snapshots.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX     ".state"
#define SUFFIX_NEW ".state.new"

static int fail(struct fault *f, const char *what, const char *path)
{
	int code = -errno;

	return fault_set(f, code, "cannot %s %.200s: %s", what, path, strerror(-code));
}

static void name_file(char name[FILES_NAME_MAX], const char *stream, const char *suffix)
{
	snprintf(name, FILES_NAME_MAX, "%s%s", stream, suffix);
}

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size > end_size && !strcmp(text + size - end_size, end);
}

static void remove_unfinished(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(dir)))
		if (ends_with(entry->d_name, SUFFIX_NEW))
			unlinkat(fd, entry->d_name, 0);
	closedir(dir);
}

int files_open(struct files *files, const char *path, bool *writable, struct fault *f)
{
	int fd;

	*files = (struct files){.path = path, .fd = -1};
	if (mkdir(path, 0750) && errno != EEXIST && errno != EROFS && errno != EACCES)
		return fail(f, "make the folder", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(f, "open the folder", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		bool taken = errno == EWOULDBLOCK;
		int ret = taken ? fault_set(f, -EBUSY,
					  "another spiked keeps its state in %.200s; each needs a "
					  "folder of its own",
					  path)
				: fail(f, "lock the folder", path);

		close(fd);
		return ret;
	}
	files->fd = fd;
	*writable = !faccessat(fd, ".", W_OK | X_OK, AT_EACCESS);
	if (*writable)
		remove_unfinished(fd);
	else
		fail(f, "write to the folder", path);
	return 0;
}

void files_close(struct files *files)
{
	if (files->fd >= 0)
		close(files->fd);
	files->fd = -1;
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* 0, or -1 with errno and *what, the step that failed. */
static int write_new(
	int dir, const char *name, const uint8_t *bytes, size_t size, const char **what)
{
	int fd, failed, code;

	*what = "make";
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	*what = "write";
	failed = write_all(fd, bytes, size);
	if (!failed) {
		*what = "sync";
		failed = fsync(fd);
	}
	code = errno;
	if (close(fd) && !failed)
		return -1;
	errno = code;
	return failed;
}

int files_write(const struct files *files, const char *stream, const uint8_t *bytes, size_t size,
	struct fault *f)
{
	char name[FILES_NAME_MAX], new_name[FILES_NAME_MAX];
	const char *what;
	int code;

	name_file(name, stream, SUFFIX);
	name_file(new_name, stream, SUFFIX_NEW);
	if (!write_new(files->fd, new_name, bytes, size, &what)) {
		what = "rename";
		if (!renameat(files->fd, new_name, files->fd, name))
			return 0;
	}
	code = fail(f, what, new_name);
	unlinkat(files->fd, new_name, 0); /* its room may be what is missing */
	return code;
}

int files_sync(const struct files *files, struct fault *f)
{
	return fsync(files->fd) ? fail(f, "sync the folder", files->path) : 0;
}

static int read_all(int fd, uint8_t *bytes, size_t size)
{
	while (size) {
		ssize_t n = read(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : EIO; /* it shrinks while it is read */
			return -1;
		}
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

int files_read(const struct files *files, const char *stream, size_t limit, uint8_t **bytes,
	size_t *size, struct fault *f)
{
	char name[FILES_NAME_MAX];
	struct stat st;
	int fd, ret = 0;

	*bytes = NULL;
	name_file(name, stream, SUFFIX);
	/* Of a pipe or the like, opening must not wait for somebody to write. */
	fd = openat(files->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : fail(f, "open", name);
	if (fstat(fd, &st)) {
		ret = fail(f, "look at", name);
	} else if (!S_ISREG(st.st_mode)) {
		ret = fault_set(f, -EBADMSG, "%s is no file", name);
	} else if ((uint64_t)st.st_size > limit) {
		ret = fault_set(f, -EBADMSG, "%s has %lld bytes, more than any snapshot of it",
			name, (long long)st.st_size);
	} else {
		*size = (size_t)st.st_size;
		*bytes = malloc(*size + 1);
		if (!*bytes)
			ret = fault_set(f, -ENOMEM, "not enough memory to read %s (%zu bytes)",
				name, *size);
		else if (read_all(fd, *bytes, *size))
			ret = fail(f, "read", name);
	}
	close(fd);
	if (ret) {
		free(*bytes);
		*bytes = NULL;
	}
	return ret;
}

int files_aside(
	const struct files *files, const char *stream, char aside[FILES_NAME_MAX], struct fault *f)
{
	char name[FILES_NAME_MAX];
	struct stat st;

	name_file(name, stream, SUFFIX);
	for (int i = 1; i <= FILES_ASIDE_MAX; i++) {
		snprintf(aside, FILES_NAME_MAX, "%s" SUFFIX ".aside%d", stream, i);
		if (fstatat(files->fd, aside, &st, AT_SYMLINK_NOFOLLOW))
			break;
	}
	return renameat(files->fd, name, files->fd, aside) ? fail(f, "rename", name) : 0;
}

int files_remove(const struct files *files, const char *stream)
{
	char name[FILES_NAME_MAX];

	name_file(name, stream, SUFFIX);
	return unlinkat(files->fd, name, 0) ? -errno : 0;
}
