/* What the bench programs share: time, medians, the line of output, a daemon to measure.
 *
 * A figure and its reference are always taken in turns within the same run, and both are medians
 * over the rounds: what the machine did in between then hit both.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int64_t bench_now_ns(void); /* CLOCK_MONOTONIC */
void bench_sleep_until(int64_t at_ns);

/* Value at share `q` (0…1) of n > 0 values; sorts them. */
double bench_quantile(double *values, size_t n, double q);

/* Prints {"bench":…,"value":…,"unit":…,"reference":…,"ratio":…,"against":…}. */
void bench_print(
	const char *name, double value, const char *unit, double reference, const char *against);

/* Says what failed, and ends the program with 1. */
void bench_die(const char *what) __attribute__((noreturn));

/* A running spiked with its sockets in a folder of its own. */
struct bench_daemon {
	char folder[64];
	char ingest[96], publish[96], control[96];
	pid_t pid;
};

/* Starts `binary` with the configuration `text` and the endpoints added, and waits until it answers
 * on its control socket. */
void bench_start(struct bench_daemon *d, const char *binary, const char *text);
void bench_stop(struct bench_daemon *d);

/* The result of a call without parameters; to be released. */
json_t *bench_call(const struct bench_daemon *d, const char *method);
