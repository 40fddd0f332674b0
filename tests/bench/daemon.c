/* See daemon.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/daemon.h"

#include "spiked/wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define ANSWER_MS 10000
#define SEQ_AT    24 /* in the header */

int bench_cpu(void)
{
	return (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
}

const char *bench_realtime(void)
{
	static char text[96];

	snprintf(text, sizeof(text), "realtime: {priority: %d, lock_memory: true, cpu: %d}\n",
		BENCH_PRIORITY, bench_cpu());
	return text;
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

static const char *log_path(const struct bench_daemon *d, char *path, size_t size)
{
	snprintf(path, size, "%s/log", d->folder);
	return path;
}

/* Warnings are part of some benches; errors are news. */
static void show_errors(const struct bench_daemon *d)
{
	char path[96], line[512];
	FILE *log = fopen(log_path(d, path, sizeof(path)), "r");

	while (log && fgets(line, sizeof(line), log))
		if (strstr(line, "error"))
			fprintf(stderr, "  spiked: %s", line);
	if (log)
		fclose(log);
}

void bench_start(struct bench_daemon *d, const struct bench_site *site, const char *text)
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
		if (!freopen(log_path(d, path, sizeof(path)), "w", stderr))
			bench_die(path);
		snprintf(path, sizeof(path), "%s/spiked.yaml", d->folder);
		execlp(site->spiked, site->spiked, "-c", path, "--log-level", "error",
			(char *)NULL);
		bench_die(site->spiked);
	}
	json_decref(bench_call(d, "info", NULL));
}

void bench_stop(struct bench_daemon *d)
{
	static const char *const names[] = {"spiked.yaml", "ingest", "publish", "control", "log"};
	char path[128];
	int status;

	kill(d->pid, SIGTERM);
	if (waitpid(d->pid, &status, 0) < 0)
		bench_die("waitpid");
	show_errors(d);
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

void *bench_connect(void *context, int type, const char *endpoint, const char *topic)
{
	void *socket = zmq_socket(context, type);
	int linger = 0;

	if (!socket)
		bench_die("zmq_socket");
	zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
	if (topic)
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, strlen(topic));
	if (zmq_connect(socket, endpoint))
		bench_die(endpoint);
	return socket;
}

json_t *bench_call(const struct bench_daemon *d, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:o*}", "jsonrpc", "2.0", "id", 1, "method",
		method, "params", params);
	char *text = json_dumps(request, JSON_COMPACT);
	void *context = zmq_ctx_new(), *socket = bench_connect(context, ZMQ_REQ, d->control, NULL);
	int timeout = ANSWER_MS;
	zmq_msg_t answer;

	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout, sizeof(timeout));
	zmq_msg_init(&answer);
	if (zmq_send(socket, text, strlen(text), 0) < 0 || zmq_msg_recv(&answer, socket, 0) < 0)
		bench_die(method);
	json_t *reply = json_loadb(zmq_msg_data(&answer), zmq_msg_size(&answer), 0, NULL);
	json_t *result = json_incref(json_object_get(reply, "result"));
	if (!result) {
		errno = 0;
		bench_die(json_dumps(reply, 0));
	}
	json_decref(reply);
	json_decref(request);
	free(text);
	zmq_msg_close(&answer);
	zmq_close(socket);
	zmq_ctx_term(context);
	return result;
}

void bench_add(const struct bench_daemon *d, const char *stream)
{
	json_t *object = json_loads(stream, 0, NULL);

	if (!object)
		bench_die(stream);
	json_decref(bench_call(d, "add", json_pack("{s:o}", "stream", object)));
}

void bench_feed(
	const struct bench_daemon *d, const char *prefix, int count, uint32_t channels, float top)
{
	void *context = zmq_ctx_new();
	void *push = bench_connect(context, ZMQ_PUSH, d->ingest, NULL);
	size_t rows = count ? (size_t)count : 1;
	float *values = bench_alloc(rows * channels * sizeof(float));
	char name[80];
	int linger = ANSWER_MS;

	zmq_setsockopt(push, ZMQ_LINGER, &linger, sizeof(linger));
	bench_spread(values, rows * channels, top);
	for (size_t i = 0; i < rows; i++) {
		if (count)
			snprintf(name, sizeof(name), "%s%zu", prefix, i);
		else
			snprintf(name, sizeof(name), "%s", prefix);
		zmq_send(push, name, strlen(name), ZMQ_SNDMORE);
		if (zmq_send(push, values + i * channels, channels * sizeof(float), 0) < 0)
			bench_die("row");
	}
	zmq_close(push);
	zmq_ctx_term(context);
	free(values);
}

