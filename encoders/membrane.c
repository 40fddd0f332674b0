/* Norse's lif_current_encoder with LIFParameters as tensors (its default), in float32:
 *
 *   a  = fl(dt) * tau_mem_inv
 *   w  = v + a * ((v_leak - v) + x)
 *   s  = w - v_th > 0
 *   v' = w - s * (w - v_reset)
 *
 * one rounding an operation, in this order; v starts at +0. Bit-equal to Norse as long as Norse's
 * own voltage is finite. Where it would become infinite or NaN (input not finite or huge with
 * a > 1) it is set to v_reset, so that a bad sample cannot silence a line for good.
 *
 * Norse: github.com/norse/norse, norse/torch/functional/lif.py.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/membrane.h"

#include <errno.h>

enum { TAU_MEM_INV, TAU_MEM, V_LEAK, V_TH, V_RESET, TAU_SYN_INV, METHOD, ALPHA, SEQ_LENGTH, DT };

struct membrane {
	bool each;
	struct lif_rule rule;
	struct lif_rules rules;
};

/* Norse's methods with a deterministic forward pass; `logistic` draws its spikes at random. */
static const char *const methods[] = {"super", "heaviside", "tanh", "tent", "circ", NULL};

#define VOLTAGE                                                                         \
	.type = PARAM_NUMBER, .flags = PARAM_PER_CHANNEL | PARAM_LIVE, .min = -FLT_MAX, \
	.max = FLT_MAX

const struct param membrane_params[] = {
	[TAU_MEM_INV] =
		{
			.name = "tau_mem_inv",
			.type = PARAM_NUMBER,
			.unit = UNIT_PER_SECOND,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN,
			.preset = "100",
			.min = 0,
			.max = FLT_MAX,
			.help = "Inverse of the membrane's time constant.",
		},
	[TAU_MEM] =
		{
			.name = "tau_mem",
			.type = PARAM_NUMBER,
			.unit = UNIT_SECONDS,
			.flags = PARAM_PER_CHANNEL | PARAM_LIVE | PARAM_MIN_OPEN | PARAM_OPTIONAL,
			.min = 0,
			.max = FLT_MAX,
			.help = "The membrane's time constant, instead of tau_mem_inv.",
		},
	[V_LEAK] =
		{
			.name = "v_leak",
			VOLTAGE,
			.preset = "0",
			.help = "Voltage at rest, without input.",
		},
	[V_TH] =
		{
			.name = "v_th",
			VOLTAGE,
			.preset = "1",
			.help = "Threshold: a voltage above it fires.",
		},
	[V_RESET] =
		{
			.name = "v_reset",
			VOLTAGE,
			.preset = "0",
			.help = "Voltage after a spike.",
		},
	[TAU_SYN_INV] =
		{
			.name = "tau_syn_inv",
			.type = PARAM_NUMBER,
			.unit = UNIT_PER_SECOND,
			.flags = PARAM_NO_EFFECT,
			.preset = "200",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "Norse's synapse; an encoder has none.",
		},
	[METHOD] =
		{
			.name = "method",
			.type = PARAM_CHOICE,
			.flags = PARAM_NO_EFFECT,
			.preset = "super",
			.choices = methods,
			.help = "Norse's surrogate gradient; spikes do not depend on it.",
		},
	[ALPHA] =
		{
			.name = "alpha",
			.type = PARAM_NUMBER,
			.flags = PARAM_NO_EFFECT,
			.preset = "100",
			.min = -FLT_MAX,
			.max = FLT_MAX,
			.help = "Steepness of the surrogate gradient; spikes do not depend on it.",
		},
	[SEQ_LENGTH] = STAGE_SEQ_LENGTH_ROW,
	[DT] = STAGE_DT_ROW,
	{0},
};

static bool lists_any(const struct stage *st)
{
	return stage_listed(st, TAU_MEM_INV) || stage_listed(st, TAU_MEM) ||
	       stage_listed(st, V_LEAK) || stage_listed(st, V_TH) || stage_listed(st, V_RESET);
}

/* +0 for -0, which makes no difference to Norse's results and one rule less for the kernels. */
static float reset_voltage(double v_reset)
{
	return (float)v_reset + 0.0f;
}

/* a of channel c. A time constant too short for its inverse to be a float32 gives infinity. */
static float step_share(const struct stage *st, uint32_t c)
{
	const struct param_value *tau = &st->values[TAU_MEM];
	float inverse = tau->present ? (float)(1.0 / param_number(tau, c))
				     : (float)param_number(&st->values[TAU_MEM_INV], c);
	return (float)st->dt * inverse;
}

int membrane_plan(struct stage *st, struct fault *f)
{
	const struct param_value *tau = &st->values[TAU_MEM];
	if (tau->present && stage_given(st, TAU_MEM_INV))
		return stage_fault(f, "tau_mem",
			"tau_mem and tau_mem_inv say the same thing, give one of them");
	const char *key = tau->present ? "tau_mem" : "tau_mem_inv";
	uint32_t n = stage_listed(st, tau->present ? TAU_MEM : TAU_MEM_INV) ? st->channels : 1;
	for (uint32_t c = 0; c < n; c++) {
		if (!isfinite(step_share(st, c)))
			return stage_fault(f, key,
				"%s makes dt/tau too large for a float32; give a longer tau", key);
	}
	st->const_size = stage_round(sizeof(struct membrane)) +
			 (lists_any(st) ? 4 * stage_float_bytes(st->in_lines) : 0);
	return 0;
}

void membrane_prepare(struct stage *st)
{
	struct membrane *m = st->consts;
	if (st->values[TAU_MEM].present)
		stage_unset(st, TAU_MEM_INV);
	m->each = lists_any(st);
	if (!m->each) {
		m->rule = (struct lif_rule){
			.a = step_share(st, 0),
			.leak = (float)st->values[V_LEAK].number,
			.threshold = (float)st->values[V_TH].number,
			.reset = reset_voltage(st->values[V_RESET].number),
		};
		return;
	}
	size_t stride = stage_stride(st->in_lines);
	float *a = (float *)((char *)st->consts + stage_round(sizeof(*m)));
	float *leak = a + stride, *threshold = leak + stride, *reset = threshold + stride;
	for (uint32_t i = 0; i < st->in_lines; i++) {
		a[i] = step_share(st, stage_channel(st, i));
		leak[i] = stage_float(st, V_LEAK, i);
		threshold[i] = stage_float(st, V_TH, i);
		reset[i] = reset_voltage(param_number(&st->values[V_RESET], stage_channel(st, i)));
	}
	m->rules = (struct lif_rules){a, leak, threshold, reset};
}

void membrane_step(const struct stage *st, float *v, const float *x, uint64_t *on)
{
	const struct membrane *m = st->consts;
	if (m->each)
		kernels_get()->lif_each(&m->rules, v, x, on, st->in_lines);
	else
		kernels_get()->lif(&m->rule, v, x, on, st->in_lines);
}

struct lif_rule membrane_rule(const struct stage *st, uint32_t line)
{
	const struct membrane *m = st->consts;
	if (!m->each)
		return m->rule;
	return (struct lif_rule){
		.a = m->rules.a[line],
		.leak = m->rules.leak[line],
		.threshold = m->rules.threshold[line],
		.reset = m->rules.reset[line],
	};
}

bool membrane_sane(const struct stage *st, const float *v)
{
	for (uint32_t i = 0; i < st->in_lines; i++) {
		if (!isfinite(v[i]) || (v[i] == 0.0f && signbit(v[i])))
			return false;
	}
	return true;
}
