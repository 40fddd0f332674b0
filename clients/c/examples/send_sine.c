/* Sends two sine waves at 100 rows a second: send_sine [STREAM [ENDPOINT]]
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include <spiked/spiked.h>

int main(int argc, char **argv)
{
	const char *stream = argc > 1 ? argv[1] : "sine";
	const char *endpoint = argc > 2 ? argv[2] : SPIKED_INGEST_DEFAULT;
	struct spiked_sender *sender = spiked_sender_new(endpoint, NULL);

	if (!sender) {
		perror(endpoint);
		return 1;
	}
	for (unsigned row = 0;; row++) {
		double phase = row / 100.0 * 2.0 * 3.14159265358979;
		float values[2] = {(float)sin(phase), (float)cos(phase)};

		int rc = spiked_send_f32(sender, stream, values, 1, 2, NULL);
		if (rc == -EAGAIN) /* spiked is not there: this row is late already, drop it */
			spiked_sender_skip(sender, stream, 1);
		else if (rc < 0) {
			fprintf(stderr, "%s: %s\n", stream, spiked_strerror(rc));
			break;
		}
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	spiked_sender_close(sender);
	return 1;
}
