/* CRC-32C, eight bytes at a time (Sarwate's table, sliced as by Kounavis and Berry, 2005).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "clients/record/crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41, reflected */
#define SLICES     8

static uint32_t tables[SLICES][256];

static void fill_tables(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][byte] = crc;
	}
	for (int slice = 1; slice < SLICES; slice++)
		for (int byte = 0; byte < 256; byte++) {
			uint32_t before = tables[slice - 1][byte];

			tables[slice][byte] = before >> 8 ^ tables[0][before & 0xff];
		}
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint8_t *at = bytes;

	pthread_once(&once, fill_tables);
	crc = ~crc;
	for (; size >= SLICES; size -= SLICES, at += SLICES) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		word ^= crc;
		crc = 0;
		for (int i = 0; i < SLICES; i++)
			crc ^= tables[SLICES - 1 - i][word >> 8 * i & 0xff];
	}
	for (; size; size--)
		crc = crc >> 8 ^ tables[0][(crc ^ *at++) & 0xff];
	return ~crc;
}
