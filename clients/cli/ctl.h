/* What all commands of spikectl share: the parsed command line, calls to the daemon, the watch over
 * a connection, and stopping.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>

#include <spiked/spiked.h>

#include "opt.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_SPIKES = 3, EXIT_DIFFERS = 4 };

struct ctl {
	struct opts opts;
	const char *control, *publish, *ingest; /* endpoints */
	int timeout_ms;
	bool json;
	const char *command;
	char **words; /* after the command */
	int n_words;
	struct spiked_control *client; /* opened by the first call */
	struct spiked_options options; /* for every handle */
	struct spiked_keys keys;
};

/* Set by SIGINT and SIGTERM, and by ctl_flush() when nobody reads standard output any more. */
extern volatile sig_atomic_t ctl_stop;

/* Prints "spikectl: …" on standard error; gives EXIT_FAILED and EXIT_USAGE, to be returned. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int ctl_usage(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads a number option of the command; false after a usage error was printed. */
bool ctl_number(const struct ctl *ctl, enum opt opt, double min, double max, double *out);

/* Calls the daemon. `params` is taken (NULL = none). EXIT_OK with *text to be freed, or EXIT_FAILED
 * after the reason was printed. */
int ctl_call(struct ctl *ctl, const char *method, json_t *params, char **text);

/* The same, for a result that is to be looked at. */
int ctl_ask(struct ctl *ctl, const char *method, json_t *params, json_t **result);

/* The same for a command that shows a result: with --json it is printed raw here, and *result is NULL. */
int ctl_ask_or_print(struct ctl *ctl, const char *method, json_t *params, json_t **result);

/* A call whose failure is not an error, with a short patience. NULL if it fails; then `refusal` (may be
 * NULL) is what the daemon had against it, "" if there was no answer. */
json_t *ctl_try(struct ctl *ctl, const char *method, json_t *params, struct spiked_error *refusal);

/* The text of a member, "" if there is none; borrowed. */
const char *ctl_text(const json_t *object, const char *key);

/* Any JSON value as a short text for people; to be freed. NULL = no memory. */
char *ctl_show(const json_t *value);

/* Sum of a stream's counters of messages that spiked refused. */
int64_t ctl_refused(const json_t *counters);

/* Flushes standard output; if that is closed, stops the command. false: it failed, which was said. */
bool ctl_flush(void);

/* Watches a connection: tells on standard error when it is lost and when it is back. */
struct ctl_watch {
	const char *what, *endpoint; /* "publish", "tcp://…" */
	enum spiked_link link;
	int64_t deadline_ms; /* for the first connection, ctl_now_ms() scale */
};
void ctl_watch_init(
	struct ctl_watch *watch, const struct ctl *ctl, const char *what, const char *endpoint);

/* false: the first connection did not come in time; said on standard error. */
bool ctl_watch_link(struct ctl_watch *watch, enum spiked_link now);

int64_t ctl_now_ms(void); /* CLOCK_MONOTONIC */

/* The commands; each returns an exit status. */
int cmd_add(struct ctl *ctl);
int cmd_call(struct ctl *ctl);
int cmd_cat(struct ctl *ctl);
int cmd_cut(struct ctl *ctl);
int cmd_decode(struct ctl *ctl);
int cmd_encoders(struct ctl *ctl);
int cmd_keygen(struct ctl *ctl);
int cmd_info(struct ctl *ctl);
int cmd_pub(struct ctl *ctl);
int cmd_raster(struct ctl *ctl);
int cmd_record(struct ctl *ctl);
int cmd_remove(struct ctl *ctl);
int cmd_reload(struct ctl *ctl);
int cmd_replay(struct ctl *ctl);
int cmd_reset(struct ctl *ctl);
int cmd_restore(struct ctl *ctl);
int cmd_save(struct ctl *ctl);
int cmd_set(struct ctl *ctl);
int cmd_stats(struct ctl *ctl);
int cmd_status(struct ctl *ctl);
int cmd_step(struct ctl *ctl);
int cmd_streams(struct ctl *ctl);
int cmd_sub(struct ctl *ctl);
int cmd_top(struct ctl *ctl);
int cmd_verify(struct ctl *ctl);
