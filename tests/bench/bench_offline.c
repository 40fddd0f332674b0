/* libspiked-encoders on whole arrays against Norse and snnTorch on the same: float32 values in,
 * float32 spikes out; offline_peer.py runs the other side, round by round.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/peer.h"

#include <errno.h>
#include <spiked/encoders.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 9

struct side {
	struct spiked_pipeline *pipeline;
	float *rows, *spikes;
	uint32_t channels, ticks;
};

/* As array() of offline_peer.py. */
static void side_init(struct side *s, const char *text, uint32_t channels, uint32_t ticks)
{
	const struct spiked_pipeline_preset preset = {.channels = channels};
	char why[400];

	*s = (struct side){.channels = channels, .ticks = ticks};
	s->pipeline = spiked_pipeline_new(text, strlen(text), &preset, why, sizeof(why));
	if (!s->pipeline) {
		errno = 0;
		bench_die(why);
	}
	s->rows = bench_alloc((size_t)channels * ticks * sizeof(float));
	s->spikes = bench_alloc((size_t)channels * ticks * sizeof(float));
	for (uint64_t t = 0; t < ticks; t++)
		for (uint64_t c = 0; c < channels; c++)
			s->rows[t * channels + c] =
				(float)((t * 7919 + c * 104729) % 65536) / 65536;
}

static void side_fini(struct side *s)
{
	spiked_pipeline_free(s->pipeline);
	free(s->rows);
	free(s->spikes);
}

static double side_run(struct side *s)
{
	const struct spiked_pipeline_out out = {.lines = s->spikes};
	int64_t start = bench_now_ns();

	spiked_pipeline_run(s->pipeline, s->rows, s->ticks, &out);
	bench_use(s->spikes);
	return (double)(bench_now_ns() - start) / s->ticks / s->channels;
}

/* `library`'s `encoder` against ours, which is to be `times` times faster. */
static void compare(struct peer *p, const char *library, const char *encoder, const char *text,
	uint32_t channels, uint32_t ticks, double times)
{
	double run[ROUNDS], reference[ROUNDS];
	struct side side;

	side_init(&side, text, channels, ticks);
	for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
		int at = round < 0 ? 0 : round;

		run[at] = side_run(&side);
		reference[at] = peer_ask(p, "%s %s %u %u", library, encoder, channels, ticks);
	}
	struct bench_line line = {
		.bench = "offline",
		.unit = "ns/channel",
		.value = bench_median(run, ROUNDS),
		.reference = bench_median(reference, ROUNDS),
		.against = library,
		.aims = {{AIM_RATIO_MOST, 1 / times}},
	};
	line.more = json_pack("{s:s, s:s, s:i, s:i, s:f, s:f}", "encoder", encoder, "versions",
		p->version, "channels", (int)channels, "ticks", (int)ticks, "times_faster",
		line.reference / line.value, "times_wanted", times);
	bench_print(&line);
	side_fini(&side);
}

void bench_offline(const struct bench_site *site)
{
	static const char lif[] = "lif", poisson[] = "[{poisson: {f_max: 1000}}]",
			  derivative[] = "[{derivative: {theta: 0.1}}]";
	struct peer peer;

	if (!peer_start(&peer, site, "offline_peer.py"))
		return;
	compare(&peer, "norse", "lif", lif, 1000, 1000, 20);
	compare(&peer, "snntorch", "lif", lif, 1000, 1000, 20);
	compare(&peer, "norse", "poisson", poisson, 1000, 1000, 5);
	compare(&peer, "snntorch", "poisson", poisson, 1000, 1000, 5);
	compare(&peer, "snntorch", "derivative", derivative, 1000, 1000, 2);
	compare(&peer, "norse", "lif", lif, 8, 10000, 20);
	compare(&peer, "snntorch", "derivative", derivative, 8, 100000, 1);
	peer_stop(&peer);
}
