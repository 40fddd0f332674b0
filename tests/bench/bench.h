/* What all benches share: time, medians, the line of output.
 *
 * A figure and its reference are always taken in turns within the same run, and both are medians
 * over the rounds: what the machine did in between then hit both.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_A_SECOND INT64_C(1000000000)

/* What the command line and the environment say. */
struct bench_site {
	const char *spiked; /* the daemon's path */
	const char *peers;  /* Python and this folder (BENCH_PEERS), or NULL */
	bool full;          /* take the time that a figure asks for, not a share of it */
};

#define BENCH(name, in_default_run, summary) void bench_##name(const struct bench_site *site);
#include "tests/bench/benches.def"
#undef BENCH

enum bench_aim { AIM_NONE, AIM_RATIO_MOST, AIM_RATIO_LEAST, AIM_VALUE_MOST };

struct bench_line {
	const char *bench, *unit;
	double value;
	double reference;    /* in the same unit; 0 = none, and no ratio */
	const char *against; /* what the reference is */
	struct {
		enum bench_aim kind;
		double limit;
	} aims[2];    /* all are to be met */
	json_t *more; /* further members; given away */
};

/* Prints {"bench":…,"value":…,"unit":…,"reference":…,"ratio":…,"against":…,"target":…,"met":…,…} on
 * one line, floats with four digits. */
void bench_print(const struct bench_line *line);

int64_t bench_now_ns(void); /* CLOCK_MONOTONIC */
void bench_sleep_until(int64_t at_ns);
void bench_sleep(double seconds);

/* Value at share `q` (0…1) of n > 0 values; sorts them. */
double bench_quantile(double *values, size_t n, double q);
double bench_median(double *values, size_t n);

/* Zeroed and 64-byte aligned; never NULL. */
void *bench_alloc(size_t bytes);

/* Values from 0 to `top` in no order, always the same ones. */
void bench_spread(float *x, size_t n, float top);

/* Says what failed, with errno's text if it is set, and ends the program with 1. */
void bench_die(const char *what) __attribute__((noreturn));

/* Keeps the compiler from leaving out what was written to `p`. */
static inline void bench_use(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}
