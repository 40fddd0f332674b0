/* Against Norse itself, on torch and one thread: norse_peer.py runs the other side, round by round.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/stage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS   15
#define ROUND_NS 20e6 /* about, on either side */

struct peer {
	FILE *to, *from;
	pid_t pid;
	char version[96];
};

static void peer_start(struct peer *p, const char *command)
{
	int to[2], from[2];

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
		bench_die("Norse did not start");
	}
	p->version[strcspn(p->version, "\n")] = '\0';
}

static double peer_run(struct peer *p, const char *encoder, int channels, int ticks)
{
	char answer[64];

	fprintf(p->to, "%s %d %d\n", encoder, channels, ticks);
	fflush(p->to);
	if (!fgets(answer, sizeof(answer), p->from)) {
		errno = 0;
		bench_die("Norse ended");
	}
	return strtod(answer, NULL);
}

static void peer_stop(struct peer *p)
{
	fclose(p->to);
	fclose(p->from);
	waitpid(p->pid, NULL, 0);
}

static int ticks_for(double ns_a_channel, int channels)
{
	double ticks = ROUND_NS / (ns_a_channel * channels);

	return ticks > 1e6 ? 1000000 : (int)ticks + 1;
}

static void compare(struct peer *p, const char *encoder, float top, int channels, double times)
{
	double run[ROUNDS], reference[ROUNDS];
	struct bench_stage stage;

	bench_stage_init(&stage, encoder, (uint32_t)channels, top);
	int ours = ticks_for(bench_stage_run(&stage, 100), channels);
	peer_run(p, encoder, channels, 10);
	int theirs = ticks_for(peer_run(p, encoder, channels, 20), channels);
	for (int round = 0; round < ROUNDS; round++) {
		run[round] = bench_stage_run(&stage, ours);
		reference[round] = peer_run(p, encoder, channels, theirs);
	}
	struct bench_line line = {
		.bench = "norse",
		.unit = "ns/channel",
		.value = bench_median(run, ROUNDS),
		.reference = bench_median(reference, ROUNDS),
		.against = p->version,
		.aims = {{AIM_RATIO_MOST, 1 / times}},
	};
	line.more = json_pack("{s:s, s:i, s:f, s:f}", "encoder", encoder, "channels", channels,
		"times_faster", line.reference / line.value, "times_wanted", times);
	bench_print(&line);
	bench_stage_fini(&stage);
}

void bench_norse(const struct bench_site *site)
{
	struct peer peer;

	if (!site->peer) {
		fprintf(stderr, "  skipped: scripts/bench --peers fetches Norse and torch\n");
		return;
	}
	peer_start(&peer, site->peer);
	compare(&peer, "lif", 1.5f, 65536, 30);
	compare(&peer, "poisson", 1.0f, 65536, 20);
	compare(&peer, "lif", 1.5f, 64, 500);
	compare(&peer, "poisson", 1.0f, 64, 500);
	peer_stop(&peer);
}
