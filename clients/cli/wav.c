/* RIFF chunks up to "data". Sizes in the file are not believed: reading ends where the file does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "wav.h"

#define FORMAT_PCM        1
#define FORMAT_EXTENSIBLE 0xfffe
#define FRAME_MAX         (2 * 64) /* bytes of a sample of all channels */

static uint32_t le32(const uint8_t *b)
{
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint16_t le16(const uint8_t *b)
{
	return (uint16_t)(b[0] | b[1] << 8);
}

/* By reading, so that pipes work. */
static int skip(FILE *file, uint64_t bytes)
{
	while (bytes-- > 0)
		if (getc(file) == EOF)
			return -EINVAL;
	return 0;
}

static int read_format(struct wav *wav, uint32_t length, char *fault, size_t size)
{
	uint8_t b[40] = {0};
	size_t want = length < sizeof(b) ? length : sizeof(b);

	if (length < 16 || fread(b, 1, want, wav->file) != want ||
		skip(wav->file, (uint64_t)length - want + length % 2) < 0) {
		snprintf(fault, size, "its format chunk is cut off");
		return -EINVAL;
	}
	uint16_t format = le16(b), bits = le16(b + 14);
	if (format == FORMAT_EXTENSIBLE && length >= 40)
		format = le16(b + 24);
	wav->channels = le16(b + 2);
	wav->rate = le32(b + 4);
	wav->bytes = bits / 8;
	if (format != FORMAT_PCM || (bits != 8 && bits != 16)) {
		snprintf(fault, size,
			"it is format %u with %u bits; only PCM with 8 or 16 bits can be played",
			format, bits);
		return -EINVAL;
	}
	if (wav->channels < 1 || wav->channels * wav->bytes > FRAME_MAX || wav->rate < 1 ||
		wav->rate > 1000000) {
		snprintf(fault, size, "it has %u channels at %u Hz", wav->channels, wav->rate);
		return -EINVAL;
	}
	return 0;
}

int wav_open(struct wav *wav, FILE *file, char *fault, size_t size)
{
	uint8_t b[12];

	*wav = (struct wav){.file = file};
	if (fread(b, 1, 12, file) != 12 || memcmp(b, "RIFF", 4) != 0 ||
		memcmp(b + 8, "WAVE", 4) != 0) {
		snprintf(fault, size, "it is not a WAV file");
		return -EINVAL;
	}
	for (;;) {
		if (fread(b, 1, 8, file) != 8) {
			snprintf(fault, size, "it has no samples");
			return -EINVAL;
		}
		uint32_t length = le32(b + 4);
		if (memcmp(b, "data", 4) == 0) {
			if (!wav->rate) {
				snprintf(fault, size, "its samples come before their format");
				return -EINVAL;
			}
			/* Writers that do not know the length yet put 0 or all ones. */
			wav->length = length && length != UINT32_MAX ? length : UINT64_MAX;
			wav->left = wav->length;
			wav->start = ftell(file);
			return 0;
		}
		if (memcmp(b, "fmt ", 4) == 0) {
			int rc = read_format(wav, length, fault, size);
			if (rc < 0)
				return rc;
		} else if (skip(file, (uint64_t)length + length % 2) < 0) {
			snprintf(fault, size, "it is cut off before the samples");
			return -EINVAL;
		}
	}
}

size_t wav_read(struct wav *wav, float *samples, size_t n)
{
	size_t frame = (size_t)wav->channels * wav->bytes, i;
	uint8_t b[FRAME_MAX];

	for (i = 0; i < n && wav->left >= frame; i++) {
		if (fread(b, 1, frame, wav->file) != frame)
			break;
		if (wav->left != UINT64_MAX)
			wav->left -= frame;
		if (wav->bytes == 1)
			samples[i] = (float)(b[0] - 128) / 128.0f;
		else
			samples[i] = (float)(int16_t)le16(b) / 32768.0f;
	}
	return i;
}

int wav_rewind(struct wav *wav)
{
	if (wav->start < 0 || fseek(wav->file, wav->start, SEEK_SET) < 0)
		return -ESPIPE;
	wav->left = wav->length;
	return 0;
}
