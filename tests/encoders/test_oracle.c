/* Norse's arithmetic, written plainly, against the library on more than 10^7 random channel-ticks:
 * random parameters (one for all, or one a channel), dt, inputs, windows. Voltages and spikes are
 * compared by bits; the oracle shares no code with the library.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/build.h"

#include <math.h>

#define CHANNELS_MAX 300u
#define TICKS        64u
#define LEAST_TICKS  12000000u /* channel-ticks of each encoder under test */

struct neuron {
	float tau_mem_inv, v_leak, v_th, v_reset;
	float v;
	bool fired;
};

/* lif_current_encoder with 0-dimensional float32 tensors as parameters: Python's double dt meets a
 * float32 tensor first, every operation rounds once. */
static bool norse_lif(struct neuron *n, float x, double dt)
{
	volatile float a = (float)dt * n->tau_mem_inv;
	volatile float down = n->v_leak - n->v;
	volatile float pull = down + x;
	volatile float dv = a * pull;
	volatile float w = n->v + dv;
	volatile float over = w - n->v_th;
	volatile float z = over > 0 ? 1.0f : 0.0f;
	volatile float back = w - n->v_reset;
	volatile float drop = z * back;
	n->v = w - drop;
	return z > 0;
}

struct lif_case {
	struct neuron neurons[CHANNELS_MAX];
	uint32_t channels;
	bool lists, windowed;
	double dt;
};

static double dt_of(struct test_random *r)
{
	static const double usual[] = {0.001, 0.0005, 0.002, 0.0001, 0.01};
	return random_below(r, 2) ? usual[random_below(r, 5)] : random_between(r, 1e-5, 0.02);
}

static void random_neuron(struct test_random *r, struct neuron *n, double dt)
{
	/* a up to 1.9: settling, ringing and nearly unstable neurons. */
	n->tau_mem_inv = (float)(random_between(r, 0.001, 1.9) / dt);
	n->v_leak = random_below(r, 3) ? (float)random_between(r, -1, 1) : 0;
	n->v_th = random_below(r, 3) ? (float)random_between(r, -0.2, 3) : 1;
	n->v_reset = random_below(r, 3) ? (float)random_between(r, -1, 1) : 0;
}

static void list_text(
	char *text, size_t size, const char *key, const struct lif_case *k, size_t offset)
{
	size_t at = strlen(text);
	at += (size_t)snprintf(text + at, size - at, " %s=%s", key, k->lists ? "[" : "");
	for (uint32_t c = 0; c < (k->lists ? k->channels : 1); c++) {
		float value;
		memcpy(&value, (const char *)&k->neurons[c] + offset, sizeof(value));
		at += (size_t)snprintf(text + at, size - at, "%s%a", c ? "," : "", (double)value);
	}
	snprintf(text + at, size - at, "%s", k->lists ? "]" : "");
}

static struct pipeline *lif_pipeline(const struct lif_case *k, const char *name)
{
	static char text[CHANNELS_MAX * 4 * 32];
	snprintf(text, sizeof(text), "%s", name);
	list_text(text, sizeof(text), "tau_mem_inv", k, offsetof(struct neuron, tau_mem_inv));
	list_text(text, sizeof(text), "v_leak", k, offsetof(struct neuron, v_leak));
	list_text(text, sizeof(text), "v_th", k, offsetof(struct neuron, v_th));
	list_text(text, sizeof(text), "v_reset", k, offsetof(struct neuron, v_reset));
	struct pipeline_site site = site_of(k->channels, k->windowed ? TICKS / 2 : 0);
	site.dt = k->dt;
	return must_build(text, &site);
}

static void random_case(struct test_random *r, struct lif_case *k, bool windowed)
{
	k->channels = 1 + random_below(r, CHANNELS_MAX);
	k->lists = random_below(r, 2);
	k->windowed = windowed;
	k->dt = dt_of(r);
	for (uint32_t c = 0; c < k->channels; c++) {
		if (c == 0 || k->lists)
			random_neuron(r, &k->neurons[c], k->dt);
		else
			k->neurons[c] = k->neurons[0];
		k->neurons[c].v = 0;
		k->neurons[c].fired = false;
	}
}

static void random_row(struct test_random *r, float *values, uint32_t channels)
{
	for (uint32_t c = 0; c < channels; c++) {
		switch (random_below(r, 8)) {
		case 0:
			values[c] = 0.0f;
			break;
		case 1:
			values[c] = (float)random_between(r, -1e-3, 1e-3);
			break;
		case 2:
			values[c] = (float)random_below(r, 12); /* ties with thresholds */
			break;
		default:
			values[c] = (float)random_between(r, -3, 12);
		}
	}
}

