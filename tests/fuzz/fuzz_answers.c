/* What the control socket of something that may not be spiked answers to the C client, and the
 * parameters that a caller hands to it.
 *
 * Input: a byte; even = the rest is an answer to request 1, odd = the rest are parameters.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "clients/c/src/jsonrpc.h"

#include <errno.h>
#include <jansson.h>

FUZZ_OPTIONS

static void answer(struct input in)
{
	struct spiked_error error = {0};
	char *result = NULL, *text = input_copy(in, in.left);
	int rc = spk_answer(text, in.left, 1, &result, &error);

	promise((rc == 0) == (result != NULL));
	if (rc == 0) { /* cut out of the text: the same as what is in it */
		json_t *whole = json_loadb(text, in.left, JSON_REJECT_DUPLICATES, NULL);
		json_t *part = json_loads(result, JSON_DECODE_ANY, NULL);

		promise(whole && part && json_equal(json_object_get(whole, "result"), part));
		json_decref(whole);
		json_decref(part);
	}
	promise(rc == 0 || rc == -ESTALE || *error.message || rc == -EREMOTEIO);
	free(result);
	free(text);
}

static void request(struct input in)
{
	struct spiked_error error = {0};
	char *text = NULL, *params = input_copy(in, in.left + 1);
	int rc = spk_request(1, "info", params, &text, &error);

	promise((rc == 0) == (text != NULL));
	promise(rc == 0 || *error.message);
	free(text);
	free(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	unsigned head = (unsigned)input_number(&in, 1);

	if (head & 1)
		request(in);
	else
		answer(in);
	return 0;
}
