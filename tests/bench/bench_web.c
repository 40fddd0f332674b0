/* Lateness of 1 ms ticks while ten pages are open: WebSocket clients that subscribe to everything a page
 * draws and read all of it. Against the same daemon, web port and all, with none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 3
#define PAGES  10

static const char stream[] = "{\"name\": \"s\", \"channels\": 64, \"encode\": [\"lif\"]}";

struct pages {
	int fds[PAGES];
	long long bytes;
	pthread_t thread;
	atomic_bool stop;
};

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int free_port(void)
{
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) ||
		getsockname(fd, (struct sockaddr *)&at, &size))
		bench_die("socket");
	close(fd);
	return ntohs(at.sin_port);
}

/* A client's frames are masked; with a key of zeros the text stays as it is. */
static void send_text(int fd, const char *text)
{
	size_t n = strlen(text);
	unsigned char frame[256] = {0x81, (unsigned char)(0x80 | n)};

	if (n > 125)
		bench_die(text);
	memcpy(frame + 6, text, n);
	if (write(fd, frame, 6 + n) != (ssize_t)(6 + n))
		bench_die("write");
}

static int open_page(int port)
{
	static const char request[] =
		"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	struct sockaddr_in at = loopback(port);
	char answer[1024] = "";
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
		write(fd, request, sizeof(request) - 1) < 0 ||
		read(fd, answer, sizeof(answer) - 1) <= 0)
		bench_die("web port");
	if (!strstr(answer, " 101 "))
		bench_die(answer);
	send_text(fd,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\",\"params\":{\"topics\":"
		"[\"spikes/\",\"state/\",\"values/\"],\"gather_ms\":12}}");
	return fd;
}

static void *read_pages(void *arg)
{
	struct pages *p = arg;
	struct pollfd polled[PAGES];
	static char bytes[1 << 16];

	for (int i = 0; i < PAGES; i++)
		polled[i] = (struct pollfd){.fd = p->fds[i], .events = POLLIN};
	while (!atomic_load(&p->stop)) {
		if (poll(polled, PAGES, 50) < 0 && errno != EINTR)
			bench_die("poll");
		for (int i = 0; i < PAGES; i++) {
			ssize_t n = polled[i].revents ? read(p->fds[i], bytes, sizeof(bytes)) : 1;

			if (n <= 0)
				bench_die("a page's connection");
			p->bytes += polled[i].revents ? n : 0;
		}
	}
	return NULL;
}

static void pages_open(struct pages *p, int port)
{
	memset(p, 0, sizeof(*p));
	for (int i = 0; i < PAGES; i++)
		p->fds[i] = open_page(port);
	if (pthread_create(&p->thread, NULL, read_pages, p))
		bench_die("thread");
}

static void pages_close(struct pages *p)
{
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	for (int i = 0; i < PAGES; i++)
		close(p->fds[i]);
}

static double dropped(const struct bench_daemon *d)
{
	json_t *stats = bench_call(d, "stats", NULL);
	json_t *counters = json_object_get(json_object_get(stats, "daemon"), "counters");
	double n = json_number_value(json_object_get(counters, "web_dropped"));

	json_decref(stats);
	return n;
}

/* `pages` NULL = none are opened. The cores that all the daemon's threads took. */
static double measure(const struct bench_site *site, double seconds, struct pages *pages,
	struct bench_ticks *ticks, double *lost)
{
	struct bench_daemon daemon;
	struct bench_listener listener;
	char config[256];
	int port = free_port();
	double before, cores;

	snprintf(config, sizeof(config), "clock: wall\ndt: 1 ms\nweb: \"127.0.0.1:%d\"\n%s", port,
		bench_realtime());
	bench_start(&daemon, site, config);
	bench_listen(&listener, daemon.publish, "spikes/s/", 0);
	if (pages)
		pages_open(pages, port);
	bench_sleep(0.2);
	bench_add(&daemon, stream);
	bench_feed(&daemon, "s", 0, 64, 1.5f);
	before = bench_cpu_seconds(&daemon);
	bench_sleep(seconds);
	cores = (bench_cpu_seconds(&daemon) - before) / seconds;
	bench_stats(&daemon, ticks);
	if (pages) {
		*lost += dropped(&daemon);
		pages_close(pages);
	}
	bench_unlisten(&listener);
	bench_stop(&daemon);
	return cores;
}

void bench_web(const struct bench_site *site)
{
	const double seconds = site->full ? 10 : 2;
	double p99[2][ROUNDS], cores[2][ROUNDS], missed[2] = {0}, lost = 0, bytes = 0;
	struct bench_ticks ticks;
	struct pages pages;

	for (int round = 0; round < ROUNDS; round++) {
		for (int quiet = 0; quiet < 2; quiet++) {
			cores[quiet][round] =
				measure(site, seconds, quiet ? NULL : &pages, &ticks, &lost);
			p99[quiet][round] = ticks.p99;
			missed[quiet] += ticks.missed;
		}
		bytes += (double)pages.bytes / ROUNDS / seconds;
	}
	bench_print(&(struct bench_line){
		.bench = "web",
		.unit = "us, lateness p99",
		.value = bench_median(p99[0], ROUNDS),
		.reference = bench_median(p99[1], ROUNDS),
		.against = "no page open",
		.aims = {{AIM_RATIO_MOST, 1.2}},
		.more = json_pack("{s:b, s:f, s:f, s:f, s:f, s:f, s:f, s:i, s:i, s:f}", "fifo",
			ticks.realtime, "missed", missed[0], "missed_without", missed[1], "lost",
			lost, "bytes_a_second", bytes, "cores", bench_median(cores[0], ROUNDS),
			"cores_without", bench_median(cores[1], ROUNDS), "pages", PAGES, "rounds",
			ROUNDS, "seconds_a_round", seconds),
	});
}
