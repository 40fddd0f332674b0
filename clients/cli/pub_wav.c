/* pub --wav: a sound file in real time, as if a microphone heard it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pub.h"
#include "rows.h"
#include "wav.h"

static int send_samples(struct pub *pub, const float *samples, size_t n, int64_t time_ns)
{
	double wide[512];

	if (pub->type == SPIKED_F32)
		return pub_send(pub, samples, n, 1, time_ns, NULL);
	for (size_t done = 0; done < n;) {
		size_t part = n - done < 512 ? n - done : 512;

		for (size_t i = 0; i < part; i++)
			wide[i] = (double)samples[done + i];
		int rc = pub_send(pub, wide, part, 1,
			time_ns + (int64_t)((double)done * 1e9 / pub->rate), NULL);
		if (rc != EXIT_OK)
			return rc;
		done += part;
	}
	return EXIT_OK;
}

static int play(struct pub *pub, struct wav *wav, float *samples, size_t batch, bool loop)
{
	int64_t anchor_ns = pub_unix_ns();
	uint64_t sent = 0;
	int rc = EXIT_OK;

	while (rc == EXIT_OK && !pub_over(pub)) {
		size_t n = wav_read(wav, samples, batch);

		if (n == 0) {
			if (!loop || sent == 0)
				break;
			if (wav_rewind(wav) < 0)
				return ctl_fail("--loop needs a file that can be rewound");
			continue;
		}
		pub_pace(pub, n);
		if (pub_over(pub))
			break;
		rc = send_samples(
			pub, samples, n, anchor_ns + (int64_t)((double)sent * 1e9 / pub->rate));
		sent += n;
	}
	return rc;
}

int pub_wav(struct pub *pub)
{
	const char *path = pub->ctl->opts.value[OPT_WAV];
	bool loop = pub->ctl->opts.value[OPT_LOOP] != NULL;
	struct wav wav;
	char fault[200];

	if (pub->type != SPIKED_F32 && pub->type != SPIKED_F64)
		return ctl_fail("--wav sends floats; the stream %s must be of type f32 or f64",
			pub->stream);
	if (pub->channels > 1)
		return ctl_fail("--wav sends one channel; the stream %s has %" JSON_INTEGER_FORMAT,
			pub->stream, pub->channels);
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	if (!file)
		return ctl_fail("cannot read %s: %s", path, strerror(errno));

	int rc = EXIT_FAILED;
	if (wav_open(&wav, file, fault, sizeof(fault)) < 0) {
		ctl_fail("cannot play %s: %s", path, fault);
	} else {
		double batch = wav.rate < 100 ? 1 : (double)(wav.rate / 100);
		if (!ctl_number(pub->ctl, OPT_BATCH, 1, 1e6, &batch)) {
			rc = EXIT_USAGE;
		} else {
			float *samples = malloc((size_t)batch * sizeof(*samples));
			pub->rate = wav.rate;
			pub->live = true;
			rc = samples ? play(pub, &wav, samples, (size_t)batch, loop)
				     : ctl_fail("out of memory");
			free(samples);
		}
	}
	if (file != stdin)
		fclose(file);
	return rc;
}
