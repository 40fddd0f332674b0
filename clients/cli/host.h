/* This machine as a sensor: load figures from /proc and /sys, each scaled to 0…1.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_CORES_MAX 1024

/* One reading of the counters; figures come from the difference of two. */
struct host_sample {
	int64_t time_ns; /* CLOCK_MONOTONIC */
	struct host_cpu {
		uint64_t user, system, iowait,
			idle; /* jiffies; user has nice, system has interrupts */
	} all, core[HOST_CORES_MAX];
	unsigned cores;            /* entries of `core` that are filled */
	uint64_t switches;         /* of context */
	uint64_t net_rx, net_tx;   /* bytes, all interfaces but loopback */
	uint64_t disk_rd, disk_wr; /* bytes, whole disks */
	double mem_used;           /* fraction */
	double load1;
};

struct host_channel {
	char name[24];
	const char *what;  /* the figure and its unit */
	const char *scale; /* what 0 and 1 stand for */
	bool preset;       /* sent unless --channels says otherwise */
	int figure;        /* internal */
	unsigned core;     /* internal */
};

/* Reads the counters below `root` ("" = the real ones). What cannot be read stays zero. */
void host_read(struct host_sample *sample, const char *root, int64_t time_ns);

/* All channels of a machine with so many cores; to be freed. NULL = no memory. */
struct host_channel *host_channels(unsigned cores, size_t *count);

/* The figure of a channel between two samples, 0…1. */
float host_value(const struct host_channel *channel, const struct host_sample *from,
	const struct host_sample *to);
