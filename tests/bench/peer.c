/* The other side's process.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/peer.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool peer_start(struct peer *p, const struct bench_site *site, const char *script)
{
	int to[2], from[2];
	char command[512];

	if (!site->peers) {
		fprintf(stderr,
			"  skipped: scripts/bench --peers fetches Norse, snnTorch and torch\n");
		return false;
	}
	snprintf(command, sizeof(command), "exec %s/%s", site->peers, script);
	if (pipe(to) || pipe(from))
		bench_die("pipe");
	p->pid = fork();
	if (p->pid < 0)
		bench_die("fork");
	if (p->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		close(to[0]);
		close(to[1]);
		close(from[0]);
		close(from[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		bench_die(command);
	}
	close(to[0]);
	close(from[1]);
	p->to = fdopen(to[1], "w");
	p->from = fdopen(from[0], "r");
	if (!p->to || !p->from || !fgets(p->version, sizeof(p->version), p->from)) {
		errno = 0;
		bench_die("the other libraries did not start");
	}
	p->version[strcspn(p->version, "\n")] = '\0';
	return true;
}

double peer_ask(struct peer *p, const char *format, ...)
{
	char answer[64];
	va_list args;

	va_start(args, format);
	vfprintf(p->to, format, args);
	va_end(args);
	fputc('\n', p->to);
	fflush(p->to);
	if (!fgets(answer, sizeof(answer), p->from)) {
		errno = 0;
		bench_die("the other libraries ended");
	}
	return strtod(answer, NULL);
}

void peer_stop(struct peer *p)
{
	fclose(p->to);
	fclose(p->from);
	waitpid(p->pid, NULL, 0);
}
