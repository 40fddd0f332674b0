/* Text that came from outside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/clean.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes that the character led by `lead` has, 0 = no character is. */
static size_t length_of(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/* The second byte of some characters has a narrower range: no overlong forms, no surrogates. */
static bool second_fits(unsigned char lead, unsigned char second)
{
	unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	return second >= least && second <= most;
}

char *text_clean(char *text)
{
	unsigned char *at = (unsigned char *)text;

	while (*at) {
		size_t length = length_of(*at), got = 1;

		while (got < length && (at[got] & 0xc0) == 0x80 &&
			(got > 1 || second_fits(*at, at[1])))
			got++;
		if (length && got < length && !at[got]) {
			*at = '\0';
			break;
		}
		if (got != length || (length == 1 && (*at < 0x20 || *at == 0x7f))) {
			*at = '?';
			got = 1;
		}
		at += got;
	}
	return text;
}
