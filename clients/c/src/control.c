/* Calls to spiked's control socket: a DEALER that speaks like a REQ (an empty frame first), but is
 * not stuck when an answer fails to come.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "jsonrpc.h"
#include "link.h"

#define STATE_MS 100 /* between two looks at the connection */

struct spiked_control {
	struct spk_link link;
	uint64_t id; /* of the last request */
	char *endpoint;
};

struct spiked_control *spiked_control_new(
	const char *endpoint, const struct spiked_options *options)
{
	struct spiked_control *control = calloc(1, sizeof(*control));
	int rc = -ENOMEM;

	if (!control)
		return NULL;
	rc = spk_link_open(&control->link, ZMQ_DEALER, endpoint, options);
	if (rc < 0)
		goto fail;
	control->link.linger_ms =
		0; /* a request that nobody waits for any more is not worth sending */
	control->endpoint = strdup(endpoint);
	if (control->endpoint)
		return control;
	rc = -ENOMEM;
	spk_link_close(&control->link);
fail:
	free(control);
	errno = -rc;
	return NULL;
}

void spiked_control_close(struct spiked_control *control)
{
	if (!control)
		return;
	spk_link_close(&control->link);
	free(control->endpoint);
	free(control);
}

static int send_request(struct spiked_control *control, const char *text, int64_t deadline)
{
	void *socket = control->link.socket;

	while (zmq_send(socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
		if (errno != EAGAIN)
			return -errno;
		int64_t soon = spk_deadline_ms(STATE_MS);
		int rc = spk_link_wait(
			&control->link, ZMQ_POLLOUT, soon < deadline ? soon : deadline);
		if (spk_link_state(&control->link) == SPIKED_LINK_REFUSED)
			return -EKEYREJECTED;
		if (rc == -EAGAIN && spk_now_ms() < deadline)
			continue;
		if (rc == -EAGAIN && spk_link_state(&control->link) == SPIKED_LINK_MISMATCH)
			return -EKEYREJECTED;
		if (rc < 0)
			return rc == -EAGAIN ? -ENOTCONN : rc;
	}
	while (zmq_send(socket, text, strlen(text), ZMQ_DONTWAIT) < 0)
		if (errno != EINTR)
			return errno == EAGAIN ? -ENOTCONN : -errno;
	return 0;
}

/* The last frame of the next message. 0 or -EAGAIN, -EINTR, … with nothing to close. */
static int receive_answer(struct spiked_control *control, zmq_msg_t *msg)
{
	void *socket = control->link.socket;
	bool first = true;

	for (;;) {
		zmq_msg_init(msg);
		if (zmq_msg_recv(msg, socket, ZMQ_DONTWAIT) < 0) {
			int rc = -errno;
			zmq_msg_close(msg);
			if (rc == -EINTR && !first)
				continue;
			return rc;
		}
		if (!zmq_msg_more(msg))
			return 0;
		zmq_msg_close(msg);
		first = false;
	}
}

static int wait_answer(
	struct spiked_control *control, int64_t deadline, char **result, struct spiked_error *error)
{
	zmq_msg_t msg;

	for (;;) {
		int rc = receive_answer(control, &msg);
		if (rc == 0) {
			rc = spk_answer(
				zmq_msg_data(&msg), zmq_msg_size(&msg), control->id, result, error);
			zmq_msg_close(&msg);
			if (rc != -ESTALE)
				return rc;
			continue;
		}
		if (rc == -EAGAIN)
			rc = spk_link_wait(&control->link, ZMQ_POLLIN, deadline);
		if (rc < 0)
			return rc == -EAGAIN ? -ETIMEDOUT : rc;
	}
}

static void explain(struct spiked_control *control, int rc, const char *method, int timeout_ms,
	struct spiked_error *error)
{
	char *text = error->message;
	size_t size = sizeof(error->message);

	if (rc == -EKEYREJECTED)
		snprintf(text, size, "%s: %s", control->endpoint,
			spiked_link_text(spk_link_state(&control->link)));
	else if (rc == -ENOTCONN)
		snprintf(text, size, "no spiked could be reached at %s within %.3g s",
			control->endpoint, timeout_ms / 1e3);
	else if (rc == -ETIMEDOUT)
		snprintf(text, size, "spiked at %s did not answer \"%s\" within %.3g s",
			control->endpoint, method, timeout_ms / 1e3);
	else if (!text[0])
		snprintf(text, size, "\"%s\" to %s failed: %s", method, control->endpoint,
			spiked_strerror(rc));
}

int spiked_call(struct spiked_control *control, const char *method, const char *params_json,
	int timeout_ms, char **result_json, struct spiked_error *error)
{
	struct spiked_error unwanted;
	char *request = NULL, *result = NULL;
	int64_t deadline = spk_deadline_ms(timeout_ms);

	if (!error)
		error = &unwanted;
	*error = (struct spiked_error){0};
	if (result_json)
		*result_json = NULL;

	int rc = spk_request(++control->id, method, params_json, &request, error);
	if (rc == 0)
		rc = send_request(control, request, deadline);
	if (rc == 0)
		rc = wait_answer(control, deadline, &result, error);
	free(request);
	if (rc < 0)
		explain(control, rc, method, timeout_ms, error);
	if (rc == 0 && result_json)
		*result_json = result;
	else
		free(result);
	return rc;
}
