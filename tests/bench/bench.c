/* See bench.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_A_SECOND + now.tv_nsec;
}

void bench_sleep_until(int64_t at_ns)
{
	struct timespec at = {.tv_sec = at_ns / NS_A_SECOND, .tv_nsec = at_ns % NS_A_SECOND};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

void bench_sleep(double seconds)
{
	bench_sleep_until(bench_now_ns() + (int64_t)(seconds * 1e9));
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

double bench_median(double *values, size_t n)
{
	return bench_quantile(values, n, 0.5);
}

void *bench_alloc(size_t bytes)
{
	size_t size = (bytes + 63) / 64 * 64;
	void *memory = aligned_alloc(64, size);

	if (!memory)
		bench_die("memory");
	return memset(memory, 0, size);
}

void bench_spread(float *x, size_t n, float top)
{
	uint32_t r = 2463534242u;

	for (size_t i = 0; i < n; i++) {
		r ^= r << 13; /* xorshift32 (Marsaglia, 2003) */
		r ^= r >> 17;
		r ^= r << 5;
		x[i] = top * (float)(r >> 8) / 16777216.0f;
	}
}

static bool is_met(const struct bench_line *line, unsigned i)
{
	double ratio = line->value / line->reference, limit = line->aims[i].limit;

	switch (line->aims[i].kind) {
	case AIM_NONE:
		break;
	case AIM_RATIO_MOST:
		return ratio <= limit;
	case AIM_RATIO_LEAST:
		return ratio >= limit;
	case AIM_VALUE_MOST:
		return line->value <= limit;
	}
	return true;
}

static void put_aims(json_t *out, const struct bench_line *line)
{
	static const char *const words[] = {
		[AIM_RATIO_MOST] = "ratio <= ",
		[AIM_RATIO_LEAST] = "ratio >= ",
		[AIM_VALUE_MOST] = "value <= ",
	};
	char text[96] = "";
	bool met = true;

	for (unsigned i = 0; i < 2 && line->aims[i].kind != AIM_NONE; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s%.4g", used ? ", " : "",
			words[line->aims[i].kind], line->aims[i].limit);
		met &= is_met(line, i);
	}
	if (!text[0])
		return;
	json_object_set_new(out, "target", json_string(text));
	json_object_set_new(out, "met", json_boolean(met));
}

void bench_print(const struct bench_line *line)
{
	json_t *out = json_pack(
		"{s:s, s:f, s:s}", "bench", line->bench, "value", line->value, "unit", line->unit);

	if (line->reference > 0) {
		json_object_set_new(out, "reference", json_real(line->reference));
		json_object_set_new(out, "ratio", json_real(line->value / line->reference));
	} else {
		json_object_set_new(
			out, "reference", line->against ? json_real(line->reference) : json_null());
		json_object_set_new(out, "ratio", json_null());
	}
	if (line->against)
		json_object_set_new(out, "against", json_string(line->against));
	put_aims(out, line);
	if (line->more)
		json_object_update(out, line->more);
	json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(4));
	putchar('\n');
	fflush(stdout);
	json_decref(line->more);
	json_decref(out);
}

void bench_die(const char *what)
{
	if (errno)
		fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	else
		fprintf(stderr, "bench: %s\n", what);
	exit(1);
}
