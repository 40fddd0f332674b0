/* CRC-64, ECMA-182 polynomial reflected, eight bytes a step by eight tables.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state/crc.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0xc96c5795d7870f42u

static uint64_t tables[8][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		tables[0][i] = crc;
	}
	for (unsigned i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
}

uint64_t crc64(uint64_t crc, const uint8_t *bytes, size_t size)
{
	pthread_once(&made, make_tables);
	crc = ~crc;
	for (; size >= 8; bytes += 8, size -= 8) {
		uint64_t word;

		memcpy(&word, bytes, sizeof(word)); /* little-endian, as pipeline_save needs */
		word ^= crc;
		crc = 0;
		for (int k = 0; k < 8; k++)
			crc ^= tables[7 - k][word >> 8 * k & 255];
	}
	while (size--)
		crc = crc >> 8 ^ tables[0][(crc ^ *bytes++) & 255];
	return ~crc;
}
