/* spikectl: steer, feed and watch spiked from a shell. This file: the table of commands, the command
 * line, help.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "suggest.h"

#define ALWAYS                                                                                \
	(OPT(ENDPOINT) | OPT(TIMEOUT) | OPT(JSON) | OPT(HELP) | OPT(CONTROL) | OPT(PUBLISH) | \
		OPT(INGEST) | OPT(KEY) | OPT(SERVER_KEY))
#define NO_MAX  1000000
#define STEP_MS 60000

enum endpoint { USES_CONTROL, USES_PUBLISH, USES_INGEST };

struct command {
	const char *name;
	const char *args;
	const char *summary; /* one line */
	const char *help;    /* more of it, or NULL */
	uint64_t options;    /* besides ALWAYS */
	int min_words, max_words;
	enum endpoint endpoint; /* what -e means */
	int (*fn)(struct ctl *ctl);
};

static int cmd_help(struct ctl *ctl);

/* clang-format off */
static const struct command commands[] = {
	{"status", "", "the daemon and its streams at a glance", NULL, 0, 0, 0, USES_CONTROL, cmd_status},
	{"info", "[FILE]", "version, clock, endpoints, what the system granted; or what is in a recording", NULL, 0, 0, 1, USES_CONTROL, cmd_info},
	{"streams", "[NAME]", "the streams, or all about one", NULL, 0, 0, 1, USES_CONTROL, cmd_streams},
	{"encoders", "[NAME]", "the encoders, or one with its parameters", NULL, 0, 0, 1, USES_CONTROL, cmd_encoders},
	{"stats", "", "all counters and histograms", NULL, 0, 0, 0, USES_CONTROL, cmd_stats},
	{"top", "", "what each stream does, live",
		"Rows, ticks, spikes and messages a second, what was late, refused and lost, again every\n"
		"second; q ends it. LOST counts since the start: rows that never came or were thrown\n"
		"away, and ticks that were skipped. Without a terminal, and with --json, look after look.",
		OPT(COUNT) | OPT(INTERVAL), 0, 0, USES_CONTROL, cmd_top},
	{"sub", "[STREAM|TOPIC]...", "print spikes, state or values as they come",
		"A word with a slash is a topic prefix (status/, meta/imu/, bundle/body/); any other\n"
		"is a stream's name, and means its spikes unless --state, --values or --json-topic\n"
		"say otherwise. Without words: of all streams. Losses and restarts are printed where\n"
		"they happen. --json prints one object a line.",
		OPT(STATE) | OPT(VALUES) | OPT(JSON_TOPIC) | OPT(COUNT) | OPT(SECONDS), 0, NO_MAX, USES_PUBLISH, cmd_sub},
	{"decode", "STREAM", "print spikes and the values that they stand for",
		"The values stand after ->, in the sensor's units, one a channel, tick by tick. How near\n"
		"they are, and how late, \"spikectl encoders NAME\" says of each encoder. An encoder that\n"
		"tells of changes is followed from a row in values/ on; after a loss or a reset, from the\n"
		"next one. --check compares all the time and sums up. --json prints one object a line.",
		OPT(COUNT) | OPT(SECONDS) | OPT(SMOOTH) | OPT(CHECK), 1, 1, USES_PUBLISH, cmd_decode},
	{"record", "FILE [STREAM|TOPIC]...", "write rows, spikes, state and descriptions to a file",
		"A word with a slash is a topic prefix (values/, bundle/body/); any other is a stream's\n"
		"name. Without words: everything, of all streams. Ends with Ctrl-C. The file can be read\n"
		"while it grows, and after a crash up to the last second; docs/RECORDING.md describes it.\n"
		"What was lost on the way here is written down where it happened.",
		OPT(SECONDS) | OPT(VALUES) | OPT(ZSTD) | OPT(FORCE) | OPT(SYNC) | OPT(STATE_EVERY), 1, NO_MAX, USES_PUBLISH, cmd_record},
	{"cat", "FILE [STREAM|TOPIC]...", "print what is in a recording",
		"Words choose as with record; --from and --to are seconds from its beginning, or local\n"
		"times such as 2026-11-29T14:20:00; --ticks is a range such as 1000:2000. Damaged parts\n"
		"are passed over and told; the status is then 1. --json prints one object a line.",
		OPT(FROM) | OPT(TO) | OPT(TICKS) | OPT(COUNT), 1, NO_MAX, USES_CONTROL, cmd_cat},
	{"cut", "FILE PART [STREAM]...", "write a part of a recording to another file",
		"Words, --from, --to and --ticks choose as with cat. The descriptions that the part needs\n"
		"come along. \"verify\" begins at the first state in it, which are a minute apart unless\n"
		"record was told otherwise (--state-every).",
		OPT(FROM) | OPT(TO) | OPT(TICKS) | OPT(ZSTD) | OPT(FORCE), 2, NO_MAX, USES_CONTROL, cmd_cut},
	{"replay", "FILE [STREAM]...", "send the rows of a recording to a running spiked",
		"clock data: as fast as they are taken. clock manual: with the recorded ticks between them.\n"
		"clock wall: in real time, or --speed F times as fast. Streams are found by their names;\n"
		"those that the daemon does not have, or has otherwise, are left out and told.",
		OPT(FROM) | OPT(TO) | OPT(TICKS) | OPT(SPEED), 1, NO_MAX, USES_INGEST, cmd_replay},
	{"verify", "FILE", "replay a recording with a spiked of one's own, and compare bit for bit",
		"Starts spiked in a temporary folder, configured as the recording says, gives it each row\n"
		"before the tick that used it, and holds spikes, state and values against what was\n"
		"recorded: all but epochs, seq, times of day and the flag late. Where rows are missing it\n"
		"goes on from the stream's next state. Status 4: something differs; the first difference\n"
		"of each stream is printed.",
		OPT(SPIKED), 1, 1, USES_CONTROL, cmd_verify},
	{"pub", "STREAM", "send rows: from standard input, this machine, or a sound file",
		"From standard input, a row a line: values separated by commas, blanks, tabs or\n"
		"semicolons, with nothing or nan for \"no sample\"; or JSON: [1, 2.5, null] or\n"
		"{\"values\": [...], \"time_ns\": n, \"seq\": n}. Lines that start with # and a first line\n"
		"of column names are passed over. With --type pairs a line is channel:value ...\n"
		"--host sends this machine's load, each figure scaled to 0...1 (--host --list).\n"
		"--wav plays a PCM WAV file of 8 or 16 bits as rows of one value from -1 to 1, for a\n"
		"stream with channels: 1, input mode queue and a dt of one sample.",
		OPT(RATE) | OPT(TYPE) | OPT(BATCH) | OPT(HOST) | OPT(CHANNELS) | OPT(LIST) | OPT(WAV) | OPT(LOOP) | OPT(SECONDS),
		0, 1, USES_INGEST, cmd_pub},
	{"raster", "STREAM", "show spikes live in the terminal",
		"A row of text is a span of time, a column a line of the stream, or several where\n"
		"there are more lines than columns; the header says how many. The marks . : + * # say\n"
		"in what share of the ticks the lines spiked: below 4, 16, 36, 64 %, and above;\n"
		"negative spikes are , ; - ~ =. Colour only on a terminal and without NO_COLOR.\n"
		"Ends with status 0 if there were spikes, 3 if there were none.",
		OPT(SECONDS) | OPT(BIN), 1, 1, USES_PUBLISH, cmd_raster},
	{"set", "STREAM STAGE PARAM VALUE", "change a parameter between two ticks",
		"STAGE is the stage's place in the pipeline, from 0, or its name. VALUE may be a\n"
		"number, a list such as [1,2,3], a word, or a quantity such as \"200 Hz\".",
		0, 4, 4, USES_CONTROL, cmd_set},
	{"reset", "STREAM", "clear a stream's state", NULL, 0, 1, 1, USES_CONTROL, cmd_reset},
	{"keygen", "FILE", "make a pair of keys, for the daemon or a client",
		"FILE gets both keys and mode 600; a file that is there is never overwritten. The public\n"
		"key is printed, with the lines for the daemon's configuration.",
		0, 1, 1, USES_CONTROL, cmd_keygen},
	{"save", "[STREAM]", "write snapshots of the streams' state now",
		"Done when the files are safe on the disk of the daemon's state folder.",
		0, 0, 1, USES_CONTROL, cmd_save},
	{"restore", "[STREAM]", "go back to the last snapshots",
		"The state of that moment is in force from the next tick on, which is flagged.",
		0, 0, 1, USES_CONTROL, cmd_restore},
	{"step", "[N]", "with clock: manual, run N ticks (1)", NULL, 0, 0, 1, USES_CONTROL, cmd_step},
	{"add", "FILE.json|-", "add a stream, written as in the configuration but in JSON",
		"For example: {\"name\": \"imu\", \"channels\": 6, \"encode\": [{\"lif\": {}}]}",
		0, 1, 1, USES_CONTROL, cmd_add},
	{"remove", "NAME", "remove a stream", NULL, 0, 1, 1, USES_CONTROL, cmd_remove},
	{"reload", "", "let spiked read its configuration file again: all of it, or nothing",
		"Streams that the file does not change miss no tick. When anything in it is wrong, or\n"
		"needs a restart, nothing changes, and the answer says what it is.",
		0, 0, 0, USES_CONTROL, cmd_reload},
	{"call", "METHOD [PARAMS-JSON]", "call any method of the control socket", NULL, 0, 1, 2, USES_CONTROL, cmd_call},
	{"help", "[COMMAND]", "this, or more about a command", NULL, 0, 0, 1, USES_CONTROL, cmd_help},
};
/* clang-format on */
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const struct ctl *ctl, const char *name)
{
	const char *names[COMMANDS + 1] = {0};

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	const char *near = suggest(name, names);
	if (near)
		return ctl_usage(
			ctl, "there is no command \"%s\"; did you mean \"%s\"?", name, near);
	return ctl_usage(ctl, "there is no command \"%s\"", name);
}