/* Runs cases of one encoder until enough channel-ticks are compared. */
static void compare_lif(const char *name, bool latency, uint64_t seed)
{
	static struct lif_case k;
	static float values[CHANNELS_MAX];
	struct test_random r = test_random(seed);
	uint64_t ticks = 0, spikes = 0, wrong_voltages = 0, wrong_spikes = 0;
	while (ticks < LEAST_TICKS) {
		random_case(&r, &k, latency);
		struct pipeline *p = lif_pipeline(&k, name);
		struct pipeline_state *s = pipeline_state_new(p);
		for (uint32_t t = 0; t < TICKS; t++) {
			struct pipeline_out out;
			if (t % 8 == 0)
				random_row(&r, values, k.channels);
			if (latency && t % (TICKS / 2) == 0)
				pipeline_reset(p, s, RESET_WINDOW);
			pipeline_run(p, s, values, true, &out);
			for (uint32_t c = 0; c < k.channels; c++) {
				struct neuron *n = &k.neurons[c];
				if (latency && t % (TICKS / 2) == 0) {
					n->v = 0;
					n->fired = false;
				}
				bool z = norse_lif(n, values[c], k.dt);
				bool expected = z && !(latency && n->fired);
				n->fired |= z;
				wrong_voltages += float_bits(n->v) != float_bits(out.state[c]);
				wrong_spikes += expected != line_is_on(out.last.on, c);
				spikes += expected;
			}
			ticks += k.channels;
		}
		pipeline_state_free(s);
		pipeline_free(p);
	}
	print_message("%s: %llu channel-ticks, %llu spikes, %llu voltages and %llu spikes differ\n",
		name, (unsigned long long)ticks, (unsigned long long)spikes,
		(unsigned long long)wrong_voltages, (unsigned long long)wrong_spikes);
	assert_true(spikes > ticks / 1000);
	assert_int_equal(wrong_voltages, 0);
	assert_int_equal(wrong_spikes, 0);
}

static void test_lif_equals_norse(void **unused)
{
	(void)unused;
	compare_lif("lif", false, 20260101);
}

static void test_lif_latency_equals_norse(void **unused)
{
	(void)unused;
	compare_lif("lif_latency", true, 20260102);
}

/* Where Norse's voltage stops being finite, ours is the reset voltage; up to there, and again from
 * there on, the arithmetic is the same, whatever bit patterns come in. */
static void test_lif_on_any_bit_pattern(void **unused)
{
	(void)unused;
	static float values[CHANNELS_MAX];
	static struct lif_case k;
	struct test_random r = test_random(20260103);
	uint64_t ticks = 0, recovered = 0;
	while (ticks < 2000000) {
		random_case(&r, &k, false);
		struct pipeline *p = lif_pipeline(&k, "lif");
		struct pipeline_state *s = pipeline_state_new(p);
		for (uint32_t t = 0; t < TICKS; t++) {
			struct pipeline_out out;
			for (uint32_t c = 0; c < k.channels; c++)
				values[c] = bits_float((uint32_t)random_bits(&r));
			pipeline_run(p, s, values, true, &out);
			for (uint32_t c = 0; c < k.channels; c++) {
				struct neuron *n = &k.neurons[c];
				bool z = norse_lif(n, values[c], k.dt);
				if (!isfinite(n->v)) {
					n->v = n->v_reset;
					recovered++;
				}
				assert_int_equal(float_bits(n->v), float_bits(out.state[c]));
				assert_int_equal(z, line_is_on(out.last.on, c));
			}
			ticks += k.channels;
		}
		pipeline_state_free(s);
		pipeline_free(p);
	}
	print_message("%llu channel-ticks, %llu voltages set back\n", (unsigned long long)ticks,
		(unsigned long long)recovered);
	assert_true(recovered > 0);
}

/* torch's CPU generator, in its textbook form, for one stage. */
struct twister {
	uint32_t mt[624];
	unsigned at;
};

static void twister_seed(struct twister *g, uint32_t seed)
{
	g->mt[0] = seed;
	for (uint32_t i = 1; i < 624; i++)
		g->mt[i] = 1812433253u * (g->mt[i - 1] ^ (g->mt[i - 1] >> 30)) + i;
	g->at = 624;
}

static uint32_t twister_next(struct twister *g)
{
	if (g->at == 624) {
		for (unsigned i = 0; i < 624; i++) {
			uint32_t y =
				(g->mt[i] & 0x80000000u) | (g->mt[(i + 1) % 624] & 0x7fffffffu);
			g->mt[i] = g->mt[(i + 397) % 624] ^ (y >> 1) ^ (y % 2 ? 0x9908b0dfu : 0);
		}
		g->at = 0;
	}
	uint32_t y = g->mt[g->at++];
	y ^= y >> 11;
	y ^= (y << 7) & 0x9d2c5680u;
	y ^= (y << 15) & 0xefc60000u;
	return y ^ (y >> 18);
}

/* poisson_encode and signed_poisson_encode: torch.rand < dt * f_max * x, the first product in
 * double. Windows do not touch the generator. */
