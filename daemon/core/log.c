/* Log lines to stderr, one write(2) each, so that lines of two processes never mix.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/core/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *const log_level_words[] = {"error", "warning", "info", "debug", NULL};

static enum log_level threshold = LOG_LEVEL_INFO;
static bool to_journal;

void log_init(enum log_level level)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat st;

	threshold = level;
	to_journal = stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 &&
		     !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

void log_line(enum log_level level, const char *format, ...)
{
	static const int priority[] = {3, 4, 6, 7}; /* syslog's */
	char line[1024];
	int used, more;
	va_list args;

	if (level > threshold)
		return;
	if (to_journal) {
		used = snprintf(line, sizeof(line), "<%d>", priority[level]);
	} else {
		struct timespec now;
		struct tm tm;

		clock_gettime(CLOCK_REALTIME, &now);
		localtime_r(&now.tv_sec, &tm);
		used = (int)strftime(line, sizeof(line), "%H:%M:%S", &tm);
		used += snprintf(line + used, sizeof(line) - (size_t)used, ".%03ld %-7s ",
			now.tv_nsec / 1000000, log_level_words[level]);
	}
	va_start(args, format);
	more = vsnprintf(line + used, sizeof(line) - 1 - (size_t)used, format, args);
	va_end(args);
	if (more > 0)
		used += more;
	if (used > (int)sizeof(line) - 2)
		used = (int)sizeof(line) - 2;
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)used) < 0)
		return; /* nowhere left to say it */
}