static void print_options(uint64_t options)
{
	for (int i = 0; i < OPT_ENDS; i++) {
		const struct opt_row *row = &opt_rows[i];
		char left[64], letter[5] = "    ";

		if (!(options >> i & 1))
			continue;
		if (row->letter)
			snprintf(letter, sizeof(letter), "-%c, ", row->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name,
			row->argument ? " " : "", row->argument ? row->argument : "");
		printf("  %-23s %s\n", left, row->help);
	}
}

static void print_overview(void)
{
	puts("Usage: spikectl [OPTIONS] COMMAND [WORDS]\n\nCommands:");
	for (size_t i = 0; i < COMMANDS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
		printf("  %-31s %s\n", left, commands[i].summary);
	}
	puts("\nOptions of all commands:");
	print_options(ALWAYS | OPT(VERSION));
	puts("\nExit status: 0 done, 1 failed, 2 wrong usage, 3 raster saw no spike, 4 verify found a difference.\n"
	     "\"spikectl help COMMAND\" says more; so does spikectl(1).");
}

static void print_command(const struct command *command)
{
	printf("Usage: spikectl %s%s%s [OPTIONS]\n\n%s%s", command->name,
		command->args[0] ? " " : "", command->args, command->summary, ".\n");
	if (command->help)
		printf("\n%s\n", command->help);
	puts("\nOptions:");
	print_options(command->options | ALWAYS);
}