static void compare_poisson(bool with_sign, uint64_t seed)
{
	static float values[CHANNELS_MAX];
	static double rates[CHANNELS_MAX];
	static char text[CHANNELS_MAX * 40];
	struct test_random r = test_random(seed);
	uint64_t ticks = 0, spikes = 0;
	while (ticks < 3000000) {
		uint32_t channels = 1 + random_below(&r, CHANNELS_MAX);
		uint64_t stage_seed = random_bits(&r);
		bool lists = random_below(&r, 2);
		struct pipeline_site site = site_of(channels, 10);
		struct twister g;
		site.dt = dt_of(&r);
		size_t at =
			(size_t)snprintf(text, sizeof(text), "%s rng=mt19937 seed=%llu f_max=%s",
				with_sign ? "signed_poisson" : "poisson",
				(unsigned long long)stage_seed, lists ? "[" : "");
		for (uint32_t c = 0; c < channels; c++) {
			rates[c] = c && !lists ? rates[0] : random_between(&r, 0, 1.5 / site.dt);
			if (c == 0 || lists)
				at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%a",
					c ? "," : "", rates[c]);
		}
		snprintf(text + at, sizeof(text) - at, "%s", lists ? "]" : "");
		struct pipeline *p = must_build(text, &site);
		struct pipeline_state *s = pipeline_state_new(p);
		twister_seed(&g, (uint32_t)stage_seed);
		for (uint32_t t = 0; t < TICKS; t++) {
			struct pipeline_out out;
			if (t % 10 == 0)
				pipeline_reset(p, s, RESET_WINDOW);
			for (uint32_t c = 0; c < channels; c++)
				values[c] = random_below(&r, 20)
						    ? (float)random_between(&r, -1, 1)
						    : bits_float((uint32_t)random_bits(&r));
			pipeline_run(p, s, values, true, &out);
			for (uint32_t c = 0; c < channels; c++) {
				float u = (float)(twister_next(&g) & 0xffffff) * 0x1p-24f;
				float size = with_sign ? fabsf(values[c]) : values[c];
				float probability = (float)(site.dt * rates[c]) * size;
				bool fired = u < probability;
				bool negative = with_sign && values[c] < 0;
				assert_int_equal(fired && !negative, line_is_on(out.last.on, c));
				if (with_sign)
					assert_int_equal(
						fired && negative, line_is_on(out.last.minus, c));
				spikes += fired;
			}
			ticks += channels;
		}
		pipeline_state_free(s);
		pipeline_free(p);
	}
	print_message("%llu channel-ticks, %llu spikes\n", (unsigned long long)ticks,
		(unsigned long long)spikes);
	assert_true(spikes > ticks / 100);
}

static void test_poisson_on_torchs_generator_equals_norse(void **unused)
{
	(void)unused;
	compare_poisson(false, 20260104);
}

static void test_signed_poisson_on_torchs_generator_equals_norse(void **unused)
{
	(void)unused;
	compare_poisson(true, 20260105);
}

/* dt * f_max is a product of doubles, rounded once. A rate rounded earlier differs by one unit in
 * the last place, which random draws all but never notice: here each draw is one that does. */
static void test_the_rate_is_rounded_once(void **unused)
{
	(void)unused;
	struct test_random r = test_random(20260106);
	unsigned told = 0;
	while (told < 500) {
		struct pipeline_site site = site_of(1, 0);
		struct twister g;
		char text[96];
		uint32_t seed = (uint32_t)random_bits(&r);
		site.dt = dt_of(&r);
		twister_seed(&g, seed);
		double u = (twister_next(&g) & 0xffffff) * 0x1p-24;
		double f_max = (u + random_between(&r, -0x1p-24, 0x1p-24)) / site.dt;
		if (u < 0.5 || f_max < 0)
			continue;
		bool fires = u < (double)(float)(site.dt * f_max);
		volatile float early = (float)site.dt * (float)f_max;
		if (fires == (u < (double)early))
			continue;
		snprintf(text, sizeof(text), "poisson rng=mt19937 seed=%u f_max=%a", seed, f_max);
		struct pipeline *p = must_build(text, &site);
		struct pipeline_state *s = pipeline_state_new(p);
		struct pipeline_out out;
		pipeline_run(p, s, &(float){1}, true, &out);
		assert_int_equal(line_is_on(out.last.on, 0), fires);
		pipeline_state_free(s);
		pipeline_free(p);
		told++;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lif_equals_norse),
		cmocka_unit_test(test_lif_latency_equals_norse),
		cmocka_unit_test(test_lif_on_any_bit_pattern),
		cmocka_unit_test(test_poisson_on_torchs_generator_equals_norse),
		cmocka_unit_test(test_signed_poisson_on_torchs_generator_equals_norse),
		cmocka_unit_test(test_the_rate_is_rounded_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
