/* What surrounds the library's work: the caller's floating-point modes and locale, and sentences.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/library/library.h"

#include "encoders/kernels/kernels.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void surroundings_enter(struct surroundings *s, bool text)
{
	fegetenv(&s->floats);
	fesetenv(FE_DFL_ENV);
	s->plain = text ? newlocale(LC_ALL_MASK, "C", (locale_t)0) : (locale_t)0;
	s->before = s->plain ? uselocale(s->plain) : (locale_t)0;
}

void surroundings_leave(struct surroundings *s)
{
	if (s->plain) {
		uselocale(s->before);
		freelocale(s->plain);
	}
	fesetenv(&s->floats);
}

/* Takes off a last character that has lost its end. */
static void trim(char *text, size_t length)
{
	size_t last = length;
	while (last > 0 && ((unsigned char)text[last - 1] & 0xc0) == 0x80)
		last--;
	if (last == 0)
		return;
	unsigned char lead = (unsigned char)text[last - 1];
	size_t whole = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (length - (last - 1) < whole)
		text[last - 1] = '\0';
}

void why_text(char *why, size_t size, const char *format, ...)
{
	va_list args;
	if (!why || size == 0)
		return;
	va_start(args, format);
	int length = vsnprintf(why, size, format, args);
	va_end(args);
	if (length < 0)
		why[0] = '\0';
	else if ((size_t)length >= size)
		trim(why, size - 1);
}

void why_faults(char *why, size_t size, struct conf_faults *faults)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	size_t errors = 0;
	for (size_t i = 0; i < faults->count; i++) {
		if (!faults->items[i].warning)
			faults->items[errors++] = faults->items[i];
	}
	faults->count = faults->errors = errors;
	if (out) {
		conf_faults_print(out, NULL, faults);
		fclose(out);
	}
	if (text && length > 0)
		why_text(why, size, "%.*s", (int)length - 1, text);
	else
		why_text(why, size, "out of memory");
	free(text);
}

const char *spiked_encoders_version(void)
{
	return SPIKED_VERSION;
}

const char *spiked_encoders_kernels(void)
{
	return kernels_name();
}
