/* See base64.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base64.h"

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

uint8_t *base64_decode(const char *text, size_t *size)
{
	size_t length = strlen(text), digits = length, n = 0;
	uint32_t group = 0;

	while (digits && length - digits < 2 && text[digits - 1] == '=')
		digits--;
	uint8_t *bytes = length % 4 == 0 ? malloc(length / 4 * 3 + 1) : NULL;
	for (size_t i = 0; bytes && i < digits; i++) {
		int value = digit(text[i]);

		if (value < 0) {
			free(bytes);
			return NULL;
		}
		group = group << 6 | (uint32_t)value;
		if (i % 4) /* the first of four brings no byte to an end */
			bytes[n++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
	}
	*size = n;
	return bytes;
}
