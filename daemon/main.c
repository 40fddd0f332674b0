/* Command line of spiked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/conf.h"
#include "daemon/conf/keys.h"
#include "daemon/core/log.h"
#include "daemon/manual.h"
#include "daemon/spiked.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char usage[] =
	"usage: spiked -c FILE            turn sensor values into spikes, until SIGTERM or SIGINT\n"
	"       spiked --check -c FILE    only check the configuration (opens nothing)\n"
	"       spiked --encoders [NAME]  list every encoder with its parameters, or one\n"
	"       spiked --keys             list every key of the configuration\n"
	"       spiked --manual           print both as the manual page spiked.conf(5)\n"
	"\n"
	"  -c, --config FILE      configuration, YAML (- reads standard input)\n"
	"      --check            say all faults with line and column; exit 0 or 1\n"
	"      --log-level LEVEL  error, warning, info (default) or debug\n"
	"      --version          version of the program and of the protocol\n"
	"  -h, --help             this text\n"
	"\n"
	"exit codes: 0 stopped by a signal, 1 faults in the configuration, 2 wrong usage,\n"
	"            3 could not start (a port is taken, say), 4 overrun: stop struck\n";

/* Columns of the terminal that standard output is; 0 = it is none. */
static unsigned terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

enum option_code {
	OPT_CHECK = 256,
	OPT_ENCODERS,
	OPT_KEYS,
	OPT_LOG_LEVEL,
	OPT_MANUAL,
	OPT_VERSION
};

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, OPT_CHECK},
	{"encoders", no_argument, NULL, OPT_ENCODERS},
	{"keys", no_argument, NULL, OPT_KEYS},
	{"manual", no_argument, NULL, OPT_MANUAL},
	{"log-level", required_argument, NULL, OPT_LOG_LEVEL},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int find_level(const char *word)
{
	for (int i = 0; log_level_words[i]; i++)
		if (!strcmp(log_level_words[i], word))
			return i;
	return -1;
}

static enum exit_code check(const char *path, struct conf *conf, const struct conf_faults *faults)
{
	uint64_t channels = 0;

	conf_faults_print(stderr, path, faults);
	if (!conf)
		return EXIT_CONFIG;
	for (uint32_t i = 0; i < conf->stream_count; i++)
		channels += conf->streams[i]->channels;
	printf("%s: fine, %u stream(s), %llu channels\n", path, conf->stream_count,
		(unsigned long long)channels);
	conf_free(conf);
	return EXIT_FINE;
}

static enum exit_code load_and_run(const char *path, bool only_check)
{
	struct conf_faults faults = {0};
	struct conf *conf = conf_load(path, &faults);
	enum exit_code code;

	if (only_check) {
		code = check(path, conf, &faults);
	} else {
		conf_faults_print(stderr, path, &faults);
		if (!conf)
			fprintf(stderr,
				"spiked: not started; `spiked --check -c %s` checks again\n", path);
		code = conf ? spiked_run(conf) : EXIT_CONFIG;
	}
	conf_faults_fini(&faults);
	return code;
}

/* What follows the option names one. */
static int list_encoders(int count, char **names)
{
	if (count == 0) {
		manual_encoders(stdout, terminal_width());
		return EXIT_FINE;
	}
	if (count > 1) {
		fprintf(stderr, "spiked: --encoders takes one name, and '%s' is another\n",
			names[1]);
		return EXIT_USAGE;
	}
	if (manual_encoder(stdout, terminal_width(), names[0]) == 0)
		return EXIT_FINE;
	const char *nearest = encoder_nearest(names[0]);
	fprintf(stderr, "spiked: there is no encoder '%s'", names[0]);
	if (nearest)
		fprintf(stderr, "; did you mean %s?\n", nearest);
	else
		fputs("; spiked --encoders lists them\n", stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	bool only_check = false;
	int level = LOG_LEVEL_INFO, option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case OPT_CHECK:
			only_check = true;
			break;
		case OPT_ENCODERS:
			return list_encoders(argc - optind, argv + optind);
		case OPT_KEYS:
			return keys_print(stdout) ? EXIT_START : EXIT_FINE;
		case OPT_MANUAL:
			return manual_conf(stdout) ? EXIT_START : EXIT_FINE;
		case OPT_LOG_LEVEL:
			level = find_level(optarg);
			if (level < 0) {
				fprintf(stderr,
					"spiked: --log-level takes error, warning, info or debug, "
					"not '%s'\n",
					optarg);
				return EXIT_USAGE;
			}
			break;
		case OPT_VERSION:
			printf("spiked %s (protocol 1)\n", SPIKED_VERSION);
			return EXIT_FINE;
		case 'h':
			fputs(usage, stdout);
			return EXIT_FINE;
		default:
			fputs("spiked: see spiked --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "spiked: unexpected '%s'; the configuration goes after -c\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	if (!path) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	log_init((enum log_level)level);
	return (int)load_and_run(path, only_check);
}
