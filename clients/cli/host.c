/* Rates are shown on a logarithmic scale: between an idle network and a busy one lie six decades, and
 * on a linear scale nothing would move.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

#define PATH_SIZE    512
#define SECTOR       512 /* of /proc/diskstats, whatever the disk has */
#define BYTES_FLOOR  1e3
#define BYTES_TOP    1e9
#define SWITCH_FLOOR 1e2
#define SWITCH_TOP   1e6

#define BYTES_SCALE "0 = 1 kB/s or less, 1 = 1 GB/s, logarithmic"

enum figure {
	CPU_USER,
	CPU_SYSTEM,
	CPU_IOWAIT,
	MEM_USED,
	LOAD1,
	NET_RX,
	NET_TX,
	DISK_IO,
	CPU_BUSY,
	DISK_READ,
	DISK_WRITE,
	SWITCHES,
	CORE_BUSY,
};

static const struct host_channel rows[] = {
	{"cpu_user", "processor time in programs", "fraction of all cores", true, CPU_USER, 0},
	{"cpu_system", "processor time in the kernel", "fraction of all cores", true, CPU_SYSTEM,
		0},
	{"cpu_iowait", "processor time waiting for disks", "fraction of all cores", true,
		CPU_IOWAIT, 0},
	{"mem_used", "memory in use", "fraction of all memory", true, MEM_USED, 0},
	{"load1", "load average over a minute", "1 = as many as cores", true, LOAD1, 0},
	{"net_rx", "bytes received, without loopback", BYTES_SCALE, true, NET_RX, 0},
	{"net_tx", "bytes sent, without loopback", BYTES_SCALE, true, NET_TX, 0},
	{"disk_io", "bytes read from and written to disks", BYTES_SCALE, true, DISK_IO, 0},
	{"cpu_busy", "processor time not idle", "fraction of all cores", false, CPU_BUSY, 0},
	{"disk_read", "bytes read from disks", BYTES_SCALE, false, DISK_READ, 0},
	{"disk_write", "bytes written to disks", BYTES_SCALE, false, DISK_WRITE, 0},
	{"switches", "context switches", "0 = 100/s or less, 1 = 1,000,000/s, logarithmic", false,
		SWITCHES, 0},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct host_channel *host_channels(unsigned cores, size_t *count)
{
	struct host_channel *all = calloc(ROWS + cores, sizeof(*all));

	if (!all)
		return NULL;
	memcpy(all, rows, sizeof(rows));
	for (unsigned core = 0; core < cores; core++) {
		struct host_channel *c = &all[ROWS + core];

		snprintf(c->name, sizeof(c->name), "core%u", core);
		c->what = "processor time not idle, one core";
		c->scale = "fraction of the core";
		c->figure = CORE_BUSY;
		c->core = core;
	}
	*count = ROWS + cores;
	return all;
}

static FILE *open_below(const char *root, const char *path)
{
	char full[PATH_SIZE];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return fopen(full, "re");
}

static struct host_cpu read_cpu(const char *figures)
{
	uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0,
		 steal = 0;

	sscanf(figures,
		"%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		" %" SCNu64,
		&user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal);
	return (struct host_cpu){
		.user = user + nice,
		.system = system + irq + softirq + steal,
		.iowait = iowait,
		.idle = idle,
	};
}

static void read_stat(struct host_sample *sample, const char *root)
{
	FILE *file = open_below(root, "/proc/stat");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return;
	while (getline(&line, &size, file) > 0) {
		if (strncmp(line, "cpu ", 4) == 0) {
			sample->all = read_cpu(line + 4);
		} else if (strncmp(line, "cpu", 3) == 0) {
			char *end;
			unsigned long core = strtoul(line + 3, &end, 10);
			if (core < HOST_CORES_MAX) {
				sample->core[core] = read_cpu(end);
				if (core >= sample->cores)
					sample->cores = (unsigned)core + 1;
			}
		} else if (strncmp(line, "ctxt ", 5) == 0) {
			sample->switches = strtoull(line + 5, NULL, 10);
		}
	}
	free(line);
	fclose(file);
}

static void read_memory(struct host_sample *sample, const char *root)
{
	FILE *file = open_below(root, "/proc/meminfo");
	uint64_t total = 0, available = 0;
	char line[256];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "MemTotal: %" SCNu64, &total);
		sscanf(line, "MemAvailable: %" SCNu64, &available);
	}
	fclose(file);
	if (total > 0 && available <= total)
		sample->mem_used = 1.0 - (double)available / (double)total;
}