/* The last part of the message is in `part`. */
static bool receive_rest(void *socket, zmq_msg_t *part, struct bench_listener *l, uint64_t *next)
{
	for (int i = 1; zmq_msg_more(part); i++) {
		if (zmq_msg_recv(part, socket, 0) < 0)
			return false;
		atomic_fetch_add(&l->bytes, (long long)zmq_msg_size(part));
		if (i == 1 && zmq_msg_size(part) == SPIKED_HEADER_SIZE) {
			uint64_t seq;

			memcpy(&seq, (const char *)zmq_msg_data(part) + SEQ_AT, sizeof(seq));
			if (*next && seq > *next)
				atomic_fetch_add(&l->lost, (long long)(seq - *next));
			*next = seq + 1;
		}
	}
	return true;
}

static void *listen_on(void *arg)
{
	struct bench_listener *l = arg;
	void *socket = bench_connect(l->context, ZMQ_SUB, l->endpoint, l->topic);
	int timeout = 50;
	uint64_t next = 0;
	zmq_msg_t part;

	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout, sizeof(timeout));
	zmq_msg_init(&part);
	while (!atomic_load(&l->stop)) {
		if (zmq_msg_recv(&part, socket, 0) < 0)
			continue;
		if (!receive_rest(socket, &part, l, &next))
			break;
		atomic_fetch_add(&l->messages, 1);
		if (l->rest_ms)
			bench_sleep(l->rest_ms / 1e3);
	}
	zmq_msg_close(&part);
	zmq_close(socket);
	return NULL;
}

void bench_listen(struct bench_listener *l, const char *endpoint, const char *topic, int rest_ms)
{
	memset(l, 0, sizeof(*l));
	l->endpoint = endpoint;
	l->topic = topic;
	l->rest_ms = rest_ms;
	l->context = zmq_ctx_new();
	if (pthread_create(&l->thread, NULL, listen_on, l))
		bench_die("thread");
}

void bench_unlisten(struct bench_listener *l)
{
	atomic_store(&l->stop, true);
	pthread_join(l->thread, NULL);
	zmq_ctx_term(l->context);
}

static double member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_number(value))
		bench_die(key);
	return json_number_value(value);
}

void bench_stats(const struct bench_daemon *d, struct bench_ticks *t)
{
	json_t *stats = bench_call(d, "stats", NULL), *info = bench_call(d, "info", NULL);
	const json_t *daemon = json_object_get(stats, "daemon");
	const json_t *late = json_object_get(daemon, "lateness_ns");
	const json_t *cost = json_object_get(daemon, "tick_cost_ns");
	const json_t *counters = json_object_get(daemon, "counters");

	*t = (struct bench_ticks){
		.p50 = member(late, "p50") / 1e3,
		.p99 = member(late, "p99") / 1e3,
		.p999 = member(late, "p999") / 1e3,
		.max = member(late, "max") / 1e3,
		.cost = member(cost, "mean") / 1e3,
		.cost_p50 = member(cost, "p50") / 1e3,
		.cost_p99 = member(cost, "p99") / 1e3,
		.ticks = member(cost, "count"),
		.missed = member(counters, "late_ticks") + member(counters, "skipped_ticks"),
		.realtime = member(json_object_get(info, "realtime"), "priority") > 0,
	};
	json_decref(stats);
	json_decref(info);
}

double bench_cpu_seconds(const struct bench_daemon *d)
{
	char path[64];
	unsigned long user = 0, kernel = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)d->pid);
	FILE *file = fopen(path, "r");
	if (!file ||
		fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			&user, &kernel) != 2)
		bench_die(path);
	fclose(file);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

double bench_resident(const struct bench_daemon *d)
{
	char path[64];
	unsigned long pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)d->pid);
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		bench_die(path);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}
