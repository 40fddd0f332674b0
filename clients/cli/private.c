/* See private.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define START_MS 10000
#define STOP_MS  5000
#define LOG_TAIL 600

static void pause_ms(int ms)
{
	const struct timespec span = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&span, NULL);
}

static char *path_in(const struct private_spiked *p, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", p->dir, name);
	return path;
}

static int make_folder(struct private_spiked *p)
{
	const char *base = getenv("TMPDIR");
	char path[PATH_MAX];

	/* A socket's path has 107 bytes at most. */
	if (!base || !*base || strlen(base) > 30)
		base = "/tmp";
	snprintf(p->dir, sizeof(p->dir), "%s/spiked-XXXXXX", base);
	if (!mkdtemp(p->dir) || mkdir(path_in(p, "state", path), 0700)) {
		ctl_fail("cannot make a folder in %s: %s", base, strerror(errno));
		p->dir[0] = '\0';
		return EXIT_FAILED;
	}
	snprintf(p->ingest, sizeof(p->ingest), "ipc://%s/in", p->dir);
	snprintf(p->publish, sizeof(p->publish), "ipc://%s/out", p->dir);
	snprintf(p->control, sizeof(p->control), "ipc://%s/control", p->dir);
	return EXIT_OK;
}

static int write_conf(const struct private_spiked *p, json_t *conf)
{
	char path[PATH_MAX];

	json_object_set_new(conf, "ingest", json_pack("[s]", p->ingest));
	json_object_set_new(conf, "publish", json_pack("[s]", p->publish));
	json_object_set_new(conf, "control", json_string(p->control));
	json_object_set_new(conf, "state",
		json_pack("{s:s, s:s}", "dir", path_in(p, "state", path), "every", "3600 s"));
	if (json_dump_file(conf, path_in(p, "spiked.json", path), JSON_INDENT(1)))
		return ctl_fail("cannot write %s: %s", path, strerror(errno));
	return EXIT_OK;
}

static void find_binary(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 8);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		memcpy(slash + 1, "spiked", sizeof("spiked"));
	if (!slash || access(path, X_OK))
		memcpy(path, "spiked", sizeof("spiked")); /* of PATH */
}

/* The child: becomes the daemon, which ends with its parent. Ctrl-C is the parent's to act on. */
static void become(const char *binary, char **argv, const char *log)
{
	int in = open("/dev/null", O_RDONLY), out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(binary, argv);
	dprintf(STDERR_FILENO, "cannot start %s: %s; --spiked says where it is\n", binary,
		strerror(errno));
	_exit(127);
}

static int spawn(struct private_spiked *p, const char *binary)
{
	char conf[PATH_MAX], log[PATH_MAX], found[PATH_MAX];

	find_binary(found);
	if (!binary)
		binary = found;
	char *argv[] = {(char *)(uintptr_t)binary, "-c", path_in(p, "spiked.json", conf), NULL};

	path_in(p, "log", log);
	fflush(NULL);
	p->pid = fork();
	if (!p->pid)
		become(binary, argv, log);
	if (p->pid > 0)
		return EXIT_OK;
	p->pid = 0;
	return ctl_fail("cannot start another process: %s", strerror(errno));
}

static void print_log(const struct private_spiked *p)
{
	char path[PATH_MAX], text[LOG_TAIL + 1];
	FILE *log = fopen(path_in(p, "log", path), "r");
	size_t n = 0;

	if (log && !fseek(log, 0, SEEK_END)) {
		long size = ftell(log);

		fseek(log, size > LOG_TAIL ? size - LOG_TAIL : 0, SEEK_SET);
		n = fread(text, 1, LOG_TAIL, log);
	}
	text[n] = '\0';
	if (log)
		fclose(log);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		ctl_fail("spiked says: %s", line);
}

bool private_lives(struct private_spiked *p)
{
	int status;

	if (!p->pid)
		return false;
	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return true;
	p->pid = 0;
	ctl_fail("the spiked that was started for this has ended");
	print_log(p);
	return false;
}

int private_start(struct private_spiked *p, const char *binary, json_t *conf)
{
	int64_t end_ms = ctl_now_ms() + START_MS;
	json_t *info;

	*p = (struct private_spiked){.ctl = {.timeout_ms = START_MS}};
	if (make_folder(p) != EXIT_OK || write_conf(p, conf) != EXIT_OK ||
		spawn(p, binary) != EXIT_OK)
		return EXIT_FAILED;
	p->ctl.options = (struct spiked_options)SPIKED_OPTIONS_INIT;
	p->ctl.control = p->control;
	while (!ctl_stop && private_lives(p) && ctl_now_ms() < end_ms) {
		info = ctl_try(&p->ctl, "info", NULL, NULL);
		json_decref(info);
		if (info)
			return EXIT_OK;
		pause_ms(10);
	}
	if (p->pid && !ctl_stop)
		ctl_fail("the spiked that was started for this does not answer");
	return EXIT_FAILED;
}

static void end_process(struct private_spiked *p)
{
	int64_t end_ms = ctl_now_ms() + STOP_MS;
	int status;

	kill(p->pid, SIGTERM);
	while (waitpid(p->pid, &status, WNOHANG) == 0) {
		if (ctl_now_ms() > end_ms)
			kill(p->pid, SIGKILL);
		pause_ms(5);
	}
	p->pid = 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void private_stop(struct private_spiked *p)
{
	spiked_control_close(p->ctl.client);
	p->ctl.client = NULL;
	if (p->pid)
		end_process(p);
	if (p->dir[0])
		nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	p->dir[0] = '\0';
}

bool private_put_state(
	const struct private_spiked *p, const char *stream, const void *bytes, size_t size)
{
	char path[PATH_MAX];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s/state/%s.state", p->dir, stream);
	file = fopen(path, "wb");
	good = file && fwrite(bytes, 1, size, file) == size;
	if (file)
		good &= fclose(file) == 0;
	if (!good)
		ctl_fail("cannot write %s: %s", path, strerror(errno));
	return good;
}
