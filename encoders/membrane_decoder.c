/* The way back from a LIF's spikes: how long the membrane took tells what drove it.
 *
 * After m ticks of a steady x the membrane has gone the share e(m) = 1 - (1 - a)^m of the way from
 * where it began, v0, to v_leak + x. It crossed the threshold in the last of them, so
 *
 *   v0 + (v_th - v0) / e(m)  <  v_leak + x  <=  v0 + (v_th - v0) / e(m - 1)
 *
 * with v0 = v_reset after a spike, else 0; m = 1 has no upper end. The estimate is the middle, for
 * m = 1 the lower end. While a line is silent x is at most what the left side says of the ticks so
 * far: an estimate above that is lowered to it. So it never falls below v_th - v_leak: a LIF does
 * not tell what is in its dead zone. A line that has never fired is 0.
 *
 * Within a window only a line's first spike is read. Its row is held, so the later ones say the
 * same, and lif_latency and first_spike leave them out.
 *
 * float32; e is summed as a membrane is, without the difference of two numbers near 1.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/membrane.h"

#include <errno.h>

/* State: a float a line each, then a bit a line. */
struct line_states {
	float *share; /* e of the ticks since v0 */
	float *x;     /* the estimate */
	uint64_t *fired;
};

static struct line_states states_of(const struct stage *st, void *state)
{
	float *share = state;
	float *x = share + stage_stride(st->out_lines);
	return (struct line_states){
		.share = share,
		.x = x,
		.fired = (uint64_t *)(void *)(x + stage_stride(st->out_lines)),
	};
}

static int decoder_plan(const struct stage *st, struct fault *f)
{
	for (uint32_t i = 0; i < st->out_lines; i++) {
		struct lif_rule r = membrane_rule(st, i);
		if (r.a > 1)
			return fault_set(f, -EINVAL,
				"%s cannot be decoded: dt/tau is %.6g, and above 1 its voltage rings",
				st->asked, (double)r.a);
		if (!(r.threshold > 0) || !(r.threshold > r.reset))
			return fault_set(f, -EINVAL,
				"%s cannot be decoded: v_th must be above v_reset and above 0, where "
				"the voltage begins; it is %.6g",
				st->asked, (double)r.threshold);
	}
	return 0;
}

static size_t decoder_size(const struct stage *st)
{
	return 2 * stage_float_bytes(st->out_lines) + stage_plane_bytes(st->out_lines);
}

static void restart(const struct stage *st, void *state, enum reset_scope scope)
{
	struct line_states s = states_of(st, state);
	memset(s.share, 0, stage_float_bytes(st->out_lines));
	memset(s.fired, 0, stage_plane_bytes(st->out_lines));
	if (scope == RESET_ALL)
		memset(s.x, 0, stage_float_bytes(st->out_lines));
}

/* Once it is silent for that long it does not matter any more since when. */
#define LEFT_OVER 0x1p-10 /* of v0, and so about of the estimate */

/* A line's second spike ends an interval that was seen whole, and silence of some time constants is
 * as good as one. In a window nothing but its first tick has to be seen. */
static struct mending decoder_mends(const struct stage *st, const struct decoding *by)
{
	(void)by;
	double slowest = 1;
	if (st->window > 0)
		return (struct mending){.how = MENDS_LATER, .ticks = st->window, .spikes = 1};
	for (uint32_t i = 0; i < st->out_lines; i++)
		slowest = fmin(slowest, (double)membrane_rule(st, i).a);
	return (struct mending){
		.how = MENDS_LATER,
		.ticks = stage_ticks(log(LEFT_OVER) / log1p(-slowest)),
		.spikes = 2,
	};
}

/* What drives a membrane from v0 to its threshold in the ticks that made the share e. */
static inline float drive(const struct lif_rule *r, float v0, float e)
{
	return stage_clamp(v0 + (r->threshold - v0) / e - r->leak);
}

static void read_line(const struct lif_rule *r, float v0, bool fires, float *share, float *x)
{
	float before = *share, now = before + r->a * (1.0f - before);
	float least = drive(r, v0, now);
	if (fires) {
		*x = before > 0 ? least + (drive(r, v0, before) - least) / 2 : least;
		*share = 0;
	} else {
		*x = *x < least ? *x : least;
		*share = now;
	}
}

static void decoder_run_lif(const struct stage *st, const struct decoding *by, void *state,
	const struct lines *in, struct lines *out)
{
	(void)by;
	struct line_states s = states_of(st, state);
	for (uint32_t i = 0; i < in->count; i++) {
		struct lif_rule r = membrane_rule(st, i);
		bool fires = stage_bit(in->on, i), fired = stage_bit(s.fired, i);
		if (!fired || st->window == 0)
			read_line(&r, fired ? r.reset : 0.0f, fires, &s.share[i], &s.x[i]);
		stage_put(s.fired, i, fires);
		out->values[i] = s.x[i];
	}
}

const struct encoder_decoder membrane_decoder = {
	.help = "x = the middle of what m ticks from reset to spike allow, with v_leak and v_reset of "
		"0: v_th/(1-(1-a)^m) < x <= v_th/(1-(1-a)^(m-1)), of a steady x off by half of that at "
		"most; m = 1 gives the lower end and has no bound. It comes with the spike (in a window "
		"the first); silence lowers it to the most that the silence allows, at last "
		"v_th - v_leak.",
	.by_first = true,
	.plan = decoder_plan,
	.size = decoder_size,
	.mends = decoder_mends,
	.reset = restart,
	.run = decoder_run_lif,
};
