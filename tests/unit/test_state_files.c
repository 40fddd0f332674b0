/* The files of the snapshots: whole or not at all, whichever system call fails. The linker puts the
 * wrappers below in place of the system's functions (tests/CMakeLists.txt).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "daemon/state/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum call { CALL_OPENAT, CALL_WRITE, CALL_FSYNC, CALL_RENAMEAT, CALL_CLOSE, CALLS };

static struct {
	enum call call; /* which one fails */
	int after;      /* so many of them go well; -1 = none fails */
	int code;       /* errno; 0 = the write is short */
	int seen[CALLS];
} fault = {.after = -1};

static bool fails(enum call call)
{
	fault.seen[call]++;
	if (fault.after < 0 || call != fault.call || fault.after--)
		return false;
	errno = fault.code;
	return true;
}

int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	return fails(CALL_OPENAT) ? -1 : __real_openat(dir, path, flags, mode);
}

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	if (fails(CALL_WRITE))
		return fault.code ? -1 : __real_write(fd, bytes, size / 2);
	return __real_write(fd, bytes, size);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd)
{
	return fails(CALL_FSYNC) ? -1 : __real_fsync(fd);
}

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fails(CALL_RENAMEAT) ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int __real_close(int fd);
int __wrap_close(int fd)
{
	int ret = __real_close(fd);

	return fails(CALL_CLOSE) ? -1 : ret;
}

static char folder[64], inner[80];

