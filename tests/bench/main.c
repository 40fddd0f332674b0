/* Runs benches by name; scripts/bench builds and calls it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
	const char *name;
	bool in_default_run;
	const char *summary;
	void (*run)(const struct bench_site *site);
};

static const struct bench benches[] = {
#define BENCH(name, in_default_run, summary) {#name, in_default_run, summary, bench_##name},
#include "tests/bench/benches.def"
#undef BENCH
};

#define BENCH_COUNT (sizeof(benches) / sizeof(benches[0]))

static const struct bench *find(const char *name)
{
	for (size_t i = 0; i < BENCH_COUNT; i++)
		if (!strcmp(benches[i].name, name))
			return &benches[i];
	fprintf(stderr, "bench: there is no bench \"%s\"; there are:\n", name);
	for (size_t i = 0; i < BENCH_COUNT; i++)
		fprintf(stderr, "  %-15s %s\n", benches[i].name, benches[i].summary);
	exit(2);
}

static void run(const struct bench *bench, const struct bench_site *site)
{
	int64_t began = bench_now_ns();

	fprintf(stderr, "%s: %s\n", bench->name, bench->summary);
	errno = 0;
	bench->run(site);
	fprintf(stderr, "  %.1f s\n", (double)(bench_now_ns() - began) / 1e9);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"spiked", required_argument, NULL, 's'},
		{"full", no_argument, NULL, 'f'},
		{0},
	};
	struct bench_site site = {.spiked = "spiked", .peers = getenv("BENCH_PEERS")};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's':
			site.spiked = optarg;
			break;
		case 'f':
			site.full = true;
			break;
		default:
			return 2;
		}
	}
	for (int i = optind; i < argc; i++)
		find(argv[i]);
	for (int i = optind; i < argc; i++)
		run(find(argv[i]), &site);
	for (size_t i = 0; optind == argc && i < BENCH_COUNT; i++)
		if (benches[i].in_default_run)
			run(&benches[i], &site);
	return 0;
}