static void read_load(struct host_sample *sample, const char *root)
{
	FILE *file = open_below(root, "/proc/loadavg");

	if (!file)
		return;
	if (fscanf(file, "%lf", &sample->load1) != 1)
		sample->load1 = 0;
	fclose(file);
}

static void read_net(struct host_sample *sample, const char *root)
{
	FILE *file = open_below(root, "/proc/net/dev");
	char line[512], name[64];
	uint64_t rx, tx;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %63[^: ]: %" SCNu64 " %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
			    name, &rx, &tx) != 3 ||
			strcmp(name, "lo") == 0)
			continue;
		sample->net_rx += rx;
		sample->net_tx += tx;
	}
	fclose(file);
}

/* Partitions are not in /sys/block; what stands on other disks (dm, md, loop) would count twice. */
static bool whole_disk(const char *root, const char *name)
{
	static const char *const stacked[] = {"loop", "ram", "zram", "dm-", "md", "sr", "fd"};
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof(stacked) / sizeof(stacked[0]); i++)
		if (strncmp(name, stacked[i], strlen(stacked[i])) == 0)
			return false;
	snprintf(path, sizeof(path), "%s/sys/block/%s", root, name);
	return access(path, F_OK) == 0;
}

static void read_disks(struct host_sample *sample, const char *root)
{
	FILE *file = open_below(root, "/proc/diskstats");
	char line[512], name[64];
	uint64_t rd, wr;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %*s %*s %63s %*s %*s %" SCNu64 " %*s %*s %*s %" SCNu64, name,
			    &rd, &wr) != 3 ||
			!whole_disk(root, name))
			continue;
		sample->disk_rd += rd * SECTOR;
		sample->disk_wr += wr * SECTOR;
	}
	fclose(file);
}

void host_read(struct host_sample *sample, const char *root, int64_t time_ns)
{
	*sample = (struct host_sample){.time_ns = time_ns};
	read_stat(sample, root);
	read_memory(sample, root);
	read_load(sample, root);
	read_net(sample, root);
	read_disks(sample, root);
}

static double unit(double value)
{
	if (!(value > 0))
		return 0;
	return value < 1 ? value : 1;
}

/* Counters that went backwards (an interface went away) count as no change. */
static double grown(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) : 0;
}

static double logarithmic(double per_second, double floor, double top)
{
	return unit(log(per_second / floor) / log(top / floor));
}

static double cpu_share(const struct host_cpu *a, const struct host_cpu *b, int figure)
{
	double user = grown(a->user, b->user), system = grown(a->system, b->system);
	double iowait = grown(a->iowait, b->iowait), idle = grown(a->idle, b->idle);
	double all = user + system + iowait + idle, part = user + system;

	if (figure == CPU_USER)
		part = user;
	else if (figure == CPU_SYSTEM)
		part = system;
	else if (figure == CPU_IOWAIT)
		part = iowait;
	return all > 0 ? unit(part / all) : 0;
}

float host_value(const struct host_channel *channel, const struct host_sample *from,
	const struct host_sample *to)
{
	double seconds = (double)(to->time_ns - from->time_ns) / 1e9, bytes;
	double rd = grown(from->disk_rd, to->disk_rd), wr = grown(from->disk_wr, to->disk_wr);

	switch (channel->figure) {
	case MEM_USED:
		return (float)unit(to->mem_used);
	case LOAD1:
		return (float)unit(to->cores ? to->load1 / to->cores : to->load1);
	case CORE_BUSY:
		return (float)cpu_share(
			&from->core[channel->core], &to->core[channel->core], CPU_BUSY);
	case NET_RX:
		bytes = grown(from->net_rx, to->net_rx);
		break;
	case NET_TX:
		bytes = grown(from->net_tx, to->net_tx);
		break;
	case DISK_IO:
		bytes = rd + wr;
		break;
	case DISK_READ:
		bytes = rd;
		break;
	case DISK_WRITE:
		bytes = wr;
		break;
	case SWITCHES:
		return (float)logarithmic(
			seconds > 0 ? grown(from->switches, to->switches) / seconds : 0,
			SWITCH_FLOOR, SWITCH_TOP);
	default:
		return (float)cpu_share(&from->all, &to->all, channel->figure);
	}
	return (float)logarithmic(seconds > 0 ? bytes / seconds : 0, BYTES_FLOOR, BYTES_TOP);
}