static int setup(void **state)
{
	(void)state;
	fault.after = -1;
	strcpy(folder, "/tmp/spiked-files-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(inner, sizeof(inner), "%s/state", folder);
	return 0;
}

static int teardown(void **state)
{
	char command[120];

	(void)state;
	fault.after = -1;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct files opened(void)
{
	struct files files;
	bool writable;
	struct fault f;

	assert_int_equal(files_open(&files, inner, &writable, &f), 0);
	assert_true(writable);
	return files;
}

static int write_text(const struct files *files, const char *stream, const char *text)
{
	struct fault f = {0};
	int ret = files_write(files, stream, (const uint8_t *)text, strlen(text), &f);

	assert_true(!ret == !f.text[0] && f.code == ret);
	return ret;
}

static void holds(const struct files *files, const char *stream, const char *text)
{
	uint8_t *bytes;
	size_t size;

	assert_int_equal(files_read(files, stream, 1000, &bytes, &size, NULL), 0);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(bytes, text, size);
	free(bytes);
}

static int count_files(void)
{
	DIR *dir = opendir(inner);
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void test_what_is_written_is_read(void **state)
{
	struct files files = opened();

	(void)state;
	assert_int_equal(write_text(&files, "a", "one"), 0);
	assert_int_equal(write_text(&files, "a", "two"), 0);
	assert_int_equal(write_text(&files, "..", "dots"), 0);
	assert_int_equal(write_text(&files, "a.state.new", "a name like the other's"), 0);
	assert_int_equal(files_sync(&files, NULL), 0);
	holds(&files, "a", "two");
	holds(&files, "..", "dots");
	holds(&files, "a.state.new", "a name like the other's");
	assert_int_equal(count_files(), 3);
	files_close(&files);
}

/* Whatever fails, and whichever time: the old file is whole, nothing is left over, and the next try works. */
static void test_a_failed_write_leaves_the_old_file(void **state)
{
	static const struct {
		enum call call;
		int after, code;
	} cases[] = {
		{CALL_OPENAT, 0, EROFS},
		{CALL_OPENAT, 0, EMFILE},
		{CALL_OPENAT, 0, ENOSPC},
		{CALL_WRITE, 0, ENOSPC},
		{CALL_WRITE, 0, EIO},
		{CALL_WRITE, 0, EDQUOT},
		{CALL_FSYNC, 0, EIO},
		{CALL_FSYNC, 0, ENOSPC},
		{CALL_CLOSE, 0, EIO},
		{CALL_RENAMEAT, 0, EIO},
		{CALL_RENAMEAT, 0, EROFS},
		{CALL_RENAMEAT, 0, ENOSPC},
	};
	struct files files = opened();

	(void)state;
	assert_int_equal(write_text(&files, "a", "old"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fault.call = cases[i].call;
		fault.after = cases[i].after;
		fault.code = cases[i].code;
		assert_int_equal(write_text(&files, "a", "a newer one"), -cases[i].code);
		assert_int_equal(fault.after, -1);
		holds(&files, "a", "old");
		assert_int_equal(count_files(), 1);
	}
	assert_int_equal(write_text(&files, "a", "new"), 0);
	holds(&files, "a", "new");
	files_close(&files);
}

static void test_short_and_interrupted_writes_go_on(void **state)
{
	struct files files = opened();

	(void)state;
	fault.call = CALL_WRITE;
	fault.after = 0;
	fault.code = 0;
	assert_int_equal(write_text(&files, "a", "in two halves"), 0);
	holds(&files, "a", "in two halves");
	fault.after = 0;
	fault.code = EINTR;
	assert_int_equal(write_text(&files, "a", "interrupted"), 0);
	holds(&files, "a", "interrupted");
	files_close(&files);
}

static void test_bytes_are_synced_before_the_rename(void **state)
{
	struct files files = opened();

	(void)state;
	memset(fault.seen, 0, sizeof(fault.seen));
	fault.call = CALL_FSYNC; /* if it fails, nothing may have been renamed */
	fault.after = 0;
	fault.code = EIO;
	assert_int_equal(write_text(&files, "a", "x"), -EIO);
	assert_int_equal(fault.seen[CALL_RENAMEAT], 0);
	assert_int_equal(write_text(&files, "a", "x"), 0);
	assert_int_equal(fault.seen[CALL_FSYNC], 2);
	fault.after = 0;
	assert_int_equal(files_sync(&files, &(struct fault){0}), -EIO);
	files_close(&files);
}

static void test_none_is_not_a_fault(void **state)
{
	struct files files = opened();
	uint8_t *bytes;
	size_t size;

	(void)state;
	assert_int_equal(files_read(&files, "a", 1000, &bytes, &size, NULL), -ENOENT);
	files_close(&files);
}

static void test_what_is_no_file_is_not_read(void **state)
{
	struct files files = opened();
	struct fault f;
	uint8_t *bytes;
	char path[120];
	size_t size;

	(void)state;
	snprintf(path, sizeof(path), "%s/d.state", inner);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(files_read(&files, "d", 1000, &bytes, &size, &f), -EBADMSG);
	snprintf(path, sizeof(path), "%s/p.state", inner);
	assert_int_equal(mkfifo(path, 0600), 0); /* does not wait for a writer */
	assert_int_equal(files_read(&files, "p", 1000, &bytes, &size, &f), -EBADMSG);
	snprintf(path, sizeof(path), "%s/l.state", inner);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(files_read(&files, "l", 1000, &bytes, &size, &f), -ELOOP);
	assert_int_equal(write_text(&files, "long", "0123456789"), 0);
	assert_int_equal(files_read(&files, "long", 9, &bytes, &size, &f), -EBADMSG);
	assert_int_equal(files_read(&files, "long", 10, &bytes, &size, &f), 0);
	free(bytes);
	files_close(&files);
}

static void test_a_bounded_number_is_kept_aside(void **state)
{
	struct files files = opened();
	char aside[FILES_NAME_MAX], text[8], last[FILES_NAME_MAX] = "";

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(write_text(&files, "a", text), 0);
		assert_int_equal(files_aside(&files, "a", aside, NULL), 0);
		assert_string_equal(aside, i == 0   ? "a.state.aside1"
					   : i == 1 ? "a.state.aside2"
						    : "a.state.aside3");
		memcpy(last, aside, sizeof(last));
	}
	assert_int_equal(count_files(), FILES_ASIDE_MAX);
	assert_int_equal(write_text(&files, "a", "x"), 0);
	fault.call = CALL_RENAMEAT;
	fault.after = 0;
	fault.code = EROFS;
	assert_int_equal(files_aside(&files, "a", aside, &(struct fault){0}), -EROFS);
	holds(&files, "a", "x");
	files_close(&files);
}

static void test_half_written_files_are_cleared_away_at_the_next_start(void **state)
{
	struct files files = opened();
	char path[120];

	(void)state;
	assert_int_equal(write_text(&files, "a", "x"), 0);
	files_close(&files);
	snprintf(path, sizeof(path), "%s/b.state.new", inner);
	assert_true(__real_close(creat(path, 0600)) == 0);
	snprintf(path, sizeof(path), "%s/README", inner);
	assert_true(__real_close(creat(path, 0600)) == 0);
	files = opened();
	assert_int_equal(count_files(), 2); /* what is not ours stays */
	holds(&files, "a", "x");
	files_close(&files);
}

static void test_a_folder_has_one_daemon(void **state)
{
	struct files files = opened(), second;
	struct fault f;
	bool writable;

	(void)state;
	assert_int_equal(files_open(&second, inner, &writable, &f), -EBUSY);
	assert_non_null(strstr(f.text, "another spiked"));
	assert_int_equal(second.fd, -1);
	files_close(&files);
	second = opened();
	files_close(&second);
}

static void test_a_folder_that_cannot_be_is_said(void **state)
{
	struct files files;
	struct fault f;
	bool writable;

	(void)state;
	snprintf(inner, sizeof(inner), "%s/not/there", folder);
	assert_int_equal(files_open(&files, inner, &writable, &f), -ENOENT);
	assert_int_equal(files_open(&files, "/proc/version", &writable, &f), -ENOTDIR);
	assert_int_equal(
		files_open(&files, "/proc/1", &writable, &f), 0); /* where no file can be made */
	if (writable)
		assert_int_equal(write_text(&files, "a", "x"), -ENOENT);
	files_close(&files);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_written_is_read),
		TEST(test_a_failed_write_leaves_the_old_file),
		TEST(test_short_and_interrupted_writes_go_on),
		TEST(test_bytes_are_synced_before_the_rename),
		TEST(test_none_is_not_a_fault),
		TEST(test_what_is_no_file_is_not_read),
		TEST(test_a_bounded_number_is_kept_aside),
		TEST(test_half_written_files_are_cleared_away_at_the_next_start),
		TEST(test_a_folder_has_one_daemon),
		TEST(test_a_folder_that_cannot_be_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
