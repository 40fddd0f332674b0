/* Prints the values that a stream's spikes stand for: print_values STREAM [ENDPOINT]
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include <spiked/decode.h>

int main(int argc, char **argv)
{
	const char *stream = argc > 1 ? argv[1] : "";
	const char *endpoint = argc > 2 ? argv[2] : SPIKED_PUBLISH_DEFAULT;
	struct spiked_receiver *receiver = spiked_receiver_new(endpoint, NULL);
	struct spiked_frame_decoder *decoder = spiked_frame_decoder_new(stream, 0);
	struct spiked_decoded got;
	struct spiked_frame frame;
	int rc;

	if (!receiver || !decoder || spiked_subscribe(receiver, SPIKED_TOPIC_SPIKES, stream) < 0 ||
		spiked_subscribe(receiver, SPIKED_TOPIC_VALUES, stream) < 0 ||
		spiked_subscribe(receiver, SPIKED_TOPIC_META, stream) < 0) {
		fprintf(stderr, "usage: print_values STREAM [ENDPOINT]\n");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((rc = spiked_recv(receiver, &frame, -1)) == 0) {
		int ticks = spiked_frame_decoder_take(decoder, &frame, &got);

		if (ticks < 0)
			fprintf(stderr, "%s\n", spiked_frame_decoder_fault(decoder));
		if (ticks <= 0 || !got.values)
			continue;
		printf("%" PRIu64 ":", got.tick);
		for (uint32_t i = 0; i < got.count; i++)
			printf(" %.6g", (double)got.values[i]);
		putchar('\n');
	}
	fprintf(stderr, "%s\n", spiked_strerror(rc));
	spiked_frame_decoder_free(decoder);
	spiked_receiver_close(receiver);
	return 1;
}
