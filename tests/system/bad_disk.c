/* A disk that loses power, or refuses, under one folder of the daemon that it is preloaded into.
 *
 *   BAD_DISK_DIR      the folder, as the daemon opens it
 *   BAD_DISK_JOURNAL  file that every operation is appended to, in order: what the disk was told. The
 *                     test makes from it what a disk may hold after a power cut.
 *   BAD_DISK_CUT      number of the operation, from 1, before which the process is killed; 0 = none.
 *                     A write is half told by then.
 *   BAD_DISK_FAULT    file: while it exists, operations fail. It holds an errno, then the letters of
 *                     the operations that fail, e.g. "28 CWSR".
 *
 * A record is: u8 letter, u32 file, u32 size of the name, u32 size of the data, name, data.
 *   C  a file is made (emptied), name   W  data is appended to it   S  it is synced
 *   R  it is renamed, name to data      U  a name is removed        D  the folder is synced
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t file_of[FDS]; /* by descriptor: its number, 0 = not of the folder */
static bool is_folder[FDS];
static uint32_t files;
static int journal = -1;
static long operations;

/* False: the descriptor is of no interest. */
static bool is_ours(int fd)
{
	return fd >= 0 && fd < FDS && (file_of[fd] || is_folder[fd]);
}

static void tell(char letter, uint32_t file, const char *name, const void *data, size_t size)
{
	uint8_t head[13] = {(uint8_t)letter};
	uint32_t name_size = (uint32_t)strlen(name), data_size = (uint32_t)size;
	const char *path = getenv("BAD_DISK_JOURNAL");

	if (!path)
		return;
	if (journal < 0)
		journal = (int)syscall(SYS_openat, AT_FDCWD, path,
			O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	memcpy(head + 1, &file, 4);
	memcpy(head + 5, &name_size, 4);
	memcpy(head + 9, &data_size, 4);
	if (syscall(SYS_write, journal, head, sizeof(head)) != sizeof(head) ||
		syscall(SYS_write, journal, name, name_size) != (long)name_size ||
		syscall(SYS_write, journal, data, size) != (long)size)
		abort();
}

/* The power goes before this operation? Half of a write may have come through. */
static void maybe_cut(char letter, uint32_t file, const void *data, size_t size)
{
	const char *at = getenv("BAD_DISK_CUT");

	if (!at || ++operations != atol(at))
		return;
	if (letter == 'W')
		tell('W', file, "", data, size / 2);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Returns whether the operation fails, with errno. */
static bool refuses(char letter)
{
	const char *path = getenv("BAD_DISK_FAULT");
	char text[32] = "", *letters;
	int fd, code;

	if (!path)
		return false;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	syscall(SYS_close, fd);
	code = (int)strtol(text, &letters, 10);
	if (!code || !strchr(letters, letter))
		return false;
	errno = code;
	return true;
}

/* Before an operation on the folder: with the lock held, and true if it is to be refused. */
static bool enter(char letter, uint32_t file, const void *data, size_t size)
{
	pthread_mutex_lock(&lock);
	if (refuses(letter))
		return true;
	maybe_cut(letter, file, data, size);
	return false;
}

static long leave(long result)
{
	int code = errno;

	pthread_mutex_unlock(&lock);
	errno = code;
	return result;
}

static int open_any(int dir, const char *path, int flags, mode_t mode)
{
	const char *folder = getenv("BAD_DISK_DIR");
	bool ours = dir >= 0 && dir < FDS && is_folder[dir], makes = ours && flags & O_CREAT;
	int fd;

	if (makes && enter('C', 0, NULL, 0))
		return (int)leave(-1);
	fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (fd >= 0 && fd < FDS) {
		file_of[fd] = 0;
		is_folder[fd] =
			folder && dir == AT_FDCWD && flags & O_DIRECTORY && !strcmp(path, folder);
		if (makes) {
			file_of[fd] = ++files;
			tell('C', files, path, "", 0);
		}
	}
	return makes ? (int)leave(fd) : fd;
}

#define OPEN_MODE(last)                                     \
	mode_t mode = 0;                                    \
	va_list args;                                       \
	va_start(args, last);                               \
	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) \
		mode = va_arg(args, mode_t);                \
	va_end(args)

int open(const char *path, int flags, ...)
{
	OPEN_MODE(flags);
	return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	OPEN_MODE(flags);
	return open_any(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	OPEN_MODE(flags);
	return open_any(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	OPEN_MODE(flags);
	return open_any(dir, path, flags, mode);
}

int close(int fd)
{
	if (is_ours(fd)) {
		file_of[fd] = 0;
		is_folder[fd] = false;
	}
	return (int)syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *data, size_t size)
{
	ssize_t n;

	if (fd < 0 || fd >= FDS || !file_of[fd])
		return syscall(SYS_write, fd, data, size);
	if (enter('W', file_of[fd], data, size))
		return leave(-1);
	n = syscall(SYS_write, fd, data, size);
	if (n > 0)
		tell('W', file_of[fd], "", data, (size_t)n);
	return leave(n);
}

/* The disk under the test need not work: what is told of it is what counts. */
int fsync(int fd)
{
	if (!is_ours(fd))
		return (int)syscall(SYS_fsync, fd);
	if (enter(is_folder[fd] ? 'D' : 'S', file_of[fd], NULL, 0))
		return (int)leave(-1);
	tell(is_folder[fd] ? 'D' : 'S', file_of[fd], "", "", 0);
	return (int)leave(0);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int ret;

	if (!is_ours(from_dir))
		return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
	if (enter('R', 0, NULL, 0))
		return (int)leave(-1);
	ret = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
	if (!ret)
		tell('R', 0, from, to, strlen(to));
	return (int)leave(ret);
}

int unlinkat(int dir, const char *name, int flags)
{
	int ret;

	if (!is_ours(dir))
		return (int)syscall(SYS_unlinkat, dir, name, flags);
	if (enter('U', 0, NULL, 0))
		return (int)leave(-1);
	ret = (int)syscall(SYS_unlinkat, dir, name, flags);
	if (!ret)
		tell('U', 0, name, "", 0);
	return (int)leave(ret);
}
