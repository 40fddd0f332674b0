/* The wire of spiked, version 1, as C structs and constants. clients/PROTOCOL.md is the text; this
 * header is all that daemon and C client share. Everything is little-endian.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPIKED_WIRE_H
#define SPIKED_WIRE_H

#include <stdint.h>

#define SPIKED_PROTOCOL    1
#define SPIKED_MAGIC       "SPK1"
#define SPIKED_HEADER_SIZE 64
#define SPIKED_STAMP_SIZE  16
#define SPIKED_NAME_MAX    64 /* bytes of a stream name, without the NUL */

#define SPIKED_INGEST_DEFAULT  "tcp://127.0.0.1:7570"
#define SPIKED_PUBLISH_DEFAULT "tcp://127.0.0.1:7571"
#define SPIKED_CONTROL_DEFAULT "tcp://127.0.0.1:7572"

enum spiked_kind {
	SPIKED_KIND_SPIKES = 1,
	SPIKED_KIND_STATE = 2,
	SPIKED_KIND_VALUES = 3,
	SPIKED_KIND_ROWS = 4, /* what a sensor sent */
};

enum spiked_format {
	SPIKED_FORMAT_WORDS = 1,
	SPIKED_FORMAT_BITMAP = 2,
	SPIKED_FORMAT_F32 = 3,
	SPIKED_FORMAT_GRADED = 4,
	/* Of rows: the payload's type. */
	SPIKED_FORMAT_ROWS_F32 = 16,
	SPIKED_FORMAT_ROWS_F64,
	SPIKED_FORMAT_ROWS_I8,
	SPIKED_FORMAT_ROWS_U8,
	SPIKED_FORMAT_ROWS_I16,
	SPIKED_FORMAT_ROWS_U16,
	SPIKED_FORMAT_ROWS_I32,
	SPIKED_FORMAT_ROWS_JSON,
	SPIKED_FORMAT_ROWS_PAIRS,
};

enum spiked_flag {
	SPIKED_LATE = 1 << 0,     /* ran a whole dt or more after its time */
	SPIKED_GAP = 1 << 1,      /* ticks were skipped just before this one */
	SPIKED_STALE = 1 << 2,    /* no fresh row within the stream's stale_after */
	SPIKED_RESET = 1 << 3,    /* state was cleared at this tick */
	SPIKED_WINDOW = 1 << 4,   /* first tick of a window */
	SPIKED_RESTORED = 1 << 5, /* state came from a snapshot, first tick after */
};

#define SPIKED_NEGATIVE 0x80000000u /* bit 31 of a spike word */

struct spiked_header {
	char magic[4];
	uint8_t kind;      /* enum spiked_kind */
	uint8_t format;    /* enum spiked_format */
	uint16_t flags;    /* enum spiked_flag, or-ed */
	uint64_t epoch;    /* random, not 0; changes when the daemon starts anew */
	uint64_t tick;     /* in units of dt within the epoch */
	uint64_t seq;      /* per topic within the epoch */
	int64_t time_ns;   /* of the tick, UNIX */
	int64_t source_ns; /* of the newest row used, UNIX; 0 = none */
	uint32_t dt_ns;
	uint32_t lines;
	uint32_t count;    /* spikes, f32 values, or rows */
	uint32_t reserved; /* 0 */
};

/* Optional third frame of a row message. */
struct spiked_stamp {
	int64_t time_ns; /* source time of the first row, UNIX; 0 = unknown */
	uint64_t seq;    /* +1 a message */
};

#ifdef __cplusplus
static_assert(sizeof(struct spiked_header) == SPIKED_HEADER_SIZE, "wire layout");
static_assert(sizeof(struct spiked_stamp) == SPIKED_STAMP_SIZE, "wire layout");
#else
_Static_assert(sizeof(struct spiked_header) == SPIKED_HEADER_SIZE, "wire layout");
_Static_assert(sizeof(struct spiked_stamp) == SPIKED_STAMP_SIZE, "wire layout");
#endif

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "spiked's structs are laid over the wire and need a little-endian machine"
#endif

#endif