static int cmd_help(struct ctl *ctl)
{
	if (ctl->n_words == 0) {
		print_overview();
		return EXIT_OK;
	}
	const struct command *command = find(ctl->words[0]);
	if (!command)
		return unknown(ctl, ctl->words[0]);
	print_command(command);
	return EXIT_OK;
}

static const char *choose(const char *given, const char *variable, const char *preset)
{
	const char *set = getenv(variable);

	if (given)
		return given;
	return set && *set ? set : preset;
}

static int take_keys(struct ctl *ctl)
{
	const char *own = choose(ctl->opts.value[OPT_KEY], "SPIKED_KEY", NULL);
	const char *server = choose(ctl->opts.value[OPT_SERVER_KEY], "SPIKED_SERVER_KEY", NULL);
	char fault[300];

	ctl->options = (struct spiked_options)SPIKED_OPTIONS_INIT;
	if (!own && !server)
		return EXIT_OK;
	if (!own || !server)
		return ctl_fail(
			"--key and --server-key ($SPIKED_KEY, $SPIKED_SERVER_KEY) go together; "
			"there is only the %s",
			own ? "first" : "second");
	if (spiked_keys_read(&ctl->keys, own, server, fault, sizeof(fault)))
		return ctl_fail("%s", fault);
	ctl->options.keys = &ctl->keys;
	return EXIT_OK;
}

