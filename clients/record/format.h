/* The layout of a recording, as docs/RECORDING.md has it. All numbers are little-endian, as this machine's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <spiked/wire.h>

#include <stddef.h>

#define REC_MAGIC       "SPKREC1\n"
#define REC_CHUNK_MAGIC "SPKC"
#define REC_TEXT_MAX    (1u << 20) /* of the file header, with the rest of it */
#define REC_CHUNK_MAX   (1u << 30) /* bytes of a payload */
#define REC_FRAMES_MAX  65535u

enum rec_type { REC_RECORDS = 1 };
enum rec_codec { REC_PLAIN = 0, REC_ZSTD = 1 };

struct rec_file_header {
	char magic[8];
	uint32_t size; /* with the text behind it */
	uint32_t crc;  /* of all from `time_ns` on */
	int64_t time_ns;
	uint64_t reserved;
};

struct rec_chunk_header {
	char magic[4];
	uint8_t type;  /* enum rec_type */
	uint8_t codec; /* enum rec_codec */
	uint16_t flags;
	uint32_t stored, raw; /* bytes of the payload, in the file and decompressed */
	uint32_t records;
	uint32_t payload_crc;
	int64_t first_ns, last_ns;
	uint32_t number;
	uint32_t crc; /* of all before */
};

/* Before a record's lengths of frames, which come before the frames. */
struct rec_record_header {
	uint32_t size; /* of all behind this field */
	uint32_t frames;
	int64_t time_ns;
};

_Static_assert(sizeof(struct rec_file_header) == 32, "file layout");
_Static_assert(sizeof(struct rec_chunk_header) == 48, "file layout");
_Static_assert(sizeof(struct rec_record_header) == 16, "file layout");

struct rec_bytes {
	const void *data;
	size_t size;
};
