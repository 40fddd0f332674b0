/* Against Norse itself, on torch and one thread: norse_peer.py runs the other side, round by round.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/peer.h"
#include "tests/bench/stage.h"

#define ROUNDS   15
#define ROUND_NS 20e6 /* about, on either side */

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
	peer_ask(p, "%s %d 10", encoder, channels);
	int theirs = ticks_for(peer_ask(p, "%s %d 20", encoder, channels), channels);
	for (int round = 0; round < ROUNDS; round++) {
		run[round] = bench_stage_run(&stage, ours);
		reference[round] = peer_ask(p, "%s %d %d", encoder, channels, theirs);
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

	if (!peer_start(&peer, site, "norse_peer.py"))
		return;
	compare(&peer, "lif", 1.5f, 65536, 30);
	compare(&peer, "poisson", 1.0f, 65536, 20);
	compare(&peer, "lif", 1.5f, 64, 500);
	compare(&peer, "poisson", 1.0f, 64, 500);
	peer_stop(&peer);
}
