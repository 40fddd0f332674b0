/* See trial.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/trial.h"

#include "tests/bench/daemon.h"

#include <stdio.h>
#include <stdlib.h>

/* To be freed. */
static char *config_of(const struct bench_trial *t)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		bench_die("memory");
	fprintf(out,
		"clock: wall\ndt: %lld ns\nmax_row_bytes: 64 MiB\nsend_queue: 100000\n%sstreams:\n",
		(long long)t->dt_ns, bench_realtime());
	for (int i = 0; i < t->streams; i++)
		fprintf(out,
			"  - {name: s%d, channels: %u, encode: [lif], group: g, publish: {payload: %s}}\n",
			i, t->channels, t->bitmap ? "bitmap" : "words");
	if (fclose(out))
		bench_die("memory");
	return text;
}

void bench_trial(
	const struct bench_site *site, const struct bench_trial *t, struct bench_outcome *out)
{
	struct bench_listener *listeners =
		bench_alloc(((size_t)t->listeners + 1) * sizeof(*listeners));
	char *config = config_of(t);
	struct bench_daemon daemon;
	struct bench_ticks before, after;

	bench_start(&daemon, site, config);
	for (int i = 0; i < t->listeners; i++)
		bench_listen(&listeners[i], daemon.publish, t->topic, 0);
	bench_feed(&daemon, "s", t->streams, t->channels, 1.5f);
	bench_sleep(0.4);
	bench_stats(&daemon, &before);
	double cpu = bench_cpu_seconds(&daemon);
	long long messages = atomic_load(&listeners[0].messages);
	int64_t start = bench_now_ns();
	bench_sleep(t->seconds);
	double seconds = (double)(bench_now_ns() - start) / 1e9;
	messages = atomic_load(&listeners[0].messages) - messages;
	cpu = bench_cpu_seconds(&daemon) - cpu;
	bench_stats(&daemon, &after);
	for (int i = 0; i < t->listeners; i++)
		bench_unlisten(&listeners[i]);
	bench_stop(&daemon);

	double ticks = after.ticks - before.ticks;
	*out = (struct bench_outcome){
		.cost_us = (after.cost * after.ticks - before.cost * before.ticks) / ticks,
		.cores = cpu / seconds,
		.missed = (after.missed - before.missed) / ticks,
		.messages = (double)messages / ticks,
	};
	free(config);
	free(listeners);
}
