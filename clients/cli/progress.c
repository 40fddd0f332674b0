/* See progress.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl.h"
#include "progress.h"

#define EVERY_MS 250
#define BAR      24

void progress_begin(struct progress *p, bool wanted)
{
	*p = (struct progress){.on = wanted && isatty(STDERR_FILENO), .began_ms = ctl_now_ms()};
	p->next_ms = p->began_ms + EVERY_MS;
}

bool progress_due(struct progress *p)
{
	int64_t now_ms = ctl_now_ms();

	if (!p->on || now_ms < p->next_ms)
		return false;
	p->next_ms = now_ms + EVERY_MS;
	return true;
}

void progress_line(struct progress *p, double share, const char *format, ...)
{
	char text[200], bar[BAR + 1] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (share > 1)
		share = 1;
	for (int i = 0; share >= 0 && i < BAR; i++) {
		bar[i] = i < (int)(share * BAR) ? '#' : '.';
		bar[i + 1] = '\0';
	}
	if (share >= 0)
		fprintf(stderr, "\r[%s] %3d %%  %s\033[K", bar, (int)(share * 100), text);
	else
		fprintf(stderr, "\r%s\033[K", text);
	fflush(stderr);
	p->shown = true;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	p->shown = false;
}

const char *progress_bytes(double bytes, char *buf, unsigned size)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	int unit = 0;

	for (; bytes >= 1000 && unit < 4; unit++)
		bytes /= 1000;
	snprintf(buf, size, unit && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
	return buf;
}