static int set_up(struct ctl *ctl, const struct command *command)
{
	const char **all[] = {
		[USES_CONTROL] = &ctl->control,
		[USES_PUBLISH] = &ctl->publish,
		[USES_INGEST] = &ctl->ingest,
	};
	double timeout = command->fn == cmd_step ? STEP_MS / 1e3 : 3;
	char fault[200];

	if (!opt_allowed(&ctl->opts, ALWAYS | command->options, fault, sizeof(fault)))
		return ctl_usage(ctl, "%s: %s", command->name, fault);
	if (ctl->n_words < command->min_words)
		return ctl_usage(ctl, "%s needs %s", command->name, command->args);
	if (ctl->n_words > command->max_words)
		return ctl_usage(ctl, "%s: \"%s\" is one word too many", command->name,
			ctl->words[command->max_words]);
	if (!ctl_number(ctl, OPT_TIMEOUT, 0.001, 1e6, &timeout))
		return EXIT_USAGE;

	ctl->timeout_ms = (int)(timeout * 1e3);
	ctl->json = ctl->opts.value[OPT_JSON] != NULL;
	ctl->control =
		choose(ctl->opts.value[OPT_CONTROL], "SPIKED_CONTROL", SPIKED_CONTROL_DEFAULT);
	ctl->publish =
		choose(ctl->opts.value[OPT_PUBLISH], "SPIKED_PUBLISH", SPIKED_PUBLISH_DEFAULT);
	ctl->ingest = choose(ctl->opts.value[OPT_INGEST], "SPIKED_INGEST", SPIKED_INGEST_DEFAULT);
	if (take_keys(ctl))
		return EXIT_FAILED;
	if (ctl->opts.value[OPT_ENDPOINT])
		*all[command->endpoint] = ctl->opts.value[OPT_ENDPOINT];
	return EXIT_OK;
}

static void on_stop(int signal)
{
	(void)signal;
	ctl_stop = 1;
}

/* Without SA_RESTART, so that a waiting call ends. A closed pipe is noticed by ctl_flush(). */
static void catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static int run(struct ctl *ctl)
{
	if (ctl->opts.value[OPT_VERSION]) {
		printf("spikectl %s\n", spiked_client_version());
		return EXIT_OK;
	}
	if (ctl->n_words == 0) {
		if (ctl->opts.value[OPT_HELP])
			return cmd_help(ctl);
		return ctl_usage(ctl, "what is to be done?");
	}

	const struct command *command = find(ctl->words[0]);
	if (!command)
		return unknown(ctl, ctl->words[0]);
	ctl->command = command->name;
	ctl->words++;
	ctl->n_words--;
	if (ctl->opts.value[OPT_HELP]) {
		print_command(command);
		return EXIT_OK;
	}
	int rc = set_up(ctl, command);
	return rc == EXIT_OK ? command->fn(ctl) : rc;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {0};
	char fault[200];
	char **words = calloc((size_t)argc + 1, sizeof(*words));

	if (!words)
		return EXIT_FAILED;
	ctl.words = words;
	catch_signals();
	int rc;
	if (opt_parse(&ctl.opts, argc, argv, words, &ctl.n_words, fault, sizeof(fault)))
		rc = run(&ctl);
	else
		rc = ctl_usage(&ctl, "%s", fault);
	spiked_control_close(ctl.client);
	free(words);
	if (!ctl_flush() && rc == EXIT_OK)
		rc = EXIT_FAILED;
	return rc;
}
