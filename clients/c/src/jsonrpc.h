/* JSON-RPC 2.0 texts of the control socket: writing requests, reading answers. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "spiked/spiked.h"

/* Writes a request; the caller frees *text. 0; -EINVAL with error->message set if `params` is not a
 * JSON object or array; -ENOMEM. */
int spk_request(uint64_t id, const char *method, const char *params, char **text,
	struct spiked_error *error);

/* Reads an answer of `size` bytes to request `id`. 0 with *result a text for the caller to free;
 * -EREMOTEIO with *error filled from the answer; -ESTALE if it answers another request; -EBADMSG if
 * it is not JSON-RPC, error->message set; -ENOMEM. */
int spk_answer(
	const char *text, size_t size, uint64_t id, char **result, struct spiked_error *error);
