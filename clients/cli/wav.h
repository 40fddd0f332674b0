/* PCM WAV files, 8 or 16 bits, first channel. Pure but for the FILE.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct wav {
	FILE *file;    /* the caller's */
	uint32_t rate; /* samples a second and channel */
	uint16_t channels;
	uint16_t bytes;  /* of one sample: 1 or 2 */
	long start;      /* where the samples begin; -1 = the file cannot be rewound */
	uint64_t length; /* bytes of samples; UINT64_MAX = to the end of the file */
	uint64_t left;   /* of them not read yet */
};

/* Reads up to the first sample. 0, or -EINVAL with a sentence in `fault`. */
int wav_open(struct wav *wav, FILE *file, char *fault, size_t size);

/* Reads up to n samples of the first channel as floats in [-1, 1); how many, 0 at the end. */
size_t wav_read(struct wav *wav, float *samples, size_t n);

/* Back to the first sample. 0 or -ESPIPE. */
int wav_rewind(struct wav *wav);
