/* See bench.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define ANSWER_MS 10000

int64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_sleep_until(int64_t at_ns)
{
	struct timespec at = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t n, double q)
{
	qsort(values, n, sizeof(*values), compare);
	return values[(size_t)((double)(n - 1) * q + 0.5)];
}

void bench_print(
	const char *name, double value, const char *unit, double reference, const char *against)
{
	printf("{\"bench\":\"%s\",\"value\":%.4g,\"unit\":\"%s\",\"reference\":%.4g,\"ratio\":%.3g,"
	       "\"against\":\"%s\"}\n",
		name, value, unit, reference, reference > 0 ? value / reference : 0, against);
	fflush(stdout);
}

void bench_die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_config(const struct bench_daemon *d, const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file)
		bench_die(path);
	fprintf(file, "ingest: [\"%s\"]\npublish: [\"%s\"]\ncontrol: \"%s\"\n%s", d->ingest,
		d->publish, d->control, text);
	if (fclose(file))
		bench_die(path);
}

void bench_start(struct bench_daemon *d, const char *binary, const char *text)
{
	char path[96];

	snprintf(d->folder, sizeof(d->folder), "/tmp/spiked-bench-XXXXXX");
	if (!mkdtemp(d->folder))
		bench_die(d->folder);
	snprintf(d->ingest, sizeof(d->ingest), "ipc://%s/ingest", d->folder);
	snprintf(d->publish, sizeof(d->publish), "ipc://%s/publish", d->folder);
	snprintf(d->control, sizeof(d->control), "ipc://%s/control", d->folder);
	snprintf(path, sizeof(path), "%s/spiked.yaml", d->folder);
	write_config(d, path, text);

	d->pid = fork();
	if (d->pid < 0)
		bench_die("fork");
	if (d->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl(binary, binary, "-c", path, "--log-level", "error", (char *)NULL);
		bench_die(binary);
	}
	json_decref(bench_call(d, "info"));
}

void bench_stop(struct bench_daemon *d)
{
	static const char *const names[] = {"spiked.yaml", "ingest", "publish", "control"};
	char path[128];
	int status;

	kill(d->pid, SIGTERM);
	if (waitpid(d->pid, &status, 0) < 0)
		bench_die("waitpid");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", d->folder, names[i]);
		unlink(path);
	}
	rmdir(d->folder);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		errno = 0;
		bench_die("spiked did not end well");
	}
}

json_t *bench_call(const struct bench_daemon *d, const char *method)
{
	char text[128];
	zmq_msg_t answer;
	void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_REQ);
	int timeout = ANSWER_MS, linger = 0;

	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout, sizeof(timeout));
	zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"}", method);
	zmq_msg_init(&answer);
	if (zmq_connect(socket, d->control) || zmq_send(socket, text, strlen(text), 0) < 0 ||
		zmq_msg_recv(&answer, socket, 0) < 0)
		bench_die(method);
	json_t *reply = json_loadb(zmq_msg_data(&answer), zmq_msg_size(&answer), 0, NULL);
	json_t *result = json_incref(json_object_get(reply, "result"));
	json_decref(reply);
	zmq_msg_close(&answer);
	zmq_close(socket);
	zmq_ctx_term(context);
	if (!result)
		bench_die(method);
	return result;
}
