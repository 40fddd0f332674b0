/* See ctl.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "text.h"

#define TRY_MS 500

volatile sig_atomic_t ctl_stop;

static void complain(const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	fflush(stdout);
	fputs("spikectl: ", stderr);
	text_print(stderr, text);
	putc('\n', stderr);
}

int ctl_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return EXIT_FAILED;
}

int ctl_usage(const struct ctl *ctl, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	fprintf(stderr, "Try \"spikectl help%s%s\".\n", ctl->command ? " " : "",
		ctl->command ? ctl->command : "");
	return EXIT_USAGE;
}

bool ctl_number(const struct ctl *ctl, enum opt opt, double min, double max, double *out)
{
	char fault[200];

	if (opt_number(&ctl->opts, opt, min, max, out, fault, sizeof(fault)))
		return true;
	ctl_usage(ctl, "%s", fault);
	return false;
}

int64_t ctl_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_client(struct ctl *ctl)
{
	if (ctl->client)
		return EXIT_OK;
	ctl->client = spiked_control_new(ctl->control, &ctl->options);
	if (!ctl->client)
		return ctl_fail(
			"cannot use the control endpoint \"%s\": %s; it should look like %s",
			ctl->control, spiked_strerror(-errno), SPIKED_CONTROL_DEFAULT);
	return EXIT_OK;
}

static int explain(const struct ctl *ctl, int rc, const struct spiked_error *error)
{
	switch (rc) {
	case -EREMOTEIO:
		/* A path into a whole stream says where; the name of a plain parameter says nothing. */
		return strpbrk(error->path, ".[") ? ctl_fail("%s (%s)", error->message, error->path)
						  : ctl_fail("%s", error->message);
	case -ENOTCONN:
		return ctl_fail("%s; is the daemon running, and is %s its control endpoint "
				"(--control, $SPIKED_CONTROL)?",
			error->message, ctl->control);
	case -EKEYREJECTED:
		return ctl_fail("%s (--key, --server-key)", error->message);
	case -ETIMEDOUT:
		return ctl_fail(
			"%s; it may still carry it out; --timeout waits longer", error->message);
	case -EINTR:
		return ctl_fail("interrupted; the daemon may have carried the command out");
	default:
		return ctl_fail("%s", error->message);
	}
}

static int call(struct ctl *ctl, const char *method, json_t *params, int timeout_ms, char **text,
	struct spiked_error *error)
{
	char *args = params ? json_dumps(params, JSON_COMPACT) : NULL;

	json_decref(params);
	int rc = spiked_call(ctl->client, method, args, timeout_ms, text, error);
	free(args);
	return rc;
}

int ctl_call(struct ctl *ctl, const char *method, json_t *params, char **text)
{
	struct spiked_error error;

	if (open_client(ctl) != EXIT_OK) {
		json_decref(params);
		return EXIT_FAILED;
	}
	int rc = call(ctl, method, params, ctl->timeout_ms, text, &error);
	return rc < 0 ? explain(ctl, rc, &error) : EXIT_OK;
}

int ctl_ask(struct ctl *ctl, const char *method, json_t *params, json_t **result)
{
	json_error_t fault;
	char *text;

	int rc = ctl_call(ctl, method, params, &text);
	if (rc != EXIT_OK)
		return rc;
	*result = json_loads(text, JSON_DECODE_ANY, &fault);
	free(text);
	return *result ? EXIT_OK : ctl_fail("the daemon's answer is unreadable: %s", fault.text);
}

int ctl_ask_or_print(struct ctl *ctl, const char *method, json_t *params, json_t **result)
{
	char *text;

	*result = NULL;
	if (!ctl->json)
		return ctl_ask(ctl, method, params, result);
	int rc = ctl_call(ctl, method, params, &text);
	if (rc == EXIT_OK) {
		puts(text);
		free(text);
	}
	return rc;
}

json_t *ctl_try(struct ctl *ctl, const char *method, json_t *params, struct spiked_error *refusal)
{
	struct spiked_error error;
	char *text = NULL;

	if (refusal)
		*refusal = (struct spiked_error){0};
	if (!ctl->client)
		ctl->client = spiked_control_new(ctl->control, &ctl->options);
	if (!ctl->client) {
		json_decref(params);
		return NULL;
	}
	int rc = call(ctl, method, params, TRY_MS, &text, &error);
	if (rc == -EREMOTEIO && refusal)
		*refusal = error;
	if (rc < 0)
		return NULL;
	json_t *result = json_loads(text, JSON_DECODE_ANY, NULL);
	free(text);
	return result;
}

const char *ctl_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

char *ctl_show(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (!value || json_is_null(value))
		return strdup("");
	return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
}

int64_t ctl_refused(const json_t *counters)
{
	const char *key;
	json_t *value;
	int64_t sum = 0;

	json_object_foreach((json_t *)counters, key, value)
	{
		if (strncmp(key, "rejected_", 9) == 0)
			sum += json_integer_value(value);
	}
	return sum;
}

bool ctl_flush(void)
{
	static bool failed;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return !failed;
	ctl_stop = 1;
	/* A reader that has gone away (a pipe into head) has had enough: no failure. */
	if (errno && errno != EPIPE && !failed) {
		failed = true;
		ctl_fail("cannot write to standard output: %s", strerror(errno));
	}
	return !failed;
}

void ctl_watch_init(
	struct ctl_watch *watch, const struct ctl *ctl, const char *what, const char *endpoint)
{
	*watch = (struct ctl_watch){
		.what = what,
		.endpoint = endpoint,
		.deadline_ms = ctl_now_ms() + ctl->timeout_ms,
	};
}

bool ctl_watch_link(struct ctl_watch *watch, enum spiked_link now)
{
	if (now == SPIKED_LINK_CONNECTING && ctl_now_ms() >= watch->deadline_ms) {
		ctl_fail("no spiked could be reached at %s; is the daemon running, and is this its "
			 "%s endpoint (--%s)?",
			watch->endpoint, watch->what, watch->what);
		return false;
	}
	if (now == SPIKED_LINK_REFUSED ||
		(now == SPIKED_LINK_MISMATCH && ctl_now_ms() >= watch->deadline_ms)) {
		ctl_fail("%s: %s (--key, --server-key)", watch->endpoint, spiked_link_text(now));
		return false;
	}
	if (now == SPIKED_LINK_LOST && watch->link == SPIKED_LINK_UP)
		ctl_fail("the connection to %s is lost; trying again", watch->endpoint);
	else if (now == SPIKED_LINK_UP && watch->link == SPIKED_LINK_LOST)
		ctl_fail("connected to %s again", watch->endpoint);
	watch->link = now;
	return true;
}
