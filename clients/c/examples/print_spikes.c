/* Prints the spikes of a stream as they come: print_spikes [STREAM [ENDPOINT]]
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include <spiked/spiked.h>

int main(int argc, char **argv)
{
	const char *stream = argc > 1 ? argv[1] : NULL; /* NULL: every stream */
	const char *endpoint = argc > 2 ? argv[2] : SPIKED_PUBLISH_DEFAULT;
	struct spiked_receiver *receiver = spiked_receiver_new(endpoint, NULL);
	struct spiked_frame frame;
	int rc;

	if (!receiver || spiked_subscribe(receiver, SPIKED_TOPIC_SPIKES, stream) < 0) {
		fprintf(stderr, "%s: a bad endpoint or stream name\n", endpoint);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((rc = spiked_recv(receiver, &frame, -1)) == 0) {
		struct spiked_iter it = {0};
		struct spiked_spike spike;

		if (frame.missed)
			printf("# lost %" PRIu64 " messages\n", frame.missed);
		if (frame.restarted)
			printf("# spiked started anew\n");
		printf("%s %" PRIu64 ":", frame.stream, frame.header.tick);
		while (spiked_next(&frame, &it, &spike))
			printf(" %s%" PRIu32, spike.negative ? "-" : "", spike.line);
		putchar('\n');
	}
	fprintf(stderr, "%s\n", spiked_strerror(rc));
	spiked_receiver_close(receiver);
	return 1;
}
